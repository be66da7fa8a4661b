// SPDX-License-Identifier: Apache-2.0
#include "device/transport/bounded_worker.hpp"

#include <dlfcn.h>

#include <utility>

namespace simroot::device {
namespace {

/// Keeps the shared object with this function mapped until the process ends.
void PinThisModule() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&PinThisModule), &info) != 0 && info.dli_fname != nullptr) {
    // Never closed on purpose. Fails only for the main program, which is not unloaded anyway.
    (void)::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

}  // namespace

struct BoundedWorker::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> job;  // to be taken by the thread
  bool busy = false;          // from the handing over of a job to its destruction
  bool stop = false;
};

BoundedWorker::BoundedWorker() : shared_(std::make_shared<Shared>()), thread_([shared = shared_] { Loop(shared); }) {}

BoundedWorker::~BoundedWorker() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const std::lock_guard<std::mutex> guard(shared_->mutex);
    shared_->stop = true;
  }
  shared_->changed.notify_all();
  thread_.join();  // it is idle: Run has waited for its last job, or has detached it
}

bool BoundedWorker::Run(std::function<void()> job, Deadline deadline) {
  if (!thread_.joinable()) {
    return false;
  }
  std::unique_lock<std::mutex> lock(shared_->mutex);
  shared_->job = std::move(job);
  shared_->busy = true;
  shared_->changed.notify_all();
  if (shared_->changed.wait_until(lock, deadline.at(), [this] { return !shared_->busy; })) {
    return true;
  }
  shared_->stop = true;
  PinThisModule();
  thread_.detach();
  return false;
}

void BoundedWorker::Loop(const std::shared_ptr<Shared>& shared) {
  std::unique_lock<std::mutex> lock(shared->mutex);
  while (true) {
    shared->changed.wait(lock, [&shared] { return shared->job || shared->stop; });
    if (!shared->job) {
      return;
    }
    std::function<void()> job = std::exchange(shared->job, nullptr);
    lock.unlock();
    job();
    job = nullptr;  // what it owns is destroyed here, before anybody is told
    lock.lock();
    shared->busy = false;
    shared->changed.notify_all();
  }
}

}  // namespace simroot::device
