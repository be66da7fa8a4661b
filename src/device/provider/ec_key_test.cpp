// SPDX-License-Identifier: Apache-2.0
#include "device/provider/ec_key.hpp"

#include <gmock/gmock.h>
#include <openssl/core_names.h>

#include <cstdlib>
#include <filesystem>

#include "device/transport/testing/scripted_modem.hpp"

namespace simroot::provider {
namespace {

using device::ScriptedModem;
using iotsafe::HashAlgorithm;

constexpr std::string_view kInitSha256 = "812A00010D840101A1010391020001920104";
constexpr std::string_view kInitSha384 = "812A00010D840101A1010391020002920104";
/// UPDATE with the leftmost 32 bytes of the digest below.
const std::string kUpdate = "812B8001229E20" + std::string(64, '5') + "00";
const Bytes kDigest(48, 0x55);

std::string CsimLine(std::string_view apdu) {
  return "AT+CSIM=" + std::to_string(apdu.size()) + ",\"" + std::string(apdu) + "\"";
}

/// A key 01 behind a modem whose card says what the test wants, with the software key it stands for.
class CardKeyTest : public testing::Test {
 protected:
  CardKeyTest() : software_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")) {
    directory_ = testing::TempDir() + "simroot-key-XXXXXX";
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    ::setenv("XDG_RUNTIME_DIR", directory_.c_str(), 1);
    modem_.Expect("ATE0", ScriptedModem::Ok());
    modem_.Expect(CsimLine("0070000001"), ScriptedModem::Csim("019000"));
    modem_.Expect(CsimLine("01A4040007A0000005590010"), ScriptedModem::Csim("9000"));
  }
  ~CardKeyTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::unique_ptr<CardKey> Open() {
    modem_.Expect(CsimLine("0070800100"), ScriptedModem::Csim("9000"));
    modem_.Start();
    device::CardOptions options;
    options.uri = *device::ParseCardUri(modem_.Uri("?mode=csim"));
    options.use_cache = false;
    device::Point point{};
    std::size_t size = 0;
    EXPECT_EQ(
        EVP_PKEY_get_octet_string_param(software_.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size),
        1);
    const device::ObjectName name{iotsafe::ObjectClass::kPrivateKey, false, Bytes{1}};
    return std::make_unique<CardKey>(device::Card::Create(options), name, point);
  }

  /// What a card answers that signs `digest`.
  std::string SignatureAnswer(ByteView digest) {
    const PkeyContextPtr signer(EVP_PKEY_CTX_new(software_.get(), nullptr));
    Bytes der(72);
    std::size_t size = der.size();
    EXPECT_EQ(EVP_PKEY_sign_init(signer.get()), 1);
    EXPECT_EQ(EVP_PKEY_sign(signer.get(), der.data(), &size, digest.data(), digest.size()), 1);
    der.resize(size);
    return ScriptedModem::Csim("3340" + ToHex(iotsafe::DerSignatureToRaw(der)->view()) + "9000");
  }

  PkeyPtr software_;
  ScriptedModem modem_;
  std::string directory_;
};

bool Verifies(EVP_PKEY* key, ByteView signature, ByteView digest) {
  const PkeyContextPtr verifier(EVP_PKEY_CTX_new(key, nullptr));
  return EVP_PKEY_verify_init(verifier.get()) == 1 &&
         EVP_PKEY_verify(verifier.get(), signature.data(), signature.size(), digest.data(), digest.size()) == 1;
}

/// FIPS 186-4 6.4: only the leftmost 256 bits of a longer digest count on P-256.
TEST_F(CardKeyTest, CutsALongDigestForACardThatTakesSha256Only) {
  modem_.Expect(CsimLine(kInitSha384), ScriptedModem::Csim("6A80"));
  for (int turn = 0; turn < 2; ++turn) {  // the second time it does not try SHA-384 again
    modem_.Expect(CsimLine(kInitSha256), ScriptedModem::Csim("9000"));
    modem_.Expect(CsimLine(kUpdate), SignatureAnswer(kDigest));
  }
  auto key = Open();
  for (int turn = 0; turn < 2; ++turn) {
    const auto signature = key->Sign(HashAlgorithm::kSha384, kDigest);
    ASSERT_TRUE(signature) << signature.error().Text();
    EXPECT_TRUE(Verifies(software_.get(), signature->view(), kDigest));
  }
  key.reset();
  EXPECT_THAT(modem_.Finish(), testing::IsEmpty());
}

TEST_F(CardKeyTest, KeepsTheFirstRefusalWhenSha256IsRefusedToo) {
  modem_.Expect(CsimLine(kInitSha384), ScriptedModem::Csim("6985"));
  modem_.Expect(CsimLine(kInitSha256), ScriptedModem::Csim("6A80"));
  auto key = Open();
  const auto signature = key->Sign(HashAlgorithm::kSha384, kDigest);
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().sw, wire::StatusWord::kConditionsNotSatisfied);
  key.reset();
  EXPECT_THAT(modem_.Finish(), testing::IsEmpty());
}

TEST_F(CardKeyTest, DoesNotRepeatARefusedSha256) {
  modem_.Expect(CsimLine(kInitSha256), ScriptedModem::Csim("6A80"));
  auto key = Open();
  const auto signature = key->Sign(HashAlgorithm::kSha256, ByteView(kDigest).first(32));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().domain, ErrorDomain::kCard);
  key.reset();
  EXPECT_THAT(modem_.Finish(), testing::IsEmpty());
}

}  // namespace
}  // namespace simroot::provider
