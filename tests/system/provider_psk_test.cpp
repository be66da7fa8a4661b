// SPDX-License-Identifier: Apache-2.0
/// TLS1-PRF, TLS13-KDF and HMAC with a PSK handle, as libssl calls them. Secret key 06 of the demo profile is 00 to 0F;
/// the values wanted are those of the interface reference (docs/conformance.md) and, for the binder, of Python's hmac.
#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include <atomic>
#include <thread>

#include "common/host/test_hex.hpp"
#include "provider_fixture.hpp"

namespace simroot::provider_test {
namespace {

using provider::KdfContextPtr;
using provider::KdfPtr;
using testing::HasSubstr;

const std::string kHandle = "73696D726F6F742D70736B0101060000";
const std::string kPsk = "000102030405060708090A0B0C0D0E0F";
const std::string kZeros(32, '0');
const std::string kSeed =
    "6D617374657220736563726574000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B"
    "2C2D2E2F303132333435363738393A3B3C3D3E3F";
const std::string kMasterSecret =
    "DEB5EA0AABB5A89D2DBE02561ADA3CED3FF6626813425BDDAED85718423F4EDD0B9EA64C8942DDD47E38D4F3C4CA710C";
const std::string kEarlySecret = "D926952CA8B7EC4A95941D1ADA3A5203CEFF8CCEEE34F574D23909EB314C40C0";
const std::string kHandshakeSecret = "04B99F6B303F78A40B2672CDF59C304023A75A9AED0BFABCC7FE59710F4B6DD3";
const std::string kBinder = "66F02CA07948156DD5B2260A9C3FDF6143B937078A7A99FFDAFCBC5B52097C0B";
const std::string kEmptyHash = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
constexpr const char* kPreferred = "?simroot.psk=yes";

OSSL_PARAM Octets(const char* name, const Bytes& bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}
OSSL_PARAM Text(const char* name, const char* text) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(text), 0);
}

/// One derivation in hexadecimal; empty if it fails.
std::string Derive(OSSL_LIB_CTX* library, const char* name, const char* properties, std::size_t size,
                   const std::vector<OSSL_PARAM>& params) {
  const KdfPtr kdf(EVP_KDF_fetch(library, name, properties));
  const KdfContextPtr context(EVP_KDF_CTX_new(kdf.get()));
  Bytes out(size);
  return context != nullptr && EVP_KDF_derive(context.get(), out.data(), out.size(), params.data()) == 1 ? ToHex(out)
                                                                                                         : "";
}

std::string Prf(OSSL_LIB_CTX* library, const std::string& secret, const char* digest = "SHA256",
                const char* properties = kPreferred) {
  const Bytes secret_bytes = Hex(secret);
  const Bytes first = Hex(kSeed.substr(0, 26));
  const Bytes second = Hex(kSeed.substr(26));
  return Derive(library, OSSL_KDF_NAME_TLS1_PRF, properties, 48,
                {Text(OSSL_KDF_PARAM_DIGEST, digest), Octets(OSSL_KDF_PARAM_SECRET, secret_bytes),
                 Octets(OSSL_KDF_PARAM_SEED, first), Octets(OSSL_KDF_PARAM_SEED, second), OSSL_PARAM_construct_end()});
}

std::string Extract(OSSL_LIB_CTX* library, const std::string& key, const std::string& salt = "") {
  const Bytes key_bytes = Hex(key);
  const Bytes salt_bytes = Hex(salt);
  const Bytes prefix{'t', 'l', 's', '1', '3', ' '};
  const Bytes label{'d', 'e', 'r', 'i', 'v', 'e', 'd'};
  int mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
  std::vector<OSSL_PARAM> params{OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                                 Text(OSSL_KDF_PARAM_DIGEST, "SHA256"), Octets(OSSL_KDF_PARAM_PREFIX, prefix),
                                 Octets(OSSL_KDF_PARAM_LABEL, label), Octets(OSSL_KDF_PARAM_KEY, key_bytes)};
  if (!salt.empty()) {
    params.push_back(Octets(OSSL_KDF_PARAM_SALT, salt_bytes));
  }
  params.push_back(OSSL_PARAM_construct_end());
  return Derive(library, OSSL_KDF_NAME_TLS1_3_KDF, kPreferred, 32, params);
}

