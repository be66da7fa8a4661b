// SPDX-License-Identifier: Apache-2.0
#include "server/mosquitto/gatekeeper.hpp"

#include <gmock/gmock.h>

#include "server/mosquitto/gatekeeper_fakes.hpp"

namespace simroot::server {
namespace {

using ::testing::ElementsAre;
using testing::FakeBroker;
using testing::FakeMiddleware;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto* kMeter = "89880000000000000011";
constexpr auto* kPump = "89880000000000000029";

class GatekeeperTest : public ::testing::Test {
 protected:
  GatekeeperTest() { Start({}); }

  void Start(const PluginOptions& options) {
    keeper_ = nullptr;
    keeper_ = std::make_unique<Gatekeeper>(middleware_, broker_, options, [this] { return now_; });
    broker_.gatekeeper = keeper_.get();
    keeper_->Tick();
  }
  static Fingerprint Print(CredentialId id) {
    Fingerprint print{};
    print[0] = static_cast<std::uint8_t>(id);
    return print;
  }
  void Set(CredentialId id, CredentialKind kind, const char* iccid, const char* device = "",
           CredentialState state = CredentialState::kActive) {
    Credential credential;
    credential.id = id;
    credential.kind = kind;
    credential.state = state;
    credential.name = (kind == CredentialKind::kPsk ? "identity-" : "AB") + std::to_string(id);
    credential.iccid = iccid;
    credential.device = device;
    credential.fingerprint = Print(id);
    middleware_.Set(credential);
  }
  void Certificate(CredentialId id, const char* iccid, CredentialState state = CredentialState::kActive) {
    Set(id, CredentialKind::kCertificate, iccid, "", state);
  }
  void Psk(CredentialId id, const char* iccid, CredentialState state = CredentialState::kActive) {
    Set(id, CredentialKind::kPsk, iccid, "", state);
  }
  /// A client that comes with a certificate; what the broker knows of it is made anew.
  Answer ConnectWith(ClientHandle client, CredentialId id, const char* client_id, bool chain = true) {
    broker_[client] = {};
    broker_[client].id = client_id;
    broker_[client].user_name = "whatever it says";
    broker_[client].certificate = ShownCertificate{Print(id), chain};
    return keeper_->Connect(client);
  }
  /// The handshake and CONNECT of a client that names a PSK identity.
  std::string HandshakeWith(ClientHandle client, const char* identity, const char* client_id) {
    broker_[client] = {};
    const auto key = keeper_->PskKey(client, identity);
    broker_[client].user_name = identity;
    broker_[client].id = client_id;
    return std::string(AsText(key.Reveal(InsecureReveal::kForTest)));
  }
  Answer Publish(ClientHandle client, const std::string& topic) {
    return keeper_->Access(client, TopicUse::kPublish, topic);
  }
  void Leave(ClientHandle client) { keeper_->Disconnected(client); }

  std::chrono::steady_clock::time_point now_;
  FakeMiddleware middleware_;
  FakeBroker broker_;
  std::unique_ptr<Gatekeeper> keeper_;
  // Places in memory that stand for clients.
  int a_ = 0, b_ = 0, c_ = 0;
};

const auto kMetersTopic = std::string("devices/") + kMeter + "/t";
const auto kPumpsTopic = std::string("devices/") + kPump + "/t";

TEST_F(GatekeeperTest, LetsADeviceInByItsCertificateAndNamesIt) {
  Set(1, CredentialKind::kCertificate, kMeter, "meter 17");
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  EXPECT_EQ(broker_[&a_].user_name, std::string(kMeter) + " meter 17");
  EXPECT_THAT(middleware_.noted, ElementsAre(Refusal::kNone));
  EXPECT_EQ(keeper_->counts().online, 1U);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kYes);
  EXPECT_EQ(Publish(&a_, kPumpsTopic), Answer::kNo);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kSubscribe, "#"), Answer::kNo);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kSubscribe, std::string("commands/") + kMeter + "/+"), Answer::kYes);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, std::string("commands/") + kMeter + "/go"), Answer::kYes);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, std::string("commands/") + kPump + "/go"), Answer::kNo);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kUnsubscribe, "anything"), Answer::kYes);
  Leave(&a_);
  Leave(&a_);
  EXPECT_EQ(keeper_->counts().online, 0U);
  EXPECT_THAT(keeper_->Metrics(), HasSubstr("simroot_mosquitto_denied_total{use=\"publish\"} 1\n"));
  EXPECT_THAT(keeper_->Metrics(), HasSubstr("simroot_mosquitto_denied_total{use=\"subscribe\"} 1\n"));
}

