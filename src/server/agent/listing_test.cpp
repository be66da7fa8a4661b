// SPDX-License-Identifier: Apache-2.0
#include "server/agent/listing.hpp"

#include <gmock/gmock.h>

#include "common/host/test_hex.hpp"

namespace simroot::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kIccid = "89880000000000000011";

[[nodiscard]] Credential Certificate(const std::string& serial, const std::string& device = "meter-17") {
  Credential credential;
  credential.state = CredentialState::kActive;
  credential.name = serial;
  credential.iccid = kIccid;
  credential.device = device;
  credential.fingerprint.fill(0xAB);
  return credential;
}
[[nodiscard]] Credential Psk(const std::string& identity, const Bytes& key = Hex("00FF102030405060708090A0B0C0D0E0")) {
  Credential credential;
  credential.kind = CredentialKind::kPsk;
  credential.state = CredentialState::kActive;
  credential.name = identity;
  credential.iccid = kIccid;
  credential.psk = SecretBytes(key);
  return credential;
}
[[nodiscard]] std::string Text(const SecretText& text) {
  return std::string(AsText(text.Reveal(InsecureReveal::kForTest)));
}
/// The lines of the first map alone.
[[nodiscard]] std::string Map(Listing& listing) {
  const std::string text = listing.NginxDevices();
  const std::size_t begin = text.find("default \"\";\n") + 12;
  return text.substr(begin, text.find('}', begin) - begin);
}

TEST(Listing, WritesOneLineForEachCertificate) {
  Listing listing;
  listing.Add(Certificate("4A01"), Refusal::kNone);
  Credential superseded = Certificate("4A02", "");
  superseded.state = CredentialState::kSuperseded;
  listing.Add(superseded, Refusal::kNone);
  listing.Add(Certificate("4A03"), Refusal::kSuspended);
  EXPECT_EQ(Map(listing),
            "  4A01 \"active 89880000000000000011 meter-17\";\n"
            "  4A02 \"superseded 89880000000000000011 -\";\n"
            "  4A03 \"suspended 89880000000000000011 meter-17\";\n");
  const std::string expected = ToHex(Fingerprint(Certificate("4A01").fingerprint));
  ASSERT_EQ(expected.size(), 64U);
  EXPECT_THAT(listing.HaproxyDevices(), HasSubstr("\n" + expected + " active 89880000000000000011 meter-17\n"));
  EXPECT_THAT(listing.HaproxyDevices(), HasSubstr(" suspended 89880000000000000011 meter-17\n"));
  EXPECT_EQ(listing.size(), 3U);
}

TEST(Listing, AnEmptyOneIsStillACompleteFile) {
  Listing listing;
  EXPECT_EQ(Map(listing), "");
  EXPECT_THAT(listing.NginxDevices(), HasSubstr("$simroot_allowed {\n  default 0;"));
  EXPECT_EQ(Text(listing.PskLines()), "");
}

TEST(Listing, NoNameCanLeaveItsPlace) {
  // Every printable character, and those that the platform does not allow either.
  std::string all;
  for (int c = 1; c < 256; ++c) {
    all += static_cast<char>(c);
  }
  for (const std::string& name : {std::string("x\"; } map $a $b { default 1; \""), std::string("a\\"),
                                  std::string("$ssl_client_serial"), std::string("${x}"), std::string("a\nb 1"),
                                  std::string("a b"), std::string("%22"), all, std::string("\0x", 2)}) {
    Listing listing;
    listing.Add(Certificate("4A01", name), Refusal::kNone);
    const std::string line = Map(listing);
    EXPECT_EQ(std::ranges::count(line, '"'), 2) << line;
    EXPECT_EQ(std::ranges::count(line, ';'), 1) << line;
    EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
    EXPECT_EQ(std::ranges::count(line, ' '), 5) << line;
    EXPECT_EQ(line.find_first_of("$\\{}'#"), std::string::npos) << line;
    const std::string haproxy = listing.HaproxyDevices();
    EXPECT_EQ(std::ranges::count(haproxy, '\n'), 2) << haproxy;
    EXPECT_EQ(haproxy.find('#', 1), std::string::npos) << haproxy;
  }
}

TEST(EncodeName, KeepsWhatIsHarmless) {
  EXPECT_EQ(EncodeName("meter-17.a_b~c:d@e/f+g"), "meter-17.a_b~c:d@e/f+g");
  EXPECT_EQ(EncodeName("meter 17"), "meter%2017");
  EXPECT_EQ(EncodeName("100%"), "100%25");
  EXPECT_EQ(EncodeName("\"$\\;"), "%22%24%5C%3B");
  EXPECT_EQ(EncodeName("\xC3\xA4"), "%C3%A4");
}

