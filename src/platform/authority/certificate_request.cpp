// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/certificate_request.hpp"

#include "platform/authority/der.hpp"
#include "platform/authority/public_key.hpp"
#include "platform/authority/subject.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kMaxRequestSize = 16 * 1024;
constexpr std::array<std::uint8_t, 3> kVersion{der::kInteger, 0x01, 0x00};
constexpr std::array<std::uint8_t, 2> kNoAttributes{der::Constructed(0), 0x00};
constexpr std::array<std::uint8_t, 2> kX520{0x55, 0x04};
constexpr std::uint8_t kIa5String = 0x16;

/// Signature algorithms that are good enough for the proof of possession.
constexpr std::array kGoodAlgorithms{
    NID_ecdsa_with_SHA256,       NID_ecdsa_with_SHA384,       NID_ecdsa_with_SHA512, NID_sha256WithRSAEncryption,
    NID_sha384WithRSAEncryption, NID_sha512WithRSAEncryption, NID_ED25519,           NID_ED448};

tl::unexpected<Failure> BadRequest(const std::string& what) {
  return Refuse(FailureKind::kInvalid, "the certificate request " + what);
}

[[nodiscard]] bool IsText(ByteView text) {
  return !text.empty() && std::ranges::none_of(text, [](std::uint8_t c) { return c < 0x20 || c == 0x7F; });
}

/// The value of an attribute in one of the string types that need no conversion.
[[nodiscard]] bool ReadText(ByteReader& reader) {
  ByteView text;
  if (der::Read(reader, der::kUtf8String, text)) {
    return IsText(text) && CountUtf8(text).has_value();
  }
  if (der::Read(reader, der::kPrintableString, text)) {
    return IsText(text) && IsPrintableString(text);
  }
  return der::Read(reader, kIa5String, text) && IsText(text) &&
         std::ranges::all_of(text, [](std::uint8_t c) { return c < 0x80; });
}

/// AttributeTypeAndValue of X.520: 55 04 and one more byte.
[[nodiscard]] bool IsPlainAttribute(ByteView content) {
  ByteReader reader(content);
  ByteView oid;
  if (!der::Read(reader, der::kObjectIdentifier, oid)) {
    return false;
  }
  const bool is_x520 = oid.size() == 3 && SameBytes(oid.first(2), kX520) && oid.back() < 0x80;
  return is_x520 && ReadText(reader) && reader.empty();
}

[[nodiscard]] bool IsPlainName(ByteView content) {
  ByteReader sets(content);
  while (!sets.empty()) {
    ByteView set;
    ByteView attribute;
    if (!der::Read(sets, der::kSet, set)) {
      return false;
    }
    ByteReader attributes(set);
    if (!der::Read(attributes, der::kSequence, attribute) || !attributes.empty() || !IsPlainAttribute(attribute)) {
      return false;
    }
  }
  return true;
}

/// The next bytes are exactly these.
[[nodiscard]] bool ReadExactly(ByteReader& reader, ByteView expected) {
  ByteView found;
  return reader.ReadBytes(expected.size(), found) && SameBytes(found, expected);
}

[[nodiscard]] bool ReadInfo(ByteView content, P256Request& request) {
  ByteReader reader(content);
  ByteView name;
  return ReadExactly(reader, kVersion) && der::ReadWhole(reader, der::kSequence, request.subject, name) &&
         IsPlainName(name) && ReadExactly(reader, der::kP256KeyPrefix) &&
         reader.ReadBytes(der::kP256PointSize, request.point) && der::LooksLikeP256Point(request.point) &&
         ReadExactly(reader, kNoAttributes) && reader.empty();
}

}  // namespace

std::optional<P256Request> ParseP256Request(ByteView csr) {
  constexpr std::array<std::uint8_t, 1> kNoUnusedBits{0};
  P256Request request;
  ByteReader whole(csr);
  ByteView content;
  if (!der::Read(whole, der::kSequence, content) || !whole.empty()) {
    return std::nullopt;
  }
  ByteReader reader(content);
  ByteView info;
  ByteView bits;
  if (!der::ReadWhole(reader, der::kSequence, request.signed_part, info) || !ReadInfo(info, request) ||
      !ReadExactly(reader, der::kEcdsaSha256) || !der::Read(reader, der::kBitString, bits) || !reader.empty()) {
    return std::nullopt;
  }
  ByteReader signature(bits);
  if (!ReadExactly(signature, kNoUnusedBits)) {
    return std::nullopt;
  }
  request.signature = signature.rest();
  return request;
}

