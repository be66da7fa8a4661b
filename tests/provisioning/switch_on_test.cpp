// SPDX-License-Identifier: Apache-2.0
// Every kind of job, end to end with a virtual card.
#include "platform/ota/secured_session.hpp"
#include "tests/provisioning/world.hpp"

namespace simroot::provisioning {
namespace {

using card::CardProfile;

/// States of a card's credentials in the order they were made: "active deleted".
std::string States(World& world, const AnyCard& card) {
  std::string text;
  for (const Credential& credential : world.Credentials(card)) {
    text += (text.empty() ? "" : " ") + std::string(NameOf(credential.state));
  }
  return text;
}

/// The private key with this label signs, by COMPUTE SIGNATURE over a hash; its status word.
std::uint16_t SignByLabel(Device& device, const std::string& label) {
  const Bytes key = Join(Bytes{0x74, LowByte(label.size())}, AsBytes(label));
  const Bytes data = Join(key, Hex("A1010391020001920104"));
  const auto init = device.AskApplet("802A0001" + ToHex(Bytes{LowByte(data.size())}) + ToHex(data));
  if (init.sw != 0x9000) {
    return init.sw;
  }
  return device
      .AskApplet(
          "802B800122"
          "9E20" +
          ToHex(Counting(32)) + "00")
      .sw;
}

class ProvisioningTest : public ::testing::Test {
 protected:
  /// What a factory does: blocks of STORE DATA in a session of its own.
  void Personalise(const AnyCard& card, Device& device, const std::vector<std::string>& blocks) {
    const auto pool = CryptoPool::Create(1);
    SecuredSession session(*pool);
    const CardKeySet set = world.KeySets(card).back();
    const auto keys =
        Must(world.vault().Unseal(set.sealed, "card-keys/" + card.iccid + "/" + std::to_string(set.version)));
    const Bytes domain = Hex("A000000151000000");
    RelayBatch batch;
    batch.security_domain = domain;
    batch.commands = {Must(session.Hello(0))};
    const auto offer = device.Run(batch);
    const auto parts = SplitCardKeys(keys.Reveal(InsecureReveal::kForTest));
    ASSERT_TRUE(parts.has_value());
    batch.security_domain.clear();
    batch.commands = {Must(session.Authenticate(*parts, domain, offer.front().data)),
                      Must(session.Secure(InstallForPersonalisation(iotsafe::kAids.front().view())))};
    for (const std::string& block : blocks) {
      batch.commands.push_back(Must(session.Secure({.ins = 0xE2, .p1 = 0x81, .data = Hex(block), .what = {}})));
    }
    const auto answers = device.Run(batch);
    ASSERT_EQ(answers.size(), batch.commands.size());
    EXPECT_EQ(answers.back().sw, 0x9000);
  }

  World world;
};

TEST_F(ProvisioningTest, ABlankCardIsSwitchedOnInThreeRoundTrips) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  EXPECT_TRUE(done->done);
  ASSERT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(done->key_label, "tls");
  EXPECT_EQ(device.posts, 3U);
  const auto credentials = world.Credentials(card);
  ASSERT_EQ(credentials.size(), 1U);
  EXPECT_EQ(credentials.front().state, CredentialState::kActive);
  EXPECT_EQ(device.ReadFile(0x02), credentials.front().certificate);
  EXPECT_EQ(device.ReadFile(0x03), world.authorities.front().certificate);
  EXPECT_EQ(device.ReadFile(0x05), world.authorities.back().certificate);
  EXPECT_EQ(SignByLabel(device, "tls"), 0x9000);
  const auto counters = world.engine().Count();
  EXPECT_EQ(counters.jobs_done, 1U);
  EXPECT_EQ(counters.certificates, 1U);
  EXPECT_EQ(counters.tampered, 0U);
}

TEST_F(ProvisioningTest, ALargerKeySetWorksTheSameWay) {
  const AnyCard card = world.AddCard(CardProfile::kBlank, 32);
  Device device(card);
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
}

TEST_F(ProvisioningTest, EveryStepAndStatusWordCanBeSeen) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  ASSERT_TRUE(device.Session(world.engine()).has_value());
  const auto steps = world.Steps(1);
  std::string all;
  for (const JobStep& step : steps) {
    all += step.what + "\n";
    EXPECT_EQ(step.sw, 0x9000) << step.what;
  }
  for (const char* const what : {"EXTERNAL AUTHENTICATE", "INSTALL", "GENERATE private key 01", "CSR of private key 01",
                                 "WRITE FILE file 02", "WRITE FILE file 03", "COMMIT"}) {
    EXPECT_NE(all.find(what), std::string::npos) << what << " is not in\n" << all;
  }
  EXPECT_EQ(steps.size(), device.commands - 1);  // INITIALIZE UPDATE belongs to no job yet
}

