// SPDX-License-Identifier: Apache-2.0
#include "platform/vault/envelope.hpp"

#include <openssl/rand.h>

#include "common/crypto/openssl/handles.hpp"

namespace simroot::platform {
namespace {

using crypto::ErrorScope;
using crypto::EvpCipherCtx;

constexpr std::array<std::uint8_t, 4> kMark{'S', 'R', 'V', 1};
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;
/// Every data key enciphers one value, once: its nonce need not change.
constexpr std::array<std::uint8_t, kNonceSize> kValueNonce{};
static_assert(kEnvelopeOverhead == kMark.size() + 4 + kNonceSize + kVaultKeySize + 2 * kTagSize);

/// Views into a sealed value.
struct Parts {
  std::uint32_t kek_number = 0;
  ByteView key_nonce;
  ByteView wrapped_key;
  ByteView key_tag;
  ByteView body;  ///< the enciphered value and its tag
  ByteView value;
  ByteView value_tag;
};

std::optional<Parts> Split(ByteView sealed) {
  ByteReader reader(sealed);
  ByteView mark;
  Parts parts;
  if (!reader.ReadBytes(kMark.size(), mark) || !SameBytes(mark, kMark) || !reader.ReadU32(parts.kek_number) ||
      !reader.ReadBytes(kNonceSize, parts.key_nonce) || !reader.ReadBytes(kVaultKeySize, parts.wrapped_key) ||
      !reader.ReadBytes(kTagSize, parts.key_tag) || reader.remaining() < kTagSize) {
    return std::nullopt;
  }
  parts.body = reader.rest();
  parts.value = parts.body.first(parts.body.size() - kTagSize);
  parts.value_tag = parts.body.last(kTagSize);
  return parts;
}

/// What the tag of the wrapped key covers beside it.
Bytes KeyHeader(std::uint32_t kek_number, std::string_view context) {
  Bytes header(kMark.size() + 4 + context.size());
  ByteWriter writer(header);
  writer.PutBytes(kMark);
  writer.PutU32(kek_number);
  writer.PutBytes(AsBytes(context));
  return header;
}

/// What the tag of the value covers beside it: not the KEK, which changes when the data key is wrapped anew.
Bytes ValueHeader(std::string_view context) {
  Bytes header(kMark.size() + context.size());
  ByteWriter writer(header);
  writer.PutBytes(kMark);
  writer.PutBytes(AsBytes(context));
  return header;
}

const EVP_CIPHER* Aes256Gcm() {
  static const EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return kCipher;
}

/// `from` and `to` have the same size.
bool Encipher(ByteView key, ByteView nonce, ByteView header, ByteView from, ByteSpan to, ByteSpan tag) {
  const EvpCipherCtx context(EVP_CIPHER_CTX_new());
  int size = 0;
  return context && EVP_EncryptInit_ex2(context.get(), Aes256Gcm(), key.data(), nonce.data(), nullptr) == 1 &&
         EVP_EncryptUpdate(context.get(), nullptr, &size, header.data(), static_cast<int>(header.size())) == 1 &&
         EVP_EncryptUpdate(context.get(), to.data(), &size, from.data(), static_cast<int>(from.size())) == 1 &&
         EVP_EncryptFinal_ex(context.get(), tag.data(), &size) == 1 && size == 0 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()), tag.data()) == 1;
}

/// False if the tag does not fit; `to` may then hold anything and must be wiped.
bool Decipher(ByteView key, ByteView nonce, ByteView header, ByteView from, ByteSpan to, ByteView tag) {
  const EvpCipherCtx context(EVP_CIPHER_CTX_new());
  std::array<std::uint8_t, kTagSize> expected{};
  int size = 0;
  return context && CopyBytes(tag, expected) &&
         EVP_DecryptInit_ex2(context.get(), Aes256Gcm(), key.data(), nonce.data(), nullptr) == 1 &&
         EVP_DecryptUpdate(context.get(), nullptr, &size, header.data(), static_cast<int>(header.size())) == 1 &&
         EVP_DecryptUpdate(context.get(), to.data(), &size, from.data(), static_cast<int>(from.size())) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagSize), expected.data()) == 1 &&
         EVP_DecryptFinal_ex(context.get(), expected.data(), &size) == 1;
}

