// SPDX-License-Identifier: Apache-2.0
#include "device/transport/at_transport.hpp"

#include "common/base/secret.hpp"
#include "device/transport/apdu_commands.hpp"
#include "device/transport/at_errors.hpp"
#include "device/transport/at_line.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {
namespace {

using AtMode = CardUri::AtMode;

/// Holds the flock. Keeps the port open if it outlives the transport.
class PortLock final : public TransportLock {
 public:
  explicit PortLock(std::shared_ptr<SerialPort> port) : port_(std::move(port)) {}
  PortLock(const PortLock&) = delete;
  PortLock& operator=(const PortLock&) = delete;
  ~PortLock() override {
    if (process_.InOwner()) {  // a child shares the lock and would release its parent's
      port_->Unlock();
    }
  }

 private:
  std::shared_ptr<SerialPort> port_;
  ProcessGuard process_;
};

/// `AT+CSIM=n,"HEX"`: the verb with what stands before n, then n and the digits.
std::string WithHex(std::string head, ByteView bytes) {
  std::string line = std::move(head);
  line.reserve(line.size() + bytes.size() * 2 + 10);
  line += std::to_string(bytes.size() * 2);
  line += ",\"";
  line += ToHex(bytes);
  line += '"';
  return line;
}

class AtTransport final : public Transport {
 public:
  AtTransport(const CardUri& uri, std::shared_ptr<SerialPort> port)
      : name_(uri.text), path_(uri.path), port_(std::move(port)), line_(port_, name_), mode_(uri.mode) {}

  const std::string& Name() const override { return name_; }
  Result<std::unique_ptr<TransportLock>> Lock(Deadline deadline) override;
  Result<Channel> OpenChannel(ByteView aid, Deadline deadline) override;
  Result<void> CloseChannel(const Channel& channel, Deadline deadline) override;
  bool UsesSessions() const override { return mode_ != AtMode::kCsim; }
  Result<CardResponse> Transmit(const Channel& channel, ByteView command, Deadline deadline) override;
  Result<std::string> ReadIccid(Deadline deadline) override;
  ExchangeCounters Counters() const override;
  void SetObserver(TransportObserver* observer) override { observer_ = observer; }

 private:
  SendApdu Sender(Deadline deadline) {
    return [this, deadline](ByteView command) { return Transmit(Channel{}, command, deadline); };
  }
  Result<std::optional<Channel>> OpenSession(ByteView aid, Deadline deadline);
  Result<void> CloseSession(int session, Deadline deadline);
  Result<CardResponse> TakeResponse(const std::string& verb, const AtAnswer& answer);
  Result<std::optional<std::string>> AskIccid(std::string_view command, Deadline deadline);
  Result<std::optional<std::string>> ReadIccidRestricted(Deadline deadline);

