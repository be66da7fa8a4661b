// SPDX-License-Identifier: Apache-2.0
#include "common/secure/scp80_algorithms.hpp"

#include "common/base/secret.hpp"
#include "common/secure/scp03.hpp"

namespace simroot::secure {
namespace {

using crypto::Direction;
using crypto::kDesBlockSize;

constexpr std::array<std::uint8_t, kDesBlockSize> kZeroDesBlock{};
constexpr std::array<std::uint8_t, crypto::kAesBlockSize> kZeroAesBlock{};
constexpr std::size_t kDesKeySize = 8;
constexpr std::size_t kMaxTdesKeySize = 24;

[[nodiscard]] constexpr std::uint16_t Crc16Of(ByteView bytes) {
  Crc16 crc;
  crc.Add(bytes);
  return crc.value();
}
static_assert(Crc16Of(std::array<std::uint8_t, 9>{'1', '2', '3', '4', '5', '6', '7', '8', '9'}) == 0x906E);

/// The bytes of a key for triple DES. DES is triple DES with equal keys, so the port needs DES no more than we do.
class TdesKey {
 public:
  explicit TdesKey(ByteView key) {
    ByteWriter out(bytes_.Prepare(key.size() == kDesKeySize ? 2 * kDesKeySize : key.size()));
    out.PutBytes(key);
    if (key.size() == kDesKeySize) {
      out.PutBytes(key);
    }
  }
  [[nodiscard]] ByteView view() const { return bytes_.Reveal(InsecureReveal::kForCrypto); }

 private:
  SecretArray<kMaxTdesKeySize> bytes_;
};

/// Neighbours that cancel each other out: DES is what is left.
[[nodiscard]] bool IsDegenerate(ByteView key) {
  ByteReader reader(key);
  ByteView last;
  ByteView next;
  static_cast<void>(reader.ReadBytes(kDesKeySize, last));
  while (reader.ReadBytes(kDesKeySize, next)) {
    if (SameSecret(last, next)) {
      return true;
    }
    last = next;
  }
  return false;
}

[[nodiscard]] bool CipherEcb(crypto::Crypto& crypto, Direction direction, ByteView key, ByteView in, ByteSpan out) {
  ByteReader from(in);
  ByteWriter to(out);
  ByteView block;
  while (from.ReadBytes(kDesBlockSize, block)) {
    if (!crypto.TdesCbc(direction, key, kZeroDesBlock, block, to.Reserve(kDesBlockSize))) {
      return false;
    }
  }
  return true;
}

/// The CBC-MAC of the DES family: the last block, the message filled up with zeros.
class DesMac {
 public:
  DesMac(crypto::Crypto& crypto, ByteView key) : crypto_(crypto), key_(key) {}
  ~DesMac() { Wipe(chunk_); }
  DesMac(const DesMac&) = delete;
  DesMac& operator=(const DesMac&) = delete;

  void Add(ByteView piece) {
    while (!piece.empty()) {
      const ByteView part = piece.first(std::min(piece.size(), waiting_.free()));
      waiting_.PutBytes(part);
      piece = piece.subspan(part.size());
      if (waiting_.free() == 0) {
        Process();
      }
    }
  }
  [[nodiscard]] bool Finish(ByteSpan check) {
    const std::size_t rest = waiting_.size() % kDesBlockSize;
    if (rest != 0) {
      std::ranges::fill(waiting_.Reserve(kDesBlockSize - rest), std::uint8_t{0});
    }
    Process();
    return ok_ && CopyBytes(ByteView(chain_).first(check.size()), check);
  }

 private:
  void Process() {
    const std::size_t size = waiting_.size();
    if (size == 0) {
      return;
    }
    const ByteSpan blocks = ByteSpan(chunk_).first(size);
    ok_ = ok_ && crypto_.TdesCbc(Direction::kEncrypt, key_, chain_, blocks, blocks) &&
          CopyBytes(blocks.last(kDesBlockSize), chain_);
    waiting_.Truncate(0);
  }

  crypto::Crypto& crypto_;
  ByteView key_;
  std::array<std::uint8_t, kDesBlockSize> chain_{};
  std::array<std::uint8_t, 32 * kDesBlockSize> chunk_{};
  ByteWriter waiting_{chunk_};
  bool ok_ = true;
};

}  // namespace

Expected<void, Scp80Error> JudgeKey(Scp80Algorithm algorithm, ByteView key, bool legacy) {
  bool fits = false;
  switch (algorithm) {
    case Scp80Algorithm::kAes:
      fits = IsAesKeySize(key.size());
      break;
    case Scp80Algorithm::kTdes2:
      fits = key.size() == 2 * kDesKeySize && (legacy || !IsDegenerate(key));
      break;
    case Scp80Algorithm::kTdes3:
      fits = key.size() == 3 * kDesKeySize && (legacy || !IsDegenerate(key));
      break;
    case Scp80Algorithm::kDes:
    case Scp80Algorithm::kDesEcb:
      if (!legacy) {
        return Unexpected(Scp80Error::kUnsupported);
      }
      fits = key.size() == kDesKeySize;
      break;
    default:
      return Unexpected(Scp80Error::kUnsupported);
  }
  if (!fits) {
    return Unexpected(Scp80Error::kKey);
  }
  return {};
}

bool CipherBlocks(crypto::Crypto& crypto, Direction direction, Scp80Algorithm algorithm, ByteView key, ByteView in,
                  ByteSpan out) {
  if (algorithm == Scp80Algorithm::kAes) {
    return crypto.AesCbc(direction, key, kZeroAesBlock, in, out);
  }
  const TdesKey tdes(key);
  return algorithm == Scp80Algorithm::kDesEcb ? CipherEcb(crypto, direction, tdes.view(), in, out)
                                              : crypto.TdesCbc(direction, tdes.view(), kZeroDesBlock, in, out);
}

bool ComputeMac(crypto::Crypto& crypto, Scp80Algorithm algorithm, ByteView key, crypto::ByteViews message,
                ByteSpan check) {
  if (algorithm == Scp80Algorithm::kAes) {
    std::array<std::uint8_t, crypto::kAesBlockSize> full{};
    return crypto.AesCmac(key, message, full) && CopyBytes(ByteView(full).first(check.size()), check);
  }
  const TdesKey tdes(key);
  DesMac mac(crypto, tdes.view());
  for (const ByteView piece : message) {
    mac.Add(piece);
  }
  return mac.Finish(check);
}

}  // namespace simroot::secure
