// SPDX-License-Identifier: Apache-2.0
// What the host computes for scripts: known values, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"
#include "conformance/script_runner.hpp"

namespace simroot::conformance {
namespace {

using ::testing::HasSubstr;

/// Answers 9000 to everything.
class WillingCard final : public wire::CardEndpoint {
 public:
  void Reset() override {}
  ByteView Atr() const override { return {}; }
  std::size_t Transmit(ByteView /*command*/, ByteSpan response) override {
    return CopyBytes(Bytes{0x90, 0x00}, response) ? 2 : 0;
  }
};

/// The failure of these lines in words, or "".
std::string Outcome(const std::string& lines) {
  const auto script = ParseScript("test", "[T00 case]\nbegin power-on\n> 00840000\n< 9000\n" + lines);
  if (!script) {
    return "parser: " + script.error().Text();
  }
  WillingCard card;
  const auto crypto = crypto::OpenSslCrypto::Create();
  const auto failure = ScriptRunner(card, *crypto, {}).Run(script->cases.front());
  return failure ? failure->Text(script->cases.front()) : "";
}

// The GCM specification's test cases 1, 2 and 4 (McGrew and Viega): H, E(K, Y0), additional data, ciphertext, tag.
TEST(ScriptCrypto, GcmTagsAreThoseOfTheSpecification) {
  EXPECT_EQ(Outcome("gcmtag t = 66E94BD4EF8A2C3B884CFA59CA342B2E 58E2FCCEFA7E3061367F1D57A4E7455A \"\" \"\"\n"
                    "equal {t} 58E2FCCEFA7E3061367F1D57A4E7455A\n"),
            "");
  EXPECT_EQ(Outcome("gcmtag t = 66E94BD4EF8A2C3B884CFA59CA342B2E 58E2FCCEFA7E3061367F1D57A4E7455A \"\" "
                    "0388DACE60B6A392F328C2B971B2FE78\nequal {t} AB6E47D42CEC13BDF53A67B21257BDDF\n"),
            "");
  EXPECT_EQ(Outcome("gcmtag t = B83B533708BF535D0AA6E52980D53B78 3247184B3C4F69A44DBCD22887BBB418 "
                    "FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2 "
                    "42831EC2217774244B7221B784D0D49CE3AA212F2C02A4E035C17E2329ACA12E21D514B25466931C7D8F6A5AAC84AA05"
                    "1BA30B396A0AAC973D58E091\nequal {t} 5BC94FBC3221A5DB94FAE95AE7121A47\n"),
            "");
  EXPECT_THAT(Outcome("gcmtag t = 66 58 \"\" \"\"\n"), HasSubstr("two blocks"));
  EXPECT_THAT(Outcome("gcmtag t = 66 58 \"\"\n"), HasSubstr("takes 4 words"));
}

TEST(ScriptCrypto, XorEndsWithTheShorterOne) {
  EXPECT_EQ(Outcome("xor x = FF00FF 0F0F\nequal {x} F00F\n"), "");
  EXPECT_THAT(Outcome("xor x = FF\n"), HasSubstr("takes 2 words"));
}

TEST(ScriptCrypto, RsaSignaturesOfTheHostVerify) {
  for (const std::string padding : {"pkcs1", "pss"}) {
    const std::string sign = "rsapair a\nrsapair b\nrandom h 32\nsignrsa s = " + padding + " sha256 {a.der} {h}\n";
    const std::string verify = "verifyrsa " + padding + " sha256 ";
    EXPECT_EQ(Outcome(sign + verify + "{a.n} {a.e} {h} {s}\n"), "");
    EXPECT_THAT(Outcome(sign + verify + "{b.n} {b.e} {h} {s}\n"), HasSubstr("does not verify"));
    EXPECT_THAT(Outcome(sign + "flip h 0\n" + verify + "{a.n} {a.e} {h} {s}\n"), HasSubstr("does not verify"));
    EXPECT_THAT(Outcome(sign + "flip s -1\n" + verify + "{a.n} {a.e} {h} {s}\n"), HasSubstr("does not verify"));
  }
  EXPECT_THAT(Outcome("rsapair a\nsignrsa s = oaep sha256 {a.der} 11*32\n"), HasSubstr("no padding"));
  EXPECT_THAT(Outcome("signrsa s = pss sha256 3000 11*32\n"), HasSubstr("cannot sign"));
}

TEST(ScriptCrypto, RsaKeysAreReadInEveryFormOfLength) {
  EXPECT_EQ(Outcome("set n = 91*256\nrsakey k 3482010D4982010981820100{n}8203010001\nequal {k.n} {n}\n"
                    "equal {k.e} 010001\n"),
            "");
  EXPECT_EQ(Outcome("set n = 91*256\nrsakey k 34010B490108810100{n}8203010001\nequal {k.n} {n}\n"), "");
  EXPECT_THAT(Outcome("set n = 91*255\nrsakey k 3482010B49820107818200FF{n}8203010001\n"), HasSubstr("not 34 with"));
  EXPECT_THAT(Outcome("set p = 0411*64\nrsakey k 344549438641{p}\n"), HasSubstr("not 34 with"));
  EXPECT_THAT(Outcome("rsakey k 3345\n"), HasSubstr("not 34 with"));
}

}  // namespace
}  // namespace simroot::conformance
