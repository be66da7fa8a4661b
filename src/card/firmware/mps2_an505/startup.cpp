// SPDX-License-Identifier: Apache-2.0
// From reset to main, and what happens on a fault: vector table, memory, stack limit (Armv8-M Architecture Reference
// Manual B3.30, B3.21).
#include <algorithm>
#include <array>
#include <span>

#include "card/firmware/board.hpp"
#include "common/base/check.hpp"
#include "common/base/text.hpp"

int main();

extern "C" {
// From the linker script; only their addresses mean something.
extern std::uint32_t _stack_bottom[];
extern std::uint32_t _stack_top[];
extern std::uint32_t _data_start[];
extern std::uint32_t _data_end[];
extern const std::uint32_t _data_load[];
extern std::uint32_t _bss_start[];
extern std::uint32_t _bss_end[];
extern void (*const _init_array_start[])();
extern void (*const _init_array_end[])();

[[noreturn]] void Reset();
[[noreturn]] void Fault();
[[noreturn]] void FaultReport();
[[noreturn]] void abort();
[[noreturn]] void __cxa_pure_virtual();
[[noreturn]] void simroot_chip_exit(int code);
}

namespace simroot::card::board {
namespace {

constexpr std::uint32_t kPaint = 0xC5C5C5C5U;
constexpr int kAborted = 98;
constexpr int kFaulted = 99;

std::span<std::uint32_t> Stack() {
  return {&_stack_bottom[0], &_stack_top[0]};
}

/// An address that the linker knows: data or code.
union Vector {
  const void* address;
  void (*handler)();
};

/// Fault and interrupt handlers are all the same: no interrupt is ever enabled, the serial line only wakes the chip.
constexpr std::size_t kVectors = 16;
using VectorTable = std::array<Vector, kVectors>;

consteval VectorTable MakeVectors() {
  VectorTable table{};
  table.fill(Vector{.handler = &Fault});
  table.at(0).address = &_stack_top[0];
  table.at(1).handler = &Reset;
  return table;
}

[[gnu::section(".vectors"), gnu::used]] constinit const VectorTable kVectorTable = MakeVectors();

}  // namespace

std::size_t StackSize() {
  return Stack().size_bytes();
}

std::size_t StackPeak() {
  const auto painted = std::ranges::find_if(Stack(), [](std::uint32_t word) { return word != kPaint; });
  return static_cast<std::size_t>(Stack().end() - painted) * sizeof(std::uint32_t);
}

}  // namespace simroot::card::board

void Reset() {
  namespace board = simroot::card::board;
  // The chip faults when the stack pointer goes below.
  asm volatile("msr msplim, %0" : : "r"(&_stack_bottom[0]));
  // Paints what lies below this function's own frame. Volatile: nothing else of this function may be moved past it.
  std::uint32_t* top = nullptr;
  asm volatile("mov %0, sp" : "=r"(top));
  for (volatile std::uint32_t* word = &_stack_bottom[0]; word < top; ++word) {
    *word = board::kPaint;
  }
  std::copy(&_data_load[0], &_data_load[_data_end - _data_start], &_data_start[0]);
  std::fill(&_bss_start[0], &_bss_end[0], 0U);
  for (void (*const* constructor)() = &_init_array_start[0]; constructor != &_init_array_end[0]; ++constructor) {
    (*constructor)();
  }
  board::Exit(main());
}

// The stack may be what failed: it is emptied, and its limit lifted, before anything is called.
[[gnu::naked]] void Fault() {
  asm volatile(
      "movs r0, #0\n"
      "msr msplim, r0\n"
      "ldr r0, =_stack_top\n"
      "mov sp, r0\n"
      "b FaultReport\n");
}

void FaultReport() {
  simroot::card::board::Print("fault: the processor stopped the firmware\n");
  simroot::card::board::Exit(simroot::card::board::kFaulted);
}

void abort() {
  simroot::card::board::Print("abort\n");
  simroot::card::board::Exit(simroot::card::board::kAborted);
}

void __cxa_pure_virtual() {
  abort();
}

void simroot_chip_exit(int code) {
  simroot::card::board::Exit(code);
}

namespace simroot {

void CheckFailedAt(int line) {
  card::board::Print("check failed in line ");
  std::array<std::uint8_t, 2> number{};
  ByteWriter(number).PutU16(static_cast<std::uint16_t>(line));
  std::array<char, 8> memory{};
  TextWriter text(memory);
  text.PutHex(number);
  card::board::Print(text.text());
  card::board::Print("h\n");
  abort();
}

}  // namespace simroot