TEST_F(GatekeeperTest, RefusesEachBadCertificateForItsOwnReason) {
  Certificate(1, kMeter, CredentialState::kRevoked);
  Certificate(2, kMeter, CredentialState::kSuspended);
  Certificate(3, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kNo);
  EXPECT_EQ(ConnectWith(&a_, 2, "x"), Answer::kNo);
  EXPECT_EQ(ConnectWith(&a_, 3, "x", false), Answer::kNo);
  EXPECT_EQ(ConnectWith(&a_, 4, "x"), Answer::kNo);
  EXPECT_THAT(middleware_.noted, ElementsAre(Refusal::kRevoked, Refusal::kSuspended, Refusal::kForeignCertificate,
                                             Refusal::kUnknownCertificate));
  EXPECT_EQ(keeper_->counts().online, 0U);
}

TEST_F(GatekeeperTest, LeavesOthersToOthers) {
  broker_[&a_].id = "backend";
  broker_[&a_].user_name = "backend";
  EXPECT_EQ(keeper_->Connect(&a_), Answer::kAskOthers);
  for (const auto use : {TopicUse::kPublish, TopicUse::kSubscribe, TopicUse::kReceive, TopicUse::kUnsubscribe}) {
    EXPECT_EQ(keeper_->Access(&a_, use, "devices/#"), Answer::kAskOthers);
  }
  EXPECT_THAT(middleware_.noted, IsEmpty());
  PluginOptions options;
  options.allow_others = true;
  Start(options);
  EXPECT_EQ(keeper_->Connect(&a_), Answer::kAskOthers) << "who they are is never for this plugin to say";
  EXPECT_EQ(Publish(&a_, "x"), Answer::kYes);
}

TEST_F(GatekeeperTest, LeavesForeignCertificatesToOthersIfToldSo) {
  Certificate(1, kMeter);
  PluginOptions options;
  options.foreign_certificates_defer = true;
  Start(options);
  EXPECT_EQ(ConnectWith(&a_, 1, "x", false), Answer::kAskOthers);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kAskOthers);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kAskOthers);
  EXPECT_THAT(middleware_.noted, IsEmpty());
  EXPECT_EQ(ConnectWith(&b_, 2, "y"), Answer::kNo) << "of the tenant, but unknown";
}

TEST_F(GatekeeperTest, ThrowsOutWhoIsRevoked) {
  Certificate(1, kMeter);
  Certificate(2, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  EXPECT_EQ(ConnectWith(&b_, 2, "y"), Answer::kYes);
  Certificate(1, kMeter, CredentialState::kRevoked);
  EXPECT_FALSE(broker_[&a_].kicked) << "only the broker's own thread may do that";
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, std::string("commands/") + kMeter + "/go"), Answer::kNo);
  keeper_->Tick();
  EXPECT_TRUE(broker_[&a_].kicked);
  EXPECT_FALSE(broker_[&b_].kicked) << "the device's other certificate is good";
  EXPECT_EQ(keeper_->counts().kicked, 1U);
  EXPECT_EQ(keeper_->counts().online, 1U);
  EXPECT_THAT(broker_.log.back(), HasSubstr(std::string(kMeter) + " is disconnected: its credential is revoked"));
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kNo);
  keeper_->Tick();
  EXPECT_EQ(keeper_->counts().kicked, 1U);
}

TEST_F(GatekeeperTest, ThrowsOutWhoseIdBecameAnothers) {
  Certificate(1, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  Certificate(1, kPump);  // of a platform that was restored from a backup
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, std::string("commands/") + kMeter + "/go"), Answer::kNo);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, std::string("commands/") + kPump + "/go"), Answer::kNo);
  EXPECT_FALSE(broker_[&a_].kicked);
  keeper_->Tick();
  EXPECT_TRUE(broker_[&a_].kicked);
  EXPECT_EQ(keeper_->counts().online, 0U);
  EXPECT_THAT(broker_.log.back(), HasSubstr(std::string(kMeter) + " is disconnected"));
}

