// SPDX-License-Identifier: Apache-2.0
#include "memory_search.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

namespace simroot::test {

void Fail(const std::string& message, int status) {
  std::fprintf(stderr, "exit_search: %s\n", message.c_str());
  std::exit(status);
}

std::string ReadAll(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

namespace {

std::string FromHex(const std::string& text) {
  std::string bytes;
  for (std::size_t at = 0; at + 2 <= text.size(); at += 2) {
    bytes.push_back(static_cast<char>(std::stoi(text.substr(at, 2), nullptr, 16)));
  }
  return bytes;
}

std::string ToHex(const std::string& bytes, const char* digits) {
  std::string text;
  for (const char value : bytes) {
    const auto byte = static_cast<std::uint8_t>(value);
    text += {digits[byte >> 4], digits[byte & 15]};
  }
  return text;
}

/// The characters that stand for nothing but `bytes` where these begin `before` bytes after a multiple of three.
std::string ToBase64(const std::string& bytes, std::size_t before) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char value : std::string(before, '\0') + bytes) {
    bits = bits << 8 | static_cast<std::uint8_t>(value);
    for (count += 8; count >= 6; count -= 6) {
      text.push_back(kAlphabet[bits >> (count - 6) & 63]);
    }
  }
  return text.substr((before * 8 + 5) / 6);
}

/// Wherever it begins in a longer text; by halves, as a PEM file has a line's end somewhere.
void AddBase64(const std::string& bytes, const std::string& name, std::vector<Pattern>& patterns) {
  const std::size_t half = bytes.size() >= 2 * kLeastNeedle ? bytes.size() / 2 : bytes.size();
  for (std::size_t at = 0; at + half <= bytes.size(); at += half) {
    for (std::size_t before = 0; before < 3; ++before) {
      patterns.push_back({ToBase64(bytes.substr(at, half), before), name});
    }
  }
}

}  // namespace

std::vector<Pattern> PatternsOf(const std::string& path) {
  std::vector<Pattern> patterns;
  std::ifstream file{path};
  std::string line;
  for (int number = 0; std::getline(file, line); ++number) {
    if (line.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos || line.size() % 2 != 0 ||
        line.size() < 2 * kLeastNeedle) {
      Fail(path + ": line " + std::to_string(number + 1) + " is not a secret of 8 bytes or more in hexadecimal");
    }
    const std::string bytes = FromHex(line);
    const std::string prefix = std::to_string(number) + ":";
    patterns.push_back({bytes, prefix + "bytes"});
    patterns.push_back({{bytes.rbegin(), bytes.rend()}, prefix + "reversed"});
    patterns.push_back({ToHex(bytes, "0123456789abcdef"), prefix + "hex"});
    patterns.push_back({ToHex(bytes, "0123456789ABCDEF"), prefix + "hex"});
    AddBase64(bytes, prefix + "base64", patterns);
  }
  if (patterns.empty()) {
    Fail(path + " has no secrets to look for: one per line, in hexadecimal");
  }
  return patterns;
}

Finder::Finder(std::vector<Pattern> patterns) : patterns_{std::move(patterns)} {
  for (std::size_t index = 0; index < patterns_.size(); ++index) {
    const std::string& bytes = patterns_[index].bytes;
    longest_ = std::max(longest_, bytes.size());
    for (std::size_t offset = 0; offset < kStep; ++offset) {
      const Run run = RunAt(bytes.data() + offset);
      hashes_.set(Hash(run));
      runs_.emplace(run, Place{index, offset});
    }
  }
}

void Finder::Look(std::string_view part, std::set<std::string>& found) const {
  for (std::size_t at = 0; at + sizeof(Run) <= part.size(); at += kStep) {
    const Run run = RunAt(part.data() + at);
    if (!hashes_.test(Hash(run))) {
      continue;
    }
    const auto [first, last] = runs_.equal_range(run);
    for (auto place = first; place != last; ++place) {
      const auto [index, offset] = place->second;
      const Pattern& pattern = patterns_[index];
      if (at >= offset && part.compare(at - offset, pattern.bytes.size(), pattern.bytes) == 0) {
        found.insert(pattern.name);
      }
    }
  }
}

