// SPDX-License-Identifier: Apache-2.0
#include "device/administration/admin_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"
#include "common/secure/scp03_card.hpp"
#include "device/transport/in_process.hpp"

namespace simroot::device {

/// This program has no virtual card.
Result<std::unique_ptr<InProcessCard>> OpenInProcessCard(const std::string& file) {
  return Fail(ErrorDomain::kUsage, "no virtual card for " + file);
}

namespace {

using secure::SecurityLevel;
using ::testing::HasSubstr;
using wire::StatusWord;

const Bytes kAid = Hex("A000000151000000");

Deadline Soon() {
  return Deadline::After(std::chrono::seconds(10));
}

/// A transport with a security domain behind it that echoes plain commands: header and data, without Le.
class FakeCard final : public Transport {
 public:
  const std::string& Name() const override { return name_; }
  Result<std::unique_ptr<TransportLock>> Lock(Deadline /*deadline*/) override {
    ++locks;
    return std::make_unique<TransportLock>();
  }
  Result<Channel> OpenChannel(ByteView aid, Deadline /*deadline*/) override {
    if (!SameBytes(aid, kAid)) {
      return tl::make_unexpected(Error{ErrorDomain::kCard, "no", "", StatusWord::kFileNotFound});
    }
    return Channel{2, -1};
  }
  Result<void> CloseChannel(const Channel& channel, Deadline /*deadline*/) override {
    EXPECT_EQ(channel.number, 2);
    ++closed;
    return {};
  }
  Result<std::string> ReadIccid(Deadline /*deadline*/) override { return std::string("89880000000000000011"); }
  ExchangeCounters Counters() const override { return {}; }
  void SetObserver(TransportObserver* /*observer*/) override {}

  Result<CardResponse> Transmit(const Channel& /*channel*/, ByteView bytes, Deadline /*deadline*/) override {
    EXPECT_EQ(bytes.front() & 3U, 2U) << "the channel is not in the class byte";
    if (broken) {
      return Fail(ErrorDomain::kTransport, "the modem is silent");
    }
    if (bytes[1] == 0xC0) {
      return Fetch(bytes.back());
    }
    const auto command = wire::ParseCommand(bytes, wire::ApduStrictness::kExact);
    EXPECT_TRUE(command.has_value());
    std::array<std::uint8_t, 256> memory{};
    ByteWriter data(memory);
    const StatusWord sw = Run(*command, data);
    waiting_.assign(data.written().begin(), data.written().end());
    if (spoil && !waiting_.empty()) {
      waiting_.back() = LowByte(waiting_.back() ^ 1);
    }
    waiting_.push_back(wire::Sw1(sw));
    waiting_.push_back(wire::Sw2(sw));
    if (waiting_.size() > 2 && piece != 0) {
      return CardResponse::From(Bytes{0x61, LowByte(std::min(piece, waiting_.size() - 2))}, name_);
    }
    return CardResponse::From(waiting_, name_);
  }

  StatusWord Run(const wire::CommandApdu& command, ByteWriter& out) {
    if (command.ins == secure::kInitializeUpdateIns) {
      if (refuse != StatusWord::kOk) {
        return refuse;
      }
      const Bytes diversification(secure::kDiversificationSize);
      EXPECT_TRUE(session.Begin({enc, mac}, {diversification, 0x30, 1, kAid}, command.data, out));
      return StatusWord::kOk;
    }
    if (command.ins == secure::kExternalAuthenticateIns) {
      return session.Authenticate(command) ? StatusWord::kOk : StatusWord::kSecurityNotSatisfied;
    }
    std::array<std::uint8_t, 256> memory{};
    const auto plain = session.Unwrap(command, memory);
    if (!plain) {
      return StatusWord::kSecurityNotSatisfied;
    }
    seen.push_back(ToHex(std::array{plain->ins, plain->p1, plain->p2}) + " " + ToHex(plain->data));
    EXPECT_TRUE(session.Wrap(answer_sw, answer, out));
    return answer_sw;
  }

  std::unique_ptr<crypto::OpenSslCrypto> crypto = crypto::OpenSslCrypto::Create();
  secure::Scp03Card session{*crypto};
  Bytes enc = Counting(16);
  Bytes mac = Counting(16);
  Bytes dek = Counting(16);
  Bytes answer;
  StatusWord answer_sw = StatusWord::kOk;
  StatusWord refuse = StatusWord::kOk;
  std::vector<std::string> seen;
  std::size_t piece = 0;  ///< bytes that one GET RESPONSE fetches; 0: answers come at once
  bool broken = false;
  bool spoil = false;
  unsigned locks = 0;
  unsigned closed = 0;

