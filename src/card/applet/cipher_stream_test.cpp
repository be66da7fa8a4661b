// SPDX-License-Identifier: Apache-2.0
/// Messages in pieces of every size give what the crypto port gives in one call.
#include "card/applet/cipher_stream.hpp"

#include <gtest/gtest.h>

#include "card/applet/mac_stream.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::card {
namespace {

using crypto::Direction;
using iotsafe::CipherMode;

class Streams : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(crypto, nullptr); }

  /// The output of a message in pieces of `step` bytes; nothing if it ends with `result` other than kOk.
  Bytes Run(CipherMode mode, Direction direction, const Bytes& message, std::size_t step,
            CipherResult expected = CipherResult::kOk) {
    Bytes memory(CipherStream::MaxOutput(message.size()));
    ByteWriter out(memory);
    BlockBuffer buffer;
    std::ranges::copy(iv, buffer.chain.begin());
    CipherResult result = CipherResult::kOk;
    for (ByteView rest = message; !rest.empty() && result == CipherResult::kOk;) {
      const ByteView piece = rest.first(std::min(step, rest.size()));
      rest = rest.subspan(piece.size());
      result = CipherStream(*crypto, key, mode, direction, buffer).Take(piece, out);
    }
    if (result == CipherResult::kOk) {
      result = CipherStream(*crypto, key, mode, direction, buffer).Finish(out);
    }
    EXPECT_EQ(result, expected);
    EXPECT_TRUE(out.ok());
    return result == CipherResult::kOk ? Bytes(out.written().begin(), out.written().end()) : Bytes{};
  }

  Bytes Padded(const Bytes& message) {
    const std::size_t padding = 16 - message.size() % 16;
    return Join(message, Bytes(padding, LowByte(padding)));
  }
  Bytes Cbc(Direction direction, const Bytes& blocks) {
    Bytes out(blocks.size());
    EXPECT_TRUE(crypto->AesCbc(direction, key, iv, blocks, out));
    return out;
  }

  std::unique_ptr<crypto::OpenSslCrypto> crypto = crypto::OpenSslCrypto::Create();
  const Bytes key = Hex("2B7E151628AED2A6ABF7158809CF4F3C");
  const Bytes iv = Hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF");
};

TEST_F(Streams, CbcInPiecesIsCbcOfThePaddedWhole) {
  for (std::size_t size = 0; size <= 70; ++size) {
    const Bytes message = Counting(size);
    const Bytes expected = Cbc(Direction::kEncrypt, Padded(message));
    for (const std::size_t step : {1U, 7U, 15U, 16U, 17U, 32U, 33U, 100U}) {
      ASSERT_EQ(ToHex(Run(CipherMode::kCbc, Direction::kEncrypt, message, step)), ToHex(expected))
          << size << "/" << step;
      ASSERT_EQ(ToHex(Run(CipherMode::kCbc, Direction::kDecrypt, expected, step)), ToHex(message))
          << size << "/" << step;
    }
  }
}

TEST_F(Streams, CbcTakesNoOtherPadding) {
  const Bytes head = Counting(16);
  for (unsigned padding = 0; padding <= 255; ++padding) {  // as the last byte of a block of zeros
    Bytes last(16);
    last.back() = LowByte(padding);
    const Bytes ciphertext = Cbc(Direction::kEncrypt, Join(head, last));
    const bool good = padding == 1;
    Run(CipherMode::kCbc, Direction::kDecrypt, ciphertext, 16, good ? CipherResult::kOk : CipherResult::kBadData);
  }
  for (std::size_t padding = 2; padding <= 16; ++padding) {  // one byte of a padding is wrong
    for (std::size_t at = 16 - padding; at < 15; ++at) {
      Bytes last = Join(Bytes(16 - padding, 0xAA), Bytes(padding, LowByte(padding)));
      last.at(at) ^= 0x01U;
      Run(CipherMode::kCbc, Direction::kDecrypt, Cbc(Direction::kEncrypt, last), 16, CipherResult::kBadData);
    }
  }
}

