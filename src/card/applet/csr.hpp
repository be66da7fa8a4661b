// SPDX-License-Identifier: Apache-2.0
/// Certificate requests, PKCS#10 (RFC 2986), and signatures over documents.
#pragma once

#include "card/applet/public_key.hpp"
#include "common/iotsafe/objects.hpp"

namespace simroot::card {

/// What a certificate request says. Views borrow.
struct CsrContent {
  PublicKey key;
  ByteView subject;     ///< Name in DER
  ByteView attributes;  ///< in DER with tag A0; empty: none
};
/// True for one RDNSequence in DER, possibly empty: 30 { 31 { 30 ... } ... }.
[[nodiscard]] bool IsName(ByteView der);
/// True for A0 { 30 { object identifier, 31 ... } ... }.
[[nodiscard]] bool IsAttributes(ByteView der);

/// The CertificationRequestInfo: what is signed.
class CsrInfo final : public Document {
 public:
  explicit CsrInfo(const CsrContent& content) : content_(content) {}
  void Write(DocumentSink& out) const override;

 private:
  CsrContent content_;
};

/// The whole CertificationRequest.
class Csr final : public Document {
 public:
  /// @param signature over CsrInfo, as DocumentSignature holds it; borrowed.
  Csr(const CsrContent& content, ByteView signature) : content_(content), signature_(signature) {}
  void Write(DocumentSink& out) const override;

 private:
  CsrContent content_;
  ByteView signature_;
};

/// A private key ready to sign. Views borrow.
struct SigningKey {
  PublicKey public_half;
  ByteView value;  ///< scalar, or RSAPrivateKey
  std::uint16_t slot = 0;
  std::uint32_t generation = 0;
};

/// True if a key with this description may sign certificate requests and attestations: function, algorithm and hash.
[[nodiscard]] bool MaySignDocuments(const iotsafe::ObjectInfo& info, const PublicKey& half);

/// The signature of the last document made, kept until its last piece is fetched: an ECDSA signature made anew would
/// not fit the pieces already sent.
class DocumentSignature {
 public:
  /// Signs. @returns false if the crypto port fails; no signature is kept then.
  [[nodiscard]] bool Make(const Document& document, const SigningKey& key, crypto::Crypto& crypto);
  /// True if the signature kept is the one over `document` with a key of this kind. The document names the key.
  [[nodiscard]] bool IsOver(const Document& document, const PublicKey& signer, crypto::Crypto& crypto) const;
  /// Raw r||s, or 256 bytes of RSA; empty if none is kept.
  [[nodiscard]] ByteView view() const { return signature_.view(); }
  void Clear() { *this = DocumentSignature{}; }

 private:
  FixedBytes<crypto::kMaxDigestSize> digest_;
  FixedBytes<crypto::kRsaSize> signature_;
};

}  // namespace simroot::card
