// SPDX-License-Identifier: Apache-2.0
#include "device/relay/relay_client.hpp"

#include <sys/random.h>

#include <thread>

#include "device/administration/admin_link.hpp"
#include "device/relay/card_introduction.hpp"

namespace simroot::device {
namespace {

using std::chrono::seconds;

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr int kTooMany = 429;
constexpr int kServerError = 500;
constexpr seconds kBetweenResends{1};
constexpr seconds kUnlessTold{5};
constexpr std::size_t kChallengeSize = 8;
/// The issuer security domain, where most cards have the keys of the platform.
constexpr std::array<std::uint8_t, 8> kUsualDomain{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00};

/// Success, or a warning: what a batch goes on after (docs/formats/relay.md).
[[nodiscard]] bool GoesOn(wire::StatusWord sw) {
  const std::uint8_t first = wire::Sw1(sw);
  return sw == wire::StatusWord::kOk || first == 0x61 || first == 0x62 || first == 0x63;
}

/// Data and status word.
[[nodiscard]] Bytes Whole(const AdminAnswer& answer) {
  Bytes whole = answer.data;
  whole.insert(whole.end(), {wire::Sw1(answer.sw), wire::Sw2(answer.sw)});
  return whole;
}

class Relay {
 public:
  Relay(Transport& transport, net::HttpClient& platform, const RelayOptions& options, RelayObserver* observer,
        RelayPause pause)
      : transport_(transport),
        platform_(platform),
        options_(options),
        observer_(observer),
        pause_(std::move(pause)),
        left_(options.wait) {}

  [[nodiscard]] Result<RelayResult> Run();

 private:
  /// How a session ended without an error.
  enum class End : std::uint8_t { kDone, kAnew };

  [[nodiscard]] Deadline Soon() const { return Deadline::After(options_.card_timeout); }
  [[nodiscard]] Result<End> RunSession(const CardIntroduction& card);
  [[nodiscard]] Result<net::HttpReply> Post(const std::string& target, const std::string& body);
  [[nodiscard]] Result<std::unique_ptr<TransportAdminLink>> OpenUsualDomain();
  [[nodiscard]] Result<std::optional<CardOpening>> OpenSession(TransportAdminLink* link);
  [[nodiscard]] Result<std::vector<Bytes>> Carry(AdminLink& link, const RelayReply& batch);
  [[nodiscard]] Result<End> Judge(const net::HttpReply& reply);
  void TakeEnd(const RelayReply& reply);
  [[nodiscard]] bool Wait(seconds time, const std::string& why);