  std::string name_;
  std::string path_;
  std::shared_ptr<SerialPort> port_;
  AtLine line_;
  AtMode mode_;
  ExchangeCounters counters_;
  TransportObserver* observer_ = nullptr;
};

Result<std::unique_ptr<TransportLock>> AtTransport::Lock(Deadline deadline) {
  SR_TRY_VOID(line_.Usable());
  const Stopwatch watch;
  RetryTimer timer(deadline);
  while (true) {
    SR_TRY(const bool locked, port_->TryLock());
    if (locked) {
      return std::make_unique<PortLock>(port_);
    }
    line_.LoseStep();  // who holds it may be ended in the middle of a command
    if (!timer.Wait()) {
      return Fail(ErrorDomain::kTransport, "another process kept " + name_ + " locked for " + watch.Text(),
                  "find it with: fuser " + path_);
    }
  }
}

Result<Channel> AtTransport::OpenChannel(ByteView aid, Deadline deadline) {
  if (mode_ != AtMode::kCsim) {
    SR_TRY(const auto session, OpenSession(aid, deadline));
    if (session) {
      mode_ = AtMode::kCgla;
      return *session;
    }
  }
  auto channel = OpenApduChannel(Sender(deadline), aid, name_);
  const bool full = !channel && channel.error().domain == ErrorDomain::kCard &&
                    channel.error().sw == wire::StatusWord::kFunctionNotSupported;
  if (!full) {  // or AT+CCHO may have failed for that, too
    mode_ = AtMode::kCsim;
  }
  return channel;
}

/// AT+CCHO. Nothing if the modem does not have it and the mode is auto.
Result<std::optional<Channel>> AtTransport::OpenSession(ByteView aid, Deadline deadline) {
  ++counters_.exchanges;
  SR_TRY(const AtAnswer answer, line_.Exchange("AT+CCHO=\"" + ToHex(aid) + "\"", AtInformation::kCcho, deadline));
  if (answer.final == AtFinal::kOk) {
    const auto session = ParseSession(answer.information);
    if (!session) {
      return Fail(ErrorDomain::kProtocol, name_ + " answered AT+CCHO with something that is no session number",
                  "try with mode=csim");
    }
    return std::optional<Channel>(Channel{.number = 0, .session = *session});
  }
  if (IsSimTrouble(answer)) {
    return AtRefusal(name_, "AT+CCHO", answer);
  }
  if (mode_ == AtMode::kAuto && !IsNotFound(answer)) {
    return std::optional<Channel>();
  }
  if (IsFull(answer)) {
    return Refusal(wire::StatusWord::kFunctionNotSupported,
                   name_ + " has no logical channel free for AT+CCHO (" + AnswerText(answer) + ")",
                   "close other programs that use the card, or restart the modem");
  }
  // TS 27.007 gives AT+CCHO no status word: a modem known to have the command means that SELECT failed.
  return Refusal(wire::StatusWord::kFileNotFound,
                 name_ + " does not open application " + ToHex(aid) + " with AT+CCHO (" + AnswerText(answer) + ")",
                 "check the AID, that the applet is installed and a channel free, or try with mode=csim");
}

/// A refusal by the modem, on a line that goes on working, is one by the card: there was nothing to close.
Result<void> AtTransport::CloseChannel(const Channel& channel, Deadline deadline) {
  auto closed = channel.session < 0 ? CloseApduChannel(Sender(deadline), channel, name_)
                                    : CloseSession(channel.session, deadline);
  if (!closed && closed.error().domain == ErrorDomain::kTransport && line_.Usable()) {
    Error& error = closed.error();
    return Refusal(wire::StatusWord::kChannelNotSupported, std::move(error.message), std::move(error.next_step));
  }
  return closed;
}

/// AT+CCHC.
Result<void> AtTransport::CloseSession(int session, Deadline deadline) {
  ++counters_.exchanges;
  const std::string command = "AT+CCHC=" + std::to_string(session);
  SR_TRY(const AtAnswer answer, line_.Exchange(command, AtInformation::kNone, deadline));
  if (answer.final != AtFinal::kOk) {
    return AtRefusal(name_, "AT+CCHC", answer);
  }
  return {};
}

Result<CardResponse> AtTransport::Transmit(const Channel& channel, ByteView command, Deadline deadline) {
  SR_TRY_VOID(CheckCommand(command, name_));
  const bool in_session = channel.session >= 0;
  const std::string head = in_session ? "AT+CGLA=" + std::to_string(channel.session) + "," : std::string("AT+CSIM=");
  std::string text = WithHex(head, command);
  const Stopwatch watch;
  ++counters_.exchanges;
  counters_.bytes_sent += command.size();
  const auto answer = line_.Exchange(text, in_session ? AtInformation::kCgla : AtInformation::kCsim, deadline);
  Wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  SR_TRY_VOID(answer);
  SR_TRY(CardResponse response, TakeResponse(VerbOf(head), *answer));
  counters_.bytes_received += response.bytes().size();
  if (observer_ != nullptr) {
    observer_->OnExchange(command, response.bytes(), watch.Elapsed());
  }
  return response;
}

Result<CardResponse> AtTransport::TakeResponse(const std::string& verb, const AtAnswer& answer) {
  if (answer.final != AtFinal::kOk) {
    return AtRefusal(name_, verb, answer);
  }
  SecretArray<wire::kMaxResponse> memory;
  ByteWriter out(memory.Prepare(wire::kMaxResponse));
  if (const auto parsed = ParseLengthAndHex(answer.information, out); !parsed) {
    return Fail(ErrorDomain::kProtocol,
                "the answer of " + name_ + " to " + verb + " " + std::string(Describe(parsed.error())),
                "check the cable and the modem's firmware");
  }
  return CardResponse::From(out.written(), name_);
}

Result<std::string> AtTransport::ReadIccid(Deadline deadline) {
  for (const std::string_view command : {"AT+CCID", "AT+ICCID"}) {
    SR_TRY(auto digits, AskIccid(command, deadline));
    if (digits) {
      return *std::move(digits);
    }
  }
  SR_TRY(auto digits, ReadIccidRestricted(deadline));
  if (digits) {
    return *std::move(digits);
  }
  return ReadIccidFile(Sender(deadline), name_);
}

/// Nothing if the modem does not have the command, or answers it in a form of its own.
Result<std::optional<std::string>> AtTransport::AskIccid(std::string_view command, Deadline deadline) {
  const auto answer = line_.Exchange(command, AtInformation::kCcid, deadline);
  if (!answer) {
    if (answer.error().domain == ErrorDomain::kProtocol) {
      return std::optional<std::string>();
    }
    return Unexpected(answer.error());
  }
  if (answer->final == AtFinal::kOk) {
    return ParseIccid(answer->information);
  }
  if (IsSimTrouble(*answer)) {
    return AtRefusal(name_, VerbOf(command), *answer);
  }
  return std::optional<std::string>();
}

/// READ BINARY of EF.ICCID by AT+CRSM. Nothing if the modem does not have it.
Result<std::optional<std::string>> AtTransport::ReadIccidRestricted(Deadline deadline) {
  constexpr std::string_view kReadIccid = "AT+CRSM=176,12258,0,0,10";
  SR_TRY(const AtAnswer answer, line_.Exchange(kReadIccid, AtInformation::kCrsm, deadline));
  if (answer.final != AtFinal::kOk) {
    if (IsSimTrouble(answer)) {
      return AtRefusal(name_, "AT+CRSM", answer);
    }
    return std::optional<std::string>();
  }
  std::array<std::uint8_t, wire::kMaxShortResponse> memory{};
  ByteWriter out(memory);
  const auto sw = ParseRestrictedAccess(answer.information, out);
  if (!sw || *sw != wire::StatusWord::kOk) {
    return std::optional<std::string>();
  }
  SR_TRY(std::string digits, DecodeIccid(out.written(), name_));
  return std::optional<std::string>(std::move(digits));
}

ExchangeCounters AtTransport::Counters() const {
  ExchangeCounters counters = counters_;
  counters.characters_sent = line_.characters_sent();
  counters.characters_received = line_.characters_received();
  return counters;
}

}  // namespace

Result<std::unique_ptr<Transport>> OpenAtTransport(const CardUri& uri, Deadline /*deadline: opening never waits*/) {
  SR_TRY(auto port, SerialPort::Open(uri.path, uri.baud, uri.text));
  return std::make_unique<AtTransport>(uri, std::shared_ptr<SerialPort>(std::move(port)));
}

}  // namespace simroot::device
