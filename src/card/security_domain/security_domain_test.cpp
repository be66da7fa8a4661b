// SPDX-License-Identifier: Apache-2.0
// The commands of the security domain: what they answer and what they refuse.
#include "card/security_domain/security_domain_test_support.hpp"

namespace simroot::card {
namespace {

using secure::SecurityLevel;
using testing::Copy;
using testing::DomainCard;
using testing::DomainTest;
using ::testing::ElementsAre;
using testing::Issuer;
using testing::KeySetBytes;
using testing::kSelectDomain;
using testing::PutKeyCommand;
using testing::PutKeyData;

constexpr std::string_view kPersonalise = "80E620000D000007A000000559001000000000";

TEST_F(DomainTest, SelectByNameOrItsBeginning) {
  const std::string fci = "6F108408A000000151000000A5049F6501FF9000";
  EXPECT_EQ(card.Send("00A4040005A000000151"), fci);
  EXPECT_EQ(card.Send("00A4040007A0000001510000"), fci);
  EXPECT_EQ(card.Send("00A4040009A00000015100000000"), "6A82");
  EXPECT_EQ(card.Send("00A4040008A000000151000001"), "6A82");
  EXPECT_EQ(card.Send("00A4040C08A000000151000000"), "9000");
}

TEST_F(DomainTest, IsNotNamedInTheDirectoryOfApplications) {
  EXPECT_EQ(card.Send("00A4000C023F00"), "9000");
  EXPECT_EQ(card.Send("00A4000C022F00"), "9000");
  EXPECT_EQ(card.Send("00B2020420").substr(0, 22), "61134F07A0000005590010");
  EXPECT_EQ(card.Send("00B2030420"), "6A83");
}

TEST_F(DomainTest, GetDataWithoutSession) {
  EXPECT_EQ(
      card.Send("80CA006600"),
      "6631732F06072A864886FC6B01600C060A2A864886FC6B02020301630906072A864886FC6B03640B06092A864886FC6B0403709000");
  EXPECT_EQ(card.Send("80CA006700"),
            "670CA00A8001038102707182010"
            "79000");
  EXPECT_EQ(card.Send("80CA00E000"), "E012C00401308810C00402308810C004033088109000");
  EXPECT_EQ(card.Send("00CA2F0000"), "61094F07A00000055900109000");
  EXPECT_EQ(card.Send("80CA004200"), "6A88");
  EXPECT_EQ(card.Send("80CA008500"), "6A88");
}

TEST_F(DomainTest, GetDataTellsNumbersAndFreeMemoryAsTheyAre) {
  const auto put_file = [&](ByteView id, const Bytes& content) {
    iotsafe::ObjectInfo info;
    info.object_class = iotsafe::ObjectClass::kFile;
    ASSERT_TRUE(info.id.Assign(id));
    const auto file = card.store.Create(info, {});
    ASSERT_TRUE(file && card.store.Stage(**file, content) && card.store.Commit());
  };
  const std::size_t before = card.store.free_bytes();
  EXPECT_EQ(before, 640U - 48U);
  EXPECT_EQ(card.Send("80CAFF2100"),
            "FF210D81010182040000025083020000"
            "9000");
  put_file(kIssuerNumberId, Hex("988801"));
  put_file(kCardNumberId, Hex("98880100000000000010"));
  EXPECT_EQ(card.Send("80CA004200"), "42039888019000");
  EXPECT_EQ(card.Send("80CA004500"), "450A988801000000000000109000");
  EXPECT_EQ(card.Send("80CAFF2100"),
            "FF210D81010182040000024383020000"
            "9000");
}

TEST_F(DomainTest, GetStatusListsDomainAndApplications) {
  ASSERT_EQ(issuer.Open(), "9000");
  EXPECT_EQ(issuer.Send("80F28002024F0000"), "E31D4F08A0000001510000009F70010FC503800000CC08A0000001510000009000");
  EXPECT_EQ(issuer.Send("80F24002024F0000"), "E31C4F07A00000055900109F700107C503000000CC08A0000001510000009000");
  EXPECT_EQ(issuer.Send("80F240020A4F0212345C044F9F70C500"), "6A88");
  EXPECT_EQ(issuer.Send("80F240020A4F02A0005C044F9F70C500"), "E3124F07A00000055900109F700107C5030000009000");
  EXPECT_EQ(issuer.Send("80F24000024F0000"), "07A000000559001007009000");
  EXPECT_EQ(issuer.Send("80F28000024F0000"), "08A0000001510000000F809000");
}

TEST_F(DomainTest, GetStatusRefusesOtherSubsetsAndBadQueries) {
  ASSERT_EQ(issuer.Open(), "9000");
  EXPECT_EQ(issuer.Send("80F22002024F0000"), "6A86");
  EXPECT_EQ(issuer.Send("80F24004024F0000"), "6A86");
  EXPECT_EQ(issuer.Send("80F2400200"), "6A80");
  EXPECT_EQ(issuer.Send("80F24002025C0000"), "6A80");
  EXPECT_EQ(issuer.Send("80F24002034F000000"), "6A80");
  EXPECT_EQ(issuer.Send("80F24002044F005C0500"), "6A80");
  EXPECT_EQ(issuer.Send("80F24003024F0000"), "6985");
}

/// An application that is only a name.
class Named final : public Application {
 public:
  explicit Named(Bytes aid) : aid_(std::move(aid)) {}
  bool AnswersTo(ByteView aid) const override { return SameBytes(aid, aid_); }
  ByteView Aid() const override { return aid_; }
  wire::StatusWord Select(std::uint8_t /*channel*/) override { return wire::StatusWord::kOk; }
  void Deselect(std::uint8_t /*channel*/) override {}
  void Reset() override {}
  wire::StatusWord Process(std::uint8_t /*channel*/, const wire::CommandApdu& /*command*/,
                           ByteWriter& /*response*/) override {
    return wire::StatusWord::kOk;
  }