TEST_F(GatekeeperTest, ThrowsOutWhoseIdBecameAnothersBeforeItUsesATopic) {
  Certificate(1, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  Certificate(1, kPump);
  keeper_->Tick();
  EXPECT_TRUE(broker_[&a_].kicked);
}

TEST_F(GatekeeperTest, WhatARevokedDeviceSendsIsNotAcknowledged) {
  Certificate(1, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  Certificate(1, kMeter, CredentialState::kRevoked);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kEnd);
  EXPECT_EQ(keeper_->counts().kicked, 1U);
  Leave(&a_);  // the broker does that now
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kNo) << "its will";
  keeper_->Tick();
  EXPECT_EQ(keeper_->counts().kicked, 1U);
}

TEST_F(GatekeeperTest, AResumedDeviceComesBack) {
  Certificate(1, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  Certificate(1, kMeter, CredentialState::kSuspended);
  keeper_->Tick();
  EXPECT_TRUE(broker_[&a_].kicked);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kNo);
  Certificate(1, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  keeper_->Tick();
  EXPECT_FALSE(broker_[&a_].kicked);
}

TEST_F(GatekeeperTest, ChangedAndChangedBackIsDisconnectedToo) {
  Certificate(1, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  Certificate(1, kMeter, CredentialState::kSuspended);
  Certificate(1, kMeter);
  keeper_->Tick();
  EXPECT_TRUE(broker_[&a_].kicked) << "it was refused for a moment; it will connect anew";
}

TEST_F(GatekeeperTest, ANewNameOfADeviceOpensItsTopicsAtOnce) {
  PluginOptions options;
  options.publish = {"d/%d/#"};
  Start(options);
  Set(1, CredentialKind::kCertificate, kMeter, "old");
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  EXPECT_EQ(Publish(&a_, "d/old/x"), Answer::kYes);
  Set(1, CredentialKind::kCertificate, kMeter, "new");
  keeper_->Tick();
  EXPECT_FALSE(broker_[&a_].kicked);
  EXPECT_EQ(Publish(&a_, "d/old/x"), Answer::kNo);
  EXPECT_EQ(Publish(&a_, "d/new/x"), Answer::kYes);
}

TEST_F(GatekeeperTest, TheSweepFindsWhatNoChangeTells) {
  Certificate(1, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  middleware_.stale = true;
  keeper_->Tick();
  EXPECT_FALSE(broker_[&a_].kicked);
  now_ += std::chrono::seconds(10);
  keeper_->Tick();
  EXPECT_TRUE(broker_[&a_].kicked);
}

TEST_F(GatekeeperTest, AClientIdOfAnotherDeviceIsRefusedWhileItIsConnected) {
  Certificate(1, kMeter);
  Certificate(2, kMeter);
  Certificate(3, kPump);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  EXPECT_EQ(ConnectWith(&b_, 3, "x"), Answer::kNo);
  EXPECT_EQ(keeper_->counts().denied_client_id, 1U);
  EXPECT_EQ(ConnectWith(&c_, 2, "x"), Answer::kYes) << "the same device with its next certificate";
  Leave(&a_);
  EXPECT_EQ(ConnectWith(&b_, 3, "x"), Answer::kNo) << "the id went over to the newer connection";
  Leave(&c_);
  EXPECT_EQ(ConnectWith(&b_, 3, "x"), Answer::kYes);
}

TEST_F(GatekeeperTest, APskIdentityIsNoClientIdForOthers) {
  Psk(1, kMeter);
  Certificate(2, kPump);
  Certificate(3, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 2, "identity-1"), Answer::kNo);
  EXPECT_EQ(ConnectWith(&b_, 3, "identity-1"), Answer::kYes);
}

TEST_F(GatekeeperTest, APskIsNotedWhenItIsProvenAndNotBefore) {
  Psk(1, kMeter);
  EXPECT_EQ(HandshakeWith(&a_, "identity-1", "x"), "the key");
  EXPECT_THAT(middleware_.noted, IsEmpty());
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kYes);
  EXPECT_EQ(Publish(&a_, kPumpsTopic), Answer::kNo);
  EXPECT_THAT(middleware_.noted, ElementsAre(Refusal::kNone));
  EXPECT_EQ(broker_[&a_].user_name, kMeter);
  Psk(1, kMeter, CredentialState::kRevoked);
  keeper_->Tick();
  EXPECT_TRUE(broker_[&a_].kicked);
}

TEST_F(GatekeeperTest, ARevokedPskIsThrownOutBeforeItUsedATopic) {
  Psk(1, kMeter);
  Psk(2, kPump);
  HandshakeWith(&a_, "identity-1", "x");
  HandshakeWith(&b_, "identity-2", "y");
  Psk(1, kMeter, CredentialState::kRevoked);
  keeper_->Tick();
  EXPECT_TRUE(broker_[&a_].kicked);
  EXPECT_FALSE(broker_[&b_].kicked);
}

TEST_F(GatekeeperTest, RevokedBetweenHandshakeAndFirstTopic) {
  Psk(1, kMeter);
  HandshakeWith(&a_, "identity-1", "x");
  Psk(1, kMeter, CredentialState::kRevoked);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kEnd);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kEnd);
  EXPECT_THAT(middleware_.noted, ElementsAre(Refusal::kRevoked));
  keeper_->Tick();
  EXPECT_TRUE(broker_[&a_].kicked);
}