std::string Expand(OSSL_LIB_CTX* library, const std::string& key, std::string_view label, const std::string& data) {
  const Bytes key_bytes = Hex(key);
  const Bytes data_bytes = Hex(data);
  const Bytes prefix{'t', 'l', 's', '1', '3', ' '};
  const Bytes label_bytes(label.begin(), label.end());
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  std::vector<OSSL_PARAM> params{OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                                 Text(OSSL_KDF_PARAM_DIGEST, "SHA256"), Octets(OSSL_KDF_PARAM_PREFIX, prefix),
                                 Octets(OSSL_KDF_PARAM_LABEL, label_bytes), Octets(OSSL_KDF_PARAM_KEY, key_bytes)};
  if (!data.empty()) {
    params.push_back(Octets(OSSL_KDF_PARAM_DATA, data_bytes));
  }
  params.push_back(OSSL_PARAM_construct_end());
  return Derive(library, OSSL_KDF_NAME_TLS1_3_KDF, kPreferred, 32, params);
}

/// HMAC with SHA-256 as libssl makes a binder; empty if it fails.
std::string Hmac(OSSL_LIB_CTX* library, const std::string& key, const std::string& data) {
  const Bytes key_bytes = Hex(key);
  const Bytes data_bytes = Hex(data);
  const PkeyPtr mac_key(
      EVP_PKEY_new_raw_private_key_ex(library, "HMAC", kPreferred, key_bytes.data(), key_bytes.size()));
  const DigestContextPtr context(EVP_MD_CTX_new());
  Bytes out(64);
  std::size_t size = out.size();
  if (mac_key == nullptr ||
      EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", library, kPreferred, mac_key.get(), nullptr) != 1 ||
      EVP_DigestSignUpdate(context.get(), data_bytes.data(), data_bytes.size()) != 1 ||
      EVP_DigestSignFinal(context.get(), out.data(), &size) != 1) {
    return "";
  }
  return ToHex(ByteView(out).first(size));
}

class Psk : public OrderedProviderTest {
 protected:
  /// The same card, with more lines in the provider's section.
  [[nodiscard]] LibraryPtr LoadWith(const std::string& settings) const {
    return Load(GetParam(), "card = " + card_uri_ + "\ncache = off\n" + settings);
  }
};
INSTANTIATE_FOR_BOTH_ORDERS(Psk);

TEST_P(Psk, MasterSecretComesFromTheCard) {
  EXPECT_EQ(Prf(library_.get(), "0010" + kZeros + "0010" + kHandle), kMasterSecret);
  EXPECT_EQ(CountTrace("COMPUTE PRF"), 1U);
  EXPECT_EQ(Prf(library_.get(), "0010" + kZeros + "0010" + kHandle, "SHA256", "?iotsafe.psk=yes"), kMasterSecret);
}

TEST_P(Psk, WhatHoldsNoHandleStaysInSoftware) {
  EXPECT_EQ(Prf(library_.get(), "0010" + kZeros + "0010" + kPsk), kMasterSecret);
  EXPECT_EQ(Extract(library_.get(), kPsk), kEarlySecret);
  EXPECT_EQ(Extract(library_.get(), kHandle + "00").size(), 64U) << "one byte long";
  EXPECT_EQ(Commands(), 0U);
}

TEST_P(Psk, NothingIsDerivedFromAHandleInAnotherPlace) {
  for (const std::string& secret : {kHandle, "0000" + kHandle, "0010" + kZeros + "0011" + "00" + kHandle}) {
    EXPECT_EQ(Prf(library_.get(), secret), "");
    EXPECT_THAT(TakeErrors(), HasSubstr("stands where no PSK of TLS 1.2 is"));
  }
  EXPECT_EQ(Extract(library_.get(), kHandle, std::string(64, '1')), "");
  EXPECT_EQ(Expand(library_.get(), kHandle, "derived", kEmptyHash), "");
  EXPECT_THAT(TakeErrors(), HasSubstr("stands where no PSK of TLS 1.3 is"));
  EXPECT_EQ(Commands(), 0U);
}

TEST_P(Psk, HashesThatNoCardHasAreRefused) {
  EXPECT_EQ(Prf(library_.get(), "0010" + kZeros + "0010" + kHandle, "SHA512"), "");
  EXPECT_EQ(Prf(library_.get(), "0010" + kZeros + "0010" + kHandle, "MD5-SHA1"), "");
  EXPECT_THAT(TakeErrors(), HasSubstr("MinProtocol = TLSv1.2"));
  EXPECT_EQ(Prf(library_.get(), "0010" + kZeros + "0010" + kHandle, "SHA384").size(), 96U);
}

TEST_P(Psk, EarlySecretComesFromTheCardEveryTime) {
  EXPECT_EQ(Extract(library_.get(), kHandle), kEarlySecret);
  EXPECT_EQ(Extract(library_.get(), kHandle), kEarlySecret);
  EXPECT_EQ(CountTrace("COMPUTE HKDF"), 2U) << "it is never kept";
}

