// SPDX-License-Identifier: Apache-2.0
/// Where things are on a card that the platform manages (README.md).
#pragma once

#include "platform/domain/records.hpp"
#include "platform/ota/applet_driver.hpp"

namespace simroot::platform {

/// The containers of one credential. Two slots, so that a new credential never takes the place of the one in use.
struct Slot {
  std::uint8_t number;
  std::uint8_t private_key;
  std::uint8_t public_key;
  std::uint8_t certificate;
  std::uint8_t secret;

  [[nodiscard]] ObjectKey Private() const { return {iotsafe::ObjectClass::kPrivateKey, private_key}; }
  [[nodiscard]] ObjectKey Public() const { return {iotsafe::ObjectClass::kPublicKey, public_key}; }
  [[nodiscard]] ObjectKey Certificate() const { return {iotsafe::ObjectClass::kFile, certificate}; }
  [[nodiscard]] ObjectKey Secret() const { return {iotsafe::ObjectClass::kSecretKey, secret}; }
};
inline constexpr std::array kSlots{Slot{0, 0x01, 0x01, 0x02, 0x06}, Slot{1, 0x11, 0x11, 0x12, 0x16}};
[[nodiscard]] constexpr const Slot& SlotOf(std::uint8_t number) {
  return kSlots[number == 0 ? 0 : 1];
}
[[nodiscard]] constexpr const Slot& OtherSlot(const Slot& slot) {
  return kSlots[slot.number == 0 ? 1 : 0];
}

/// Trust anchors, one certificate a file, so that every client that reads a certificate file understands them.
inline constexpr std::uint8_t kRootFile = 0x03;
inline constexpr std::uint8_t kIssuingFile = 0x05;
inline constexpr std::string_view kRootLabel = "ca";
inline constexpr std::string_view kIssuingLabel = "ca-issuing";
/// By which a device learns the identity of its pre-shared key.
inline constexpr std::uint8_t kIdentityFile = 0x04;
inline constexpr std::string_view kIdentityLabel = "psk-identity";

/// Label of a superseded credential.
[[nodiscard]] inline std::string OldLabel(const std::string& label) {
  return label + "-old";
}
/// Label of a private key that a job has made and that has no certificate yet.
[[nodiscard]] inline std::string JobLabel(Id job) {
  return "job-" + std::to_string(job);
}

}  // namespace simroot::platform
