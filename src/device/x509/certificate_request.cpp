// SPDX-License-Identifier: Apache-2.0
#include "device/x509/certificate_request.hpp"

#include <openssl/x509.h>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/wire/tlv.hpp"
#include "device/x509/public_key_info.hpp"

namespace simroot::device::x509 {
namespace {

using iotsafe::HashAlgorithm;

constexpr std::size_t kMaxSubject = 4096;  // DER
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kBitString = 0x03;

/// How a kind of key signs: AlgorithmIdentifier of RFC 5758 3.2 and RFC 4055 5.
struct SigningRow {
  SignatureScheme scheme;
  HashAlgorithm hash;
  ByteView algorithm;
};
constexpr std::array<std::uint8_t, 12> kEcdsaSha256{0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                                    0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
constexpr std::array<std::uint8_t, 12> kEcdsaSha384{0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                                    0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03};
constexpr std::array<std::uint8_t, 15> kRsaSha256{0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                                  0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0x00};

[[nodiscard]] SigningRow SigningOf(const PublicKey& key) {
  const auto curve = CurveOf(key.type);
  if (!curve) {
    return {SignatureScheme::kRsaPkcs1, HashAlgorithm::kSha256, kRsaSha256};
  }
  return *curve == crypto::Curve::kP384 ? SigningRow{SignatureScheme::kEcdsa, HashAlgorithm::kSha384, kEcdsaSha384}
                                        : SigningRow{SignatureScheme::kEcdsa, HashAlgorithm::kSha256, kEcdsaSha256};
}

struct FreeName {
  void operator()(X509_NAME* name) const { X509_NAME_free(name); }
};
using NamePtr = std::unique_ptr<X509_NAME, FreeName>;

/// Splits "/CN=x/O=y" or "CN=x,O=y"; a backslash takes the next character as it is.
[[nodiscard]] std::vector<std::string> SplitSubject(std::string_view subject) {
  const char separator = !subject.empty() && subject.front() == '/' ? '/' : ',';
  if (separator == '/') {
    subject.remove_prefix(1);
  }
  std::vector<std::string> parts(1);
  bool escaped = false;
  for (const char c : subject) {
    if (c == '\\' && !escaped) {
      escaped = true;
    } else if (c == separator && !escaped) {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
      escaped = false;
    }
  }
  return parts;
}

/// The Name in DER.
[[nodiscard]] Result<Bytes> EncodeSubject(const std::string& subject) {
  const NamePtr name(X509_NAME_new());
  for (std::string part : SplitSubject(subject)) {
    part.erase(0, part.find_first_not_of(' '));
    const std::size_t equals = part.find('=');
    const std::string type = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    const bool added = !value.empty() && name &&
                       X509_NAME_add_entry_by_txt(name.get(), type.c_str(), MBSTRING_UTF8,
                                                  reinterpret_cast<const unsigned char*>(value.data()),
                                                  static_cast<int>(value.size()), -1, 0) == 1;
    if (!added) {
      return Fail(ErrorDomain::kUsage, "the subject part \"" + part + "\" is not TYPE=VALUE with a known type",
                  "write it like /CN=device1/O=Example");
    }
  }
  const int size = i2d_X509_NAME(name.get(), nullptr);
  if (size <= 0 || static_cast<std::size_t>(size) > kMaxSubject) {
    return Fail(ErrorDomain::kUsage, "the subject is too long, or OpenSSL cannot encode it");
  }
  Bytes der(static_cast<std::size_t>(size));
  unsigned char* start = der.data();
  static_cast<void>(i2d_X509_NAME(name.get(), &start));
  return der;
}

/// One element; `parts` joined is its value.
[[nodiscard]] Bytes Element(std::uint8_t tag, std::initializer_list<ByteView> parts) {
  Bytes value;
  for (const ByteView part : parts) {
    value.insert(value.end(), part.begin(), part.end());
  }
  Bytes element(1 + wire::BerLengthSize(value.size()) + value.size());
  ByteWriter out(element);
  wire::PutBerTlv(tag, value, out);
  return element;
}

/// Whether the card signed with the private half of `key`. @param raw as Card::SignDigest returns it.
[[nodiscard]] bool Matches(crypto::Crypto& crypto, const PublicKey& key, const SigningRow& row, ByteView digest,
                           ByteView raw) {
  if (const auto curve = CurveOf(key.type)) {
    return crypto.VerifyEcdsa(*curve, key.point, digest, raw) == crypto::VerifyResult::kValid;
  }
  return crypto.VerifyRsa({key.modulus, key.exponent}, crypto::RsaPadding::kPkcs1, row.hash, digest, raw) ==
         crypto::VerifyResult::kValid;
}

[[nodiscard]] tl::unexpected<Error> NoCrypto() {
  return Fail(ErrorDomain::kCrypto, "OpenSSL cannot be used", "check the installation of OpenSSL 3");
}

[[nodiscard]] Result<Bytes> Hashed(crypto::Crypto& crypto, HashAlgorithm hash, ByteView data) {
  Bytes digest(iotsafe::DigestSize(hash));
  crypto::HashState state;
  if (!crypto.HashBegin(hash, state) || !crypto.HashUpdate(state, data) || !crypto.HashFinish(state, digest)) {
    return NoCrypto();
  }
  return digest;
}

}  // namespace

Result<Bytes> HashOnHost(HashAlgorithm hash, ByteView data) {
  const auto crypto = crypto::OpenSslCrypto::Create();
  return crypto ? Hashed(*crypto, hash, data) : NoCrypto();
}

Result<Bytes> MakeCertificateRequest(Card& card, const ObjectName& private_key, const PublicKey& public_key,
                                     const std::string& subject) {
  static constexpr std::array<std::uint8_t, 3> kVersion1{0x02, 0x01, 0x00};
  static constexpr std::array<std::uint8_t, 2> kNoAttributes{0xA0, 0x00};
  static constexpr std::array<std::uint8_t, 1> kNoUnusedBits{0x00};
  SR_TRY(const Bytes name, EncodeSubject(subject));
  const auto crypto = crypto::OpenSslCrypto::Create();
  if (!crypto) {
    return NoCrypto();
  }
  const SigningRow row = SigningOf(public_key);
  const Bytes to_sign = Element(kSequence, {kVersion1, name, EncodePublicKeyInfo(public_key), kNoAttributes});
  SR_TRY(const Bytes digest, Hashed(*crypto, row.hash, to_sign));
  SR_TRY(const Bytes raw, card.SignDigest(private_key, row.scheme, row.hash, digest));
  if (!Matches(*crypto, public_key, row, digest, raw)) {
    return Fail(ErrorDomain::kCrypto,
                "the signature by " + private_key.Text() + " on " + card.uri().text + " does not fit its public key",
                "the SIM may have been changed, or the two halves are of different pairs: generate the key pair anew");
  }
  if (row.scheme != SignatureScheme::kEcdsa) {
    return Element(kSequence, {to_sign, row.algorithm, Element(kBitString, {kNoUnusedBits, raw})});
  }
  const auto der = iotsafe::RawSignatureToDer(raw, raw.size() / 2);
  return Element(kSequence, {to_sign, row.algorithm, Element(kBitString, {kNoUnusedBits, der.view()})});
}

}  // namespace simroot::device::x509
