// SPDX-License-Identifier: Apache-2.0
#include "device/provider/psk_handle.hpp"

#include <openssl/evp.h>

#include "common/base/check.hpp"

namespace simroot::device {
namespace {

/// "simroot-psk" and the version of the format.
constexpr std::array<std::uint8_t, 12> kMagic{'s', 'i', 'm', 'r', 'o', 'o', 't', '-', 'p', 's', 'k', 0x01};
constexpr std::size_t kMaxDirect = 3;
constexpr std::uint8_t kDigestMark = 0x80;

/// First four bytes of SHA-256 over the class's tag and the identifier, marked.
[[nodiscard]] bool PutDigest(ByteView identifier, OSSL_LIB_CTX* library, ByteWriter& out) {
  std::array<std::uint8_t, 1 + iotsafe::kMaxIdSize> memory{};
  ByteWriter text(memory);
  text.PutU8(iotsafe::Code(iotsafe::Tag::kSecretKeyId));
  text.PutBytes(identifier);
  std::array<std::uint8_t, 32> digest{};
  if (!text.ok() ||
      EVP_Q_digest(library, "SHA2-256", nullptr, memory.data(), text.size(), digest.data(), nullptr) != 1) {
    return false;
  }
  digest.front() |= kDigestMark;
  out.PutBytes(ByteView(digest).first(PskReference().size()));
  return true;
}

}  // namespace

Result<PskHandle> MakePskHandle(ByteView identifier, OSSL_LIB_CTX* library) {
  SR_CHECK(!identifier.empty() && identifier.size() <= iotsafe::kMaxIdSize);
  PskHandle handle{};
  ByteWriter out(handle);
  out.PutBytes(kMagic);
  if (identifier.size() <= kMaxDirect) {
    out.PutU8(LowByte(identifier.size()));
    out.PutBytes(identifier);
  } else if (!PutDigest(identifier, library, out)) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot compute SHA-256", "check that libcrypto is complete");
  }
  return handle;
}

std::optional<PskReference> ParsePskHandle(ByteView bytes) {
  ByteReader reader(bytes);
  ByteView magic;
  if (bytes.size() != kPskHandleSize || !reader.ReadBytes(kMagic.size(), magic) || !SameBytes(magic, kMagic)) {
    return std::nullopt;
  }
  PskReference reference{};
  return CopyBytes(reader.rest(), reference) ? std::optional(reference) : std::nullopt;
}

std::optional<Bytes> DirectIdentifier(const PskReference& reference) {
  ByteReader reader(reference);
  std::uint8_t size = 0;
  ByteView identifier;
  const bool direct = reader.ReadU8(size) && size >= 1 && size <= kMaxDirect && reader.ReadBytes(size, identifier) &&
                      std::ranges::all_of(reader.rest(), [](std::uint8_t byte) { return byte == 0; });
  return direct ? std::optional(Bytes(identifier.begin(), identifier.end())) : std::nullopt;
}

bool IsDigestReference(const PskReference& reference) {
  return (reference.front() & kDigestMark) != 0;
}

}  // namespace simroot::device
