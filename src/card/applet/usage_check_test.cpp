// SPDX-License-Identifier: Apache-2.0
// The cases of the interface are in src/conformance/scripts/usage.apdu; here every place where a text can be cut.
#include "card/applet/usage_check.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::card {
namespace {

using iotsafe::KeyUsage;

/// RFC 8446 4.4.3, its example of the client's side, with a hash of this size.
Bytes Tls13Content(std::size_t hash_size) {
  const ByteView context = AsBytes("TLS 1.3, client CertificateVerify");
  return Join(Bytes(64, 0x20), Bytes(context.begin(), context.end()), Hex("00"), Bytes(hash_size, 0x01));
}

Bytes Tls12Messages() {
  return Join(Hex("01000024 0303"), Bytes(34, 0x11), Hex("02000026"), Bytes(38, 0x22), Hex("0B000100"),
              Bytes(256, 0x33), Hex("0D000001 01 0E000000 0B000000 10000021"), Bytes(33, 0x44));
}

Bytes Dtls12Messages() {
  const auto message = [](const char* type, std::uint8_t sequence, const Bytes& body) {
    const Bytes length{0, LowByte(body.size() >> 8U), LowByte(body.size())};
    return Join(Hex(type), length, Bytes{0, sequence}, Hex("000000"), length, body);
  };
  return Join(message("01", 1, Join(Hex("FEFD"), Bytes(34, 0x11))), message("02", 1, Bytes(38, 0x22)),
              message("0E", 2, {}), message("10", 3, Bytes(33, 0x44)));
}

bool Passes(KeyUsage usage, ByteView text, std::size_t cut) {
  UsageCheck check(usage);
  return check.Take(text.first(cut)) && check.Take(text.subspan(cut)) && check.Passed();
}

struct Text {
  const char* name;
  KeyUsage usage;
  Bytes bytes;
};

class UsageCheckOn : public ::testing::TestWithParam<Text> {};

TEST_P(UsageCheckOn, PassesWhereverTheTextIsCut) {
  const Text& text = GetParam();
  for (std::size_t cut = 0; cut <= text.bytes.size(); ++cut) {
    EXPECT_TRUE(Passes(text.usage, text.bytes, cut)) << cut;
  }
}

TEST_P(UsageCheckOn, RefusesEveryShorterText) {
  const Text& text = GetParam();
  for (std::size_t size = 0; size < text.bytes.size(); ++size) {
    UsageCheck check(text.usage);
    EXPECT_TRUE(check.Take(ByteView(text.bytes).first(size))) << size;
    EXPECT_FALSE(check.Passed()) << size;
  }
}

TEST_P(UsageCheckOn, RefusesAByteMore) {
  const Text& text = GetParam();
  for (int last = 0; last < 256; ++last) {
    EXPECT_FALSE(Passes(text.usage, Join(text.bytes, Bytes{LowByte(last)}), text.bytes.size())) << last;
  }
}

TEST_P(UsageCheckOn, StaysRefused) {
  const Text& text = GetParam();
  UsageCheck check(text.usage);
  EXPECT_FALSE(check.Take(Hex("FF")));
  EXPECT_FALSE(check.Take(text.bytes));
  EXPECT_FALSE(check.Passed());
}

TEST_P(UsageCheckOn, RefusesTheTextOfTheOtherProtocol) {
  const Text& text = GetParam();
  const KeyUsage other = text.usage == KeyUsage::kTls13 ? KeyUsage::kTls12 : KeyUsage::kTls13;
  EXPECT_FALSE(Passes(other, text.bytes, 0));
  EXPECT_TRUE(Passes(KeyUsage::kGeneral, text.bytes, 0));
}

INSTANTIATE_TEST_SUITE_P(Texts, UsageCheckOn,
                         ::testing::Values(Text{"Tls13Sha256", KeyUsage::kTls13, Tls13Content(32)},
                                           Text{"Tls12", KeyUsage::kTls12, Tls12Messages()},
                                           Text{"Dtls12", KeyUsage::kTls12, Dtls12Messages()}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(UsageCheck, TakesThreeSizesOfTranscriptHash) {
  for (std::size_t size = 0; size <= 80; ++size) {
    EXPECT_EQ(size == 32 || size == 48 || size == 64, Passes(KeyUsage::kTls13, Tls13Content(size), 0)) << size;
  }
}

TEST(UsageCheck, RefusesEveryFlippedBitInFrontOfTheTranscriptHash) {
  const Bytes good = Tls13Content(32);
  for (std::size_t bit = 0; bit < 8 * (good.size() - 32); ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= LowByte(1U << (bit % 8));
    EXPECT_FALSE(Passes(KeyUsage::kTls13, bad, 0)) << bit;
  }
}

TEST(UsageCheck, NeedsTextForTlsKeysOnly) {
  EXPECT_FALSE(UsageCheck().NeedsText());
  EXPECT_FALSE(UsageCheck(KeyUsage::kGeneral).NeedsText());
  EXPECT_TRUE(UsageCheck(KeyUsage::kTls12).NeedsText());
  EXPECT_TRUE(UsageCheck(KeyUsage::kTls13).NeedsText());
  EXPECT_TRUE(UsageCheck().Passed());
}

TEST(UsageCheck, FollowsTextsLongerThanItCounts) {
  const Bytes big = Join(Hex("01000002 0303 020FFFFF"), Bytes(0x0FFFFF, 0x55), Hex("10000001 66"));
  EXPECT_TRUE(Passes(KeyUsage::kTls12, big, 70000));
}

}  // namespace
}  // namespace simroot::card
