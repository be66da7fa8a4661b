// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "platform/authority/authority.hpp"

namespace simroot::platform {

/// Authority::CheckAttestation: understands and verifies a document of docs/formats/personalisation.md. Elements in any
/// order, each once, none that is unknown. A certificate request inside must be for the attested key; its own signature
/// is for Authority::CheckRequest.
[[nodiscard]] Outcome<CheckedAttestation> CheckAttestationDocument(ByteView document, ByteView attesting_key,
                                                                   ByteView nonce);

}  // namespace simroot::platform