std::unique_ptr<P256Verifier> P256Verifier::Make() {
  // Any key will do: what counts is the group, which is decoded once.
  std::unique_ptr<P256Verifier> verifier(new P256Verifier());
  verifier->key_.reset(EVP_EC_gen("P-256"));
  if (!verifier->key_) {
    return nullptr;
  }
  crypto::EvpPkey public_only(EVP_PKEY_new());
  if (!public_only || EVP_PKEY_copy_parameters(public_only.get(), verifier->key_.get()) != 1) {
    return nullptr;
  }
  verifier->key_ = std::move(public_only);
  return verifier;
}

bool P256Verifier::UseKey(ByteView point) {
  if (!der::LooksLikeP256Point(point) ||
      EVP_PKEY_set1_encoded_public_key(key_.get(), point.data(), point.size()) != 1) {
    return false;
  }
  if (!context_) {
    context_.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  }
  // The context takes the key up anew each time: what a context does with a key that changes under it is not written
  // anywhere. It costs a hundredth of the verification.
  return context_ && EVP_PKEY_verify_init(context_.get()) == 1;
}

bool P256Verifier::Verify(ByteView message, ByteView signature) {
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<std::uint8_t, 32> digest{};
  return context_ && EVP_Digest(message.data(), message.size(), digest.data(), nullptr, kSha256, nullptr) == 1 &&
         EVP_PKEY_verify(context_.get(), signature.data(), signature.size(), digest.data(), digest.size()) == 1;
}

Outcome<CheckedRequest> RequestChecker::CheckP256(const P256Request& request) {
  const ErrorScope errors;
  auto verifier = verifiers_.Take();
  if (!verifier) {
    verifier = P256Verifier::Make();
  }
  if (!verifier) {
    return OpenSslCannot("verify a certificate request");
  }
  const bool on_curve = verifier->UseKey(request.point);
  const bool verified = on_curve && verifier->Verify(request.signed_part, request.signature);
  verifiers_.GiveBack(std::move(verifier));
  if (!on_curve) {
    return BadRequest("is for a point that is not on P-256");
  }
  if (!verified) {
    return BadRequest("is not signed with its own key");
  }
  return CheckedRequest{Bytes(request.point.begin(), request.point.end()), "p256",
                        Bytes(request.subject.begin(), request.subject.end())};
}

Outcome<CheckedRequest> RequestChecker::Check(ByteView csr) {
  if (csr.size() > kMaxRequestSize) {
    return BadRequest("has " + std::to_string(csr.size()) + " bytes, more than " + std::to_string(kMaxRequestSize));
  }
  const auto request = ParseP256Request(csr);
  return request ? CheckP256(*request) : CheckRequestWithOpenSsl(csr);
}

Outcome<CheckedRequest> CheckRequestWithOpenSsl(ByteView csr) {
  const ErrorScope errors;
  const auto request = DecodeDer<RequestPtr>(csr, d2i_X509_REQ);
  // Encoded again it must be the same: OpenSSL reads more than DER.
  if (!request || EncodeDer(request.get(), i2d_X509_REQ) != Bytes(csr.begin(), csr.end())) {
    return BadRequest("is not PKCS#10 in DER");
  }
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) {
    return BadRequest("is for a key that cannot be read");
  }
  if (X509_REQ_get_version(request.get()) != X509_REQ_VERSION_1) {
    return BadRequest("is of an unknown version");
  }
  if (std::ranges::find(kGoodAlgorithms, X509_REQ_get_signature_nid(request.get())) == kGoodAlgorithms.end()) {
    return BadRequest("is signed with an algorithm that is not accepted");
  }
  CheckedRequest checked;
  SR_TRY(checked.key_type, JudgePublicKey(key));
  if (X509_REQ_verify(request.get(), key) != 1) {
    return BadRequest("is not signed with its own key");
  }
  SR_TRY(checked.public_key, ExportPublicKey(key));
  checked.subject = EncodeDer(X509_REQ_get_subject_name(request.get()), i2d_X509_NAME);
  return checked;
}

}  // namespace simroot::platform