TEST(Listing, OnlySerialNumbersBecomeKeys) {
  Listing listing;
  for (const char* const serial : {"", "default", "4A0", "4A 01", "4A:01", "~4A", "hostnames", "include /etc/passwd",
                                   "4A01\"", "00000000000000000000000000000000000000000A4A"}) {
    listing.Add(Certificate(serial), Refusal::kNone);
  }
  Credential credential = Certificate("4A01");
  credential.iccid = "8988\" evil";
  listing.Add(credential, Refusal::kNone);
  listing.Add(Certificate(std::string(42, '4')), Refusal::kNone);
  EXPECT_EQ(Map(listing), "  0A4A \"active 89880000000000000011 meter-17\";\n");
  EXPECT_EQ(listing.left_out().size(), 11U);
}

TEST(Listing, SerialNumbersAreWrittenAsNginxDoes) {
  Listing listing;
  listing.Add(Certificate("004a0B"), Refusal::kNone);
  listing.Add(Certificate("00"), Refusal::kNone);
  EXPECT_EQ(Map(listing),
            "  00 \"active 89880000000000000011 meter-17\";\n"
            "  4A0B \"active 89880000000000000011 meter-17\";\n");
}

TEST(Listing, OfTheSameNumberTwiceTheRefusalCounts) {
  Listing listing;
  listing.Add(Certificate("4A01"), Refusal::kNone);
  listing.Add(Certificate("4A01"), Refusal::kRevoked);
  listing.Add(Certificate("004A01"), Refusal::kNone);
  EXPECT_EQ(Map(listing), "  4A01 \"revoked 89880000000000000011 meter-17\";\n");
  EXPECT_THAT(listing.left_out(), ElementsAre("4A01", "4A01"));
}

TEST(Listing, EveryRefusalIsOneNginxWordAndNotAllowed) {
  for (const RefusalName& refusal : kRefusals) {
    Listing listing;
    listing.Add(Certificate("4A01"), refusal.refusal);
    const bool accepted = refusal.refusal == Refusal::kNone;
    EXPECT_THAT(Map(listing), HasSubstr(accepted ? "\"active " : "\"" + std::string(refusal.name) + " "));
    EXPECT_EQ(refusal.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_TRUE(refusal.name != "active" && refusal.name != "superseded");
  }
}

TEST(Listing, WritesKeysOfThoseWhoAreLetIn) {
  Listing listing;
  listing.Add(Psk("meter-17"), Refusal::kNone);
  listing.Add(Psk("meter-18"), Refusal::kSuspended);
  listing.Add(Psk("meter-19", Counting(64)), Refusal::kNone);
  listing.FillEmptyPsk(Counting(32));
  EXPECT_EQ(Text(listing.PskLines()),
            "meter-17:00FF102030405060708090A0B0C0D0E0\nmeter-19:" + ToHex(Counting(64)) + "\n");
  EXPECT_THAT(listing.left_out(), IsEmpty());
  EXPECT_THAT(listing.NginxDevices(), Not(HasSubstr("meter-17")));
}

TEST(Listing, IdentitiesThatWouldMeanSomethingElseAreLeftOut) {
  Listing listing;
  for (const char* const identity : {"", "a:b", "a b", "#a", ";a", "a\nb:00", "a\rb", "\xC3\xA4", "a\x7F"}) {
    listing.Add(Psk(identity), Refusal::kNone);
  }
  listing.Add(Psk("no-key", {}), Refusal::kNone);
  listing.Add(Psk("short-key", Counting(15)), Refusal::kNone);
  EXPECT_EQ(Text(listing.PskLines()), "");
  EXPECT_EQ(listing.left_out().size(), 11U);
  for (const std::string& name : listing.left_out()) {
    EXPECT_EQ(name.find_first_of("\n\r "), std::string::npos) << "goes into the log";
  }
}

TEST(Listing, WithoutKeysThereIsOneThatNobodyHas) {
  Listing listing;
  listing.Add(Psk("meter-18"), Refusal::kSuspended);
  listing.FillEmptyPsk(Counting(32));
  EXPECT_EQ(Text(listing.PskLines()), "simroot-nobody:" + ToHex(Counting(32)) + "\n");
}

TEST(SecretText, KeepsWhatIsPutWhileItGrows) {
  SecretText text;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    text.Put("line ");
    text.PutHex(Hex("0A1B"));
    expected += "line 0A1B";
  }
  EXPECT_EQ(Text(text), expected);
}

}  // namespace
}  // namespace simroot::server
