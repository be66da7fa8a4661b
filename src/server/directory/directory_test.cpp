// SPDX-License-Identifier: Apache-2.0
#include "server/directory/directory.hpp"

#include <gtest/gtest.h>

#include "server/directory/testing/credentials.hpp"

namespace simroot::server {
namespace {

using testing::CertificateOf;
using testing::FingerprintOf;
using testing::IccidOf;
using testing::PskOf;

std::unique_ptr<Directory> NewDirectory() {
  auto directory = Directory::Create();
  EXPECT_TRUE(directory.has_value());
  return std::move(*directory);
}

Bytes KeyOf(const Directory& directory, CredentialId id) {
  const auto key = directory.OpenPsk(id);
  const ByteView bytes = key ? key->Reveal(InsecureReveal::kForTest) : ByteView();
  return {bytes.begin(), bytes.end()};
}

TEST(Directory, FindsCertificatesWithAllTheirFields) {
  const auto directory = NewDirectory();
  Credential credential = CertificateOf(7);
  credential.first_used = 1'800'000'000;
  ASSERT_TRUE(directory->Put(credential));
  const auto found = directory->FindCertificate(FingerprintOf(7));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, 7);
  EXPECT_EQ(found->kind, CredentialKind::kCertificate);
  EXPECT_EQ(found->state, CredentialState::kActive);
  EXPECT_STREQ(found->name.data(), credential.name.c_str());
  EXPECT_STREQ(found->iccid.data(), credential.iccid.c_str());
  EXPECT_STREQ(found->device.data(), "meter-7");
  EXPECT_EQ(found->not_before, credential.not_before);
  EXPECT_EQ(found->not_after, credential.not_after);
  EXPECT_EQ(found->first_used, 1'800'000'000);
  EXPECT_EQ(found->changed, credential.changed);
  EXPECT_TRUE(directory->FindById(7).has_value());
  EXPECT_EQ(directory->OpenPsk(7).error().domain, ErrorDomain::kUsage);
}

TEST(Directory, FindsNothingThatIsNearlyThere) {
  const auto directory = NewDirectory();
  ASSERT_TRUE(directory->Put(CertificateOf(7)));
  ASSERT_TRUE(directory->Put(PskOf(8)));
  for (std::size_t i = 0; i < Fingerprint{}.size(); ++i) {
    Fingerprint flipped = FingerprintOf(7);
    flipped[i] ^= 1U;
    EXPECT_FALSE(directory->FindCertificate(flipped).has_value()) << i;
  }
  const std::string identity = PskOf(8).name;
  EXPECT_TRUE(directory->FindPsk(identity).has_value());
  EXPECT_FALSE(directory->FindPsk(identity + "0").has_value());
  EXPECT_FALSE(directory->FindPsk(identity.substr(1)).has_value());
  EXPECT_FALSE(directory->FindPsk("").has_value());
  EXPECT_FALSE(directory->FindPsk(identity + std::string(1, '\0')).has_value());
  EXPECT_FALSE(directory->FindPsk(std::string(kMaxName + 1, 'A')).has_value());
  EXPECT_FALSE(directory->FindCertificate({}).has_value());
  EXPECT_FALSE(directory->FindById(9).has_value());
  EXPECT_EQ(directory->OpenPsk(9).error().domain, ErrorDomain::kUsage);
}

TEST(Directory, TellsIdentitiesInHexadecimalFromTheirBytes) {
  const auto directory = NewDirectory();
  Credential hex = PskOf(1);
  hex.name = "4142";
  Credential text = PskOf(2);
  text.name = "AB";  // hexadecimal of one byte, and the text of the other's bytes
  Credential lower = PskOf(3);
  lower.name = "ab";
  Credential odd = PskOf(4);
  odd.name = "ABC";
  for (const Credential* credential : {&hex, &text, &lower, &odd}) {
    ASSERT_TRUE(directory->Put(*credential));
  }
  EXPECT_EQ(directory->FindPsk("4142")->id, 1);
  EXPECT_EQ(directory->FindPsk("AB")->id, 2);
  EXPECT_EQ(directory->FindPsk("ab")->id, 3);
  EXPECT_EQ(directory->FindPsk("ABC")->id, 4);
  EXPECT_STREQ(directory->FindById(2)->name.data(), "AB");
}

TEST(Directory, KeepsTheLongestTexts) {
  const auto directory = NewDirectory();
  Credential credential = PskOf(1);
  credential.name = std::string(kMaxName, 'x');
  credential.device = std::string(kMaxDevice, 'y');
  credential.iccid = std::string(kMaxIccid, '9');
  credential.psk = SecretBytes(Bytes(kMaxPsk, 0x5A));
  ASSERT_TRUE(directory->Put(credential));
  const auto found = directory->FindPsk(credential.name);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->name.data(), credential.name);
  EXPECT_EQ(found->device.data(), credential.device);
  EXPECT_EQ(found->iccid.data(), credential.iccid);
  EXPECT_EQ(KeyOf(*directory, 1), Bytes(kMaxPsk, 0x5A));
  credential.iccid = std::string(18, '1');
  ASSERT_TRUE(directory->Put(credential));
  EXPECT_STREQ(directory->FindById(1)->iccid.data(), std::string(18, '1').c_str());
}

TEST(Directory, RefusesWhatCannotBeAndStaysAsItWas) {
  const auto directory = NewDirectory();
  ASSERT_TRUE(directory->Put(PskOf(1)));
  const std::string before = testing::TextOf(*directory);
  const auto refuse = [&](const char* what, const auto& spoil) {
    Credential credential = PskOf(1, CredentialState::kRevoked);
    spoil(credential);
    const auto put = directory->Put(credential);
    ASSERT_FALSE(put.has_value()) << what;
    EXPECT_EQ(put.error().domain, ErrorDomain::kUsage) << what;
    EXPECT_EQ(testing::TextOf(*directory), before) << what;
  };
  refuse("long name", [](Credential& c) { c.name = std::string(kMaxName + 1, 'x'); });
  refuse("no identity", [](Credential& c) { c.name.clear(); });
  refuse("NUL in a name", [](Credential& c) { c.name = std::string("a\0b", 3); });
  refuse("long device", [](Credential& c) { c.device = std::string(kMaxDevice + 1, 'x'); });
  refuse("NUL in a device", [](Credential& c) { c.device = std::string("a\0b", 3); });
  refuse("short ICCID", [](Credential& c) { c.iccid = std::string(17, '8'); });
  refuse("long ICCID", [](Credential& c) { c.iccid = std::string(21, '8'); });
  refuse("letters in an ICCID", [](Credential& c) { c.iccid = "898800000000000000A"; });
  refuse("no ICCID", [](Credential& c) { c.iccid.clear(); });
  refuse("long key", [](Credential& c) { c.psk = SecretBytes(Bytes(kMaxPsk + 1, 1)); });
  refuse("end before 1970", [](Credential& c) { c.not_after = -1; });
  refuse("end that cannot be", [](Credential& c) { c.not_after = UnixTime{1} << 40; });
}

TEST(Directory, ReplacesByIdWhateverChanges) {
  const auto directory = NewDirectory();
  Credential pending = CertificateOf(7, CredentialState::kPending);
  pending.fingerprint = {};
  ASSERT_TRUE(directory->Put(pending));
  EXPECT_EQ(directory->FindById(7)->state, CredentialState::kPending);
  ASSERT_TRUE(directory->Put(CertificateOf(7)));
  EXPECT_EQ(directory->FindCertificate(FingerprintOf(7))->state, CredentialState::kActive);
  Credential other = CertificateOf(7, CredentialState::kRevoked);
  other.fingerprint = FingerprintOf(7, 1);
  other.iccid = IccidOf(70);
  ASSERT_TRUE(directory->Put(other));
  EXPECT_FALSE(directory->FindCertificate(FingerprintOf(7)).has_value());
  EXPECT_EQ(directory->FindCertificate(FingerprintOf(7, 1))->state, CredentialState::kRevoked);
  EXPECT_EQ(directory->size().credentials, 1U);
  EXPECT_EQ(directory->size().devices, 1U);
}

TEST(Directory, PskWithoutKeyKeepsTheKeyItHad) {
  const auto directory = NewDirectory();
  ASSERT_TRUE(directory->Put(PskOf(1)));
  const Bytes key = KeyOf(*directory, 1);
  ASSERT_EQ(key.size(), 32U);
  Credential again = PskOf(1, CredentialState::kSuspended);
  again.psk = {};
  ASSERT_TRUE(directory->Put(again));
  EXPECT_EQ(KeyOf(*directory, 1), key);
  again.psk = SecretBytes(Bytes(16, 7));
  ASSERT_TRUE(directory->Put(again));
  EXPECT_EQ(KeyOf(*directory, 1), Bytes(16, 7));
  Credential never = PskOf(2);
  never.psk = {};
  ASSERT_TRUE(directory->Put(never));
  EXPECT_EQ(directory->OpenPsk(2).error().domain, ErrorDomain::kUsage);
}

TEST(Directory, AnotherIdentityOrKindDoesNotGetTheKeyOfTheOneBefore) {
  const auto directory = NewDirectory();
  ASSERT_TRUE(directory->Put(PskOf(1)));
  Credential other = PskOf(1);
  other.psk = {};
  other.name = "another-identity";
  ASSERT_TRUE(directory->Put(other));
  EXPECT_TRUE(directory->FindPsk("another-identity").has_value());
  EXPECT_FALSE(directory->FindPsk(PskOf(1).name).has_value());
  EXPECT_EQ(directory->OpenPsk(1).error().domain, ErrorDomain::kUsage);
  ASSERT_TRUE(directory->Put(PskOf(2)));
  ASSERT_TRUE(directory->Put(CertificateOf(2)));
  Credential again = PskOf(2);
  again.psk = {};
  ASSERT_TRUE(directory->Put(again));
  EXPECT_EQ(directory->OpenPsk(2).error().domain, ErrorDomain::kUsage);
}

TEST(Directory, DeletedPskGoesAndDeletedCertificateStays) {
  const auto directory = NewDirectory();
  ASSERT_TRUE(directory->Put(PskOf(1)));
  ASSERT_TRUE(directory->Put(CertificateOf(2)));
  ASSERT_TRUE(directory->Put(PskOf(1, CredentialState::kDeleted)));
  ASSERT_TRUE(directory->Put(CertificateOf(2, CredentialState::kDeleted)));
  ASSERT_TRUE(directory->Put(PskOf(3, CredentialState::kDeleted)));
  EXPECT_FALSE(directory->FindPsk(PskOf(1).name).has_value());
  EXPECT_FALSE(directory->FindById(1).has_value());
  EXPECT_FALSE(directory->FindById(3).has_value());
  EXPECT_EQ(directory->FindCertificate(FingerprintOf(2))->state, CredentialState::kDeleted);
  EXPECT_EQ(directory->size().credentials, 1U);
}

TEST(Directory, ForgetsOnlyWhatIsRefusedForEver) {
  const auto directory = NewDirectory();
  CredentialId id = 0;
  for (const auto state :
       {CredentialState::kPending, CredentialState::kActive, CredentialState::kSuperseded, CredentialState::kSuspended,
        CredentialState::kRevoked, CredentialState::kExpired, CredentialState::kDeleted}) {
    ASSERT_TRUE(directory->Put(CertificateOf(++id, state)));
  }
  Credential endless = CertificateOf(++id, CredentialState::kRevoked);
  endless.not_after = 0;
  ASSERT_TRUE(directory->Put(endless));
  EXPECT_EQ(directory->ForgetEndedBefore(1'900'000'000), 0U);
  EXPECT_EQ(directory->ForgetEndedBefore(1'900'000'001), 3U);
  EXPECT_EQ(directory->size().credentials, 5U);
  EXPECT_EQ(directory->size().devices, 5U);
  EXPECT_FALSE(directory->FindCertificate(FingerprintOf(5)).has_value());
  EXPECT_TRUE(directory->FindCertificate(FingerprintOf(2)).has_value());
}

TEST(Directory, RenamesAllCredentialsOfADevice) {
  const auto directory = NewDirectory();
  for (CredentialId id = 1; id <= 3; ++id) {
    Credential credential = id == 2 ? PskOf(id) : CertificateOf(id);
    credential.iccid = IccidOf(id == 3 ? 99 : 1);
    ASSERT_TRUE(directory->Put(credential));
  }
  EXPECT_EQ(directory->size().devices, 2U);
  const Bytes key = KeyOf(*directory, 2);
  directory->Rename(IccidOf(1), "a name that is much longer than the one before");
  EXPECT_STREQ(directory->FindById(1)->device.data(), "a name that is much longer than the one before");
  EXPECT_STREQ(directory->FindById(2)->device.data(), "a name that is much longer than the one before");
  EXPECT_STREQ(directory->FindById(3)->device.data(), "meter-3");
  EXPECT_EQ(KeyOf(*directory, 2), key);
  directory->Rename(IccidOf(1), "");
  EXPECT_STREQ(directory->FindById(1)->device.data(), "");
  directory->Rename(IccidOf(77), "nobody");
  directory->Rename("no ICCID", "nobody");
  directory->Rename(IccidOf(1), std::string(kMaxDevice + 1, 'x'));
  EXPECT_STREQ(directory->FindById(1)->device.data(), "");
  EXPECT_EQ(directory->size().devices, 2U);
}

TEST(Directory, OfTwoWithOneIdentityTheValidOneIsFound) {
  const auto directory = NewDirectory();
  const auto put = [&](CredentialId id, CredentialState state) {
    Credential credential = PskOf(id, state);
    credential.name = "shared";
    ASSERT_TRUE(directory->Put(credential));
  };
  put(1, CredentialState::kActive);
  put(2, CredentialState::kPending);
  EXPECT_EQ(directory->FindPsk("shared")->id, 1);
  put(2, CredentialState::kActive);
  EXPECT_EQ(directory->FindPsk("shared")->id, 2);
  put(2, CredentialState::kRevoked);
  EXPECT_EQ(directory->FindPsk("shared")->id, 1);
  put(1, CredentialState::kDeleted);
  EXPECT_EQ(directory->FindPsk("shared")->id, 2);
  put(2, CredentialState::kDeleted);
  EXPECT_FALSE(directory->FindPsk("shared").has_value());
}

TEST(Directory, DecoysAreSteadyAndTellNothing) {
  const auto directory = NewDirectory();
  const auto decoy = [](const Directory& of, std::string_view identity) {
    const SecretBytes key = of.DecoyPsk(identity);
    return ToHex(key.Reveal(InsecureReveal::kForTest));
  };
  EXPECT_EQ(decoy(*directory, "a").size(), 64U);
  EXPECT_EQ(decoy(*directory, "a"), decoy(*directory, "a"));
  EXPECT_NE(decoy(*directory, "a"), decoy(*directory, "b"));
  EXPECT_NE(decoy(*directory, "a"), decoy(*NewDirectory(), "a"));
  EXPECT_EQ(decoy(*directory, std::string(100'000, 'x')).size(), 64U);
}

TEST(Directory, EveryCredentialInAscendingOrderWithItsKey) {
  const auto directory = NewDirectory();
  std::string expected;
  for (CredentialId id = 1; id <= 500; ++id) {
    const Credential credential = id % 2 == 0 ? PskOf(id) : CertificateOf(id);
    expected += testing::TextOf(credential) + "\n";
  }
  for (CredentialId id = 500; id >= 1; --id) {
    ASSERT_TRUE(directory->Put(id % 2 == 0 ? PskOf(id) : CertificateOf(id)));
  }
  EXPECT_EQ(testing::TextOf(*directory), expected);
  directory->Clear();
  EXPECT_EQ(testing::TextOf(*directory), "");
  EXPECT_EQ(directory->size().credentials, 0U);
  EXPECT_EQ(directory->size().devices, 0U);
  ASSERT_TRUE(directory->Put(CertificateOf(1)));
  EXPECT_TRUE(directory->FindCertificate(FingerprintOf(1)).has_value());
}

TEST(Directory, MemoryOfChangesIsUsedAgain) {
  const auto directory = NewDirectory();
  for (CredentialId id = 1; id <= 1000; ++id) {
    ASSERT_TRUE(directory->Put(CertificateOf(id)));
  }
  const std::size_t before = directory->size().bytes;
  for (int round = 0; round < 30; ++round) {
    for (CredentialId id = 1; id <= 1000; ++id) {
      ASSERT_TRUE(
          directory->Put(CertificateOf(id, round % 2 == 0 ? CredentialState::kSuspended : CredentialState::kActive)));
    }
  }
  for (int round = 0; round < 20; ++round) {
    directory->Clear();
    for (CredentialId id = 1; id <= 1000; ++id) {
      ASSERT_TRUE(directory->Put(CertificateOf(id)));
    }
  }
  EXPECT_LT(directory->size().bytes, before + before / 2);
}

/// The budget: a million devices in under 200 bytes each. It is counted here with fewer, and also where the tables have
/// just grown, which is the worst. PSKs are the bigger ones.
void ExpectUnder200Bytes(const char* what, CredentialId count, Credential (*make)(CredentialId, CredentialState)) {
  const auto directory = NewDirectory();
  std::size_t worst = 0;
  for (CredentialId id = 1; id <= count; ++id) {
    ASSERT_TRUE(directory->Put(make(id, CredentialState::kActive)));
    if (id > count / 2) {
      worst = std::max(worst, directory->size().bytes / static_cast<std::size_t>(id));
    }
  }
  const std::size_t bytes = directory->size().bytes / static_cast<std::size_t>(count);
  std::printf("%s: %zu bytes each of %lld; at worst %zu\n", what, bytes, static_cast<long long>(count), worst);
  EXPECT_LT(worst, 200U) << what;
}

TEST(Directory, CostsUnder200BytesACredential) {
  ExpectUnder200Bytes("PSKs", 200'000, PskOf);
  ExpectUnder200Bytes("certificates", 100'000, CertificateOf);
}

}  // namespace
}  // namespace simroot::server
