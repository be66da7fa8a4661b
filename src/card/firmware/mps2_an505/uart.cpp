// SPDX-License-Identifier: Apache-2.0
// The serial line: CMSDK APB UART number 0 (Arm DDI 0479 4.3), secure address of AN505.
#include "card/firmware/board.hpp"

namespace simroot::card::board {
namespace {

struct UartRegisters {
  std::uint32_t data;
  std::uint32_t state;
  std::uint32_t control;
  std::uint32_t interrupt;  ///< read: pending; write: cleared
  std::uint32_t baud_divider;
};
constexpr std::uintptr_t kUartAddress = 0x50200000;
constexpr std::uint32_t kTransmitFull = 1U << 0U;
constexpr std::uint32_t kReceiveFull = 1U << 1U;
constexpr std::uint32_t kTransmitEnable = 1U << 0U;
constexpr std::uint32_t kReceiveEnable = 1U << 1U;
constexpr std::uint32_t kReceiveInterrupt = 1U << 3U;
constexpr std::uint32_t kShortestDivider = 16;  // nothing is sent with less

/// Interrupt controller (Armv8-M): one bit per interrupt.
constexpr std::uintptr_t kInterruptEnable = 0xE000E104;  // ISER1, interrupts 32 to 63
constexpr std::uintptr_t kInterruptUnpend = 0xE000E284;  // ICPR1
constexpr std::uint32_t kUart0Interrupts = 0b11;         // 32 and 33: the two directions of UART 0

volatile UartRegisters& Uart() {
  return *reinterpret_cast<volatile UartRegisters*>(kUartAddress);
}
void Write(std::uintptr_t address, std::uint32_t value) {
  *reinterpret_cast<volatile std::uint32_t*>(address) = value;
}

}  // namespace

void StartSerial() {
  // Masked for good: a pending interrupt wakes the chip and is never taken.
  asm volatile("cpsid i");
  Uart().baud_divider = kShortestDivider;
  Uart().control = kTransmitEnable | kReceiveEnable | kReceiveInterrupt;
  Write(kInterruptEnable, kUart0Interrupts);
  // Whatever stands there is from before. The read also tells the emulator, which may hold bytes back, to look again.
  static_cast<void>(LowByte(Uart().data));
}

std::uint8_t ReadSerial() {
  while ((Uart().state & kReceiveFull) == 0) {
    asm volatile("wfi");
    Uart().interrupt = kReceiveFull;
    Write(kInterruptUnpend, kUart0Interrupts);
  }
  return LowByte(Uart().data);
}

void WriteSerial(ByteView bytes) {
  for (const std::uint8_t byte : bytes) {
    while ((Uart().state & kTransmitFull) != 0) {
    }
    Uart().data = byte;
  }
}

}  // namespace simroot::card::board