TEST_F(ProvisioningTest, ACardWithAKeyOfTheFactoryIsOnlyCompleted) {
  const AnyCard card = world.AddCard(CardProfile::kDemo);
  Device device(card);
  const Bytes before = device
                           .AskApplet(
                               "80CD0000038501"
                               "01")
                           .data;
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(device.posts, 3U);
  EXPECT_EQ(device
                .AskApplet("80CD0000038501"
                           "01")
                .data,
            before);
  EXPECT_EQ(SignByLabel(device, "tls"), 0x9000);
  EXPECT_EQ(device.ReadFile(0x02), world.Credentials(card).front().certificate);
}

TEST_F(ProvisioningTest, AValidCertificateThatIsThereIsAdopted) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  ASSERT_TRUE(device.Session(world.engine()).has_value());
  const Id again = world.AddJob(card, JobKind::kSwitchOn);
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(States(world, card), "active");
  EXPECT_EQ(world.FindJob(again).credential, world.Credentials(card).front().id);
  EXPECT_EQ(world.engine().Count().certificates, 1U);
}

TEST_F(ProvisioningTest, AnExpiredCertificateIsNotAdopted) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  ASSERT_TRUE(device.Session(world.engine()).has_value());
  world.clock.now += world.policy.lifetime_s + 1;
  world.AddJob(card, JobKind::kSwitchOn);
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(States(world, card), "superseded active");
}

TEST_F(ProvisioningTest, ATypeTwoCardGetsAPreSharedKeyAndItsIdentity) {
  const AnyCard card = world.AddCard(CardProfile::kType2);
  Device device(card);
  const auto done = device.SwitchOn(world);
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
  const auto credentials = world.Credentials(card);
  ASSERT_EQ(credentials.size(), 1U);
  EXPECT_EQ(credentials.front().kind, CredentialKind::kPsk);
  EXPECT_EQ(credentials.front().name, card.iccid + "-1");
  EXPECT_EQ(std::string(AsText(device.ReadFile(0x04))), credentials.front().name);
  EXPECT_EQ(device.posts, 2U);
  // The early secret of TLS 1.3 tells that the card has the very key: HKDF-Extract(0, PSK).
  const auto psk = world.vault().Unseal(credentials.front().sealed_psk, "psk/" + credentials.front().name);
  ASSERT_TRUE(psk.has_value());
  EXPECT_EQ(psk->size(), 32U);
}

TEST_F(ProvisioningTest, RotationMovesTheLabelToANewKeyAndKeepsTheOldOne) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  ASSERT_TRUE(device.Session(world.engine()).has_value());
  for (int round = 0; round < 3; ++round) {
    device.posts = 0;
    world.AddJob(card, JobKind::kRotate);
    const auto done = device.Session(world.engine());
    ASSERT_TRUE(done.has_value()) << done.error().Text();
    ASSERT_TRUE(done->provisioned) << done->message;
    EXPECT_EQ(device.posts, 3U);
    EXPECT_EQ(SignByLabel(device, "tls"), 0x9000);
    EXPECT_EQ(SignByLabel(device, "tls-old"), 0x9000);
    EXPECT_EQ(device.ReadFile(round % 2 == 0 ? 0x12 : 0x02), world.Credentials(card).back().certificate);
  }
  EXPECT_EQ(States(world, card), "deleted deleted superseded active");
  const auto all = world.Credentials(card);
  EXPECT_NE(all.at(2).public_key, all.at(3).public_key);
}

TEST_F(ProvisioningTest, RenewalKeepsTheKey) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  ASSERT_TRUE(device.Session(world.engine()).has_value());
  world.AddJob(card, JobKind::kRenew);
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(States(world, card), "superseded active");
  const auto all = world.Credentials(card);
  EXPECT_EQ(all.front().public_key, all.back().public_key);
  EXPECT_NE(all.front().certificate, all.back().certificate);
  EXPECT_EQ(device.ReadFile(0x02), all.back().certificate);
  // To revoke the old certificate takes nothing from the card: its key is in use.
  world.AddJob(card, JobKind::kRevoke, all.front().id);
  ASSERT_TRUE(device.SwitchOn(world).has_value());
  EXPECT_EQ(States(world, card), "deleted active");
  EXPECT_EQ(SignByLabel(device, "tls"), 0x9000);
}