TEST_F(GatekeeperTest, AnUnknownOrRevokedIdentityGetsADecoy) {
  Psk(1, kMeter, CredentialState::kRevoked);
  EXPECT_EQ(HandshakeWith(&a_, "identity-1", ""), "a decoy");
  EXPECT_EQ(HandshakeWith(&b_, "nobody", ""), "a decoy");
  EXPECT_THAT(middleware_.noted, ElementsAre(Refusal::kRevoked, Refusal::kUnknownIdentity));
  broker_[&a_].id = "x";
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kAskOthers) << "cannot be: the handshake fails";
}

TEST_F(GatekeeperTest, AHandshakeThatEndsWithoutConnectHadTheWrongKey) {
  Psk(1, kMeter);
  Psk(2, kPump);
  HandshakeWith(&a_, "identity-1", "");
  Leave(&a_);
  EXPECT_THAT(middleware_.noted, ElementsAre(Refusal::kWrongKey));
  Leave(&a_);
  EXPECT_EQ(middleware_.noted.size(), 1U);
  HandshakeWith(&b_, "identity-1", "");  // its end is not told: it fails while it is accepted
  HandshakeWith(&b_, "identity-2", "");
  EXPECT_THAT(middleware_.noted, ElementsAre(Refusal::kWrongKey, Refusal::kWrongKey));
  HandshakeWith(&b_, "identity-2", "y");  // asked twice in one handshake
  EXPECT_EQ(middleware_.noted.size(), 2U);
  EXPECT_EQ(Publish(&b_, kPumpsTopic), Answer::kYes);
}

// An identity that was only named must not rub off on the next client at the same place in memory.
TEST_F(GatekeeperTest, AFailedHandshakeGivesNothingToTheNextClient) {
  Psk(1, kMeter);
  const auto next_client = [this] {
    HandshakeWith(&a_, "identity-1", "");
    broker_[&a_] = {};
    broker_[&a_].id = "attacker";
    broker_[&a_].user_name = "identity-1";
  };
  next_client();
  EXPECT_EQ(keeper_->Connect(&a_), Answer::kAskOthers);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kAskOthers);
  next_client();
  keeper_->AuthenticatedByOthers(&a_);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kAskOthers);
  next_client();
  broker_[&a_].certificate = ShownCertificate{Print(7), false};
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kEnd);
  next_client();
  broker_[&a_].user_name = "other";
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kAskOthers);
}

TEST_F(GatekeeperTest, ACertificateWhoseConnectIsNotShownIsJudgedAtItsFirstTopic) {
  Certificate(1, kMeter);
  Certificate(2, kPump, CredentialState::kRevoked);
  for (auto* client : {&a_, &b_, &c_}) {
    broker_[client].id = "id" + std::to_string(client - &a_);
    broker_[client].user_name = "common name";
  }
  broker_[&a_].certificate = ShownCertificate{Print(1), true};
  broker_[&b_].certificate = ShownCertificate{Print(2), true};
  broker_[&c_].certificate = ShownCertificate{Print(3), false};
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kYes);
  EXPECT_EQ(Publish(&b_, kPumpsTopic), Answer::kEnd);
  EXPECT_EQ(Publish(&c_, kPumpsTopic), Answer::kEnd);
  EXPECT_THAT(middleware_.noted, ElementsAre(Refusal::kNone, Refusal::kRevoked, Refusal::kForeignCertificate));
  EXPECT_THAT(broker_.log, ElementsAre(HasSubstr("use_identity_as_username")));
  keeper_->Tick();
  EXPECT_FALSE(broker_[&a_].kicked);
  EXPECT_TRUE(broker_[&b_].kicked);
  EXPECT_TRUE(broker_[&c_].kicked);
}

