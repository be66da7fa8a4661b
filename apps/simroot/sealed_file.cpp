// SPDX-License-Identifier: Apache-2.0
#include "sealed_file.hpp"

namespace simroot::app {
namespace {

using device::Sealed;
using iotsafe::CipherMode;

constexpr std::array<std::uint8_t, 5> kMark{'S', 'R', 'S', 'F', 0x01};  ///< and version
constexpr std::size_t kIdSize = 16;
/// In front of the caller's additional data: mark, mode, file identifier, number of the segment, last or not.
constexpr std::size_t kSegmentContext = kMark.size() + 1 + kIdSize + 4 + 1;
constexpr std::size_t kMaxFileAssociatedData = iotsafe::kMaxAssociatedData - kSegmentContext;
constexpr std::uint8_t kMore = 0x00;
constexpr std::uint8_t kLast = 0x01;

void Append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Bytes SegmentData(ByteView id, std::uint32_t number, std::uint8_t last, ByteView aad) {
  Bytes data(kSegmentContext + aad.size());
  ByteWriter writer(data);
  writer.PutBytes(kMark);
  writer.PutU8(static_cast<std::uint8_t>(CipherMode::kGcm));
  writer.PutBytes(id);
  writer.PutU32(number);
  writer.PutU8(last);
  writer.PutBytes(aad);
  return data;
}

Result<void> CheckAad(CipherMode mode, ByteView aad) {
  if (mode != CipherMode::kGcm && !aad.empty()) {
    return Fail(ErrorDomain::kUsage, "only AES-GCM has additional authenticated data", "use --mode gcm, or drop --aad");
  }
  if (aad.size() > kMaxFileAssociatedData) {
    return Fail(ErrorDomain::kUsage, "--aad has at most " + std::to_string(kMaxFileAssociatedData) + " bytes, not " +
                                         std::to_string(aad.size()));
  }
  return {};
}

Result<Bytes> SealSegments(device::Card& card, const device::ObjectName& key, ByteView text, ByteView aad) {
  SR_TRY(const Bytes id, card.Random(kIdSize));
  Bytes out = id;
  std::uint32_t number = 0;
  do {
    const ByteView piece = text.first(std::min(text.size(), device::kMaxGcmText));
    text = text.subspan(piece.size());
    const std::uint8_t last = text.empty() ? kLast : kMore;
    SR_TRY(const Sealed sealed, card.Encrypt(key, CipherMode::kGcm, piece, SegmentData(id, number, last, aad)));
    ++number;
    const std::array head{last, LowByte(sealed.ciphertext.size() >> 8U), LowByte(sealed.ciphertext.size())};
    Append(out, sealed.nonce);
    Append(out, head);
    Append(out, sealed.ciphertext);
    Append(out, sealed.tag);
  } while (!text.empty());
  return out;
}

tl::unexpected<Error> Damaged() {
  return Fail(ErrorDomain::kUsage, "the input is no whole file of `simroot device encrypt`: it is cut or was changed",
              "give the file as it was written");
}

Result<Bytes> UnsealSegments(device::Card& card, const device::ObjectName& key, ByteReader& reader, ByteView aad) {
  const iotsafe::CipherModeRow& row = *iotsafe::FindCipherMode(static_cast<std::uint8_t>(CipherMode::kGcm));
  ByteView id;
  if (!reader.ReadBytes(kIdSize, id)) {
    return Damaged();
  }
  Bytes text;
  for (std::uint32_t number = 0;; ++number) {
    ByteView nonce;
    ByteView ciphertext;
    ByteView tag;
    std::uint8_t last = 0;
    std::uint16_t size = 0;
    if (!reader.ReadBytes(row.nonce_size, nonce) || !reader.ReadU8(last) || !reader.ReadU16(size) ||
        !reader.ReadBytes(size, ciphertext) || !reader.ReadBytes(row.tag_size, tag) || last > kLast ||
        (last == kLast) != reader.empty() || size > device::kMaxGcmText) {
      return Damaged();
    }
    const Sealed sealed{CipherMode::kGcm, Bytes(nonce.begin(), nonce.end()),
                        Bytes(ciphertext.begin(), ciphertext.end()), Bytes(tag.begin(), tag.end())};
    SR_TRY(const Bytes piece, card.Decrypt(key, sealed, SegmentData(id, number, last, aad)));
    Append(text, piece);
    if (last == kLast) {
      return text;
    }
  }
}

}  // namespace

Result<Bytes> Seal(device::Card& card, const device::ObjectName& key, CipherMode mode, ByteView text, ByteView aad) {
  SR_TRY_VOID(CheckAad(mode, aad));
  Bytes out(kMark.begin(), kMark.end());
  out.push_back(static_cast<std::uint8_t>(mode));
  if (mode == CipherMode::kGcm) {
    SR_TRY(const Bytes segments, SealSegments(card, key, text, aad));
    Append(out, segments);
  } else {
    SR_TRY(const Sealed sealed, card.Encrypt(key, mode, text));
    Append(out, sealed.nonce);
    Append(out, sealed.ciphertext);
  }
  return out;
}

Result<Bytes> Unseal(device::Card& card, const device::ObjectName& key, std::optional<CipherMode> wanted, ByteView file,
                     ByteView aad) {
  ByteReader reader(file);
  ByteView mark;
  std::uint8_t mode = 0;
  if (!reader.ReadBytes(kMark.size(), mark) || !SameBytes(mark, kMark) || !reader.ReadU8(mode)) {
    return Fail(ErrorDomain::kUsage, "the input was not written by `simroot device encrypt`",
                "for a ciphertext of RSA-OAEP add --mode oaep");
  }
  const auto* const row = iotsafe::FindCipherMode(mode);
  if (row == nullptr || row->mode == CipherMode::kOaep) {
    return Damaged();
  }
  if (wanted && *wanted != row->mode) {
    return Fail(ErrorDomain::kUsage, "the input is encrypted in mode " + std::string(row->name), "drop --mode");
  }
  SR_TRY_VOID(CheckAad(row->mode, aad));
  if (row->mode == CipherMode::kGcm) {
    return UnsealSegments(card, key, reader, aad);
  }
  ByteView nonce;
  if (!reader.ReadBytes(row->nonce_size, nonce)) {
    return Damaged();
  }
  return card.Decrypt(
      key, {row->mode, Bytes(nonce.begin(), nonce.end()), Bytes(reader.rest().begin(), reader.rest().end()), Bytes{}});
}

}  // namespace simroot::app