/// Writes mark, number of the KEK and the data key under it.
bool PutWrappedKey(const Kek& kek, ByteView data_key, std::string_view context, ByteWriter& out) {
  out.PutBytes(kMark);
  out.PutU32(kek.number);
  const ByteSpan nonce = out.Reserve(kNonceSize);
  const ByteSpan wrapped = out.Reserve(kVaultKeySize);
  const ByteSpan tag = out.Reserve(kTagSize);
  return out.ok() && RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) == 1 &&
         Encipher(kek.key.Reveal(InsecureReveal::kForCrypto), nonce, KeyHeader(kek.number, context), data_key, wrapped,
                  tag);
}

bool UnwrapKey(const Kek& kek, const Parts& parts, std::string_view context, SecretArray<kVaultKeySize>& data_key) {
  return parts.kek_number == kek.number &&
         Decipher(kek.key.Reveal(InsecureReveal::kForCrypto), parts.key_nonce, KeyHeader(kek.number, context),
                  parts.wrapped_key, data_key.Prepare(kVaultKeySize), parts.key_tag);
}

}  // namespace

std::optional<Bytes> SealEnvelope(const Kek& kek, ByteView plain, std::string_view context) {
  const ErrorScope errors;
  SecretArray<kVaultKeySize> data_key;
  const ByteSpan fresh = data_key.Prepare(kVaultKeySize);
  if (RAND_priv_bytes(fresh.data(), static_cast<int>(fresh.size())) != 1) {
    return std::nullopt;
  }
  Bytes sealed(kEnvelopeOverhead + plain.size());
  ByteWriter writer(sealed);
  if (!PutWrappedKey(kek, fresh, context, writer)) {
    return std::nullopt;
  }
  const ByteSpan value = writer.Reserve(plain.size());
  const ByteSpan tag = writer.Reserve(kTagSize);
  if (!Encipher(fresh, kValueNonce, ValueHeader(context), plain, value, tag)) {
    return std::nullopt;
  }
  return sealed;
}

std::optional<std::uint32_t> KekNumberOf(ByteView sealed) {
  const auto parts = Split(sealed);
  return parts ? std::optional(parts->kek_number) : std::nullopt;
}

std::optional<SecretBytes> OpenEnvelope(const Kek& kek, ByteView sealed, std::string_view context) {
  const ErrorScope errors;
  const auto parts = Split(sealed);
  SecretArray<kVaultKeySize> data_key;
  if (!parts || !UnwrapKey(kek, *parts, context, data_key)) {
    return std::nullopt;
  }
  Bytes plain(parts->value.size());
  std::optional<SecretBytes> result;
  if (Decipher(data_key.Reveal(InsecureReveal::kForCrypto), kValueNonce, ValueHeader(context), parts->value, plain,
               parts->value_tag)) {
    result.emplace(plain);
  }
  Wipe(plain);
  return result;
}

std::optional<Bytes> RewrapEnvelope(const Kek& from, const Kek& to, ByteView sealed, std::string_view context) {
  const ErrorScope errors;
  const auto parts = Split(sealed);
  SecretArray<kVaultKeySize> data_key;
  if (!parts || !UnwrapKey(from, *parts, context, data_key)) {
    return std::nullopt;
  }
  Bytes result(sealed.size());
  ByteWriter writer(result);
  if (!PutWrappedKey(to, data_key.Reveal(InsecureReveal::kForCrypto), context, writer)) {
    return std::nullopt;
  }
  writer.PutBytes(parts->body);
  return result;
}

}  // namespace simroot::platform
