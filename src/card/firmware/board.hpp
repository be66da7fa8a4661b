// SPDX-License-Identifier: Apache-2.0
/// What the firmware asks of the board below it. One folder per board implements it; the program links one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/base/bytes.hpp"

namespace simroot::card::board {

/// Makes the serial line ready, 8N1. Called once, before anything is read or written.
void StartSerial();
/// Waits, asleep, until the next byte has come in.
[[nodiscard]] std::uint8_t ReadSerial();
/// Returns when all of `bytes` have been taken by the line.
void WriteSerial(ByteView bytes);

/// What the program was started with, in `memory`; empty without a debugger or emulator that has it.
[[nodiscard]] std::string_view CommandLine(std::span<char> memory);
/// Fills `out` from the start of a file on the machine of the debugger or emulator. False if there is no such file, or
/// it is shorter.
[[nodiscard]] bool ReadHostFile(std::string_view path, ByteSpan out);
/// Prints on the console of the debugger or emulator, not on the serial line.
void Print(std::string_view text);
/// Ends the program; the emulator exits with `code` (0 to 255). A real chip stays silent until its next reset.
[[noreturn]] void Exit(int code);

/// Bytes of stack that have been used since the start, at the deepest point.
[[nodiscard]] std::size_t StackPeak();
/// Bytes of stack there are.
[[nodiscard]] std::size_t StackSize();

}  // namespace simroot::card::board