TEST_F(Streams, CbcDecryptsWholeBlocksOnly) {
  for (const std::size_t size : {0U, 1U, 15U, 17U, 31U}) {
    Run(CipherMode::kCbc, Direction::kDecrypt, Bytes(size), 100, CipherResult::kBadData);
  }
}

TEST_F(Streams, CtrInPiecesIsCtrOfTheWhole) {
  for (std::size_t size = 0; size <= 70; ++size) {
    const Bytes message = Counting(size);
    Bytes expected(size);
    ASSERT_TRUE(crypto->AesCtr(key, iv, message, expected));
    for (const std::size_t step : {1U, 7U, 15U, 16U, 17U, 32U, 33U, 100U}) {
      ASSERT_EQ(ToHex(Run(CipherMode::kCtr, Direction::kEncrypt, message, step)), ToHex(expected))
          << size << "/" << step;
      ASSERT_EQ(ToHex(Run(CipherMode::kCtr, Direction::kDecrypt, expected, step)), ToHex(message))
          << size << "/" << step;
    }
  }
}

TEST_F(Streams, CtrCarriesOverTheWholeBlock) {
  BlockBuffer buffer;
  buffer.chain.fill(0xFF);
  Bytes memory(32);
  ByteWriter out(memory);
  CipherStream stream(*crypto, key, CipherMode::kCtr, Direction::kEncrypt, buffer);
  ASSERT_EQ(stream.Take(Bytes(20), out), CipherResult::kOk);
  EXPECT_EQ(buffer.chain, AesBlock{});
  EXPECT_EQ(buffer.held_size, 4);
}

TEST_F(Streams, OutputWithoutRoomIsAFailure) {
  for (const CipherMode mode : {CipherMode::kCbc, CipherMode::kCtr}) {
    BlockBuffer buffer;
    Bytes memory(16);
    ByteWriter out(memory);
    EXPECT_EQ(CipherStream(*crypto, key, mode, Direction::kEncrypt, buffer).Take(Bytes(48), out),
              CipherResult::kFailed);
  }
}

TEST_F(Streams, KeysOfOtherSizesAreAFailure) {
  BlockBuffer buffer;
  Bytes memory(64);
  ByteWriter out(memory);
  const Bytes bad(15);
  for (const CipherMode mode : {CipherMode::kCbc, CipherMode::kCtr}) {
    EXPECT_EQ(CipherStream(*crypto, bad, mode, Direction::kEncrypt, buffer).Take(Bytes(16), out),
              CipherResult::kFailed);
  }
  MacStream mac(*crypto, bad, buffer);
  Bytes result(16);
  EXPECT_FALSE(mac.Finish(result));
}

TEST_F(Streams, MacInPiecesIsTheMacOfTheWhole) {
  for (const Bytes& mac_key : {key, Counting(24), Counting(32)}) {
    for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 31U, 32U, 33U, 127U, 128U, 129U, 300U}) {
      const Bytes message = Counting(size);
      const std::array whole{ByteView(message)};
      AesBlock expected{};
      ASSERT_TRUE(crypto->AesCmac(mac_key, whole, expected));
      for (const std::size_t step : {1U, 7U, 16U, 17U, 128U, 129U, 300U}) {
        BlockBuffer buffer;
        for (ByteView rest = message; !rest.empty(); rest = rest.subspan(std::min<std::size_t>(step, rest.size()))) {
          ASSERT_TRUE(MacStream(*crypto, mac_key, buffer).Take(rest.first(std::min<std::size_t>(step, rest.size()))));
        }
        AesBlock mac{};
        ASSERT_TRUE(MacStream(*crypto, mac_key, buffer).Finish(mac));
        ASSERT_EQ(ToHex(mac), ToHex(expected)) << size << "/" << step;
      }
    }
  }
}

}  // namespace
}  // namespace simroot::card
