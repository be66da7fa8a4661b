// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/session.hpp"

namespace simroot::pkcs11 {

RvOr<Bytes> RunningHash::Finish() {
  Bytes digest(size());
  if (!crypto_.HashFinish(state_, digest)) {
    return Refuse(CKR_FUNCTION_FAILED);
  }
  return digest;
}

RvOr<crypto::OpenSslCrypto*> Session::Crypto() {
  if (crypto_ == nullptr) {
    crypto_ = crypto::OpenSslCrypto::Create();
  }
  return crypto_ != nullptr ? RvOr<crypto::OpenSslCrypto*>(crypto_.get()) : Refuse(CKR_GENERAL_ERROR);
}

RvOr<std::unique_ptr<RunningHash>> Session::BeginHash(iotsafe::HashAlgorithm hash) {
  SR_TRY(crypto::OpenSslCrypto* const crypto, Crypto());
  auto running = std::make_unique<RunningHash>(*crypto, hash);
  if (!running->Begin()) {
    return Refuse(CKR_FUNCTION_FAILED);
  }
  return running;
}

void Session::Reset() {
  search.reset();
  digest.reset();
  sign.reset();
  verify.reset();
  decrypt.reset();
  encrypting.reset();
  decrypting.reset();
  message_encrypt.reset();
  message_decrypt.reset();
}

Outcome AddPart(ByteView part, Bytes& text) {
  if (part.size() > kMaxText - text.size()) {
    return Refuse(CKR_DATA_LEN_RANGE);
  }
  const std::size_t size = text.size() + part.size();
  if (size > text.capacity()) {
    // A vector that grows by itself leaves what was in it, perhaps a plaintext, behind in freed memory.
    Bytes larger;
    larger.reserve(std::max(size, 2 * text.capacity()));
    larger.assign(text.begin(), text.end());
    Wipe(text);
    text.swap(larger);
  }
  text.insert(text.end(), part.begin(), part.end());
  return {};
}

}  // namespace simroot::pkcs11
