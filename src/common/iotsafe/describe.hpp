// SPDX-License-Identifier: Apache-2.0
/// Puts APDUs and the applet's elements into words, for `simroot decode`, traces and test reports. No heap.
#pragma once

#include "common/base/text.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::iotsafe {

/// Whether values that may be secret (random numbers, shared secrets, key material) are shown or replaced by their
/// length. Traces hide them; `simroot decode`, which shows only what its user typed, does not.
enum class Secrets : std::uint8_t { kHide, kShow };

/// One line for a command: "ch1 COMPUTE SIGNATURE INIT session 1: private key identifier 01, mode pad and sign,
/// SHA-256, ECDSA". Also names the UICC commands of ETSI TS 102 221 and ISO/IEC 7816-4 (SELECT, READ BINARY, ...).
void DescribeCommand(ByteView command, Secrets secrets, TextWriter& out);

/// One line for a response to `command` (may be empty if not known): elements in words, bytes, status word in words.
void DescribeResponse(ByteView command, ByteView response, Secrets secrets, TextWriter& out);

/// The elements in `bytes`, indented, one a line.
void DescribeTlvs(ByteView bytes, Secrets secrets, TextWriter& out);

/// True if `block` consists of whole personalisation commands of our applet (personalisation.hpp).
[[nodiscard]] bool IsPersonalisation(ByteView block);
/// One line for the data of a STORE DATA command to our applet, or for its answer: "BEGIN: version 1; CREATE: ...".
/// Keys are shown by their length only.
void DescribePersonalisation(ByteView block, TextWriter& out);

/// Copies an APDU to hexadecimal text as a trace shows it: values that may be secret replaced by `..`.
void PutTraceHex(ByteView command, ByteView response, bool is_response, TextWriter& out);

}  // namespace simroot::iotsafe