  Transport& transport_;
  net::HttpClient& platform_;
  const RelayOptions& options_;
  RelayObserver* observer_;
  RelayPause pause_;
  seconds left_;         ///< that may still be waited
  unsigned resent_ = 0;  ///< how often the last request was sent again
  RelayResult result_;
};

bool Relay::Wait(seconds time, const std::string& why) {
  if (time > left_) {
    return false;
  }
  left_ -= time;
  if (observer_ != nullptr) {
    observer_->OnRetry(why, time);
  }
  return time.count() == 0 || pause_(time);
}

/// A reply may be lost after the platform has acted: the same is sent again, and it gives the same reply.
Result<net::HttpReply> Relay::Post(const std::string& target, const std::string& body) {
  const net::Headers headers{{"content-type", "application/json"}};
  for (resent_ = 0;; ++resent_) {
    auto reply = platform_.Send("POST", target, body, headers);
    if (reply) {
      ++result_.round_trips;
      return reply;
    }
    if (reply.error().domain != ErrorDomain::kTransport || resent_ >= options_.resends || !pause_(kBetweenResends)) {
      return reply;
    }
    if (observer_ != nullptr) {
      observer_->OnRetry(reply.error().message, kBetweenResends);
    }
  }
}

/// What to do about a reply that is none of 200 and 201.
Result<Relay::End> Relay::Judge(const net::HttpReply& reply) {
  const std::string said = ProblemSentence(reply.body);
  const std::string sentence = said.empty() ? "HTTP status " + std::to_string(reply.status) : said;
  if (reply.status == kForbidden) {
    return Fail(
        ErrorDomain::kProtocol, "the platform refuses this card: " + sentence,
        "whether card " + result_.iccid + " is unknown there, suspended, or has other keys is in its audit log");
  }
  if (reply.status == kNotFound || reply.status == kConflict) {
    return End::kAnew;
  }
  if (reply.status == kTooMany || reply.status >= kServerError) {
    const auto header = reply.headers.find("retry-after");
    const int told = header == reply.headers.end() ? 0 : std::atoi(header->second.c_str());
    const seconds time = told > 0 ? seconds(told) : kUnlessTold;
    if (Wait(time, sentence)) {
      return End::kAnew;
    }
    return Fail(ErrorDomain::kTransport, "the platform cannot work now: " + sentence,
                "try again in " + std::to_string(time.count()) + " seconds, or give --wait");
  }
  return Fail(ErrorDomain::kProtocol, "the platform does not accept the relay: " + sentence,
              "check the address, and that device and platform are of the same version");
}

/// Nothing: the card has no such domain.
Result<std::unique_ptr<TransportAdminLink>> Relay::OpenUsualDomain() {
  auto link = TransportAdminLink::Open(transport_, kUsualDomain, Soon());
  if (!link && link.error().domain != ErrorDomain::kTransport) {
    return std::unique_ptr<TransportAdminLink>();
  }
  return link;
}

/// INITIALIZE UPDATE for key version 00 with a challenge of the device's. A card that refuses it is asked by the
/// platform.
Result<std::optional<CardOpening>> Relay::OpenSession(TransportAdminLink* link) {
  Bytes challenge(kChallengeSize);
  if (link == nullptr || ::getrandom(challenge.data(), challenge.size(), 0) != static_cast<ssize_t>(challenge.size())) {
    return std::optional<CardOpening>();
  }
  Bytes command{0x80, 0x50, 0x00, 0x00, kChallengeSize};
  command.insert(command.end(), challenge.begin(), challenge.end());
  command.push_back(0x00);
  SR_TRY(AdminAnswer answer, link->Exchange(command, Soon()));
  if (answer.sw != wire::StatusWord::kOk) {
    return std::optional<CardOpening>();
  }
  ++result_.commands;
  return std::optional(
      CardOpening{Bytes(kUsualDomain.begin(), kUsualDomain.end()), std::move(challenge), Whole(answer)});
}

Result<std::vector<Bytes>> Relay::Carry(AdminLink& link, const RelayReply& batch) {
  if (observer_ != nullptr) {
    observer_->OnBatch(batch.step, batch.commands.size());
  }
  std::vector<Bytes> answers;
  for (const Bytes& command : batch.commands) {
    SR_TRY(const AdminAnswer answer, link.Exchange(command, Soon()));
    ++result_.commands;
    answers.push_back(Whole(answer));
    if (!GoesOn(answer.sw)) {
      break;
    }
  }
  return answers;
}

void Relay::TakeEnd(const RelayReply& reply) {
  result_.provisioned = reply.provisioned;
  result_.retry_after_s = reply.retry_after_s;
  result_.key_label = reply.key_label;
  result_.message = reply.message;
}

Result<Relay::End> Relay::RunSession(const CardIntroduction& card) {
  ++result_.sessions;
  if (observer_ != nullptr) {
    observer_->OnSession(card.iccid);
  }
  SR_TRY(std::unique_ptr<TransportAdminLink> link, OpenUsualDomain());
  SR_TRY(const auto opening, OpenSession(link.get()));
  SR_TRY(net::HttpReply reply, Post(options_.path, EncodeHello(card, opening)));
  if (reply.status == kForbidden && opening && resent_ > 0) {
    return End::kAnew;  // the first may have come through to a platform that has been started again since
  }
  while (reply.status == kOk || reply.status == kCreated) {
    SR_TRY(const RelayReply batch, DecodeReply(reply.body));
    if (batch.done) {
      TakeEnd(batch);
      return End::kDone;
    }
    if (!batch.security_domain.empty() && !(link && SameBytes(batch.security_domain, kUsualDomain))) {
      link.reset();  // gives its channel back: a card has few
      SR_TRY(link, TransportAdminLink::Open(transport_, batch.security_domain, Soon()));
    }
    if (!link) {
      return Fail(ErrorDomain::kProtocol, "the platform sends commands and does not say to which security domain",
                  "check that the URL is that of a simroot platform");
    }
    SR_TRY(const std::vector<Bytes> answers, Carry(*link, batch));
    SR_TRY(reply, Post(options_.path + "/" + batch.session, EncodeAnswers(batch.step, answers)));
  }
  link.reset();  // Judge may wait, and a card has few channels
  return Judge(reply);
}

Result<RelayResult> Relay::Run() {
  SR_TRY(CardIntroduction card, IntroduceCard(transport_, Soon()));
  result_.iccid = card.iccid;
  while (true) {
    SR_TRY(const End end, RunSession(card));
    if (end == End::kDone) {
      const seconds time(result_.retry_after_s);
      if (result_.provisioned || result_.sessions >= options_.sessions || !Wait(time, result_.message)) {
        return result_;
      }
    } else if (result_.sessions >= options_.sessions) {
      return Fail(ErrorDomain::kTransport,
                  "the platform has ended " + std::to_string(result_.sessions) + " sessions before they were done",
                  "look at the job's steps on the platform");
    }
    SR_TRY(card, IntroduceCard(transport_, Soon()));  // it has other objects now
  }
}

}  // namespace

Result<RelayResult> RunRelay(Transport& transport, net::HttpClient& platform, const RelayOptions& options,
                             RelayObserver* observer, RelayPause pause) {
  if (!pause) {
    pause = [](seconds time) {
      std::this_thread::sleep_for(time);
      return true;
    };
  }
  return Relay(transport, platform, options, observer, std::move(pause)).Run();
}

}  // namespace simroot::device
