// SPDX-License-Identifier: Apache-2.0
/// Reading files and public keys, with and without cache.
#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::FileUsage;
using iotsafe::KeyType;
using testing::FileInfo;
using testing::FileName;
using testing::InfoAnswer;
using testing::KeyInfo;
using testing::MakeCard;
using testing::PrivateKey;
using testing::PublicKey;
using testing::Script;
using testing::SimrootAnswer;

const std::string kGetInfo = "81CBC3000383010200";
const std::string kGetApplication = "81CB000000";
const std::string kIccid = "8988211000000000017";

/// `count` bytes 01 02 03 ... in hexadecimal.
std::string Counting(std::size_t count, std::size_t from = 1) {
  Bytes bytes(count);
  for (std::uint8_t& byte : bytes) {
    byte = LowByte(from++);
  }
  return ToHex(bytes);
}

class FileTest : public ::testing::Test {
 protected:
  void ExpectInfo(std::uint16_t size, FileUsage usage = FileUsage::kGeneral) {
    script_->ThenOpened().Then(kGetInfo, InfoAnswer(FileInfo("02", size, usage)));
  }
  Result<Bytes> Read() { return card_->ReadFile(FileName("02")); }
  void TearDown() override {
    EXPECT_TRUE(script_->Done());
    script_->Otherwise([](const std::string&) { return ""; });
  }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_);
};

TEST_F(FileTest, ReadsByStepsOfWhatIsReceived) {
  ExpectInfo(300);
  script_->Then("81B0000003830102FF", Counting(255) + "9000").Then("81B000FF038301022D", Counting(45, 256) + "9000");
  EXPECT_EQ(ToHex(Read().value()), Counting(300));
}

TEST_F(FileTest, GoesOnAfterShortBlocks) {
  ExpectInfo(10);
  script_->Then("81B00000038301020A", Counting(4) + "9000").Then("81B000040383010206", Counting(6, 5) + "9000");
  EXPECT_EQ(ToHex(Read().value()), Counting(10));
}

TEST_F(FileTest, CutsWhatATZeroCardSendsTooMuch) {
  ExpectInfo(10);
  script_->Then("81B00000038301020A", "6110").Then("01C0000010", Counting(16) + "9000");
  EXPECT_EQ(ToHex(Read().value()), Counting(10));
}

TEST_F(FileTest, StopsAtTheEndTheCardShows) {
  for (const std::string end : {"9000", "6A86", "6981", "6B00"}) {
    ExpectInfo(100);
    script_->Then("81B000000383010264", Counting(60) + "9000").Then("81B0003C0383010228", end).Then("close 1", "");
    EXPECT_EQ(ToHex(Read().value()), Counting(60)) << end;
    card_->Close();
  }
}

TEST_F(FileTest, ARefusalOfTheFirstBlockIsAnError) {
  for (const std::string sw : {"6A86", "6981", "6985"}) {
    ExpectInfo(100);
    script_->Then("81B000000383010264", sw).Then("close 1", "");
    EXPECT_EQ(Read().error().domain, ErrorDomain::kCard) << sw;
    card_->Close();
  }
}

TEST_F(FileTest, ReadsTheLargestFileWithinItsBounds) {
  ExpectInfo(0xFFFF);
  script_->Otherwise([](const std::string& event) -> std::optional<std::string> {
    return event.starts_with("81B0") ? std::optional(Counting(255) + "9000") : std::nullopt;
  });
  EXPECT_EQ(Read().value().size(), 65535U);
}

TEST_F(FileTest, CutsAPaddedCertificateByItsOwnLength) {
  ExpectInfo(8, FileUsage::kCertificate);
  script_->Then("81B000000383010208", "30030201050000009000");
  EXPECT_EQ(ToHex(Read().value()), "3003020105");
}

TEST_F(FileTest, LeavesOtherContentAlone) {
  ExpectInfo(8, FileUsage::kGeneral);
  script_->Then("81B000000383010208", "30030201050000009000").Then("close 1", "");
  EXPECT_EQ(Read().value().size(), 8U);
  card_->Close();
  ExpectInfo(8, FileUsage::kCertificate);
  script_->Then("81B000000383010208", "31030201050000009000").Then("close 1", "");
  EXPECT_EQ(Read().value().size(), 8U);
  card_->Close();
  ExpectInfo(4, FileUsage::kCertificate);  // a certificate whose end is missing
  script_->Then("81B000000383010204", "308202589000");
  EXPECT_EQ(Read().value().size(), 4U);
}

