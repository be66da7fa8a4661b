// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "platform/authority/authority.hpp"

namespace simroot::platform {

/// The X.501 Name of a subject in DER: organizationName and commonName as UTF8String, serialNumber as PrintableString
/// (X.520 leaves no choice), each in its own set, in this order.
/// @returns kInvalid if all parts are empty, one has more than 64 characters, is not UTF-8 or has control characters,
/// or the serial number has characters that PrintableString has not.
[[nodiscard]] Outcome<Bytes> EncodeSubject(const Subject& subject);

/// Number of characters of UTF-8 text (RFC 3629: no surrogates, no long forms). Nothing if it is none.
[[nodiscard]] std::optional<std::size_t> CountUtf8(ByteView text);
/// True for letters, digits, space and ' ( ) + , - . / : = ?
[[nodiscard]] bool IsPrintableString(ByteView text);

}  // namespace simroot::platform
