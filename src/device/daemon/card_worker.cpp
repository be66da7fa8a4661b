// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/card_worker.hpp"

#include <sys/eventfd.h>

#include <csignal>

#include "common/base/check.hpp"

namespace simroot::device::daemon {

CardWorker::CardWorker(HolderOptions options)
    : holder_(std::move(options)), done_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), status_(holder_.Status()) {
  SR_CHECK(static_cast<bool>(done_));
  // Signals are for the thread that serves the sockets.
  sigset_t all{};
  sigset_t before{};
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { Loop(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

CardWorker::~CardWorker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    jobs_.clear();
  }
  wake_.notify_one();
  thread_.join();
}

void CardWorker::Post(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void CardWorker::Loop() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (stop_) {
        return;
      }
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    Completion completion = job(holder_);
    job = nullptr;  // what it holds may be secret: gone before anybody hears of its end
    {
      const std::lock_guard lock(mutex_);
      completions_.push_back(std::move(completion));
      latest_ = holder_.Status();
    }
    const std::uint64_t one = 1;
    SR_CHECK(::write(done_.get(), &one, sizeof one) == sizeof one);
  }
}

void CardWorker::RunCompletions() {
  std::uint64_t count = 0;
  static_cast<void>(::read(done_.get(), &count, sizeof count) == sizeof count);  // nothing to read: nothing to run
  std::deque<Completion> completions;
  {
    const std::lock_guard lock(mutex_);
    completions.swap(completions_);
    if (!completions.empty()) {
      status_ = latest_;
    }
  }
  for (const Completion& completion : completions) {
    completion();
  }
}

}  // namespace simroot::device::daemon
