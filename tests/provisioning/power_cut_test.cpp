// SPDX-License-Identifier: Apache-2.0
// Power fails in the card, in its non-volatile memory's writes, one after the other: the switch-on ends nevertheless,
// with one credential.
#include "card/applet/applet.hpp"
#include "card/host/card_memory.hpp"
#include "card/host/ram_nvm.hpp"
#include "card/security_domain/security_domain.hpp"
#include "card/uicc/uicc.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/file_io.hpp"
#include "tests/provisioning/world.hpp"

namespace simroot::provisioning {
namespace {

using card::CardProfile;

/// A card over memory of its owner, powered while it lives.
class PoweredCard {
 public:
  explicit PoweredCard(ByteSpan memory, std::optional<unsigned> cut = std::nullopt) : nvm(memory, cut) {
    const auto identity = card::ReadIdentity(nvm);
    SR_CHECK(identity.has_value());
    stores = std::make_unique<card::CardStores>(nvm);
    stores->applet.Load();
    stores->security_domain.Load();
    files.iccid = identity->iccid;
    files.imsi = identity->imsi;
    applet = std::make_unique<card::Applet>(stores->applet, *crypto, compatibility, identity->applet_type);
    applet->UseIccid(files.iccid);
    config.diversification = identity->iccid;
    config.applications_store = &stores->applet;
    managed = {{{applet.get(), applet.get()}}};
    domain = std::make_unique<card::SecurityDomain>(stores->security_domain, *crypto, config, managed);
    applications = {applet.get(), domain.get()};
    uicc = std::make_unique<card::Uicc>(applications, files, compatibility, buffers);
  }

  card::RamNvm nvm;
  std::unique_ptr<card::CardStores> stores;
  std::unique_ptr<crypto::OpenSslCrypto> crypto = crypto::OpenSslCrypto::Create();
  card::CompatibilityConfig compatibility;
  card::UiccIdentity files;
  card::UiccBuffers buffers;
  std::unique_ptr<card::Applet> applet;
  card::SecurityDomainConfig config;
  std::array<card::ManagedApplication, 1> managed{};
  std::unique_ptr<card::SecurityDomain> domain;
  std::array<card::Application*, 2> applications{};
  std::unique_ptr<card::Uicc> uicc;
};

Bytes MemoryOf(const AnyCard& card) {
  const auto bytes = ReadWholeFile(card.file, 4UL << 20U);
  SR_CHECK(bytes.has_value() && bytes->size() == card::kCardMemorySize);
  return *bytes;
}

class PowerCutTest : public ::testing::TestWithParam<CardProfile> {};

TEST_P(PowerCutTest, PowerFailsInOneWriteAfterTheOther) {
  World world;
  unsigned writes = 0;
  {
    const AnyCard card = world.AddCard(GetParam());
    Bytes memory = MemoryOf(card);
    PoweredCard whole(memory);
    Device device(card.iccid, *whole.uicc);
    const auto done = device.SwitchOn(world);
    ASSERT_TRUE(done.has_value() && done->provisioned);
    writes = whole.nvm.writes();
  }
  ASSERT_GT(writes, 10U);
  for (unsigned cut = 0; cut < writes; cut += 2) {
    const AnyCard card = world.AddCard(GetParam());
    Bytes memory = MemoryOf(card);
    {
      PoweredCard dying(memory, cut);
      Device device(card.iccid, *dying.uicc);
      static_cast<void>(device.Session(world.engine()));
      EXPECT_FALSE(dying.nvm.has_power()) << cut;
    }
    world.clock.now += 7200;  // whatever wait there was is over
    PoweredCard again(memory);
    Device device(card.iccid, *again.uicc);
    const auto done = device.SwitchOn(world);
    ASSERT_TRUE(done.has_value()) << "write " << cut << ": " << done.error().Text();
    EXPECT_TRUE(done->provisioned) << "write " << cut << ": " << done->message;
    const auto credentials = world.Credentials(card);
    ASSERT_EQ(credentials.size(), 1U) << "write " << cut;
    EXPECT_EQ(credentials.front().state, CredentialState::kActive) << "write " << cut;
    if (credentials.front().kind == CredentialKind::kCertificate) {
      EXPECT_EQ(device.ReadFile(0x02), credentials.front().certificate) << "write " << cut;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, PowerCutTest, ::testing::Values(CardProfile::kBlank, CardProfile::kType2));

}  // namespace
}  // namespace simroot::provisioning