TEST_F(ProvisioningTest, ASupersededCredentialIsDeletedByItsJob) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  ASSERT_TRUE(device.Session(world.engine()).has_value());
  world.AddJob(card, JobKind::kRotate);
  world.AddJob(card, JobKind::kRevoke, world.Credentials(card).front().id);
  const auto done = device.Session(world.engine());  // both in one session
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(States(world, card), "deleted active");
  EXPECT_EQ(SignByLabel(device, "tls"), 0x9000);
  EXPECT_NE(SignByLabel(device, "tls-old"), 0x9000);
  EXPECT_TRUE(device.ReadFile(0x02).empty());
}

TEST_F(ProvisioningTest, SuspensionTakesTheKeyFromTheDeviceAndResumptionGivesItBack) {
  for (const CardProfile profile : {CardProfile::kBlank, CardProfile::kType2}) {
    const AnyCard card = world.AddCard(profile);
    Device device(card);
    ASSERT_TRUE(device.SwitchOn(world).has_value());
    world.AddJob(card, JobKind::kSuspend);
    ASSERT_TRUE(device.SwitchOn(world).has_value());
    EXPECT_EQ(States(world, card), "suspended");
    if (profile == CardProfile::kBlank) {
      EXPECT_NE(SignByLabel(device, "tls"), 0x9000);
    }
    world.AddJob(card, JobKind::kResume);
    const auto done = device.SwitchOn(world);
    ASSERT_TRUE(done.has_value()) << done.error().Text();
    EXPECT_EQ(States(world, card), "active");
    if (profile == CardProfile::kBlank) {
      EXPECT_EQ(SignByLabel(device, "tls"), 0x9000);
    }
  }
}

TEST_F(ProvisioningTest, ErasureLeavesNothingAndANewSwitchOnBeginsAnew) {
  for (const CardProfile profile : {CardProfile::kBlank, CardProfile::kDemo, CardProfile::kType2}) {
    const AnyCard card = world.AddCard(profile);
    Device device(card);
    ASSERT_TRUE(device.SwitchOn(world).has_value());
    world.AddJob(card, JobKind::kErase);
    const auto erased = device.SwitchOn(world);
    ASSERT_TRUE(erased.has_value()) << erased.error().Text();
    EXPECT_EQ(States(world, card), "deleted");
    EXPECT_TRUE(device.ReadFile(0x02).empty() || profile == CardProfile::kType2);
    EXPECT_TRUE(device.ReadFile(0x03).empty());
    EXPECT_NE(SignByLabel(device, "tls"), 0x9000);
    world.AddJob(card, JobKind::kSwitchOn);
    const auto done = device.SwitchOn(world);
    ASSERT_TRUE(done.has_value()) << done.error().Text();
    ASSERT_TRUE(done->provisioned) << done->message;
    EXPECT_EQ(States(world, card), "deleted active");
  }
}

TEST_F(ProvisioningTest, PreSharedKeysRotateWithOverlap) {
  const AnyCard card = world.AddCard(CardProfile::kType2);
  Device device(card);
  ASSERT_TRUE(device.SwitchOn(world).has_value());
  for (int round = 2; round < 5; ++round) {
    world.AddJob(card, JobKind::kRotate);
    const auto done = device.SwitchOn(world);
    ASSERT_TRUE(done.has_value()) << done.error().Text();
    ASSERT_TRUE(done->provisioned) << done->message;
    EXPECT_EQ(std::string(AsText(device.ReadFile(0x04))), card.iccid + "-" + std::to_string(round));
  }
  EXPECT_EQ(States(world, card), "deleted deleted superseded active");
}

TEST_F(ProvisioningTest, CardKeysAreReplacedAndTheOldOnesGoWithTheFirstSessionOfTheNew) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  ASSERT_TRUE(device.Session(world.engine()).has_value());
  const auto versions = [&] {
    std::string text;
    for (const CardKeySet& set : world.KeySets(card)) {
      text += ToHex(Bytes{set.version}) + " ";
    }
    return text;
  };
  const std::string before = versions();
  world.AddJob(card, JobKind::kReplaceKeys);
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(before, "01 30 ");
  EXPECT_EQ(versions(), "01 30 31 ");
  world.AddJob(card, JobKind::kUpdateTrust);
  const auto next = device.Session(world.engine());
  ASSERT_TRUE(next.has_value()) << next.error().Text();
  EXPECT_TRUE(next->provisioned) << next->message;
  EXPECT_EQ(versions(), "01 31 ");
}

TEST_F(ProvisioningTest, SeveralJobsAreDoneInOneSession) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  world.AddJob(card, JobKind::kRotate);
  world.AddJob(card, JobKind::kReplaceKeys);
  world.AddJob(card, JobKind::kUpdateTrust);
  world.AddJob(card, JobKind::kRenew);
  Device device(card);
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(world.engine().Count().jobs_done, 5U);
  EXPECT_EQ(world.engine().Count().authenticated, 1U);
}