 private:
  Result<CardResponse> Fetch(std::size_t count) {
    EXPECT_LE(count, waiting_.size() - 2);
    const Bytes sw(waiting_.end() - 2, waiting_.end());
    Bytes part(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    const bool more = waiting_.size() > 2;
    return CardResponse::From(Join(part, more ? Bytes{0x61, LowByte(std::min(piece, waiting_.size() - 2))} : sw),
                              name_);
  }

  std::string name_ = "fake:";
  Bytes waiting_;
};

class AdminSessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto link = TransportAdminLink::Open(card, kAid, Soon());
    ASSERT_TRUE(link.has_value());
    link_ = *std::move(link);
  }
  AdminKeys Keys() const { return {0x30, enc_, mac_, dek_}; }
  Result<std::unique_ptr<AdminSession>> Open(SecurityLevel level = SecurityLevel::kFull) {
    return AdminSession::Open(*link_, *card.crypto, Keys(), level, Soon());
  }

  FakeCard card;
  Bytes enc_ = card.enc;
  Bytes mac_ = card.mac;
  Bytes dek_ = card.dek;
  std::unique_ptr<TransportAdminLink> link_;
};

TEST_F(AdminSessionTest, CommandsArriveAndAnswersComeBack) {
  for (const std::size_t piece : {0U, 7U, 256U}) {
    card.piece = piece;
    card.answer = Counting(100);
    card.seen.clear();
    const auto session = Open();
    ASSERT_TRUE(session.has_value()) << session.error().Text();
    const auto answer = (*session)->StoreData(Hex("E10401020304"), Soon());
    ASSERT_TRUE(answer.has_value()) << answer.error().Text();
    EXPECT_EQ(answer->sw, StatusWord::kOk);
    EXPECT_EQ(answer->data, Counting(100));
    ASSERT_TRUE((*session)->InstallForPersonalisation(Hex("A0000005590010"), Soon()));
    EXPECT_THAT(card.seen, ::testing::ElementsAre("E28100 E10401020304", "E62000 000007A0000005590010000000"));
  }
}

TEST_F(AdminSessionTest, RefusalsOfACommandAreResults) {
  const auto session = Open();
  ASSERT_TRUE(session.has_value());
  card.answer_sw = StatusWord::kIncorrectData;
  const auto answer = (*session)->StoreData(Hex("00"), Soon());
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->sw, StatusWord::kIncorrectData);
  const auto install = (*session)->InstallForPersonalisation(kAid, Soon());
  ASSERT_FALSE(install.has_value());
  EXPECT_EQ(install.error().domain, ErrorDomain::kCard);
  EXPECT_EQ(install.error().sw, StatusWord::kIncorrectData);
  EXPECT_THAT(install.error().Text(), HasSubstr("6A80"));
}

TEST_F(AdminSessionTest, UnknownApplicationOrTooLongAName) {
  EXPECT_EQ(TransportAdminLink::Open(card, Hex("A0000001510001"), Soon()).error().sw, StatusWord::kFileNotFound);
  const auto session = Open();
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ((*session)->InstallForPersonalisation(Counting(40), Soon()).error().domain, ErrorDomain::kUsage);
}

TEST_F(AdminSessionTest, OtherKeysAreNoticed) {
  mac_.back() ^= 1;
  const auto session = Open();
  ASSERT_FALSE(session.has_value());
  EXPECT_EQ(session.error().domain, ErrorDomain::kCrypto);
  EXPECT_THAT(session.error().Text(), HasSubstr("keys belong to this card"));
}

TEST_F(AdminSessionTest, CardThatRefusesToBegin) {
  for (const StatusWord sw :
       {StatusWord::kReferencedDataNotFound, StatusWord::kAuthenticationBlocked, StatusWord::kConditionsNotSatisfied}) {
    card.refuse = sw;
    const auto session = Open();
    ASSERT_FALSE(session.has_value());
    EXPECT_EQ(session.error().domain, ErrorDomain::kCard);
    EXPECT_EQ(session.error().sw, sw);
    EXPECT_FALSE(session.error().next_step.empty());
  }
}

TEST_F(AdminSessionTest, SpoiledAnswerEndsTheSession) {
  const auto session = Open();
  ASSERT_TRUE(session.has_value());
  card.spoil = true;
  const auto spoiled = (*session)->StoreData(Hex("00"), Soon());
  ASSERT_FALSE(spoiled.has_value());
  EXPECT_EQ(spoiled.error().domain, ErrorDomain::kCrypto);
  card.spoil = false;
  const auto after = (*session)->StoreData(Hex("00"), Soon());
  ASSERT_FALSE(after.has_value());
  EXPECT_THAT(after.error().Text(), HasSubstr("is over"));
}

