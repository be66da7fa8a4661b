// SPDX-License-Identifier: Apache-2.0
#include "server/sync/record_chain.hpp"

namespace simroot::server {
namespace {

using crypto::Crypto;
using iotsafe::HashAlgorithm;

constexpr std::string_view kLabel = "simroot local copy";

}  // namespace

bool RecordChain::Start(Crypto& crypto, const SecretBytes& secret, const Salt& salt) {
  number_ = 0;
  last_.fill(0);
  ByteWriter out(header_);
  out.PutBytes(kCopyMark);
  out.PutBytes(salt);
  // HKDF (RFC 5869). The first and only block of its second half is HMAC(prk, info || 01), which is what Extract
  // computes.
  SecretArray<32> prk;
  Bytes info(AsBytes(kLabel).begin(), AsBytes(kLabel).end());
  info.push_back(1);
  return crypto.HkdfExtract(HashAlgorithm::kSha256, salt, secret.Reveal(InsecureReveal::kForCrypto), prk.Prepare(32)) &&
         crypto.HkdfExtract(HashAlgorithm::kSha256, prk.Reveal(InsecureReveal::kForCrypto), info, key_.Prepare(32));
}

std::array<std::uint8_t, kCopyHeader + 8 + kRecordTag> RecordChain::Place() const {
  std::array<std::uint8_t, kCopyHeader + 8 + kRecordTag> place{};
  ByteWriter out(place);
  out.PutBytes(header_);
  out.PutU32(static_cast<std::uint32_t>(number_ >> 32U));
  out.PutU32(static_cast<std::uint32_t>(number_ & 0xFFFFFFFFU));
  out.PutBytes(last_);
  return place;
}

std::optional<Bytes> RecordChain::Seal(Crypto& crypto, ByteView body) {
  Bytes record(kRecordHead + body.size() + kRecordTag);
  ByteWriter out(record);
  out.PutU32(static_cast<std::uint32_t>(body.size()));
  const ByteSpan nonce = out.Reserve(12);
  const ByteSpan sealed = out.Reserve(body.size());
  const ByteSpan tag = out.Reserve(kRecordTag);
  if (!crypto.Random(nonce) ||
      !crypto.AesGcmEncrypt(key_.Reveal(InsecureReveal::kForCrypto), nonce, Place(), body, sealed, tag)) {
    return std::nullopt;
  }
  (void)CopyBytes(tag, sealed_);
  return record;
}

void RecordChain::Commit() {
  last_ = sealed_;
  ++number_;
}

bool RecordChain::Open(Crypto& crypto, ByteView record, Bytes& body) {
  ByteReader in(record);
  std::uint32_t size = 0;
  ByteView nonce;
  ByteView sealed;
  ByteView tag;
  if (!in.ReadU32(size) || !in.ReadBytes(12, nonce) || !in.ReadBytes(size, sealed) || !in.ReadBytes(kRecordTag, tag) ||
      !in.empty()) {
    return false;
  }
  body.resize(size);
  if (!crypto.AesGcmDecrypt(key_.Reveal(InsecureReveal::kForCrypto), nonce, Place(), sealed, tag, body)) {
    return false;
  }
  (void)CopyBytes(tag, sealed_);
  Commit();
  return true;
}

}  // namespace simroot::server
