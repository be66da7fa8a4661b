// SPDX-License-Identifier: Apache-2.0
#include "device/provider/wrapper.hpp"

#include <openssl/evp.h>

#include "common/base/check.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::device {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kKeyId = 0x80;
constexpr std::uint8_t kKeyLabel = 0x81;
constexpr std::uint8_t kCard = 0x82;
constexpr std::array<std::uint8_t, 1> kVersion{1};

/// The content of a SubjectPublicKeyInfo before the point: AlgorithmIdentifier { id-ecPublicKey, prime256v1 }, then the
/// header of a BIT STRING of 66 bytes without unused bits (RFC 5480 2).
constexpr std::array<std::uint8_t, 24> kSpkiPrefix{0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE,
                                                   0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                                   0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

tl::unexpected<Error> Damaged(std::string_view what) {
  return Fail(ErrorDomain::kUsage, "the key wrapper file is damaged: " + std::string(what),
              "make it again with: simroot device wrap-key REF OUT.pem");
}

bool IsUriText(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

Result<ObjectName> DecodeKeyReference(const wire::Tlv& element) {
  const bool by_label = element.tag == kKeyLabel;
  if (!by_label && element.tag != kKeyId) {
    return Damaged("it names no key");
  }
  if (element.value.empty() || element.value.size() > (by_label ? iotsafe::kMaxLabelSize : iotsafe::kMaxIdSize)) {
    return Damaged("the name of the key is empty or too long");
  }
  return ObjectName{iotsafe::ObjectClass::kPrivateKey, by_label, Bytes(element.value.begin(), element.value.end())};
}

Result<Point> DecodeSpki(const wire::Tlv& element) {
  ByteReader reader(element.value);
  ByteView prefix;
  Point point{};
  if (element.tag != kSequence || !reader.ReadBytes(kSpkiPrefix.size(), prefix) || !SameBytes(prefix, kSpkiPrefix) ||
      reader.remaining() != point.size() || reader.rest().front() != 0x04) {
    return Damaged("its public key is not an uncompressed P-256 key");
  }
  std::ranges::copy(reader.rest(), point.begin());
  return point;
}

Bytes EncodeDer(const WrappedKey& key) {
  std::array<std::uint8_t, kMaxWrapperDer> body_memory{};
  ByteWriter body(body_memory);
  wire::PutBerTlv(kInteger, kVersion, body);
  wire::PutBerTlv(key.key.by_label ? kKeyLabel : kKeyId, key.key.name, body);
  std::array<std::uint8_t, kSpkiPrefix.size() + iotsafe::kP256PointSize> spki_memory{};
  ByteWriter spki(spki_memory);
  spki.PutBytes(kSpkiPrefix);
  spki.PutBytes(key.public_key);
  wire::PutBerTlv(kSequence, spki.written(), body);
  if (!key.card.empty()) {
    wire::PutBerTlv(kCard, AsBytes(key.card), body);
  }
  std::array<std::uint8_t, kMaxWrapperDer> memory{};
  ByteWriter out(memory);
  wire::PutBerTlv(kSequence, body.written(), out);
  SR_CHECK(body.ok() && out.ok());
  return {out.written().begin(), out.written().end()};
}

}  // namespace

std::string EncodeWrapper(const WrappedKey& key) {
  const std::size_t longest = key.key.by_label ? iotsafe::kMaxLabelSize : iotsafe::kMaxIdSize;
  SR_CHECK(!key.key.name.empty() && key.key.name.size() <= longest);
  SR_CHECK(key.card.size() <= kMaxWrapperCard && IsUriText(key.card));
  const Bytes der = EncodeDer(key);

  constexpr std::size_t kBytesPerLine = 48;
  std::string text = "-----BEGIN " + std::string(kWrapperLabel) + "-----\n";
  for (ByteView rest = der; !rest.empty();) {
    const ByteView part = rest.first(std::min(rest.size(), kBytesPerLine));
    std::array<unsigned char, kBytesPerLine / 3 * 4 + 1> line{};
    const int length = EVP_EncodeBlock(line.data(), part.data(), static_cast<int>(part.size()));
    text.append(reinterpret_cast<const char*>(line.data()), static_cast<std::size_t>(length));
    text += '\n';
    rest = rest.subspan(part.size());
  }
  return text + "-----END " + std::string(kWrapperLabel) + "-----\n";
}

Result<WrappedKey> DecodeWrapper(ByteView der) {
  ByteReader file(der);
  wire::Tlv sequence;
  if (!wire::ReadBerTlv(file, sequence) || sequence.tag != kSequence || !file.empty()) {
    return Damaged("it is not one complete structure");
  }
  ByteReader body(sequence.value);
  wire::Tlv version;
  if (!wire::ReadBerTlv(body, version) || version.tag != kInteger) {
    return Damaged("it has no version");
  }
  if (!SameBytes(version.value, kVersion)) {
    return Fail(ErrorDomain::kUsage, "the key wrapper file has a version this simroot does not know",
                "update simroot, or make the file again with: simroot device wrap-key REF OUT.pem");
  }
  wire::Tlv reference;
  wire::Tlv spki;
  if (!wire::ReadBerTlv(body, reference) || !wire::ReadBerTlv(body, spki)) {
    return Damaged("it ends too early");
  }
  WrappedKey key;
  SR_TRY(key.key, DecodeKeyReference(reference));
  SR_TRY(key.public_key, DecodeSpki(spki));
  if (!body.empty()) {
    wire::Tlv card;
    if (!wire::ReadBerTlv(body, card) || card.tag != kCard || !body.empty()) {
      return Damaged("something unknown follows the public key");
    }
    key.card = AsText(card.value);
    if (key.card.empty() || key.card.size() > kMaxWrapperCard || !IsUriText(key.card)) {
      return Damaged("its card URI is empty, too long or not printable");
    }
  }
  return key;
}

Result<Bytes> DecodeWrapperBase64(std::string_view lines) {
  std::string text;
  std::ranges::copy_if(lines, std::back_inserter(text),
                       [](char c) { return c != '\n' && c != '\r' && c != ' ' && c != '\t'; });
  // EVP_DecodeBlock takes whole groups of four, and counts padding as zero bytes.
  if (text.empty() || text.size() % 4 != 0 || text.size() / 4 * 3 > kMaxWrapperDer) {
    return Damaged("its base64 text is incomplete or too long");
  }
  Bytes der(text.size() / 4 * 3);
  const auto* const characters = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DecodeBlock(der.data(), characters, static_cast<int>(text.size())) != static_cast<int>(der.size())) {
    return Damaged("its text is not base64");
  }
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  der.resize(der.size() - padding);
  return der;
}

}  // namespace simroot::device
