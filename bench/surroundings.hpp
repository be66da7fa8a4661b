// SPDX-License-Identifier: Apache-2.0
/// What benchmarks of the platform stand on: a folder, a clock, and how to stop.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>

#include "platform/domain/clock.hpp"

namespace simroot::bench {

[[noreturn]] inline void GiveUp(const std::string& why) {
  static_cast<void>(std::fprintf(stderr, "bench: %s\n", why.c_str()));
  std::exit(1);
}

/// Removed with everything in it.
class Folder {
 public:
  explicit Folder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "simroot-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      GiveUp("cannot make a folder like " + name);
    }
    path_ = name;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Where files of virtual cards go: a card's memory is not on the disk of the platform that is measured.
[[nodiscard]] inline std::filesystem::path MemoryFolder() {
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
}

class SystemClock final : public platform::Clock {
 public:
  platform::UnixTime Now() override { return std::time(nullptr); }
};

}  // namespace simroot::bench
