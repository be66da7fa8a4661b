// SPDX-License-Identifier: Apache-2.0
/// Status words and broken answers in words.
#pragma once

#include "device/client/card.hpp"

namespace simroot::device::client {

/// What was refused.
struct Refused {
  iotsafe::Ins ins = iotsafe::Ins::kGetData;
  const ObjectName* object = nullptr;  ///< the object the command named; borrowed; none if it named none
  std::string_view purpose = {};       ///< "signing": what the object may not be allowed to be used for
  std::string_view or_else = {};       ///< another reason for 6A80 beside an unknown object: "does not take SHA-384"
};

/// A kCard error for a status word that is not a success. @param port the transport's name.
[[nodiscard]] Error Refusal(wire::StatusWord sw, const Refused& refused, const std::string& port);

/// A kProtocol error for an answer that cannot be parsed. @param what "the signature by private key 01".
[[nodiscard]] Error NotUnderstood(std::string_view what, ParseError error, const std::string& port);

}  // namespace simroot::device::client
