// SPDX-License-Identifier: Apache-2.0
#include "device/transport/at_line.hpp"

#include <array>

#include "common/base/secret.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {
namespace {

constexpr std::size_t kChunk = 1024;
/// Asks whether the modem listens, and in the same breath for an end of the echo, which doubles what we send on the
/// line. A modem that refuses it is asked with a plain AT.
constexpr std::string_view kProbe = "ATE0";
constexpr std::string_view kPlainProbe = "AT";
constexpr int kMaxRefusals = 16;      // ERROR to AT, again and again, ends too
constexpr int kMaxStaleAnswers = 16;  // answers to earlier commands in front of the one to AT
constexpr auto kProbeInterval = std::chrono::milliseconds(1000);

/// Characters of the serial line, wiped: they may be the hexadecimal form of a secret.
struct Chunk {
  std::array<char, kChunk> memory{};
  ~Chunk() { Wipe({reinterpret_cast<std::uint8_t*>(memory.data()), memory.size()}); }
};

void WipeAndClear(std::string& text) {
  Wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  text.clear();
}

}  // namespace

std::string VerbOf(std::string_view command) {
  return std::string(command.substr(0, command.find('=')));
}

Result<void> AtLine::Usable() const {
  SR_TRY_VOID(process_.Check(name_));
  if (death_) {
    return Fail(ErrorDomain::kTransport, name_ + " was given up after an earlier error (" + death_->message + ")",
                "open the card again");
  }
  return {};
}

tl::unexpected<Error> AtLine::Die(Error error) {
  if (error.domain == ErrorDomain::kTransport) {
    death_ = error;
  }
  return tl::unexpected<Error>(std::move(error));
}

tl::unexpected<Error> AtLine::DieSilent(std::string_view command, const std::string& waited) {
  return Die({ErrorDomain::kTransport, "no answer from " + name_ + " to " + VerbOf(command) + " within " + waited,
              "is another program using the port, is it the AT port of the modem?"});
}

Result<AtAnswer> AtLine::Exchange(std::string_view command, AtInformation wanted, Deadline deadline) {
  SR_TRY_VOID(Usable());
  if (!in_step_) {
    SR_TRY_VOID(GetInStep(deadline));
  }
  const Stopwatch watch;
  auto complete = Send(command, wanted, deadline);
  while (complete && *complete && IsStrayOk(wanted)) {
    complete = Receive(wanted, deadline);
  }
  if (!complete) {
    return Die(std::move(complete).error());
  }
  if (!*complete) {
    return DieSilent(command, watch.Text());
  }
  if (parser_.state() == AtResponseParser::State::kTooLong) {
    in_step_ = false;  // its end and its OK are still to come
    ++stray_oks_;
    return Fail(ErrorDomain::kProtocol,
                name_ + " answered " + VerbOf(command) + " with a line of more than " +
                    std::to_string(AtResponseParser::kMaxLine) + " characters, longer than any card's answer",
                "check the cable and the modem's firmware");
  }
  const AtAnswer& answer = parser_.answer();
  if (answer.final == AtFinal::kOk && wanted != AtInformation::kNone && !answer.has_information) {
    in_step_ = false;  // it may have been an earlier command's
    return Fail(ErrorDomain::kProtocol, name_ + " ended " + VerbOf(command) + " with OK but gave no answer line",
                "check that no other program uses the port, and the modem's firmware");
  }
  if (answer.has_information) {
    stray_oks_ = 0;  // answers come in order: nothing older can follow
  }
  return answer;
}

/// An AT sent into a busy modem is answered late. Its OK must not end a command that has an information line.
bool AtLine::IsStrayOk(AtInformation wanted) {
  if (wanted == AtInformation::kNone || stray_oks_ == 0 || parser_.state() != AtResponseParser::State::kDone ||
      parser_.answer().final != AtFinal::kOk || parser_.answer().has_information) {
    return false;
  }
  --stray_oks_;
  return true;
}

Result<void> AtLine::GetInStep(Deadline deadline) {
  const Stopwatch watch;
  for (int refusals = 0; refusals < kMaxRefusals && !deadline.Passed();) {
    const Deadline answer_by = deadline.Earlier(Deadline::After(kProbeInterval));
    auto complete = Send(refusals == 0 ? kProbe : kPlainProbe, AtInformation::kAny, answer_by);
    // An information line shows that the final result code is that of an earlier command: ours is still to come.
    for (int stale = 0; stale < kMaxStaleAnswers && complete && *complete && parser_.answer().has_information;
         ++stale) {
      complete = Receive(AtInformation::kAny, answer_by);
    }
    if (!complete) {
      return Die(std::move(complete).error());
    }
    if (!*complete) {
      ++stray_oks_;
      continue;
    }
    if (parser_.answer().final == AtFinal::kOk && !parser_.answer().has_information) {
      in_step_ = true;
      return {};
    }
    ++refusals;  // the rest of somebody's half-written line stood before ours; the next one stands alone
  }
  if (!deadline.Passed()) {
    return Die({ErrorDomain::kTransport, name_ + " does not answer AT with OK",
                "is it the AT port of the modem, is another program using it?"});
  }
  return DieSilent(kProbe, watch.Text());
}

/// True: a final result code came, or a line that is too long. False: the deadline passed.
Result<bool> AtLine::Send(std::string_view command, AtInformation wanted, Deadline deadline) {
  WipeAndClear(unread_);
  SR_TRY_VOID(port_->DiscardInput());
  std::string line;
  line.reserve(command.size() + 1);
  line.append(command).push_back('\r');
  const auto written = port_->Write(line, deadline);
  const std::size_t size = line.size();
  WipeAndClear(line);
  SR_TRY_VOID(written);
  characters_sent_ += size;
  return Receive(wanted, deadline);
}

Result<bool> AtLine::Receive(AtInformation wanted, Deadline deadline) {
  parser_.Start(wanted);
  Chunk chunk;
  std::string rest = std::exchange(unread_, {});
  std::string_view fresh = rest;
  while (true) {
    fresh.remove_prefix(parser_.Feed(fresh));
    if (parser_.state() != AtResponseParser::State::kReading) {
      unread_.assign(fresh);
      WipeAndClear(rest);
      return true;
    }
    if (deadline.Passed()) {  // asked for each chunk: a modem that never stops talking must not outlast it either
      return false;
    }
    SR_TRY(const std::size_t count, port_->Read(chunk.memory, deadline));
    if (count == 0) {
      return false;
    }
    characters_received_ += count;
    fresh = std::string_view(chunk.memory.data(), count);
  }
}

}  // namespace simroot::device
