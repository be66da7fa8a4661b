// SPDX-License-Identifier: Apache-2.0
#include "demo/secret_search.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/host/file_io.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kBlockSize = 1UL << 20U;
constexpr std::size_t kOverlap = 128;  ///< longer than any pattern, so that none is missed between two blocks
constexpr std::size_t kMaxFile = 64UL << 20U;

bool Contains(ByteView haystack, const std::vector<Bytes>& patterns) {
  return std::ranges::any_of(patterns, [&](const Bytes& pattern) {
    return ::memmem(haystack.data(), haystack.size(), pattern.data(), pattern.size()) != nullptr;
  });
}

/// One line of /proc/PID/maps.
struct Region {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::string name;
};

std::vector<Region> ReadableRegions(pid_t pid) {
  std::vector<Region> regions;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  std::string line;
  while (std::getline(maps, line)) {
    Region region;
    std::string rights;
    std::string ignored;
    char dash = 0;
    std::istringstream fields(line);
    fields >> std::hex >> region.start >> dash >> region.end >> rights >> ignored >> ignored >> ignored >> region.name;
    // Device memory and the kernel's own pages cannot be read.
    if (rights.starts_with('r') && !region.name.starts_with("[v") && !region.name.starts_with("/dev/")) {
      regions.push_back(region);
    }
  }
  return regions;
}

}  // namespace

std::vector<Bytes> TracesOf(ByteView number) {
  const Bytes big(number.begin(), number.end());
  const Bytes little(big.rbegin(), big.rend());
  const std::size_t half = big.size() / 2;
  std::vector<Bytes> traces;
  for (const Bytes& form : {big, little}) {
    traces.emplace_back(form.begin(), form.begin() + static_cast<std::ptrdiff_t>(half));
    traces.emplace_back(form.begin() + static_cast<std::ptrdiff_t>(half), form.end());
    std::string text = ToHex(form);
    traces.emplace_back(text.begin(), text.end());
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' ? static_cast<char>(c - 'A' + 'a') : c; });
    traces.emplace_back(text.begin(), text.end());
  }
  return traces;
}

Result<SearchResult> SearchMemory(pid_t pid, const std::vector<Bytes>& patterns) {
  const std::string path = "/proc/" + std::to_string(pid) + "/mem";
  const UniqueFd memory(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory) {
    return Fail(ErrorDomain::kStore, "cannot read " + path + ": " + std::strerror(errno),
                "run as the same user, with ptrace of child processes allowed");
  }
  SearchResult result;
  Bytes block(kBlockSize + kOverlap);
  for (const Region& region : ReadableRegions(pid)) {
    for (std::uint64_t at = region.start; at < region.end; at += kBlockSize) {
      const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), region.end - at));
      const ssize_t count = ::pread(memory.get(), block.data(), wanted, static_cast<off_t>(at));
      if (count <= 0) {
        break;  // a guard page, or the region has just been unmapped
      }
      result.bytes_searched += std::min(static_cast<std::size_t>(count), kBlockSize);
      if (Contains(ByteView(block).first(static_cast<std::size_t>(count)), patterns)) {
        result.found_in.push_back(region.name.empty() ? "anonymous memory" : region.name);
        break;
      }
    }
  }
  return result;
}

Result<SearchResult> SearchFiles(const std::string& folder, const std::vector<Bytes>& patterns) {
  SearchResult result;
  std::error_code error;
  for (auto entry = std::filesystem::recursive_directory_iterator(folder, error);
       !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->is_symlink() || !entry->is_regular_file()) {
      continue;
    }
    SR_TRY(const Bytes content, ReadWholeFile(entry->path().string(), kMaxFile));
    result.bytes_searched += content.size();
    if (Contains(content, patterns)) {
      result.found_in.push_back(entry->path().filename().string());
    }
  }
  if (error) {
    return Fail(ErrorDomain::kStore, "cannot search " + folder + ": " + error.message());
  }
  return result;
}

}  // namespace simroot::app