 private:
  Bytes aid_;
};

TEST_F(DomainTest, GetStatusGoesOnWhereItStopped) {
  std::vector<Named> names;
  std::vector<ManagedApplication> many;
  for (std::uint8_t i = 0; i < 12; ++i) {
    names.emplace_back(Join(Hex("A00000055900100000000000000000"), Bytes{i}));
  }
  for (Named& name : names) {
    many.push_back({&name, nullptr});
  }
  SecurityDomain domain(card.store, *card.crypto, card.config, many);
  std::array<Application*, 1> applications{&domain};
  UiccBuffers buffers;
  Uicc uicc(applications, {}, card.compatibility, buffers);
  std::array<std::uint8_t, wire::kMaxResponse> memory{};
  secure::Scp03Host host(*card.crypto);
  const auto send = [&](ByteView command) {
    Bytes answer = Copy(ByteView(memory).first(uicc.Transmit(command, memory)));
    if (answer.at(0) == 0x61) {
      answer = Copy(ByteView(memory).first(uicc.Transmit(Bytes{0, 0xC0, 0, 0, answer.at(1)}, memory)));
    }
    return answer;
  };
  const auto get_status = [&](std::uint8_t p2) {
    std::array<std::uint8_t, wire::kMaxShortCommand> space{};
    ByteWriter command(space);
    const Bytes query = Hex("4F005C044F9F70C5");
    EXPECT_TRUE(host.Wrap({.cla = 0x80, .ins = 0xF2, .p1 = 0x40, .p2 = p2, .data = query, .le = 256}, command));
    const Bytes answer = send(command.written());
    const wire::StatusWord sw = wire::MakeStatusWord(answer.at(answer.size() - 2), answer.back());
    std::array<std::uint8_t, 256> plain{};
    const auto data = host.Unwrap(ByteView(answer).first(answer.size() - 2), sw, plain);
    EXPECT_TRUE(data.has_value());
    return std::pair(data ? data->size() : 0, sw);
  };
  send(Hex(kSelectDomain));
  std::array<std::uint8_t, wire::kMaxShortCommand> space{};
  ByteWriter begin(space);
  ASSERT_TRUE(host.Begin(0x30, Counting(8), begin));
  const Bytes offer = send(begin.written());
  ByteWriter authenticate(space);
  ASSERT_TRUE(
      host.Authenticate(keys.Scp03(), ByteView(offer).first(offer.size() - 2), SecurityLevel::kFull, authenticate));
  ASSERT_EQ(ToHex(send(authenticate.written())), "9000");
  constexpr std::size_t kEntry = 2 + 18 + 4 + 5;
  EXPECT_EQ(get_status(0x02), std::pair(8 * kEntry, wire::StatusWord::kMoreEntries));
  EXPECT_EQ(get_status(0x03), std::pair(4 * kEntry, wire::StatusWord::kOk));
  EXPECT_EQ(get_status(0x03).second, wire::StatusWord::kConditionsNotSatisfied);
}

TEST_F(DomainTest, InstallForPersonalisationFindsTheApplication) {
  ASSERT_EQ(issuer.Open(), "9000");
  EXPECT_EQ(issuer.Send("80E280000111"), "6985");
  EXPECT_EQ(issuer.Send("80E620000D000007A000000559001100000000"), "6A88");
  EXPECT_EQ(issuer.Send("80E6200006000000000000"), "6A80");
  EXPECT_EQ(issuer.Send("80E620000D000007A000000559001000000100"), "6A80");
  EXPECT_EQ(issuer.Send("80E620000E000007A00000055900100000000000"), "6A80");
  EXPECT_EQ(issuer.Send("80E620000C000007A0000005590010000000"), "6A80");
  EXPECT_EQ(issuer.Send("80E60C000D000007A000000559001000000000"), "6A86");
  EXPECT_EQ(issuer.Send("80E620010D000007A000000559001000000000"), "6A86");
  EXPECT_EQ(issuer.Send("80E280000111"), "6985");
  EXPECT_EQ(issuer.Send(kPersonalise), "009000");
  EXPECT_EQ(issuer.Send("80E28000021122"), "00029000");
  EXPECT_THAT(card.application.log, ElementsAre("0L 1122"));
}

TEST_F(DomainTest, StoreDataBlocksComeInOrder) {
  ASSERT_EQ(issuer.Open(), "9000");
  ASSERT_EQ(issuer.Send(kPersonalise), "009000");
  EXPECT_EQ(issuer.Send("80E200000111"), "00019000");
  EXPECT_EQ(issuer.Send("80E200010122"), "01019000");
  EXPECT_EQ(issuer.Send("80E280020133"), "02019000");
  EXPECT_EQ(issuer.Send("80E200000144"), "00019000");
  EXPECT_EQ(issuer.Send("80E280020155"), "6A86") << "a gap";
  EXPECT_EQ(issuer.Send("80E280010155"), "6A86") << "the chain is over";
  EXPECT_EQ(issuer.Send("80E280000166"), "00019000");
  EXPECT_EQ(issuer.Send("80E200000177"), "00019000");
  EXPECT_EQ(issuer.Send("80E200000177"), "6A86") << "sent twice";
  card.application.answer = wire::StatusWord::kIncorrectData;
  EXPECT_EQ(issuer.Send("80E200000188"), "6A80");
  card.application.answer = wire::StatusWord::kOk;
  EXPECT_EQ(issuer.Send("80E200010199"), "6A86") << "refused blocks have no successors";
  EXPECT_THAT(card.application.log, ElementsAre("0  11", "1  22", "2L 33", "0  44", "0L 66", "0  77", "0  88"));
}

TEST_F(DomainTest, BlockNumbersDoNotWrap) {
  ASSERT_EQ(issuer.Open(), "9000");
  ASSERT_EQ(issuer.Send(kPersonalise), "009000");
  for (int number = 0; number < 0xFF; ++number) {
    ASSERT_EQ(issuer.SendBytes(Bytes{0x80, 0xE2, 0x00, LowByte(number), 0x01, 0x11})->back(), 0x00) << number;
  }
  EXPECT_EQ(issuer.Send("80E200FF0111"), "6A86");
  for (int number = 0; number < 0xFF; ++number) {
    ASSERT_EQ(issuer.SendBytes(Bytes{0x80, 0xE2, 0x00, LowByte(number), 0x01, 0x11})->back(), 0x00) << number;
  }
  EXPECT_EQ(issuer.Send("80E280FF0111"), "FF019000");
}

TEST_F(DomainTest, KeysAreDecipheredOnlyInASessionThatEnciphers) {
  const Bytes secret = Counting(32);
  Bytes block = secret;
  const Bytes zero_iv(16);
  ASSERT_TRUE(card.crypto->AesCbc(crypto::Direction::kEncrypt, keys.dek, zero_iv, block, block));
  const Bytes command = Join(Hex("80E2800020"), block);
  card.application.unwrap = true;
  for (const SecurityLevel level : {SecurityLevel::kCMac, SecurityLevel::kCMacRMac, SecurityLevel::kCMacCDec,
                                    SecurityLevel::kCMacCDecRMac, SecurityLevel::kFull}) {
    ASSERT_EQ(issuer.Open(keys, level), "9000");
    ASSERT_EQ(issuer.Send(kPersonalise), "009000");
    ASSERT_TRUE(issuer.SendBytes(command).has_value());
    EXPECT_EQ(card.application.unwrapped, secure::EnciphersCommands(level));
    EXPECT_EQ(card.application.clear == secret, secure::EnciphersCommands(level));
    EXPECT_EQ(issuer.Send("80E2E0000111") == "6982", !secure::EnciphersCommands(level));
  }
}

TEST_F(DomainTest, KeysOfOddLengthAreNotDeciphered) {
  card.application.unwrap = true;
  ASSERT_EQ(issuer.Open(), "9000");
  ASSERT_EQ(issuer.Send(kPersonalise), "009000");
  ASSERT_TRUE(issuer.SendBytes(Join(Hex("80E280000F"), Counting(15))).has_value());
  EXPECT_FALSE(card.application.unwrapped);
}

class PutKeyTest : public DomainTest {
 protected:
  void SetUp() override {
    DomainTest::SetUp();
    ASSERT_EQ(issuer.Open(), "9000");
  }
  std::string Put(std::uint8_t old_version, const Bytes& data) {
    const auto answer = issuer.SendBytes(PutKeyCommand(old_version, data));
    return answer ? ToHex(*answer) : "host";
  }
  Bytes Data(std::uint8_t version, const KeySetBytes& set) { return PutKeyData(*card.crypto, keys.dek, version, set); }
  std::string CheckValues(const KeySetBytes& set) {
    return ToHex(*secure::KeyCheckValue(*card.crypto, set.enc)) + ToHex(*secure::KeyCheckValue(*card.crypto, set.mac)) +
           ToHex(*secure::KeyCheckValue(*card.crypto, set.dek));
  }
};

TEST_F(PutKeyTest, ReplacesASetAndItsCountersBeginAnew) {
  for (const std::size_t size : {16U, 24U, 32U}) {
    const KeySetBytes fresh = KeySetBytes::Make(LowByte(0x60 + size), size);
    EXPECT_EQ(Put(0x30, Data(0x30, fresh)), "30" + CheckValues(fresh) + "9000");
    EXPECT_EQ(issuer.Send("80CA008500"), "6A88") << "the session goes on";
    EXPECT_EQ(issuer.Open(keys), "host");
    const Bytes answer = issuer.Begin();
    EXPECT_EQ(ToHex(ByteView(answer).subspan(29)), "0000029000");
    EXPECT_EQ(issuer.Authenticate(answer, fresh, SecurityLevel::kFull), "9000");
    keys = fresh;
  }
}

TEST_F(PutKeyTest, AddsASetAndReplacesOneUnderAnotherVersion) {
  const KeySetBytes second = KeySetBytes::Make(0x50);
  EXPECT_EQ(Put(0x00, Data(0x31, second)), "31" + CheckValues(second) + "9000");
  EXPECT_EQ(issuer.Open(keys), "9000");
  EXPECT_EQ(issuer.Open(second, SecurityLevel::kFull, 0x31), "9000");
  const KeySetBytes third = KeySetBytes::Make(0x58);
  EXPECT_EQ(Put(0x31, PutKeyData(*card.crypto, second.dek, 0x32, third)), "32" + CheckValues(third) + "9000");
  EXPECT_EQ(ToHex(issuer.Begin(0x31)), "6A88");
  EXPECT_EQ(issuer.Open(third, SecurityLevel::kFull, 0x32), "9000");
  EXPECT_EQ(card.Send("00A4040008A000000151000000").size(), 40U);
  EXPECT_EQ(issuer.Open(keys), "9000");
}

TEST_F(PutKeyTest, SetForSms) {
  const KeySetBytes sms = KeySetBytes::Make(0x50);
  EXPECT_EQ(Put(0x00, Data(0x01, sms)), "01" + CheckValues(sms) + "9000");
  EXPECT_EQ(Put(0x01, Data(0x33, sms)), "6A80");
  EXPECT_EQ(Put(0x01, Data(0x02, sms)), "02" + CheckValues(sms) + "9000");
}

TEST_F(PutKeyTest, OlderFormWithoutTheLengthInClear) {
  const KeySetBytes fresh = KeySetBytes::Make(0x50);
  Bytes data{0x30};
  for (const Bytes* key : {&fresh.enc, &fresh.mac, &fresh.dek}) {
    Bytes block = *key;
    const Bytes zero_iv(16);
    ASSERT_TRUE(card.crypto->AesCbc(crypto::Direction::kEncrypt, keys.dek, zero_iv, block, block));
    data = Join(data, Bytes{0x88, 0x10}, block, Bytes{3}, Copy(*secure::KeyCheckValue(*card.crypto, *key)));
  }
  EXPECT_EQ(Put(0x30, data), "30" + CheckValues(fresh) + "9000");
}

TEST_F(PutKeyTest, EveryFlippedByteIsRefusedAndChangesNothing) {
  const KeySetBytes fresh = KeySetBytes::Make(0x50);
  const Bytes data = Data(0x30, fresh);
  for (std::size_t i = 0; i < data.size(); ++i) {
    Bytes changed = data;
    changed.at(i) = LowByte(changed.at(i) ^ 0x80);
    const std::string answer = Put(0x30, changed);
    EXPECT_TRUE(answer == "6A80" || answer == "9485" || answer == "9484") << i << " " << answer;
  }
  for (std::size_t size = 1; size < data.size(); ++size) {
    const std::string answer = Put(0x30, Copy(ByteView(data).first(size)));
    EXPECT_TRUE(answer == "6A80") << size << " " << answer;
  }
  EXPECT_EQ(Put(0x30, Join(data, Bytes{0})), "6A80");
  EXPECT_EQ(issuer.Open(keys), "9000");
}

TEST_F(PutKeyTest, RefusesWhatItCannotMean) {
  const KeySetBytes fresh = KeySetBytes::Make(0x50);
  EXPECT_EQ(Put(0x31, Data(0x31, fresh)), "6A88") << "nothing to replace";
  EXPECT_EQ(Put(0x00, Data(0x30, fresh)), "6A80") << "there already";
  EXPECT_EQ(Put(0x00, Data(0x40, fresh)), "6A80") << "no use is known for this version";
  EXPECT_EQ(Put(0x00, Data(0x00, fresh)), "6A80");
  KeySetBytes mixed = fresh;
  mixed.mac = Counting(32);
  EXPECT_EQ(Put(0x30, Data(0x30, mixed)), "6A80");
  EXPECT_EQ(issuer.Send("80D83001013000"), "6A86");
  EXPECT_EQ(issuer.Send("80D83082013000"), "6A86");
  EXPECT_EQ(issuer.Open(keys), "9000");
}

TEST_F(PutKeyTest, NeedsASessionThatEnciphers) {
  const Bytes command = PutKeyCommand(0x30, Data(0x30, KeySetBytes::Make(0x50)));
  for (const SecurityLevel level : {SecurityLevel::kCMac, SecurityLevel::kCMacRMac}) {
    ASSERT_EQ(issuer.Open(keys, level), "9000");
    EXPECT_EQ(ToHex(*issuer.SendBytes(command)), "6982");
  }
}

TEST_F(PutKeyTest, FullMemoryIsRefusedAsAWhole) {
  std::uint8_t version = 0x31;
  std::string answer;
  for (; version < 0x3F; ++version) {
    answer = Put(0x00, Data(version, KeySetBytes::Make(version, 32)));
    if (answer == "6A84") {
      break;
    }
  }
  EXPECT_EQ(answer, "6A84");
  KeySets sets(card.store);
  EXPECT_FALSE(sets.Exists(version));
  EXPECT_TRUE(sets.Value(version, KeyRole::kEnc).empty());
  EXPECT_EQ(issuer.Open(keys), "9000");
}

}  // namespace
}  // namespace simroot::card
