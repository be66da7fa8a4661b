// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>

#include "common/crypto/openssl/crypto_test_support.hpp"

namespace simroot::crypto {
namespace {

constexpr std::array<HashAlgorithm, 3> kHashes{HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512};

Bytes Hex(std::string_view text) {
  const auto bytes = FromHex(text);
  EXPECT_TRUE(bytes.has_value());
  return bytes.value_or(Bytes{});
}

/// The chaining value of Mbed TLS after whole blocks: an implementation that is not the one that answers.
Bytes ChainingValue(HashAlgorithm hash, ByteView blocks) {
  Bytes value(iotsafe::HashStateSize(hash));
  ByteWriter out(value);
  if (hash == HashAlgorithm::kSha256) {
    mbedtls_sha256_context context;
    mbedtls_sha256_init(&context);
    EXPECT_EQ(mbedtls_sha256_starts_ret(&context, 0), 0);
    EXPECT_EQ(mbedtls_sha256_update_ret(&context, blocks.data(), blocks.size()), 0);
    for (const std::uint32_t word : context.state) {
      out.PutU32(word);
    }
  } else {
    mbedtls_sha512_context context;
    mbedtls_sha512_init(&context);
    EXPECT_EQ(mbedtls_sha512_starts_ret(&context, hash == HashAlgorithm::kSha384 ? 1 : 0), 0);
    EXPECT_EQ(mbedtls_sha512_update_ret(&context, blocks.data(), blocks.size()), 0);
    for (const std::uint64_t word : context.state) {
      out.PutU32(static_cast<std::uint32_t>(word >> 32U));
      out.PutU32(static_cast<std::uint32_t>(word & 0xFFFFFFFFU));
    }
  }
  EXPECT_EQ(out.free(), 0U);
  return value;
}

Bytes Message(std::size_t size) {
  Bytes message(size);
  for (std::size_t i = 0; i < size; ++i) {
    message.at(i) = LowByte(i * 7 + 3);
  }
  return message;
}

using Hash = CryptoTest;

TEST_F(Hash, KnownAnswers) {  // FIPS 180-2 appendices B.1, C.1, D.1: "abc"
  EXPECT_EQ(ToHex(Digest(HashAlgorithm::kSha256, AsBytes("abc"))),
            "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
  EXPECT_EQ(ToHex(Digest(HashAlgorithm::kSha384, AsBytes("abc"))),
            "CB00753F45A35E8BB5A03D699AC65007272C32AB0EDED1631A8B605A43FF5BED8086072BA1E7CC2358BAECA134C825A7");
  EXPECT_EQ(ToHex(Digest(HashAlgorithm::kSha512, AsBytes("abc"))),
            "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A2192992A274FC1A836BA3C23A3FEEBBD454D442364"
            "3CE80E2A9AC94FA54CA49F");
  EXPECT_EQ(ToHex(Digest(HashAlgorithm::kSha256, {})),
            "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855");
}

// The values of the "last block" test of IoT SAFE: 64 times 61h, then "hello".
TEST_F(Hash, ResumesSha256FromKnownChainingValue) {
  HashState state;
  Bytes digest(32);
  ASSERT_TRUE(crypto->HashResume(HashAlgorithm::kSha256,
                                 Hex("DF5BB81CE81E0626FB45A8944FD40F31B25E6816D6D499C1AB90492900635E66"), 64, state));
  ASSERT_TRUE(crypto->HashUpdate(state, AsBytes("hello")));
  ASSERT_TRUE(crypto->HashFinish(state, digest));
  EXPECT_EQ(ToHex(digest), "7A6F37E90139181DBD54487103DEF83D90D3E0344294F4A449C67B2F1F03A6D8");
  EXPECT_FALSE(state.running);
}

TEST_F(Hash, ResumedEqualsWhole) {
  for (const HashAlgorithm hash : kHashes) {
    const std::size_t block = iotsafe::HashBlockSize(hash);
    for (const std::size_t blocks : {1U, 2U, 5U}) {
      for (const std::size_t rest : {std::size_t{0}, std::size_t{1}, block - 17, block - 1, block, 3 * block + 5}) {
        SCOPED_TRACE(::testing::Message() << iotsafe::DigestSize(hash) << " " << blocks << " " << rest);
        const Bytes message = Message(blocks * block + rest);
        const ByteView head = ByteView(message).first(blocks * block);
        HashState state;
        Bytes digest(iotsafe::DigestSize(hash));
        ASSERT_TRUE(
            crypto->HashResume(hash, ChainingValue(hash, head), static_cast<std::uint32_t>(head.size()), state));
        for (const std::uint8_t byte : ByteView(message).last(rest)) {
          ASSERT_TRUE(crypto->HashUpdate(state, ByteView(&byte, 1)));
        }
        ASSERT_TRUE(crypto->HashFinish(state, digest));
        EXPECT_EQ(digest, Digest(hash, message));
      }
    }
  }
}

TEST_F(Hash, ResumeRefusesWrongLengths) {
  for (const HashAlgorithm hash : kHashes) {
    const std::size_t size = iotsafe::HashStateSize(hash);
    const auto block = static_cast<std::uint32_t>(iotsafe::HashBlockSize(hash));
    HashState state;
    for (const std::size_t wrong : {std::size_t{0}, size - 1, size + 1, iotsafe::DigestSize(hash) + 1}) {
      EXPECT_FALSE(crypto->HashResume(hash, Bytes(wrong), block, state)) << wrong;
      EXPECT_FALSE(state.running);
    }
    for (const std::uint32_t count : {1U, block - 1, block + 1, block / 2}) {
      EXPECT_FALSE(crypto->HashResume(hash, Bytes(size), count, state)) << count;
      EXPECT_FALSE(state.running);
    }
    EXPECT_TRUE(crypto->HashResume(hash, Bytes(size), block, state));
    crypto->HashAbort(state);
  }
}

TEST_F(Hash, OneBitOfChainingValueOrCountMatters) {
  const Bytes message = Message(64);
  Bytes value = ChainingValue(HashAlgorithm::kSha256, message);
  const Bytes whole = Digest(HashAlgorithm::kSha256, message);
  const auto finish = [&](ByteView chaining_value, std::uint32_t count) {
    HashState state;
    Bytes digest(32);
    EXPECT_TRUE(crypto->HashResume(HashAlgorithm::kSha256, chaining_value, count, state));
    EXPECT_TRUE(crypto->HashFinish(state, digest));
    return digest;
  };
  EXPECT_EQ(finish(value, 64), whole);
  EXPECT_NE(finish(value, 128), whole);
  value.back() ^= 1U;
  EXPECT_NE(finish(value, 64), whole);
}

TEST_F(Hash, LargestCountIsCountedInBytes) {
  // 0xFFFFFFC0 bytes hashed before, 64 after: the bit count of SHA-256's padding needs more than 32 bits. Mbed TLS
  // itself, told the same in its own fields, is the witness.
  const Bytes value = ChainingValue(HashAlgorithm::kSha256, Message(64));
  const Bytes tail = Message(64);
  HashState state;
  Bytes digest(32);
  ASSERT_TRUE(crypto->HashResume(HashAlgorithm::kSha256, value, 0xFFFFFFC0U, state));
  ASSERT_TRUE(crypto->HashUpdate(state, tail) && crypto->HashFinish(state, digest));

  mbedtls_sha256_context context;
  mbedtls_sha256_init(&context);
  ByteReader reader(value);
  for (std::uint32_t& word : context.state) {
    ASSERT_TRUE(reader.ReadU32(word));
  }
  Bytes padded = tail;  // 64 bytes, then 80 00.. and the length of 2^32 bytes = 2^35 bits
  padded.push_back(0x80);
  padded.resize(128);
  padded.at(123) = 0x08;
  ASSERT_EQ(mbedtls_internal_sha256_process(&context, padded.data()), 0);
  ASSERT_EQ(mbedtls_internal_sha256_process(&context, ByteView(padded).last(64).data()), 0);
  Bytes expected(32);
  ByteWriter out(expected);
  for (const std::uint32_t word : context.state) {
    out.PutU32(word);
  }
  EXPECT_EQ(ToHex(digest), ToHex(expected));
}

TEST_F(Hash, FinishTakesExactlyTheDigestSizeAndEndsInAnyCase) {
  for (const HashAlgorithm hash : kHashes) {
    const std::size_t size = iotsafe::DigestSize(hash);
    for (const std::size_t wrong : {std::size_t{0}, size - 1, size + 1}) {
      HashState state;
      Bytes digest(wrong);
      ASSERT_TRUE(crypto->HashBegin(hash, state));
      EXPECT_FALSE(crypto->HashFinish(state, digest));
      EXPECT_EQ(digest, Bytes(wrong));
      EXPECT_FALSE(state.running);
      ASSERT_TRUE(crypto->HashResume(hash, Bytes(iotsafe::HashStateSize(hash)), 0, state));
      EXPECT_FALSE(crypto->HashFinish(state, digest));
      EXPECT_EQ(digest, Bytes(wrong));
      EXPECT_FALSE(state.running);
    }
  }
}

TEST_F(Hash, NothingWorksOnAStateThatIsNotRunning) {
  HashState state;
  Bytes digest(32);
  EXPECT_FALSE(crypto->HashUpdate(state, AsBytes("x")));
  EXPECT_FALSE(crypto->HashFinish(state, digest));
  crypto->HashAbort(state);
  ASSERT_TRUE(crypto->HashBegin(HashAlgorithm::kSha256, state));
  ASSERT_TRUE(crypto->HashFinish(state, digest));
  EXPECT_FALSE(crypto->HashUpdate(state, AsBytes("x")));
  EXPECT_FALSE(crypto->HashFinish(state, digest));
}

TEST_F(Hash, AbortLeavesNothingBehind) {
  for (const bool resumed : {false, true}) {
    HashState state;
    if (resumed) {
      ASSERT_TRUE(crypto->HashResume(HashAlgorithm::kSha256, Bytes(32, 5), 64, state));
    } else {
      ASSERT_TRUE(crypto->HashBegin(HashAlgorithm::kSha256, state));
    }
    ASSERT_TRUE(crypto->HashUpdate(state, Bytes(100, 0x5A)));
    EXPECT_NE(state.memory, decltype(state.memory){});
    crypto->HashAbort(state);
    EXPECT_FALSE(state.running);
    EXPECT_EQ(state.memory, decltype(state.memory){});
  }
}

TEST_F(Hash, BeginOnRunningStateStartsAnew) {
  HashState state;
  Bytes digest(48);
  ASSERT_TRUE(crypto->HashBegin(HashAlgorithm::kSha256, state));
  ASSERT_TRUE(crypto->HashUpdate(state, AsBytes("garbage")));
  ASSERT_TRUE(crypto->HashBegin(HashAlgorithm::kSha384, state));
  ASSERT_TRUE(crypto->HashUpdate(state, AsBytes("abc")));
  ASSERT_TRUE(crypto->HashFinish(state, digest));
  EXPECT_EQ(digest, Digest(HashAlgorithm::kSha384, AsBytes("abc")));
}

TEST_F(Hash, ManyAtOnceDoNotMix) {  // more than the engine keeps spare contexts
  std::array<HashState, 12> states;
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      ASSERT_TRUE(crypto->HashBegin(kHashes.at(i % 3), states.at(i)));
    }
    for (std::size_t piece = 0; piece < 5; ++piece) {
      for (std::size_t i = 0; i < states.size(); ++i) {
        ASSERT_TRUE(crypto->HashUpdate(states.at(i), Message(i + round)));
      }
    }
    for (std::size_t i = 0; i < states.size(); ++i) {
      const HashAlgorithm hash = kHashes.at(i % 3);
      Bytes whole;
      for (std::size_t piece = 0; piece < 5; ++piece) {
        const Bytes part = Message(i + round);
        whole.insert(whole.end(), part.begin(), part.end());
      }
      Bytes digest(iotsafe::DigestSize(hash));
      ASSERT_TRUE(crypto->HashFinish(states.at(i), digest));
      EXPECT_EQ(digest, Digest(hash, whole));
    }
  }
}

}  // namespace
}  // namespace simroot::crypto
