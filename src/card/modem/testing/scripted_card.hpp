// SPDX-License-Identifier: Apache-2.0
/// Test helper: a card that answers from a list and remembers what it was asked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/check.hpp"
#include "common/host/hex.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::card {

class ScriptedCard final : public wire::CardEndpoint {
 public:
  static constexpr std::string_view kAtrHex = "3B9F96801FC78031E073F6215B67746573746B6974";

  /// The answer to `command` from now on, both in upper-case hex. Answers given for one command several times are used
  /// in turn, the last one for good.
  ScriptedCard& Answer(std::string command, std::string response) {
    answers_[std::move(command)].push_back(std::move(response));
    return *this;
  }

  void Reset() override {
    ++resets_;
    log_.emplace_back("reset");
  }
  [[nodiscard]] ByteView Atr() const override { return atr_; }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override {
    log_.push_back(ToHex(command));
    const Bytes answer = NextAnswer(log_.back());
    SR_CHECK(CopyBytes(answer, response));
    return answer.size();
  }

  [[nodiscard]] int resets() const { return resets_; }
  /// Commands in upper-case hex, and "reset", in the order they came.
  [[nodiscard]] const std::vector<std::string>& log() const { return log_; }
  void ClearLog() { log_.clear(); }

 private:
  [[nodiscard]] Bytes NextAnswer(const std::string& command) {
    const auto found = answers_.find(command);
    if (found == answers_.end()) {
      return {0x6D, 0x00};
    }
    std::vector<std::string>& queue = found->second;
    const Bytes answer = FromHex(queue.front()).value();
    if (queue.size() > 1) {
      queue.erase(queue.begin());
    }
    return answer;
  }

  std::map<std::string, std::vector<std::string>> answers_;
  std::vector<std::string> log_;
  int resets_ = 0;
  Bytes atr_ = FromHex(kAtrHex).value();
};

}  // namespace simroot::card
