// SPDX-License-Identifier: Apache-2.0
#include "server/sync/messages.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "common/host/base64.hpp"
#include "common/host/test_hex.hpp"
#include "server/sync/own_key.hpp"
#include "server/sync/testing/test_certificate.hpp"

namespace simroot::server {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

class MessagesTest : public ::testing::Test {
 protected:
  MessagesTest() {
    const auto key = MakeKey();
    const auto own = ReadOwnCertificate(testing::SelfSigned(*key, {}), *key);
    certificate_ = own->der;
    opener_.emplace(*crypto::CmsOpener::Create(certificate_, key->Reveal(InsecureReveal::kForTest)));
  }

  static json::object Item() {
    return json::object{{"credential", json::object{{"id", 17},
                                                    {"tenant", "acme"},
                                                    {"iccid", "89880000000000000011"},
                                                    {"device", "meter-17"},
                                                    {"kind", "certificate"},
                                                    {"state", "active"},
                                                    {"name", "0A0B"},
                                                    {"slot", 0},
                                                    {"authority", 3},
                                                    {"not_before", "2026-11-22T23:14:43Z"},
                                                    {"not_after", "2027-11-22T23:14:43Z"},
                                                    {"first_used", nullptr},
                                                    {"changed", "2026-11-23T00:00:00Z"},
                                                    {"reason", ""}}},
                        {"fingerprint", ToHex(Counting(32))},
                        {"sealed_psk", nullptr}};
  }
  static json::object Psk(const Bytes& sealed) {
    json::object item = Item();
    item["credential"].as_object()["kind"] = "psk";
    item["credential"].as_object()["name"] = "89880000000000000011-1";
    item["credential"].as_object()["authority"] = nullptr;
    item["credential"].as_object()["not_after"] = nullptr;
    item["fingerprint"] = nullptr;
    item["sealed_psk"] = sealed.empty() ? json::value(nullptr) : json::value(ToBase64(sealed));
    return item;
  }
  [[nodiscard]] Result<SnapshotPart> Snapshot(const json::array& items) const {
    return DecodeSnapshot(json::serialize(json::object{{"items", items}, {"next", nullptr}, {"feed", 41}}), 0,
                          *opener_);
  }