TEST_F(FileTest, AnEmptyFileIsEmpty) {
  ExpectInfo(0);
  EXPECT_TRUE(Read().value().empty());
}

TEST_F(FileTest, SaysThatAFileDoesNotExist) {
  script_->ThenOpened().Then(kGetInfo, "6A82");
  EXPECT_EQ(Read().error().message, "file 02 does not exist on at:/dev/fake (6A82)");
}

TEST_F(FileTest, ReadsInSmallBlocksWhereModemsCutAnswers) {
  card_ = MakeCard(script_, {.aids = {{0xA0, 0x00, 0x00, 0x02, 0x48, 0x04, 0x00}}});
  script_->Then("open", "").Then("channel A0000002480400", "1");
  script_->Then("01CBC3000383010200", InfoAnswer(FileInfo("02", 60, FileUsage::kGeneral)));
  script_->Then("01B000000383010232", Counting(50) + "9000").Then("01B00032038301020A", Counting(10, 51) + "9000");
  EXPECT_EQ(ToHex(Read().value()), Counting(60));
}

TEST_F(FileTest, ReadsPublicKeys) {
  const std::string point = "04" + std::string(128, '2');
  script_->ThenOpened()
      .Then("81CD00000385010400",
            "3445494386"
            "41" +
                point + "9000")
      .Then("81CD00000385010400", point + "9000");
  EXPECT_EQ(ToHex(card_->ReadPublicKey(PublicKey("04")).value()), point);
  EXPECT_EQ(ToHex(card_->ReadPublicKey(PublicKey("04")).value()), point);
}

TEST_F(FileTest, RefusesBrokenPublicKeys) {
  const std::string point = "04" + std::string(128, '2');
  script_->ThenOpened();
  for (const std::string& answer : {std::string(), std::string("34"), std::string("344549438641"),
                                    "3445494386"
                                    "41" +
                                        point.substr(2),
                                    "3445494386"
                                    "41" +
                                        point + "00",
                                    "3545494386"
                                    "41" +
                                        point,
                                    "02" + point.substr(2)}) {
    script_->Then("81CD00000385010400", answer + "9000");
    const auto read = card_->ReadPublicKey(PublicKey("04"));
    ASSERT_FALSE(read) << answer;
    EXPECT_EQ(read.error().domain, ErrorDomain::kProtocol) << answer;
  }
}

