// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/iotsafe/objects.hpp"

namespace simroot::card {

/// How the length of tag 33 is written in answers (spec 10.1).
enum class SignatureLength : std::uint8_t {
  kByClass,  ///< class 8X: two bytes, class 0X: one byte; serves every known client
  kOneByte,
  kTwoBytes,
};

/// When a device learns from a status word that a management session has changed something (spec 9).
enum class AdminReport : std::uint8_t {
  kOff,          ///< never: 63CF and 6989 are failures to every known client
  kGetDataOnly,  ///< 63CF from GET DATA alone
  kOn,           ///< the letter of the specification
};

/// What kind of applet a card carries (IoT.04): fixed when the card is made.
enum class AppletType : std::uint8_t {
  kTypeI = 1,   ///< asymmetric keys and certificates; pre-shared keys optional
  kTypeII = 2,  ///< pre-shared keys only
};

/// Points in which the known clients and cards contradict each other, one switch each (docs/compatibility.md). The
/// defaults serve as many clients as can be served at once.
struct CompatibilityConfig {
  SignatureLength signature_length = SignatureLength::kByClass;
  std::uint16_t read_file_max = 255;  ///< bytes of one READ FILE answer, 1 to 256; 255 keeps Thales' client alive
  iotsafe::ApplicationTags application_tags = iotsafe::ApplicationTags::k90And93;
  bool restart_open_session = true;   ///< false: INIT on an open session is refused with 6A86
  bool accept_longer_hash = false;    ///< true: a hash longer than that of INIT is cut (wolfSSL, spec clients 1.1)
  bool ignore_excess_bytes = true;    ///< bytes after Lc and data are ignored as on T=0 (Orange's library)
  bool implicit_channel_open = true;  ///< SELECT by AID on a closed channel opens it (wolfSSL)
  AdminReport admin_report = AdminReport::kOff;
  bool extensions = true;        ///< our own instructions (docs/formats/extensions.md); false: 6D00, not announced
  bool enforce_usage = false;    ///< a key for TLS CertificateVerify signs nothing else (tag 4E)
  bool psk_labels_only = false;  ///< a stored secret makes only TLS master secrets in COMPUTE PRF
  bool answer_t0 = true;         ///< case 4 answers 61LL and GET RESPONSE; false: directly, as on T=1
};

/// The named sets of `--compat`.
struct CompatibilityProfile {
  std::string_view name;
  CompatibilityConfig config;
};
inline constexpr std::array kCompatibilityProfiles{
    CompatibilityProfile{"default", {}},
    CompatibilityProfile{"strict",
                         {.signature_length = SignatureLength::kTwoBytes,
                          .read_file_max = 256,
                          .restart_open_session = false,
                          .ignore_excess_bytes = false,
                          .implicit_channel_open = false,
                          .admin_report = AdminReport::kOn,
                          .extensions = false,
                          .enforce_usage = true,
                          .psk_labels_only = true}},
    CompatibilityProfile{"wolfssl", {.signature_length = SignatureLength::kTwoBytes, .accept_longer_hash = true}},
    CompatibilityProfile{"orange", {.signature_length = SignatureLength::kOneByte}},
    CompatibilityProfile{"thales", {}},
    CompatibilityProfile{"ntt", {.signature_length = SignatureLength::kOneByte}},
};

}  // namespace simroot::card