  Bytes certificate_;
  std::optional<crypto::CmsOpener> opener_;
};

TEST_F(MessagesTest, AnItemIsReadWhole) {
  const auto part = Snapshot({Item()});
  ASSERT_TRUE(part) << part.error().Text();
  EXPECT_EQ(part->next, 0);
  EXPECT_EQ(part->feed_number, 41);
  EXPECT_EQ(part->newest_authority, 3);
  ASSERT_EQ(part->credentials.size(), 1U);
  const Credential& read = part->credentials.at(0);
  EXPECT_EQ(read.id, 17);
  EXPECT_EQ(read.kind, CredentialKind::kCertificate);
  EXPECT_EQ(read.state, CredentialState::kActive);
  EXPECT_EQ(read.name, "0A0B");
  EXPECT_EQ(read.iccid, "89880000000000000011");
  EXPECT_EQ(read.device, "meter-17");
  EXPECT_TRUE(SameBytes(read.fingerprint, Counting(32)));
  EXPECT_EQ(read.not_before, 1'795'389'283);
  EXPECT_EQ(read.not_after - read.not_before, 365 * 86400);
  EXPECT_EQ(read.first_used, 0);
  EXPECT_EQ(read.changed, 1'795'392'000);
  EXPECT_EQ(read.psk.size(), 0U);
}

TEST_F(MessagesTest, EveryStateHasItsMeaning) {
  const std::vector<std::pair<std::string, CredentialState>> states{
      {"requested", CredentialState::kPending},   {"issued", CredentialState::kPending},
      {"active", CredentialState::kActive},       {"superseded", CredentialState::kSuperseded},
      {"suspended", CredentialState::kSuspended}, {"revoked", CredentialState::kRevoked},
      {"expired", CredentialState::kExpired},     {"deleted", CredentialState::kDeleted}};
  for (const auto& [name, state] : states) {
    json::object item = Item();
    item["credential"].as_object()["state"] = name;
    const auto part = Snapshot({item});
    ASSERT_TRUE(part) << name;
    EXPECT_EQ(part->credentials.at(0).state, state) << name;
  }
}

TEST_F(MessagesTest, APskIsOpened) {
  const auto part = Snapshot({Psk(testing::SealFor(certificate_, Counting(32)))});
  ASSERT_TRUE(part) << part.error().Text();
  const Credential& read = part->credentials.at(0);
  EXPECT_EQ(read.kind, CredentialKind::kPsk);
  EXPECT_EQ(read.not_after, 0);
  EXPECT_TRUE(SameBytes(read.psk.Reveal(InsecureReveal::kForTest), Counting(32)));
  EXPECT_EQ(part->unopened, 0U);
}

TEST_F(MessagesTest, APskThatDoesNotOpenKeepsNothingBack) {
  Bytes damaged = testing::SealFor(certificate_, Counting(32));
  damaged.back() ^= 1U;
  const auto part = Snapshot({Psk(damaged), Psk({})});
  ASSERT_TRUE(part) << part.error().Text();
  EXPECT_EQ(part->unopened, 1U);
  ASSERT_EQ(part->credentials.size(), 1U) << "an id comes once";
  EXPECT_EQ(part->credentials.at(0).psk.size(), 0U);
  for (const std::size_t size : {0U, 65U}) {
    const auto wrong = Snapshot({Psk(testing::SealFor(certificate_, Bytes(size)))});
    ASSERT_TRUE(wrong) << size;
    EXPECT_EQ(wrong->not_understood, std::vector<CredentialId>{17}) << size;
  }
}

TEST_F(MessagesTest, APskInUseWithoutKeyIsCounted) {
  for (const char* const state : {"issued", "active", "superseded", "suspended"}) {
    json::object item = Psk({});
    item["credential"].as_object()["state"] = state;
    const auto part = Snapshot({item});
    ASSERT_TRUE(part) << state;
    EXPECT_EQ(part->unopened, 1U) << state;
    EXPECT_EQ(part->credentials.size(), 1U) << state;
  }
  Bytes damaged = testing::SealFor(certificate_, Counting(32));
  damaged.back() ^= 1U;
  for (const char* const state : {"requested", "revoked", "expired", "deleted"}) {
    for (const Bytes& sealed : {Bytes(), damaged}) {
      json::object item = Psk(sealed);
      item["credential"].as_object()["state"] = state;
      const auto part = Snapshot({item});
      ASSERT_TRUE(part) << state;
      EXPECT_EQ(part->unopened, 0U) << state << ": nobody needs its key";
    }
  }
  EXPECT_EQ(Snapshot({Item()})->unopened, 0U);
}

TEST_F(MessagesTest, WhatNobodyCanShowIsLeftOut) {
  json::object nameless = Item();
  nameless["credential"].as_object()["name"] = "";
  json::object unsigned_yet = Item();
  unsigned_yet["fingerprint"] = nullptr;
  unsigned_yet["credential"].as_object()["state"] = "requested";
  unsigned_yet["credential"].as_object()["id"] = 18;
  const auto part = Snapshot({nameless, unsigned_yet});
  ASSERT_TRUE(part) << part.error().Text();
  EXPECT_TRUE(part->credentials.empty());
}

TEST_F(MessagesTest, NewMembersAreSkipped) {
  json::object item = Item();
  item["colour"] = "blue";
  item["credential"].as_object()["weight"] = 2.5;
  EXPECT_TRUE(Snapshot({item}));
}

TEST_F(MessagesTest, AWrongItemIsNamedAndHoldsNothingBack) {
  const auto check = [this](const std::string& name, const json::value& value) {
    json::object item = Item();
    item["credential"].as_object()[name] = value;
    json::object good = Item();
    good["credential"].as_object()["id"] = 4;
    json::object later = Item();
    later["credential"].as_object()["id"] = 20;
    const auto part = Snapshot({good, item, later});
    if (name != "id") {
      ASSERT_TRUE(part) << name << " " << value << part.error().Text();
      EXPECT_EQ(part->not_understood, std::vector<CredentialId>{17}) << name << " " << value;
      ASSERT_EQ(part->credentials.size(), 2U) << name << " " << value;
      EXPECT_EQ(part->credentials.at(1).id, 20);
      return;
    }
    ASSERT_FALSE(part) << name << " " << value;
    EXPECT_EQ(part.error().domain, ErrorDomain::kProtocol);
    EXPECT_THAT(part.error().message, HasSubstr("item 1"));
    EXPECT_THAT(part.error().message, HasSubstr("\"" + name + "\""));
  };
  const std::string too_long(129, 'A');
  const std::string too_long_device(65, 'd');
  for (const json::value& value : {json::value(0), json::value(-1), json::value("17"), json::value(1.5)}) {
    check("id", value);
  }
  for (const char* const value : {"8988", "", "8988000000000000001x", "898800000000000000111"}) {
    check("iccid", json::value(value));
  }
  for (const char* const value : {"yesterday", "2027-11-22 23:14:43", "2027-02-30T00:00:00Z", "2027-11-22T23:14:43",
                                  "2026-11-23T00:00:00+01:00", "2026-13-23T00:00:00Z"}) {
    check("not_before", json::value(value));
  }
  check("not_after", 17);
  check("authority", 0);
  check("first_used", true);
  check("device", 17);
  check("device", json::value(json::string_view(too_long_device)));
  check("kind", json::value("rsa"));
  check("state", json::value("happy"));
  check("name", json::value(json::string_view(too_long)));
  check("name", json::value("a\nb"));
  for (const char* const name : {"id", "iccid", "kind", "state", "name"}) {
    check(name, nullptr);
  }
  for (const char* const name :
       {"id", "iccid", "kind", "state", "name", "device", "not_before", "not_after", "first_used", "changed"}) {
    json::object item = Item();
    item["credential"].as_object().erase(name);
    const auto part = Snapshot({item});
    ASSERT_EQ(part.has_value(), std::string_view(name) != "id") << name << " is missing";
    EXPECT_TRUE(!part || part->not_understood == std::vector<CredentialId>{17}) << name << " is missing";
  }
  for (const json::value& fingerprint : {json::value(nullptr), json::value("00"), json::value(ToHex(Counting(33))),
                                         json::value(std::string(64, 'x')), json::value(5)}) {
    json::object item = Item();
    item["fingerprint"] = fingerprint;
    const auto part = Snapshot({item});
    ASSERT_TRUE(part) << fingerprint;
    EXPECT_TRUE(part->credentials.empty());
    EXPECT_EQ(part->not_understood, std::vector<CredentialId>{17}) << fingerprint;
  }
  json::object item = Psk({});
  item["sealed_psk"] = "no base64";
  EXPECT_EQ(Snapshot({item})->not_understood, std::vector<CredentialId>{17});
  EXPECT_FALSE(Snapshot({"text"}));
  EXPECT_FALSE(Snapshot({json::object{{"credential", nullptr}}}));
}

TEST_F(MessagesTest, PartsLeadOn) {
  const auto snapshot = [&](const std::string& rest) {
    return DecodeSnapshot("{\"items\":[]" + rest + "}", 5, *opener_);
  };
  EXPECT_EQ(snapshot(R"(,"next":6,"feed":0)")->next, 6);
  for (const std::string rest : {R"(,"next":5,"feed":0)", R"(,"next":0,"feed":0)", R"(,"next":6)", R"(,"feed":6)",
                                 R"(,"next":6,"feed":-1)", R"(,"next":6,"feed":null)"}) {
    EXPECT_FALSE(snapshot(rest)) << rest;
  }
  EXPECT_TRUE(DecodeSnapshot(R"({"items":[],"next":null,"feed":7})", INT64_MAX, *opener_));
  const auto feed = [&](const std::string& text) { return DecodeFeed(text, 5, *opener_); };
  EXPECT_EQ(feed(R"({"items":[],"next":5})")->next, 5);
  const std::string item = json::serialize(Item());
  EXPECT_EQ(feed(R"({"items":[)" + item + R"(],"next":9})")->changes.size(), 1U);
  json::object strange = Item();
  strange["credential"].as_object()["state"] = "lost";
  const auto with_strange = feed(R"({"items":[)" + json::serialize(strange) + R"(],"next":9})");
  ASSERT_TRUE(with_strange);
  EXPECT_EQ(with_strange->not_understood, std::vector<CredentialId>{17});
  EXPECT_EQ(with_strange->next, 9);
  EXPECT_FALSE(feed(R"({"items":[)" + item + R"(],"next":9})")->more);
  std::string items = item;
  for (std::size_t i = 1; i < kMostItems; ++i) {
    items += "," + item;
  }
  EXPECT_TRUE(feed(R"({"items":[)" + items + R"(],"next":9999})")->more);
  for (const std::string& text :
       std::vector<std::string>{R"({"items":[],"next":4})", R"({"items":[],"next":null})", R"({"items":{},"next":6})",
                                R"({"items":[)" + item + R"(],"next":5})", "", "[]", "{", "null"}) {
    EXPECT_FALSE(feed(text)) << text;
  }
}

TEST_F(MessagesTest, ACredentialThatChangedTwiceComesOnce) {
  const std::string item = json::serialize(Item());
  const auto part = DecodeFeed(R"({"items":[)" + item + "," + item + R"(],"next":9})", 5, *opener_);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->changes.size(), 1U);
}

TEST(Messages, RetiredAuthoritiesAreLeftOut) {
  const auto part = DecodeAuthorities(R"({"items":[{"id":1,"certificate":"A\n","retired":false},
      {"id":2,"certificate":"B\n","retired":true},{"id":3,"certificate":"C\n","retired":false}],"next":null})",
                                      0);
  ASSERT_TRUE(part) << part.error().Text();
  EXPECT_EQ(part->pem, "A\nC\n");
  EXPECT_EQ(part->ids, (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(part->next, 0);
  EXPECT_FALSE(DecodeAuthorities(R"({"items":[{"id":1,"certificate":"A\n"}],"next":null})", 0));
  EXPECT_FALSE(DecodeAuthorities(R"({"items":[],"next":3})", 3));
}

TEST(Messages, SettingsGoBothWays) {
  const auto read = DecodeSettings(EncodeSettings({"https://platform:8443", "web-1", "acme"}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->platform_url, "https://platform:8443");
  EXPECT_EQ(read->name, "web-1");
  EXPECT_EQ(read->tenant, "acme");
  EXPECT_FALSE(DecodeSettings("{}"));
  EXPECT_FALSE(DecodeSettings(R"({"platform":"x","name":1,"tenant":"acme"})"));
}

TEST(Messages, AProblemIsOneSentence) {
  EXPECT_EQ(ProblemSentence(R"({"title":"Conflict","detail":"there is a server web-1 already"})"),
            "there is a server web-1 already");
  for (const std::string text : {"", "x", "[]", "{}", R"({"detail":5})", "{\"detail\":\"a\\nb\"}"}) {
    EXPECT_EQ(ProblemSentence(text), "") << text;
  }
}

TEST(Messages, AnEnrolmentNamesServerAndTenant) {
  const auto read = DecodeEnrolled(R"({"id":1,"name":"web-1","tenant":"acme","certificate_chain":"PEM\n"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->certificate_chain, "PEM\n");
  EXPECT_FALSE(DecodeEnrolled(R"({"id":1,"name":"web-1","certificate_chain":"PEM\n"})"));
  EXPECT_FALSE(DecodeEnrolled("<html>"));
}

}  // namespace
}  // namespace simroot::server
