// SPDX-License-Identifier: Apache-2.0
/// What names and numbers from outside must look like before the platform keeps them. Every refusal is kInvalid and one
/// sentence that names the rule; a refused text itself is not repeated, because it may be anything.
#pragma once

#include "platform/domain/failure.hpp"
#include "platform/domain/records.hpp"

namespace simroot::platform {

/// 18 to 20 digits (ITU-T E.118: 19 with the check digit; some issuers pad or leave it out).
[[nodiscard]] Outcome<void> CheckIccid(std::string_view iccid);
/// True if the last digit is the Luhn check digit of those in front of it (ISO/IEC 7812-1 annex B). Only advice: cards
/// without a right one are in use.
[[nodiscard]] bool HasLuhnDigit(std::string_view digits);
/// Empty, or 32 digits (GSMA SGP.29) that are 1 modulo 97.
[[nodiscard]] Outcome<void> CheckEid(std::string_view eid);
/// Empty, or 6 to 15 digits (ITU-T E.212).
[[nodiscard]] Outcome<void> CheckImsi(std::string_view imsi);

/// 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit; also for names of policies, profiles and authorities.
[[nodiscard]] Outcome<void> CheckTenantName(std::string_view name);
/// 1 to 64 printable ASCII characters without spaces at its ends; also for names of tokens and servers.
[[nodiscard]] Outcome<void> CheckDeviceName(std::string_view name);
/// 1 to 128 printable ASCII characters (RFC 4279 5.3: every implementation takes 128 bytes).
[[nodiscard]] Outcome<void> CheckPskIdentity(std::string_view identity);

/// Names, key type, times, PSK size, label and attesting key. The tenant and the authority are not looked up.
[[nodiscard]] Outcome<void> CheckPolicy(const Policy& policy);

}  // namespace simroot::platform
