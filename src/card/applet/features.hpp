// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace simroot::card {

/// What is compiled into the applet. What is left out answers as on a card that does not have it: instructions 6D00,
/// nothing announced.
struct Features {
  bool administration;   ///< personalisation and management sessions (docs/formats/personalisation.md), the user PIN
  bool extensions;       ///< services beyond IoT.05 and local provisioning (docs/formats/extensions.md)
  bool rsa;              ///< RSA-2048, where the crypto backend has it
  std::size_t sessions;  ///< crypto sessions at a time, announced in tag B7
};

#ifdef SIMROOT_CARD_WITHOUT_RSA
inline constexpr bool kWithRsa = false;
#else
inline constexpr bool kWithRsa = true;
#endif

/// The whole applet, and the interface of IoT.05 alone for a chip that is short of memory and whose objects come with
/// its memory image (docs/firmware.md, ADR 0012). SIMROOT_CARD of the firmware build chooses.
#ifdef SIMROOT_CARD_INTERFACE_ONLY
inline constexpr Features kFeatures{.administration = false, .extensions = false, .rsa = kWithRsa, .sessions = 4};
#else
inline constexpr Features kFeatures{.administration = true, .extensions = true, .rsa = kWithRsa, .sessions = 8};
#endif

}  // namespace simroot::card
