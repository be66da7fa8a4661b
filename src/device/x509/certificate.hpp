// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/host/error.hpp"
#include "common/host/hex.hpp"

namespace simroot::device::x509 {

/// The X.509 certificate in a file of the card, in DER: the file holds it so, or as PEM.
/// @param where names the file in errors. @returns kProtocol if the content is something else.
[[nodiscard]] Result<Bytes> CertificateIn(ByteView content, const std::string& where);

}  // namespace simroot::device::x509