TEST_F(AdminSessionTest, LostAnswerEndsTheSession) {
  const auto session = Open();
  ASSERT_TRUE(session.has_value());
  card.broken = true;
  EXPECT_EQ((*session)->StoreData(Hex("00"), Soon()).error().domain, ErrorDomain::kTransport);
  card.broken = false;
  EXPECT_THAT((*session)->StoreData(Hex("00"), Soon()).error().Text(), HasSubstr("is over"));
}

TEST_F(AdminSessionTest, TooLongABlockLeavesTheSessionOpen) {
  const auto session = Open();
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ((*session)->StoreData(Counting(secure::kMaxPlainCommand + 1), Soon()).error().domain, ErrorDomain::kUsage);
  EXPECT_TRUE((*session)->StoreData(Counting(secure::kMaxPlainCommand), Soon()).has_value());
}

TEST_F(AdminSessionTest, PutKeysTravelEncipheredAndAreConfirmed) {
  const auto session = Open();
  ASSERT_TRUE(session.has_value());
  const Bytes key = Counting(24);
  const auto check_value = secure::KeyCheckValue(*card.crypto, key);
  card.answer = Join(Bytes{0x31}, *check_value, *check_value, *check_value);
  ASSERT_TRUE((*session)->PutKeys(0x30, 0x31, {key, key, key}, Soon()));
  const auto enciphered = (*session)->EncipherKey(key);
  ASSERT_TRUE(enciphered.has_value());
  EXPECT_EQ(enciphered->size(), 32U);
  const std::string field = "882118" + ToHex(*enciphered) + "03" + ToHex(*check_value);
  std::string expected = "D83081 31";
  for (int i = 0; i < 3; ++i) {
    expected += field;
  }
  EXPECT_EQ(card.seen.back(), expected);
  card.answer.back() ^= 1;
  EXPECT_EQ((*session)->PutKeys(0x30, 0x31, {key, key, key}, Soon()).error().domain, ErrorDomain::kCrypto);
  EXPECT_EQ((*session)->PutKeys(0x30, 0x31, {key, key, Counting(15)}, Soon()).error().domain, ErrorDomain::kUsage);
}

TEST_F(AdminSessionTest, ChannelIsClosedOnceAndEveryExchangeIsLocked) {
  const unsigned before = card.locks;
  ASSERT_TRUE(Open().has_value());
  EXPECT_EQ(card.locks, before + 2);
  ASSERT_TRUE(link_->Close(Soon()));
  link_.reset();
  EXPECT_EQ(card.closed, 1U);
  auto link = TransportAdminLink::Open(card, kAid, Soon());
  ASSERT_TRUE(link.has_value());
  link->reset();
  EXPECT_EQ(card.closed, 2U);
}

/// A transport that announces more without end.
TEST_F(AdminSessionTest, AnswerWithoutEnd) {
  class Endless final : public Transport {
   public:
    const std::string& Name() const override { return name_; }
    Result<std::unique_ptr<TransportLock>> Lock(Deadline /*deadline*/) override {
      return std::make_unique<TransportLock>();
    }
    Result<Channel> OpenChannel(ByteView /*aid*/, Deadline /*deadline*/) override { return Channel{1, -1}; }
    Result<void> CloseChannel(const Channel& /*channel*/, Deadline /*deadline*/) override { return {}; }
    Result<std::string> ReadIccid(Deadline /*deadline*/) override { return std::string(); }
    ExchangeCounters Counters() const override { return {}; }
    void SetObserver(TransportObserver* /*observer*/) override {}
    Result<CardResponse> Transmit(const Channel& /*channel*/, ByteView /*bytes*/, Deadline /*deadline*/) override {
      ++exchanges;
      return CardResponse::From(Bytes{0x61, 0x10}, name_);
    }
    unsigned exchanges = 0;

   private:
    std::string name_ = "endless:";
  };
  Endless transport;
  auto link = TransportAdminLink::Open(transport, kAid, Soon());
  ASSERT_TRUE(link.has_value());
  const auto answer = (*link)->Exchange(Hex("80CA006600"), Soon());
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().domain, ErrorDomain::kProtocol);
  EXPECT_LT(transport.exchanges, 40U);
}

}  // namespace
}  // namespace simroot::device