class CachedTest : public FileTest {
 protected:
  CachedTest() { Restart(); }
  /// A new program: only the cache's directory stays.
  void Restart() {
    if (card_) {
      card_->Close();
    }
    card_ = MakeCard(script_, {.cache_directory = directory_.path()});
  }
  void ExpectIdentity(std::uint32_t counter, const std::string& iccid = kIccid) {
    script_->ThenOpened().Then("iccid", iccid).Then(kGetApplication, SimrootAnswer(counter));
  }
  void ExpectContent(const std::string& content) {
    script_->Then(kGetInfo,
                  InfoAnswer(FileInfo("02", static_cast<std::uint16_t>(content.size() / 2), FileUsage::kGeneral)));
    const std::array size{LowByte(content.size() / 2)};
    script_->Then("81B0000003830102" + ToHex(size), content + "9000");
  }
  void CloseAndRestart() {
    script_->Then("close 1", "");
    Restart();
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(CachedTest, AWarmReadCostsNothingButTheIdentity) {
  ExpectIdentity(7);
  ExpectContent("AABB");
  EXPECT_EQ(ToHex(Read().value()), "AABB");
  script_->ForgetSeen();
  EXPECT_EQ(ToHex(Read().value()), "AABB");
  EXPECT_TRUE(script_->seen().empty());
  CloseAndRestart();
  ExpectIdentity(7);
  EXPECT_EQ(ToHex(Read().value()), "AABB");
  EXPECT_EQ(ToHex(Read().value()), "AABB");
}

TEST_F(CachedTest, AChangedCounterReadsAgain) {
  ExpectIdentity(7);
  ExpectContent("AABB");
  EXPECT_TRUE(Read());
  CloseAndRestart();
  ExpectIdentity(8);
  ExpectContent("CCDD");
  EXPECT_EQ(ToHex(Read().value()), "CCDD");
}

TEST_F(CachedTest, AnotherSimHasItsOwnEntries) {
  ExpectIdentity(7);
  ExpectContent("AABB");
  EXPECT_TRUE(Read());
  CloseAndRestart();
  ExpectIdentity(7, "8988211000000000025");
  ExpectContent("CCDD");
  EXPECT_EQ(ToHex(Read().value()), "CCDD");
  CloseAndRestart();
  ExpectIdentity(7);
  EXPECT_EQ(ToHex(Read().value()), "AABB");
}

TEST_F(CachedTest, ACardOfAnotherVendorIsNotCached) {
  for (int i = 0; i < 2; ++i) {
    script_->ThenOpened().Then("iccid", kIccid).Then(kGetApplication, testing::ApplicationAnswer(Bytes(32, 0x41)));
    ExpectContent("AABB");
    EXPECT_EQ(ToHex(Read().value()), "AABB");
    CloseAndRestart();
  }
}

TEST_F(CachedTest, ARemoteSessionMakesItAskAgain) {
  ExpectIdentity(7);
  ExpectContent("AABB");
  EXPECT_TRUE(Read());
  script_->Then("8184000001", "AA63CF");
  EXPECT_TRUE(card_->Random(1));
  script_->Then(kGetApplication, SimrootAnswer(8));
  ExpectContent("CCDD");
  EXPECT_EQ(ToHex(Read().value()), "CCDD");
}

TEST_F(CachedTest, NothingIsStoredWhileARemoteSessionEnds) {
  ExpectIdentity(7);
  script_->Then(kGetInfo, InfoAnswer(FileInfo("02", 2, FileUsage::kGeneral)));
  script_->Then("81B000000383010202", "AABB63CF");
  EXPECT_TRUE(Read());
  CloseAndRestart();
  ExpectIdentity(7);
  ExpectContent("CCDD");
  EXPECT_EQ(ToHex(Read().value()), "CCDD");
}

TEST_F(CachedTest, WorksWithoutIccidAndWithoutApplicationInformation) {
  script_->ThenOpened().Then("iccid", "!6A82");
  ExpectContent("AABB");
  EXPECT_TRUE(Read());
  CloseAndRestart();
  script_->ThenOpened().Then("iccid", kIccid).Then(kGetApplication, "6A86");
  ExpectContent("AABB");
  EXPECT_TRUE(Read());
}

TEST_F(CachedTest, GivesUpTheIccidThatKillsTheTransport) {
  script_->ThenOpened().Then("iccid", "!transport").ThenOpened();
  ExpectContent("AABB");
  EXPECT_TRUE(Read());
}

TEST_F(CachedTest, PersistentPublicKeysAreCachedAndVolatileOnesAreNot) {
  const std::string point = "04" + std::string(128, '2');
  const std::string answer = "344549438641" + point + "9000";
  ExpectIdentity(7);
  script_->Then("81CD00000385010100", answer)
      .Then("81CBC2000385010100", InfoAnswer(KeyInfo(PublicKey("01"), KeyType::kP256Persistent)))
      .Then("81CD00000385010400", answer)
      .Then("81CBC2000385010400", InfoAnswer(KeyInfo(PublicKey("04"), KeyType::kP256Volatile)));
  EXPECT_TRUE(card_->ReadPublicKey(PublicKey("01")));
  EXPECT_TRUE(card_->ReadPublicKey(PublicKey("04")));
  CloseAndRestart();
  ExpectIdentity(7);
  EXPECT_EQ(ToHex(card_->ReadPublicKey(PublicKey("01")).value()), point);
  script_->Then("81CD00000385010400", answer)
      .Then("81CBC2000385010400", InfoAnswer(KeyInfo(PublicKey("04"), KeyType::kP256Volatile)));
  EXPECT_TRUE(card_->ReadPublicKey(PublicKey("04")));
}

TEST_F(CachedTest, AKeyGeneratedByUsMakesItAskAgain) {
  ExpectIdentity(7);
  ExpectContent("AABB");
  EXPECT_TRUE(Read());
  script_->Then("81B900000384010400",
                "840104850104344549438641"
                "04" +
                    std::string(128, '2') + "9000");
  EXPECT_TRUE(card_->GenerateKeyPair(PrivateKey("04")));
  script_->Then(kGetApplication, SimrootAnswer(8));
  ExpectContent("AABB");
  EXPECT_TRUE(Read());
}

}  // namespace
}  // namespace simroot::device::client
