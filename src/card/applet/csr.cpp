// SPDX-License-Identifier: Apache-2.0
#include "card/applet/csr.hpp"

namespace simroot::card {
namespace {

using wire::Tlv;

constexpr std::uint8_t kObjectIdentifier = 0x06;
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kSet = 0x31;
constexpr std::uint8_t kAttributesTag = 0xA0;
/// version INTEGER 0
constexpr std::array<std::uint8_t, 3> kVersion{0x02, 0x01, 0x00};
/// RFC 2986 4.1: the attributes may be empty but not absent.
constexpr std::array<std::uint8_t, 2> kNoAttributes{kAttributesTag, 0x00};

/// True if `bytes` is one element with this tag. Its content goes to `content`.
[[nodiscard]] bool IsOnly(ByteView bytes, std::uint8_t tag, ByteView& content) {
  ByteReader reader(bytes);
  Tlv element;
  if (!wire::ReadBerTlv(reader, element) || element.tag != tag || !reader.empty()) {
    return false;
  }
  content = element.value;
  return true;
}

/// True if `content` consists of elements with this tag that all pass `check`.
template <typename Check>
[[nodiscard]] bool ConsistsOf(ByteView content, std::uint8_t tag, const Check& check) {
  ByteReader reader(content);
  while (!reader.empty()) {
    Tlv element;
    if (!wire::ReadBerTlv(reader, element) || element.tag != tag || !check(element.value)) {
      return false;
    }
  }
  return true;
}

/// AttributeTypeAndValue or Attribute: an object identifier and one more element.
[[nodiscard]] bool IsTypeAndValue(ByteView content) {
  ByteReader reader(content);
  Tlv type;
  Tlv value;
  return wire::ReadBerTlv(reader, type) && type.tag == kObjectIdentifier && !type.value.empty() &&
         wire::ReadBerTlv(reader, value) && reader.empty();
}

/// Writes a document's digest. False if the crypto port fails.
[[nodiscard]] bool Digest(const Document& document, crypto::HashAlgorithm hash, crypto::Crypto& crypto,
                          ByteSpan digest) {
  crypto::HashState state;
  if (!crypto.HashBegin(hash, state)) {
    return false;
  }
  HashSink sink(crypto, state);
  document.Write(sink);
  if (!sink.ok()) {
    crypto.HashAbort(state);
    return false;
  }
  return crypto.HashFinish(state, digest);
}

}  // namespace

bool IsName(ByteView der) {
  ByteView sets;
  return IsOnly(der, kSequence, sets) && ConsistsOf(sets, kSet, [](ByteView set) {
           return !set.empty() && ConsistsOf(set, kSequence, IsTypeAndValue);
         });
}

bool IsAttributes(ByteView der) {
  ByteView attributes;
  return IsOnly(der, kAttributesTag, attributes) && ConsistsOf(attributes, kSequence, IsTypeAndValue);
}

void CsrInfo::Write(DocumentSink& out) const {
  class Content final : public Document {
   public:
    explicit Content(const CsrContent& content) : content_(content) {}
    void Write(DocumentSink& sink) const override {
      sink.Put(kVersion);
      sink.Put(content_.subject);
      PutSubjectPublicKeyInfo(content_.key, sink);
      sink.Put(content_.attributes.empty() ? ByteView(kNoAttributes) : content_.attributes);
    }

   private:
    const CsrContent& content_;
  };
  const Content content(content_);
  PutHead(kSequence, SizeOf(content), out);
  content.Write(out);
}

void Csr::Write(DocumentSink& out) const {
  class Content final : public Document {
   public:
    Content(const CsrContent& content, ByteView signature) : content_(content), signature_(signature) {}
    void Write(DocumentSink& sink) const override {
      CsrInfo(content_).Write(sink);
      PutSignatureAlgorithm(SchemeOf(content_.key), sink);
      PutSignatureBits(content_.key, signature_, sink);
    }

   private:
    const CsrContent& content_;
    ByteView signature_;
  };
  const Content content(content_, signature_);
  PutHead(kSequence, SizeOf(content), out);
  content.Write(out);
}

bool MaySignDocuments(const iotsafe::ObjectInfo& info, const PublicKey& half) {
  const auto algorithm = half.curve ? iotsafe::SignatureAlgorithm::kEcdsa : iotsafe::SignatureAlgorithm::kRsaPkcs1;
  return Has(info.functions, iotsafe::Function::kSignature) && Has(info.signature_algorithms, algorithm) &&
         Has(info.hash_algorithms, HashOf(SchemeOf(half)));
}

bool DocumentSignature::Make(const Document& document, const SigningKey& key, crypto::Crypto& crypto) {
  Clear();
  const PublicKey& half = key.public_half;
  const crypto::HashAlgorithm hash = HashOf(SchemeOf(half));
  std::array<std::uint8_t, crypto::kMaxDigestSize> digest_memory{};
  const ByteSpan digest = ByteSpan(digest_memory).first(DigestSize(hash));
  std::array<std::uint8_t, crypto::kRsaSize> signature_memory{};
  const ByteSpan signature =
      ByteSpan(signature_memory).first(half.curve ? crypto::SignatureSize(*half.curve) : crypto::kRsaSize);
  if (!Digest(document, hash, crypto, digest)) {
    return false;
  }
  const bool is_signed =
      half.curve
          ? crypto.SignEcdsa({*half.curve, key.value, key.slot, key.generation}, digest, signature)
          : crypto.SignRsa({key.value, key.slot, key.generation}, crypto::RsaPadding::kPkcs1, hash, digest, signature);
  if (!is_signed || !digest_.Assign(digest) || !signature_.Assign(signature)) {
    Clear();
    return false;
  }
  return true;
}

bool DocumentSignature::IsOver(const Document& document, const PublicKey& signer, crypto::Crypto& crypto) const {
  const crypto::HashAlgorithm hash = HashOf(SchemeOf(signer));
  std::array<std::uint8_t, crypto::kMaxDigestSize> memory{};
  const ByteSpan digest = ByteSpan(memory).first(DigestSize(hash));
  return !signature_.empty() && Digest(document, hash, crypto, digest) && SameBytes(digest, digest_.view());
}

}  // namespace simroot::card
