// SPDX-License-Identifier: Apache-2.0
/// A scripted card for the tests of this folder: knows which events must come, in which order, and what to answer.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>

#include "device/client/card_internals.hpp"

namespace simroot::device::client::testing {

/// Events as text: "open", "lock", "channel AID", "close N", "iccid", or an APDU in hexadecimal.
/// Answers as text: hexadecimal response with status word; "" for nothing to say; "!transport" or "!SW" for an error;
/// for "channel" the number of the channel, or sN for session N ("close sN"); for "iccid" the digits. Locks are not
/// part of a script, but every event after "open" must happen under one.
class Script {
 public:
  Script& Then(std::string event, std::string answer) {
    steps_.push_back({std::move(event), std::move(answer)});
    return *this;
  }
  /// The ordinary beginning: port, GSMA applet on channel 1.
  Script& ThenOpened() { return Then("open", "").Then("channel A0000005590010", "1"); }
  /// Answers everything the steps do not expect; nothing: an unexpected event is a failure.
  void Otherwise(std::function<std::optional<std::string>(const std::string&)> handler) {
    otherwise_ = std::move(handler);
  }

  std::string Answer(const std::string& event) {
    EXPECT_EQ(inside_.fetch_add(1), 0) << "two threads at once in the transport, at " << event;
    seen_.push_back(event);
    std::string answer = "!transport";
    if (!steps_.empty() && steps_.front().event == event) {
      answer = steps_.front().answer;
      steps_.pop_front();
    } else if (const auto other = otherwise_ ? otherwise_(event) : std::nullopt) {
      answer = *other;
    } else {
      ADD_FAILURE() << "unexpected: " << event << ", wanted: " << (steps_.empty() ? "nothing" : steps_.front().event);
    }
    inside_.fetch_sub(1);
    return answer;
  }

  bool sessions = false;  ///< the port opens channels with AT+CCHO

  [[nodiscard]] bool Done() const { return steps_.empty(); }
  [[nodiscard]] const std::vector<std::string>& seen() const { return seen_; }
  /// How many of the events seen are APDUs.
  [[nodiscard]] std::size_t Apdus() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(seen_, [](const std::string& e) { return FromHex(e).has_value(); }));
  }
  void ForgetSeen() { seen_.clear(); }
  /// For a child that was forked while a thread of its parent was inside the transport.
  void StartAnew() {
    inside_ = 0;
    steps_.clear();
    otherwise_ = nullptr;
  }

 private:
  struct Step {
    std::string event;
    std::string answer;
  };
  std::deque<Step> steps_;
  std::function<std::optional<std::string>(const std::string&)> otherwise_;
  std::vector<std::string> seen_;
  std::atomic<int> inside_{0};
};

class FakeTransport final : public Transport {
 public:
  explicit FakeTransport(std::shared_ptr<Script> script) : script_(std::move(script)) {}

  const std::string& Name() const override { return name_; }

  Result<std::unique_ptr<TransportLock>> Lock(Deadline /*deadline*/) override {
    EXPECT_FALSE(locked_) << "locked twice";
    locked_ = true;
    return std::make_unique<Held>(locked_);
  }
  Result<Channel> OpenChannel(ByteView aid, Deadline deadline) override {
    SR_TRY(const std::string answer, Ask("channel " + ToHex(aid), deadline));
    if (answer.starts_with("s")) {
      return Channel{.number = 0, .session = std::atoi(answer.c_str() + 1)};
    }
    return Channel{static_cast<std::uint8_t>(std::atoi(answer.c_str())), -1};
  }
  Result<void> CloseChannel(const Channel& channel, Deadline deadline) override {
    const bool session = channel.session >= 0;
    const std::string name = (session ? "s" : "") + std::to_string(session ? channel.session : channel.number);
    SR_TRY_VOID(Ask("close " + name, deadline));
    return {};
  }
  bool UsesSessions() const override { return script_->sessions; }
  Result<CardResponse> Transmit(const Channel& /*channel*/, ByteView command, Deadline deadline) override {
    ++counters_.exchanges;
    SR_TRY(const std::string answer, Ask(ToHex(command), deadline));
    return CardResponse::From(FromHex(answer).value_or(Bytes()), name_);
  }
  Result<std::string> ReadIccid(Deadline deadline) override { return Ask("iccid", deadline); }
  ExchangeCounters Counters() const override { return counters_; }
  void SetObserver(TransportObserver* /*observer*/) override {}

 private:
  class Held final : public TransportLock {
   public:
    explicit Held(bool& locked) : locked_(locked) {}
    ~Held() override { locked_ = false; }

   private:
    bool& locked_;
  };

  Result<std::string> Ask(const std::string& event, Deadline /*deadline*/) {
    EXPECT_TRUE(locked_) << event << " without lock";
    EXPECT_FALSE(dead_) << event << " on a transport that has failed";
    const std::string answer = script_->Answer(event);
    if (answer == "!transport") {
      dead_ = true;
      return Fail(ErrorDomain::kTransport, "no answer from " + name_);
    }
    if (answer.starts_with("!")) {
      const Bytes sw = FromHex(answer.substr(1)).value_or(Bytes{0x6F, 0x00});
      return Unexpected(Error{ErrorDomain::kCard, "refused", "", wire::MakeStatusWord(sw.front(), sw.back())});
    }
    return answer;
  }

  std::shared_ptr<Script> script_;
  std::string name_ = "at:/dev/fake";
  bool locked_ = false;
  bool dead_ = false;
  ExchangeCounters counters_;
};

/// A directory that is gone, with everything in it, when the test ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What a test gives a card beside the script.
struct CardSetup {
  std::string cache_directory = {};    ///< empty: no cache
  std::string runtime_directory = {};  ///< empty: no ledger
  std::chrono::milliseconds idle_limit{3'600'000};
  std::chrono::milliseconds timeout{10'000};
  std::vector<Bytes> aids = {};
  std::chrono::milliseconds channel_wait{0};
  std::string pin_file = {};
};
[[nodiscard]] std::shared_ptr<Card> MakeCard(std::shared_ptr<Script> script, const CardSetup& setup = {});

/// Answers with status word 9000, in hexadecimal.
[[nodiscard]] std::string ApplicationAnswer(ByteView proprietary_identifier);
[[nodiscard]] std::string SimrootAnswer(std::uint32_t change_counter);
[[nodiscard]] std::string InfoAnswer(const iotsafe::ObjectInfo& info);
[[nodiscard]] iotsafe::ObjectInfo FileInfo(std::string_view name, std::uint16_t size, iotsafe::FileUsage usage);
[[nodiscard]] iotsafe::ObjectInfo KeyInfo(const ObjectName& name, iotsafe::KeyType type, std::string_view label = "");

[[nodiscard]] ObjectName PrivateKey(std::string_view name);
[[nodiscard]] ObjectName PublicKey(std::string_view name);
[[nodiscard]] ObjectName FileName(std::string_view name);

/// SHA-256 of "hello" and the text it appears as in commands.
inline constexpr std::string_view kHelloHex = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824";
[[nodiscard]] const Bytes& HelloDigest();

}  // namespace simroot::device::client::testing
