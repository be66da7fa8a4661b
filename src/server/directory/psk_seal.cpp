// SPDX-License-Identifier: Apache-2.0
#include "server/directory/psk_seal.hpp"

#include <openssl/rand.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "common/base/check.hpp"

namespace simroot::server {
namespace {

using crypto::ErrorScope;
using crypto::EvpCipherCtx;
using crypto::EvpMdCtx;

constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kCounterSize = 8;
constexpr std::size_t kTagSize = 16;
static_assert(PskSeal::kOverhead == kCounterSize + kTagSize);

std::array<std::uint8_t, kNonceSize> NonceOf(ByteView counter) {
  std::array<std::uint8_t, kNonceSize> nonce{};
  (void)CopyBytes(counter, ByteSpan(nonce).last(kCounterSize));
  return nonce;
}

std::array<std::uint8_t, 8> BigEndian(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes{};
  ByteWriter out(bytes);
  out.PutU32(static_cast<std::uint32_t>(value >> 32U));
  out.PutU32(static_cast<std::uint32_t>(value & 0xFFFFFFFFU));
  return bytes;
}

}  // namespace

Result<std::unique_ptr<PskSeal>> PskSeal::Create() {
  const ErrorScope errors;
  const crypto::Backend* const backend = crypto::Backend::Get();
  if (backend == nullptr) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot be used", "check that its default provider is there");
  }
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  static_assert(sizeof(Keys) <= 4096);
  void* const memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {  // NOLINT(performance-no-int-to-ptr)
    return Fail(ErrorDomain::kCrypto, "there is no memory for the key of the PSKs", "free some memory");
  }
  // Where the limits of the process forbid it the key can be swapped, as everything else of the process.
  (void)::mlock(memory, page);
  (void)::madvise(memory, page, MADV_DONTDUMP);
  std::unique_ptr<PskSeal> seal(new PskSeal(*backend, new (memory) Keys{}, page));
  if (!seal->MakeKeys()) {
    return Fail(ErrorDomain::kCrypto, "there are no random numbers for the key of the PSKs", "try again");
  }
  return seal;
}

bool PskSeal::MakeKeys() {
  std::array<std::uint64_t, 2> hash_key{};
  const bool ok = RAND_priv_bytes_ex(backend_.context(), keys_->seal.data(), keys_->seal.size(), 256) == 1 &&
                  RAND_priv_bytes_ex(backend_.context(), keys_->decoy.data(), keys_->decoy.size(), 256) == 1 &&
                  RAND_priv_bytes_ex(backend_.context(), reinterpret_cast<unsigned char*>(hash_key.data()),
                                     sizeof(hash_key), 128) == 1;
  hash_ = SipHash(hash_key[0], hash_key[1]);
  return ok;
}

PskSeal::~PskSeal() {
  Wipe(keys_->seal);
  Wipe(keys_->decoy);
  (void)::munmap(keys_, mapped_);
}

bool PskSeal::Seal(std::int64_t id, ByteView psk, ByteSpan out) {
  SR_CHECK(out.size() == psk.size() + kOverhead);
  const ErrorScope errors;
  const auto counter = BigEndian(next_nonce_++);  // 2^64 of them: never again the same
  (void)CopyBytes(counter, out);
  const ByteSpan body = out.subspan(kCounterSize, psk.size());
  const ByteSpan tag = out.last(kTagSize);
  const auto nonce = NonceOf(counter);
  const auto aad = BigEndian(static_cast<std::uint64_t>(id));
  const EvpCipherCtx context(EVP_CIPHER_CTX_new());
  int size = 0;
  return context &&
         EVP_EncryptInit_ex2(context.get(), backend_.Aes(crypto::AesMode::kGcm, 32), keys_->seal.data(), nonce.data(),
                             nullptr) == 1 &&
         EVP_EncryptUpdate(context.get(), nullptr, &size, aad.data(), static_cast<int>(aad.size())) == 1 &&
         EVP_EncryptUpdate(context.get(), body.data(), &size, psk.data(), static_cast<int>(psk.size())) == 1 &&
         EVP_EncryptFinal_ex(context.get(), tag.data(), &size) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagSize), tag.data()) == 1;
}

Result<SecretBytes> PskSeal::Open(std::int64_t id, ByteView sealed) const {
  if (sealed.size() < kOverhead) {
    return Fail(ErrorDomain::kUsage, "the platform has not told the key of this credential",
                "wait until its card has confirmed it");
  }
  const ErrorScope errors;
  const ByteView body = sealed.subspan(kCounterSize, sealed.size() - kOverhead);
  const auto nonce = NonceOf(sealed.first(kCounterSize));
  const auto aad = BigEndian(static_cast<std::uint64_t>(id));
  std::array<std::uint8_t, kTagSize> tag{};
  (void)CopyBytes(sealed.last(kTagSize), tag);
  Bytes psk(body.size());
  const EvpCipherCtx context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool ok =
      context &&
      EVP_DecryptInit_ex2(context.get(), backend_.Aes(crypto::AesMode::kGcm, 32), keys_->seal.data(), nonce.data(),
                          nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, aad.data(), static_cast<int>(aad.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), psk.data(), &size, body.data(), static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagSize), tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), tag.data(), &size) == 1;
  SecretBytes secret(ok ? ByteView(psk) : ByteView());
  Wipe(psk);
  if (!ok) {
    return Fail(ErrorDomain::kCrypto, "a PSK in memory is damaged", "restart the program; check its memory");
  }
  return secret;
}

SecretBytes PskSeal::Decoy(ByteView identity) const {
  const ErrorScope errors;
  std::array<std::uint8_t, 32> inner{};
  std::array<std::uint8_t, 32> outer{};
  const auto hash = [this](ByteView message, ByteSpan digest) {
    const EvpMdCtx context(EVP_MD_CTX_new());
    return context &&
           EVP_DigestInit_ex2(context.get(), backend_.Digest(iotsafe::HashAlgorithm::kSha256), nullptr) == 1 &&
           EVP_DigestUpdate(context.get(), keys_->decoy.data(), keys_->decoy.size()) == 1 &&
           EVP_DigestUpdate(context.get(), message.data(), message.size()) == 1 &&
           EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  };
  // Nested, as HMAC is: what comes out does not lead to what a longer identity gives.
  SR_CHECK(hash(identity, inner) && hash(inner, outer));
  SecretBytes decoy(outer);
  Wipe(inner);
  Wipe(outer);
  return decoy;
}

}  // namespace simroot::server