namespace {

struct Range {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

/// What the process may have written to and can read: anonymous memory, and files that are mapped for writing. The
/// rest is the unchanged content of programs and libraries.
std::vector<Range> MappingsOf(pid_t thread) {
  std::vector<Range> mappings;
  std::istringstream maps{ReadAll("/proc/" + std::to_string(thread) + "/maps")};
  std::string line;
  while (std::getline(maps, line)) {
    unsigned long long start = 0;
    unsigned long long end = 0;
    unsigned long long inode = 0;
    std::array<char, 5> rights{};
    if (std::sscanf(line.c_str(), "%llx-%llx %4s %*x %*x:%*x %llu", &start, &end, rights.data(), &inode) == 4 &&
        rights[0] == 'r' && (rights[1] == 'w' || inode == 0) && line.find("[v") == std::string::npos) {
      mappings.push_back({start, end});  // [vvar], [vdso] and [vsyscall] are the kernel's
    }
  }
  return mappings;
}

/// The parts of a mapping that are in memory: Java maps much more than it ever touches.
std::vector<Range> TouchedParts(int pagemap, Range mapping) {
  constexpr std::uint64_t kPresentOrSwapped = 3ULL << 62;
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  std::vector<std::uint64_t> entries((mapping.end - mapping.start) / page);
  const std::size_t size = entries.size() * sizeof(std::uint64_t);
  if (pread(pagemap, entries.data(), size, static_cast<off_t>(mapping.start / page * sizeof(std::uint64_t))) !=
      static_cast<ssize_t>(size)) {
    return {mapping};
  }
  std::vector<Range> parts;
  for (std::size_t index = 0; index < entries.size(); ++index) {
    const std::uint64_t start = mapping.start + index * page;
    if ((entries[index] & kPresentOrSwapped) == 0) {
      continue;
    }
    if (!parts.empty() && parts.back().end == start) {
      parts.back().end += page;
    } else {
      parts.push_back({start, start + page});
    }
  }
  return parts;
}

/// False if the memory is gone: the process was killed meanwhile.
bool SearchPart(int memory, Range part, const Finder& finder, Search& search) {
  constexpr std::size_t kChunk = 1 << 20;
  static std::vector<char> buffer(kChunk + finder.longest());
  std::size_t kept = 0;  // the end of the last chunk stays in front of the next: a secret may lie across
  while (part.start < part.end) {
    const std::size_t wanted = std::min<std::uint64_t>(kChunk, part.end - part.start);
    const ssize_t got = pread(memory, buffer.data() + kept, wanted, static_cast<off_t>(part.start));
    if (got <= 0) {
      return got < 0 && errno == EIO;  // such as a page beyond the end of a file, which the process cannot read either
    }
    const auto size = static_cast<std::size_t>(got);
    finder.Look({buffer.data(), kept + size}, search.found);
    search.bytes += size;
    part.start += size;
    const std::size_t tail = std::min(finder.longest() - 1, kept + size);
    std::memmove(buffer.data(), buffer.data() + kept + size - tail, tail);
    kept = tail;
  }
  return true;
}

}  // namespace

Search SearchMemory(pid_t thread, const Finder& finder) {
  Search search;
  const std::string folder = "/proc/" + std::to_string(thread);
  const int memory = open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  const int pagemap = open((folder + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC);
  search.is_complete = memory >= 0;
  off_t first = 0;  // that was read
  for (const Range& mapping : memory >= 0 ? MappingsOf(thread) : std::vector<Range>{}) {
    for (const Range& part : TouchedParts(pagemap, mapping)) {
      first = search.bytes == 0 ? static_cast<off_t>(part.start) : first;
      search.is_complete = search.is_complete && SearchPart(memory, part, finder, search);
    }
  }
  // A process that is killed meanwhile looks as if it had touched nothing: what is gone by now was perhaps not read.
  char byte = 0;
  search.is_complete = search.is_complete && search.bytes > 0 && pread(memory, &byte, 1, first) == 1;
  close(memory);
  close(pagemap);
  return search;
}

}  // namespace simroot::test
