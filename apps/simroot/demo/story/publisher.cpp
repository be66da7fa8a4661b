// SPDX-License-Identifier: Apache-2.0
#include "demo/story/publisher.hpp"

namespace simroot::app {

void Publisher::Start() {
  thread_ = std::thread([this] {
    result_ = Run();
    ended_ = true;
  });
}

Result<void> Publisher::Run() {
  constexpr unsigned kMaxRepeats = 20;  // of one number
  unsigned repeats = 0;
  while (!stop_ || repeats > 0) {  // what has begun is brought to its end
    if (read_anew_.exchange(false)) {
      SR_TRY_VOID(device_.ReadCredential());
    }
    const std::string number = std::to_string(acknowledged_ + 1);
    SR_TRY(const ProgramResult result, stage_.Run(broker_.Publish(device_, number)));
    if (result.status == 0) {
      ++acknowledged_;
      repeats = 0;
      continue;
    }
    ++repeated_;
    if (++repeats > kMaxRepeats) {
      return Fail(ErrorDomain::kTransport, device_.name() + " cannot publish: mosquitto_pub printed: " + result.output,
                  "the log of the broker: " + broker_.LogTail());
    }
    SR_TRY_VOID(device_.ReadCredential());
  }
  return {};
}

Result<void> Publisher::WaitForMore(std::uint64_t count) {
  const std::uint64_t wanted = acknowledged_ + count;
  const Deadline deadline = Stage::Soon();
  while (acknowledged_ < wanted) {
    if (ended_ || deadline.Passed()) {
      return Fail(ErrorDomain::kTransport, device_.name() + " does not get its numbers through",
                  ended_ && !result_ ? result_.error().Text() : std::string());
    }
    SR_TRY_VOID(PauseBriefly(stage_.stop_fd()));
  }
  return {};
}

Result<Publisher::Sent> Publisher::Finish() {
  stop_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
  SR_TRY_VOID(result_);
  return Sent{acknowledged_, repeated_};
}

}  // namespace simroot::app
