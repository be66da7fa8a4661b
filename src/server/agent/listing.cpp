// SPDX-License-Identifier: Apache-2.0
#include "server/agent/listing.hpp"

#include <algorithm>
#include <array>

namespace simroot::server {
namespace {

/// Of RFC 5280. 40 digits are also what fits into nginx's default bucket of 64 bytes.
constexpr std::size_t kMaxSerialDigits = 40;

constexpr std::string_view kNginxHead =
    "# Written by simroot server agent; include it in http {} or stream {}. $simroot_allowed is 1 for a device that "
    "may\n"
    "# be here and 0 for every other client; $simroot_state, $simroot_iccid and $simroot_device say who it is.\n"
    "map $ssl_client_serial $simroot_credential {\n"
    "  default \"\";\n";
// A serial number counts only when nginx itself has verified the certificate: with "optional_no_ca" anybody can show
// any number.
constexpr std::string_view kNginxTail =
    "}\n"
    "map \"$ssl_client_verify $simroot_credential\" $simroot_allowed {\n"
    "  default 0;\n"
    "  \"~^SUCCESS (active|superseded) \" 1;\n"
    "}\n"
    "map \"$ssl_client_verify $simroot_credential\" $simroot_state {\n"
    "  default unknown;\n"
    "  \"~^SUCCESS (?<simroot_match_state>[a-z_]+) \" $simroot_match_state;\n"
    "}\n"
    "map \"$ssl_client_verify $simroot_credential\" $simroot_iccid {\n"
    "  default \"\";\n"
    "  \"~^SUCCESS [a-z_]+ (?<simroot_match_iccid>[0-9]+) \" $simroot_match_iccid;\n"
    "}\n"
    "map \"$ssl_client_verify $simroot_credential\" $simroot_device {\n"
    "  default \"\";\n"
    "  \"~^SUCCESS [a-z_]+ [0-9]+ (?<simroot_match_device>[^ ]+)$\" $simroot_match_device;\n"
    "}\n";

[[nodiscard]] bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
[[nodiscard]] bool IsPlain(char c) {
  return IsAlphanumeric(c) || std::string_view("._~:@/+-").find(c) != std::string_view::npos;
}
[[nodiscard]] bool IsDigits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// As nginx and OpenSSL print it: whole bytes, upper case, no zeros in front. Empty: it is no serial number.
[[nodiscard]] std::string NormalSerial(std::string_view name) {
  if (!FromHex(name) || std::ranges::any_of(name, [](char c) { return !IsAlphanumeric(c); })) {
    return {};
  }
  while (name.size() > 2 && name.starts_with("00")) {
    name.remove_prefix(2);
  }
  if (name.empty() || name.size() > kMaxSerialDigits) {
    return {};
  }
  return ToHex(*FromHex(name));
}

/// What every reader of "identity:key" files takes as it is: one line, no colon, no comment, no blank.
[[nodiscard]] bool IsPlainIdentity(std::string_view identity) {
  return !identity.empty() && IsPlain(identity.front()) &&
         std::ranges::all_of(identity, [](char c) { return c > 0x20 && c < 0x7F && c != ':'; });
}

/// The state of those who are let in; of the others the reason why they are not.
[[nodiscard]] std::string_view StateText(const Credential& credential, Refusal verdict) {
  if (verdict != Refusal::kNone) {
    return NameOf(verdict);
  }
  return credential.state == CredentialState::kSuperseded ? "superseded" : "active";
}

}  // namespace

void SecretText::MakeRoom(std::size_t more) {
  if (bytes_.capacity() - bytes_.size() >= more) {
    return;
  }
  Bytes larger;
  larger.reserve((bytes_.size() + more) * 2);
  larger.insert(larger.end(), bytes_.begin(), bytes_.end());
  Wipe(bytes_);
  bytes_.swap(larger);
}

void SecretText::Put(std::string_view text) {
  MakeRoom(text.size());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
}

void SecretText::PutHex(ByteView secret) {
  for (const std::uint8_t byte : secret) {
    std::array<char, 2> digits{};
    TextWriter writer(digits);
    writer.PutHexByte(byte);
    Put(writer.text());
  }
}

std::string EncodeName(std::string_view name) {
  std::string encoded;
  for (const char c : name) {
    if (IsPlain(c)) {
      encoded += c;
      continue;
    }
    const std::array<std::uint8_t, 1> byte{static_cast<std::uint8_t>(c)};
    encoded += "%" + ToHex(byte);
  }
  return encoded;
}

void Listing::Add(const Credential& credential, Refusal verdict) {
  if (credential.kind == CredentialKind::kPsk) {
    if (verdict == Refusal::kNone) {
      AddPsk(credential);
    }
    return;
  }
  AddCertificate(credential, verdict);
}

void Listing::AddCertificate(const Credential& credential, Refusal verdict) {
  std::string serial = NormalSerial(credential.name);
  if (serial.empty() || !IsDigits(credential.iccid)) {
    left_out_.push_back(EncodeName(credential.name));
    return;
  }
  std::string text(StateText(credential, verdict));
  text += " " + credential.iccid + " " + (credential.device.empty() ? "-" : EncodeName(credential.device));
  certificates_.push_back({std::move(serial), std::move(text), credential.fingerprint, verdict == Refusal::kNone});
}

void Listing::AddPsk(const Credential& credential) {
  if (!IsPlainIdentity(credential.name) || credential.psk.size() < kMinPsk) {
    left_out_.push_back(EncodeName(credential.name));
    return;
  }
  psk_.Put(credential.name);
  psk_.Put(":");
  psk_.PutHex(credential.psk.Reveal(InsecureReveal::kForStore));
  psk_.Put("\n");
  ++psk_count_;
}

void Listing::FillEmptyPsk(ByteView key) {
  if (psk_count_ == 0) {
    psk_.Put(kNobody);
    psk_.PutHex(key);
    psk_.Put("\n");
  }
}

std::string Listing::NginxDevices() {
  // nginx refuses a map with a key that comes twice. Numbers are unique in one CA, and random in the platform's; should
  // two CAs have given the same, a refusal goes before.
  std::ranges::sort(certificates_, [](const Certificate& a, const Certificate& b) {
    return a.serial != b.serial ? a.serial < b.serial : a.accepted < b.accepted;
  });
  std::string text(kNginxHead);
  const std::string* last = nullptr;
  for (const Certificate& certificate : certificates_) {
    if (last != nullptr && *last == certificate.serial) {
      left_out_.push_back(certificate.serial);
      continue;
    }
    text += "  " + certificate.serial + " \"" + certificate.text + "\";\n";
    last = &certificate.serial;
  }
  return text.append(kNginxTail);
}

std::string Listing::HaproxyDevices() const {
  std::string text = "# Written by simroot server agent.\n";
  for (const Certificate& certificate : certificates_) {
    text += ToHex(certificate.fingerprint) + " " + certificate.text + "\n";
  }
  return text;
}

}  // namespace simroot::server
