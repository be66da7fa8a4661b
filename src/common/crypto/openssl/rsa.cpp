// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/openssl_crypto.hpp"

namespace simroot::crypto {

bool OpenSslCrypto::GenerateRsa(ByteSpan, std::size_t&, ByteSpan, ByteSpan) { return false; }
bool OpenSslCrypto::RsaPublicHalf(ByteView, ByteSpan, ByteSpan) { return false; }
bool OpenSslCrypto::SignRsa(const RsaPrivateKey&, RsaPadding, HashAlgorithm, ByteView, ByteSpan) { return false; }
VerifyResult OpenSslCrypto::VerifyRsa(const RsaPublicKey&, RsaPadding, HashAlgorithm, ByteView, ByteView) {
  return VerifyResult::kError;
}
bool OpenSslCrypto::DecryptRsaOaep(const RsaPrivateKey&, HashAlgorithm, ByteView, ByteSpan, std::size_t&) {
  return false;
}
bool OpenSslCrypto::TlsPrfSha256(ByteView, ByteView, ByteSpan) { return false; }
bool OpenSslCrypto::HkdfExtract(HashAlgorithm, ByteView, ByteView, ByteSpan) { return false; }
bool OpenSslCrypto::AesCbc(Direction, ByteView, ByteView, ByteView, ByteSpan) { return false; }
bool OpenSslCrypto::AesCtr(ByteView, ByteView, ByteView, ByteSpan) { return false; }
bool OpenSslCrypto::AesGcmEncrypt(ByteView, ByteView, ByteView, ByteView, ByteSpan, ByteSpan) { return false; }
bool OpenSslCrypto::AesGcmDecrypt(ByteView, ByteView, ByteView, ByteView, ByteView, ByteSpan) { return false; }
bool OpenSslCrypto::AesCmac(ByteView, ByteViews, ByteSpan) { return false; }

}  // namespace simroot::crypto