TEST_F(ProvisioningTest, OtherKindsOfKey) {
  for (const char* const type : {"p384", "brainpoolP256r1", "rsa2048"}) {
    world.policy.key_type = type;
    world.Write([&](StoreWriter& writer) { return writer.UpdatePolicy(world.policy); });
    const AnyCard card = world.AddCard(CardProfile::kBlank);
    Device device(card);
    const auto done = device.Session(world.engine());
    ASSERT_TRUE(done.has_value()) << done.error().Text();
    ASSERT_TRUE(done->provisioned) << type << ": " << done->message;
    EXPECT_EQ(device.ReadFile(0x02), world.Credentials(card).front().certificate);
  }
}

TEST_F(ProvisioningTest, AKeyThatTheCardHasIsCertifiedWhateverThePolicySaysOfNewOnes) {
  const auto set = [&](const char* type) {
    world.policy.key_type = type;
    world.Write([&](StoreWriter& writer) { return writer.UpdatePolicy(world.policy); });
  };
  for (const char* const made : {"p256", "brainpoolP256r1", "p384", "rsa2048"}) {
    set(made);
    const AnyCard card = world.AddCard(CardProfile::kBlank);
    Device device(card);
    ASSERT_TRUE(device.Session(world.engine()).has_value());
    for (const char* const wanted : {"p256", "p384", "rsa2048"}) {
      set(wanted);
      world.AddJob(card, JobKind::kRenew);
      const auto done = device.Session(world.engine());
      ASSERT_TRUE(done.has_value()) << done.error().Text();
      ASSERT_TRUE(done->provisioned) << made << " under " << wanted << ": " << done->message;
      const auto all = world.Credentials(card);
      EXPECT_EQ(all.front().public_key, all.back().public_key);
      EXPECT_EQ(device.ReadFile(0x02), all.back().certificate);
    }
  }
}

TEST_F(ProvisioningTest, AWrongHintCostsOneMoreAttempt) {
  const AnyCard card = world.AddCard(CardProfile::kDemo);
  Device device(card);
  RelayHello hello = device.Hello();
  hello.objects.clear();  // "there is nothing on this card"
  auto batch = world.engine().Begin(hello);
  while (batch && !batch->done) {
    batch = world.engine().Continue(batch->session, batch->step, device.Run(*batch), "127.0.0.1");
  }
  ASSERT_TRUE(batch.has_value()) << batch.error().Text();
  EXPECT_FALSE(batch->provisioned);
  EXPECT_EQ(batch->retry_after_s, 0U);
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  ASSERT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(States(world, card), "active");
}

TEST_F(ProvisioningTest, APolicyWithAnAttestingKeyChecksWhereTheKeyWasMade) {
  world.policy.attesting_key = "0A";
  world.Write([&](StoreWriter& writer) { return writer.UpdatePolicy(world.policy); });
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const auto done = device.Session(world.engine());  // this card has no attesting key
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  EXPECT_FALSE(done->provisioned);
  EXPECT_EQ(States(world, card), "");
}

TEST_F(ProvisioningTest, AKeyThatWasMadeOnTheCardIsAttested) {
  world.policy.attesting_key = "0A";
  world.Write([&](StoreWriter& writer) { return writer.UpdatePolicy(world.policy); });
  for (const char* const type : {"p256", "p384", "rsa2048"}) {
    world.policy.key_type = type;
    world.Write([&](StoreWriter& writer) { return writer.UpdatePolicy(world.policy); });
    const AnyCard card = world.AddCard(CardProfile::kBlank);
    Device device(card);
    Personalise(card, device,
                {"E003400101", "E31BC11684010A6001004B01134E01816101019201049102000185010A",
                 "E318C21685010A6001014B01134E018161010192010491020001", "E50384010A", "E100"});
    const auto done = device.SwitchOn(world);
    ASSERT_TRUE(done.has_value()) << done.error().Text();
    ASSERT_TRUE(done->provisioned) << type << ": " << done->message;
    EXPECT_EQ(device.posts, 3U);
    EXPECT_EQ(States(world, card), "active");
  }
}

TEST_F(ProvisioningTest, AJobThatCannotBeDoneFailsWithASentence) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  world.Write([&](StoreWriter& writer) -> Outcome<void> {
    world.policy.certificate_profile = "nonesuch";
    return writer.UpdatePolicy(world.policy);
  });
  Device device(card);
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  EXPECT_TRUE(done->done);
  EXPECT_FALSE(done->provisioned);
  EXPECT_EQ(world.FindJob(1).state, JobState::kFailed);
  EXPECT_FALSE(world.FindJob(1).error.empty());
  EXPECT_EQ(world.Audited("job.failed"), 1U);
}

}  // namespace
}  // namespace simroot::provisioning
