// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/text.hpp"
#include "common/secure/scp80.hpp"

namespace simroot::secure {

/// What bytes are, by their structure. Only what must fit exactly is recognised, so a compact list of commands, which
/// could be anything, is not; it is put into words as the data of a packet.
enum class SecuredKind : std::uint8_t {
  kNone,
  kCommandPacket,   ///< with the header 027000, the identifier 01, or neither
  kResponsePacket,  ///< with the header 027100, or the identifier 02
  kEnvelope,        ///< ENVELOPE (SMS-PP DOWNLOAD), or its data, with one of them inside
  kScript,          ///< expanded format
  kScriptResponse,  ///< expanded format
};
[[nodiscard]] SecuredKind RecogniseSecured(ByteView bytes);

/// Puts what RecogniseSecured knows into words: "command packet (SMS): cryptographic check, ciphered, counter must be
/// higher; ...". Nothing is deciphered or checked: there are no keys here. Writes nothing for kNone.
void DescribeSecured(ByteView bytes, TextWriter& out);

}  // namespace simroot::secure
