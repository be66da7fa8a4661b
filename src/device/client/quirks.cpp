// SPDX-License-Identifier: Apache-2.0
#include "device/client/quirks.hpp"

namespace simroot::device::client {
namespace {

struct Quirk {
  std::string_view who;  ///< as in iotsafe::kAids
  Dialect dialect;
};

constexpr std::array kQuirks{
    // Traces show class 80 and one-byte lengths of tag 33 (spec 7.8).
    Quirk{"Thales", {.one_byte_signature_length = true}},
    // Only class 0c is proven there, and some of the modems sold with these cards cut long answers: the vendor's own
    // library reads files by 50 bytes (spec 7.13).
    Quirk{"Orange Live Objects",
          {.command_class = ClassForm::kInterindustry, .read_block = 50, .one_byte_signature_length = true}},
    // The vendor documents class 00 only (spec 11).
    Quirk{"NTT", {.command_class = ClassForm::kInterindustry, .one_byte_signature_length = true}},
};

/// The table names applets as kAids does.
[[nodiscard]] constexpr bool IsNamed(std::string_view who) {
  return std::ranges::any_of(iotsafe::kAids, [who](const iotsafe::AidEntry& entry) { return entry.who == who; });
}
static_assert(std::ranges::all_of(kQuirks, [](const Quirk& quirk) { return IsNamed(quirk.who); }));

}  // namespace

Dialect DialectOf(ByteView aid) {
  for (const iotsafe::AidEntry& entry : iotsafe::kAids) {
    for (const Quirk& quirk : kQuirks) {
      if (quirk.who == entry.who && SameBytes(entry.view(), aid)) {
        return quirk.dialect;
      }
    }
  }
  return {};
}

}  // namespace simroot::device::client
