// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/aes.h>
#include <mbedtls/cmac.h>
#include <mbedtls/gcm.h>

#include "common/base/secret.hpp"
#include "common/crypto/mbedtls/contexts.hpp"
#include "common/crypto/mbedtls/mbedtls_crypto.hpp"

namespace simroot::crypto {
namespace {

using Aes = Context<mbedtls_aes_context, mbedtls_aes_init, mbedtls_aes_free>;
using Gcm = Context<mbedtls_gcm_context, mbedtls_gcm_init, mbedtls_gcm_free>;
using Cipher = Context<mbedtls_cipher_context_t, mbedtls_cipher_init, mbedtls_cipher_free>;
using Block = std::array<std::uint8_t, kAesBlockSize>;

constexpr bool IsKeySize(std::size_t size) {
  return size == 16 || size == 24 || size == 32;
}
constexpr unsigned Bits(ByteView key) {
  return static_cast<unsigned>(key.size() * 8);
}

/// A key that Mbed TLS can use for GCM of messages with this nonce.
bool StartGcm(ByteView key, ByteView nonce, Gcm& gcm) {
  return IsKeySize(key.size()) && nonce.size() == kGcmNonceSize &&
         mbedtls_gcm_setkey(gcm.get(), MBEDTLS_CIPHER_ID_AES, key.data(), Bits(key)) == 0;
}

/// The library takes no null pointers, not even for nothing.
const std::uint8_t* NotNull(ByteView bytes) {
  static constexpr std::uint8_t kNothing = 0;
  return bytes.empty() ? &kNothing : bytes.data();
}

}  // namespace

bool MbedTlsCrypto::AesCbc(Direction direction, ByteView key, ByteView iv, ByteView in, ByteSpan out) {
  Block chain{};
  if (!IsKeySize(key.size()) || iv.size() != kAesBlockSize || in.size() % kAesBlockSize != 0 ||
      out.size() != in.size() || !CopyBytes(iv, chain)) {
    return false;
  }
  Aes aes;
  const bool encrypt = direction == Direction::kEncrypt;
  const bool done = (encrypt ? mbedtls_aes_setkey_enc(aes.get(), key.data(), Bits(key))
                             : mbedtls_aes_setkey_dec(aes.get(), key.data(), Bits(key))) == 0 &&
                    mbedtls_aes_crypt_cbc(aes.get(), encrypt ? MBEDTLS_AES_ENCRYPT : MBEDTLS_AES_DECRYPT, in.size(),
                                          chain.data(), NotNull(in), out.data()) == 0;
  if (!done) {
    Wipe(out);
  }
  return done;
}

// No triple DES on chips: only old key sets for secured packets need it, and their counterpart is a platform.
bool MbedTlsCrypto::TdesCbc(Direction /*direction*/, ByteView /*key*/, ByteView /*iv*/, ByteView /*in*/,
                            ByteSpan /*out*/) {
  return false;
}

bool MbedTlsCrypto::AesCtr(ByteView key, ByteView counter, ByteView in, ByteSpan out) {
  Block next{};
  if (!IsKeySize(key.size()) || counter.size() != kAesBlockSize || out.size() != in.size() ||
      !CopyBytes(counter, next)) {
    return false;
  }
  Aes aes;
  Block stream{};
  std::size_t offset = 0;
  const bool done =
      mbedtls_aes_setkey_enc(aes.get(), key.data(), Bits(key)) == 0 &&
      mbedtls_aes_crypt_ctr(aes.get(), in.size(), &offset, next.data(), stream.data(), NotNull(in), out.data()) == 0;
  Wipe(stream);
  if (!done) {
    Wipe(out);
  }
  return done;
}

bool MbedTlsCrypto::AesGcmEncrypt(ByteView key, ByteView nonce, ByteView aad, ByteView in, ByteSpan out, ByteSpan tag) {
  Gcm gcm;
  if (out.size() != in.size() || tag.size() != kGcmTagSize || !StartGcm(key, nonce, gcm)) {
    return false;
  }
  if (mbedtls_gcm_crypt_and_tag(gcm.get(), MBEDTLS_GCM_ENCRYPT, in.size(), nonce.data(), nonce.size(), NotNull(aad),
                                aad.size(), NotNull(in), out.data(), tag.size(), tag.data()) == 0) {
    return true;
  }
  Wipe(out);
  Wipe(tag);
  return false;
}

bool MbedTlsCrypto::AesGcmDecrypt(ByteView key, ByteView nonce, ByteView aad, ByteView in, ByteView tag, ByteSpan out) {
  Gcm gcm;
  if (out.size() != in.size() || tag.size() != kGcmTagSize || !StartGcm(key, nonce, gcm)) {
    return false;
  }
  if (mbedtls_gcm_auth_decrypt(gcm.get(), in.size(), nonce.data(), nonce.size(), NotNull(aad), aad.size(), tag.data(),
                               tag.size(), NotNull(in), out.data()) == 0) {
    return true;
  }
  Wipe(out);
  return false;
}

bool MbedTlsCrypto::AesCmac(ByteView key, ByteViews message, ByteSpan mac) {
  if (!IsKeySize(key.size()) || mac.size() != kAesBlockSize) {
    return false;
  }
  Cipher cipher;
  const mbedtls_cipher_info_t* const info =
      mbedtls_cipher_info_from_values(MBEDTLS_CIPHER_ID_AES, static_cast<int>(Bits(key)), MBEDTLS_MODE_ECB);
  bool ok = info != nullptr && mbedtls_cipher_setup(cipher.get(), info) == 0 &&
            mbedtls_cipher_cmac_starts(cipher.get(), key.data(), Bits(key)) == 0;
  for (const ByteView piece : message) {
    ok = ok && (piece.empty() || mbedtls_cipher_cmac_update(cipher.get(), piece.data(), piece.size()) == 0);
  }
  ok = ok && mbedtls_cipher_cmac_finish(cipher.get(), mac.data()) == 0;
  if (!ok) {
    Wipe(mac);
  }
  return ok;
}

}  // namespace simroot::crypto
