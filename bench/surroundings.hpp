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
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "simroot-bench-XXXXXX").string();
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

class SystemClock final : public platform::Clock {
 public:
  platform::UnixTime Now() override { return std::time(nullptr); }
};

}  // namespace simroot::bench
