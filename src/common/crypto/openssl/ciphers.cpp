// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>

#include <limits>

#include "common/crypto/openssl/parts.hpp"

namespace simroot::crypto {
namespace {

/// One message through one cipher: EVP counts in int.
class CipherRun {
 public:
  CipherRun(EVP_CIPHER* cipher, Direction direction, ByteView key, ByteView iv)
      : encrypts_(direction == Direction::kEncrypt ? 1 : 0),
        ctx_(cipher == nullptr ? nullptr : EVP_CIPHER_CTX_new()),
        ok_(ctx_ != nullptr && EVP_CipherInit_ex2(ctx_.get(), cipher, key.data(), iv.data(), encrypts_, nullptr) == 1 &&
            EVP_CIPHER_CTX_set_padding(ctx_.get(), 0) == 1) {}

  void Authenticate(ByteView aad) {
    int length = 0;
    ok_ =
        ok_ && Fits(aad) &&
        (aad.empty() || EVP_CipherUpdate(ctx_.get(), nullptr, &length, aad.data(), static_cast<int>(aad.size())) == 1);
  }

  void Process(ByteView in, ByteSpan out) {
    int length = 0;
    ok_ = ok_ && Fits(in) &&
          (in.empty() ||
           (EVP_CipherUpdate(ctx_.get(), out.data(), &length, in.data(), static_cast<int>(in.size())) == 1 &&
            static_cast<std::size_t>(length) == in.size()));
  }

  void ExpectTag(ByteView tag) {
    ok_ = ok_ && EVP_CIPHER_CTX_ctrl(ctx_.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()),
                                     const_cast<std::uint8_t*>(tag.data())) == 1;
  }

  void GetTag(ByteSpan tag) {
    ok_ = ok_ && EVP_CIPHER_CTX_ctrl(ctx_.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()), tag.data()) == 1;
  }

  void Finish() {
    std::array<std::uint8_t, kAesBlockSize> nothing{};  // without padding no byte is left at the end
    int length = 0;
    ok_ = ok_ && EVP_CipherFinal_ex(ctx_.get(), nothing.data(), &length) == 1 && length == 0;
  }

  /// True if every step went well; otherwise wipes `out`.
  [[nodiscard]] bool Succeeded(ByteSpan out) const {
    if (!ok_) {
      OPENSSL_cleanse(out.data(), out.size());
    }
    return ok_;
  }

 private:
  static bool Fits(ByteView bytes) { return bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()); }

  int encrypts_;
  EvpCipherCtx ctx_;
  bool ok_;
};

}  // namespace

bool OpenSslCrypto::AesCbc(Direction direction, ByteView key, ByteView iv, ByteView in, ByteSpan out) {
  return parts_->aes.Cbc(direction, key, iv, in, out);
}

bool OpenSslCrypto::TdesCbc(Direction direction, ByteView key, ByteView iv, ByteView in, ByteSpan out) {
  EVP_CIPHER* const cipher = parts_->backend.Tdes(key.size());
  if (cipher == nullptr || iv.size() != kDesBlockSize || in.size() % kDesBlockSize != 0 || out.size() != in.size()) {
    return false;
  }
  const ErrorScope errors;
  CipherRun run(cipher, direction, key, iv);
  run.Process(in, out);
  run.Finish();
  return run.Succeeded(out);
}

bool OpenSslCrypto::AesCtr(ByteView key, ByteView counter, ByteView in, ByteSpan out) {
  EVP_CIPHER* const cipher = parts_->backend.Aes(AesMode::kCtr, key.size());
  if (cipher == nullptr || counter.size() != kAesBlockSize || out.size() != in.size()) {
    return false;
  }
  const ErrorScope errors;
  CipherRun run(cipher, Direction::kEncrypt, key, counter);
  run.Process(in, out);
  run.Finish();
  return run.Succeeded(out);
}

bool OpenSslCrypto::AesGcmEncrypt(ByteView key, ByteView nonce, ByteView aad, ByteView in, ByteSpan out, ByteSpan tag) {
  EVP_CIPHER* const cipher = parts_->backend.Aes(AesMode::kGcm, key.size());
  if (cipher == nullptr || nonce.size() != kGcmNonceSize || tag.size() != kGcmTagSize || out.size() != in.size()) {
    return false;
  }
  const ErrorScope errors;
  CipherRun run(cipher, Direction::kEncrypt, key, nonce);
  run.Authenticate(aad);
  run.Process(in, out);
  run.Finish();
  run.GetTag(tag);
  return run.Succeeded(out);
}

bool OpenSslCrypto::AesGcmDecrypt(ByteView key, ByteView nonce, ByteView aad, ByteView in, ByteView tag, ByteSpan out) {
  EVP_CIPHER* const cipher = parts_->backend.Aes(AesMode::kGcm, key.size());
  if (cipher == nullptr || nonce.size() != kGcmNonceSize || tag.size() != kGcmTagSize || out.size() != in.size()) {
    return false;
  }
  const ErrorScope errors;
  CipherRun run(cipher, Direction::kDecrypt, key, nonce);
  run.ExpectTag(tag);
  run.Authenticate(aad);
  run.Process(in, out);
  run.Finish();
  return run.Succeeded(out);
}

bool OpenSslCrypto::AesCmac(ByteView key, ByteViews message, ByteSpan mac) {
  return parts_->aes.Cmac(key, message, mac);
}

}  // namespace simroot::crypto