TEST_F(GatekeeperTest, ASessionWithoutConnectionGoesOnReceiving) {
  Certificate(1, kMeter);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  Leave(&a_);
  broker_[&a_].certificate.reset();
  const auto topic = std::string("commands/") + kMeter + "/go";
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, topic), Answer::kYes);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, "commands/1/go"), Answer::kNo);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kYes) << "its will";
  keeper_->ReloadBegins();
  EXPECT_EQ(keeper_->Connect(&a_), Answer::kAskOthers);
  keeper_->Tick();
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, topic), Answer::kYes) << "also after a reload";
  Certificate(1, kMeter, CredentialState::kRevoked);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, topic), Answer::kNo);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kNo) << "its will";
  Certificate(1, kMeter);
  broker_[&a_].id = "y";  // another client by now
  broker_[&a_].user_name = "someone";
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, topic), Answer::kAskOthers);
}

TEST_F(GatekeeperTest, ASessionFromDiskAndTheSenderOfARetainedMessageAreKnownByName) {
  PluginOptions options;
  options.subscribe = {"commands/%i/#", "named/%d", "%t/all"};
  Start(options);
  auto& client = broker_[&a_];
  client.id = "x";
  client.address.clear();
  client.user_name = std::string(kMeter) + " meter 17";
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, std::string("commands/") + kMeter + "/go"), Answer::kYes);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, "named/meter 17"), Answer::kYes);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, "acme/all"), Answer::kYes);
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kYes);
  EXPECT_EQ(Publish(&a_, kPumpsTopic), Answer::kNo);
  client.user_name = kMeter;
  EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kYes);
  EXPECT_EQ(keeper_->Access(&a_, TopicUse::kReceive, "named/"), Answer::kNo);
  for (const auto* other : {"", "backend", "8988", "8988000000000000001x", "898800000000000000111", " x"}) {
    client.user_name = other;
    EXPECT_EQ(Publish(&a_, kMetersTopic), Answer::kAskOthers) << other;
  }
}

TEST_F(GatekeeperTest, AReloadAsksAgainWithoutConsequences) {
  Certificate(1, kMeter);
  Certificate(2, kPump);
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kYes);
  EXPECT_EQ(ConnectWith(&b_, 2, "y"), Answer::kYes);
  keeper_->ReloadBegins();
  EXPECT_EQ(keeper_->Connect(&a_), Answer::kYes);
  Certificate(2, kPump, CredentialState::kRevoked);
  EXPECT_EQ(keeper_->Connect(&b_), Answer::kNo);
  broker_[&c_].id = "backend";
  EXPECT_EQ(keeper_->Connect(&c_), Answer::kAskOthers);
  EXPECT_EQ(middleware_.noted.size(), 2U);
  EXPECT_EQ(keeper_->counts().online, 2U);
}

TEST_F(GatekeeperTest, WithoutTicksNobodyIsLetIn) {
  Certificate(1, kMeter);
  Psk(2, kPump);
  keeper_ = nullptr;
  keeper_ = std::make_unique<Gatekeeper>(middleware_, broker_, PluginOptions{}, [this] { return now_; });
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kNo);
  HandshakeWith(&b_, "identity-2", "y");
  EXPECT_EQ(Publish(&b_, kPumpsTopic), Answer::kEnd);
  EXPECT_THAT(broker_.log, ElementsAre(HasSubstr("per_listener_settings false")));
}

TEST_F(GatekeeperTest, OutOfMemoryLetsNobodyIn) {
  Certificate(1, kMeter);
  Psk(2, kPump);
  broker_.out_of_memory = true;
  EXPECT_EQ(ConnectWith(&a_, 1, "x"), Answer::kNo);
  HandshakeWith(&b_, "identity-2", "y");
  EXPECT_EQ(Publish(&b_, kPumpsTopic), Answer::kEnd);
}

TEST_F(GatekeeperTest, ListensNoLongerThanItLives) {
  Certificate(1, kMeter);
  keeper_ = nullptr;
  Certificate(1, kMeter, CredentialState::kRevoked);
}

}  // namespace
}  // namespace simroot::server
