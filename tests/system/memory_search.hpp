// SPDX-License-Identifier: Apache-2.0
// Looks for secrets in the memory of another process.
#pragma once

#include <sys/types.h>

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace simroot::test {

inline constexpr std::size_t kLeastNeedle = 8;  // shorter ones are everywhere by chance

[[noreturn]] void Fail(const std::string& message, int status = 125);

std::string ReadAll(const std::string& path);

struct Pattern {
  std::string bytes;
  std::string name;
};

/// The forms of the secrets in a file, which has one per line in hexadecimal.
std::vector<Pattern> PatternsOf(const std::string& path);

class Finder {
 public:
  explicit Finder(std::vector<Pattern> patterns);

  [[nodiscard]] std::size_t longest() const { return longest_; }

  /// Adds the names of the patterns that are in `part` to `found`.
  void Look(std::string_view part, std::set<std::string>& found) const;

 private:
  // Every fourth place of the memory is looked at, so a pattern is known by any of its first four runs of four bytes.
  static constexpr std::size_t kStep = 4;
  using Run = std::uint32_t;
  static_assert(kLeastNeedle >= kStep - 1 + sizeof(Run));

  struct Place {
    std::size_t pattern = 0;
    std::size_t offset = 0;
  };

  static Run RunAt(const char* at) {
    Run run = 0;
    std::memcpy(&run, at, sizeof run);
    return run;
  }

  static std::size_t Hash(Run run) { return (run * 2654435769U) >> 14; }

  std::vector<Pattern> patterns_;
  std::bitset<1U << 18> hashes_;  // of the runs: says no for nearly all of the memory
  std::unordered_multimap<Run, Place> runs_;
  std::size_t longest_ = 0;
};

struct Search {
  bool is_complete = false;  // not if the process was killed meanwhile, or may not be looked at
  std::uint64_t bytes = 0;
  std::set<std::string> found;
};

Search SearchMemory(pid_t thread, const Finder& finder);

}  // namespace simroot::test