TEST_P(Psk, DeepModeGoesThroughTokens) {
  const LibraryPtr deep = LoadWith("psk = deep\n");
  const std::string early = Extract(deep.get(), kHandle);
  ASSERT_EQ(early.size(), 64U);
  EXPECT_NE(early, kEarlySecret);
  EXPECT_NE(early, Extract(deep.get(), kHandle)) << "a new one for every handshake";
  EXPECT_EQ(Commands(), 0U);
  const std::string binder_key = Expand(deep.get(), early, "ext binder", kEmptyHash);
  const std::string finished = Expand(deep.get(), binder_key, "finished", "");
  std::string transcript;
  for (unsigned i = 0xA0; i < 0xC0; ++i) {
    transcript += ToHex(Bytes{LowByte(i)});
  }
  EXPECT_EQ(Hmac(deep.get(), finished, transcript), kBinder);
  EXPECT_NE(Hmac(deep.get(), finished, transcript), kBinder) << "a token does its work once";
  std::string shared;
  for (unsigned i = 0x40; i < 0x60; ++i) {
    shared += ToHex(Bytes{LowByte(i)});
  }
  EXPECT_EQ(Extract(deep.get(), shared, early), kHandshakeSecret);
  EXPECT_NE(Extract(deep.get(), shared, early), kHandshakeSecret);
}

TEST_P(Psk, DeepModeGivesNothingElse) {
  const LibraryPtr deep = LoadWith("psk = deep\n");
  const std::string early = Extract(deep.get(), kHandle);
  for (const char* label : {"c e traffic", "e exp master", "derived", "res binder", "finished", ""}) {
    EXPECT_EQ(Expand(deep.get(), early, label, kEmptyHash), "") << label;
  }
  EXPECT_THAT(TakeErrors(), HasSubstr("psk = standard"));
  EXPECT_EQ(Hmac(deep.get(), early, kEmptyHash), "") << "the early secret signs nothing";
  EXPECT_EQ(Extract(deep.get(), std::string(64, '0'), early), "") << "psk_ke";
  EXPECT_THAT(TakeErrors(), HasSubstr("psk_ke"));
}

TEST_P(Psk, TokensAreNotExported) {
  const LibraryPtr deep = LoadWith("psk = deep\n");
  const std::string early = Extract(deep.get(), kHandle);
  const Bytes finished = Hex(Expand(deep.get(), Expand(deep.get(), early, "ext binder", kEmptyHash), "finished", ""));
  const PkeyPtr key(EVP_PKEY_new_raw_private_key_ex(deep.get(), "HMAC", kPreferred, finished.data(), finished.size()));
  ASSERT_NE(key, nullptr);
  Bytes out(64);
  std::size_t size = out.size();
  EXPECT_NE(EVP_PKEY_get_raw_private_key(key.get(), out.data(), &size), 1);
  EXPECT_THAT(TakeErrors(), HasSubstr("stays on the card"));
}

TEST_P(Psk, SoftwareHmacWorksInDeepMode) {
  const LibraryPtr deep = LoadWith("psk = deep\n");
  // RFC 4231, case 2.
  EXPECT_EQ(Hmac(deep.get(), "4A656665", "7768617420646F2079612077616E7420666F72206E6F7468696E673F"),
            "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843");
  EXPECT_EQ(Hmac(deep.get(), std::string(64, '1'), "00"), Hmac(library_.get(), std::string(64, '1'), "00"));
  EXPECT_EQ(Commands(), 0U);
}

TEST_P(Psk, FourThreadsAtOnce) {
  const std::string secret = "0010" + kZeros + "0010" + kHandle;
  ASSERT_EQ(Prf(library_.get(), secret), kMasterSecret);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        wrong += Prf(library_.get(), secret) != kMasterSecret || Extract(library_.get(), kHandle) != kEarlySecret;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
}

TEST_P(Psk, KeysOfTheCardThatMayNot) {
  EXPECT_EQ(Prf(library_.get(), "0010" + kZeros + "0010" + "73696D726F6F742D70736B0101070000"), "");
  EXPECT_THAT(TakeErrors(), HasSubstr("not allowed for key derivation with the PRF"));
  EXPECT_EQ(Extract(library_.get(), "73696D726F6F742D70736B0101770000"), "");
  EXPECT_THAT(TakeErrors(), HasSubstr("secret key 77 does not exist"));
  EXPECT_EQ(Extract(library_.get(), "73696D726F6F742D70736B0180000001"), "");
  EXPECT_THAT(TakeErrors(), HasSubstr("no secret key that this PSK handle refers to"));
}

}  // namespace
}  // namespace simroot::provider_test
