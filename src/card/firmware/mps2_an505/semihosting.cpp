// SPDX-License-Identifier: Apache-2.0
// Requests to the debugger or emulator (Arm "Semihosting for AArch32 and AArch64", version 2.0).
#include <algorithm>
#include <array>

#include "card/firmware/board.hpp"

namespace simroot::card::board {
namespace {

enum class Request : std::uint32_t {
  kOpen = 0x01,
  kClose = 0x02,
  kWrite0 = 0x04,
  kRead = 0x06,
  kGetCommandLine = 0x15,
  kExitExtended = 0x20,
};
constexpr std::uintptr_t kApplicationExit = 0x20026;
constexpr std::uintptr_t kReadBinary = 1;  // "rb"
constexpr std::uint32_t kNoHandle = 0xFFFFFFFF;
constexpr std::size_t kMaxPath = 200;

std::uint32_t Ask(Request request, const void* argument) {
  register std::uint32_t r0 asm("r0") = static_cast<std::uint32_t>(request);
  register const void* r1 asm("r1") = argument;
  asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

}  // namespace

void Print(std::string_view text) {
  // The request takes a text that ends with zero.
  std::array<char, 64> piece{};
  while (!text.empty()) {
    const std::string_view part = text.substr(0, piece.size() - 1);
    *std::ranges::copy(part, piece.begin()).out = '\0';
    Ask(Request::kWrite0, piece.data());
    text.remove_prefix(part.size());
  }
}

std::string_view CommandLine(std::span<char> memory) {
  struct {
    char* text;
    std::uint32_t size;
  } block{memory.data(), static_cast<std::uint32_t>(memory.size())};
  return Ask(Request::kGetCommandLine, &block) == 0 ? std::string_view(memory.data(), block.size) : std::string_view();
}

bool ReadHostFile(std::string_view path, ByteSpan out) {
  std::array<char, kMaxPath + 1> name{};  // ends with zero
  if (path.size() > kMaxPath) {
    return false;
  }
  std::ranges::copy(path, name.begin());
  const struct {
    const char* name;
    std::uintptr_t mode;
    std::size_t size;
  } open{name.data(), kReadBinary, path.size()};
  const std::uint32_t handle = Ask(Request::kOpen, &open);
  if (handle == kNoHandle) {
    return false;
  }
  const struct {
    std::uint32_t handle;
    std::uint8_t* memory;
    std::size_t size;
  } read{handle, out.data(), out.size()};
  const std::uint32_t missing = Ask(Request::kRead, &read);
  Ask(Request::kClose, &handle);
  return missing == 0;
}

void Exit(int code) {
  const std::array<std::uintptr_t, 2> block{kApplicationExit, static_cast<std::uintptr_t>(code)};
  Ask(Request::kExitExtended, block.data());
  while (true) {
    asm volatile("wfi");
  }
}

}  // namespace simroot::card::board
