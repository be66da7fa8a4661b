// SPDX-License-Identifier: Apache-2.0
// Power fails in each write of the non-volatile memory: keys are the old set or the new one, and no sequence number is
// ever used twice.
#include "card/security_domain/security_domain_test_support.hpp"

namespace simroot::card {
namespace {

using secure::SecurityLevel;
using testing::DomainCard;
using testing::Issuer;
using testing::KeySetBytes;
using testing::kSelectDomain;
using testing::MakeImage;
using testing::PutKeyCommand;
using testing::PutKeyData;

std::uint64_t Sequence(DomainCard& card) {
  const StoredObject* const key = card.store.Find({iotsafe::ObjectClass::kSecretKey, false, Hex("3001")});
  return key == nullptr ? 0 : card.store.Counter(*key);
}

/// The sequence number in an answer to INITIALIZE UPDATE; 0 if there was none.
std::uint64_t SequenceIn(const Bytes& answer) {
  ByteReader reader(answer);
  std::uint32_t sequence = 0;
  return reader.Skip(29) && reader.ReadU24(sequence) ? sequence : 0;
}

TEST(SecurityDomainPowerCut, SequenceNumbersAreNeverUsedTwice) {
  Bytes image = MakeImage();
  std::uint64_t highest = 0;
  unsigned cuts = 0;
  for (int round = 0; round < 40; ++round) {
    for (unsigned cut = 0; cut < 8; ++cut) {
      Bytes answer;
      {
        DomainCard card(image, {}, true, cut);
        card.Send(kSelectDomain);
        Issuer issuer(card);
        answer = issuer.Begin();
        cuts += card.nvm.has_power() ? 0 : 1;
      }
      if (const std::uint64_t used = SequenceIn(answer); used != 0) {
        EXPECT_GT(used, highest);
        highest = used;
      }
      DomainCard after(image);
      ASSERT_EQ(after.store.state(), StoreState::kIntact) << round << " " << cut;
      EXPECT_GE(Sequence(after), highest);
    }
  }
  EXPECT_GT(cuts, 40U);
  EXPECT_GT(highest, 40U);
}

TEST(SecurityDomainPowerCut, AttemptsAreNotUndone) {
  Bytes image = MakeImage();
  for (unsigned cut = 0; cut < 12; ++cut) {
    std::uint64_t before = 0;
    bool refused = false;
    {
      DomainCard probe(image);
      before = KeySets(probe.store).Failures(0x30);
    }
    {
      DomainCard card(image, {.free_attempts = 1000}, true, cut);
      card.Send(kSelectDomain);
      Issuer issuer(card);
      issuer.Begin();
      refused = card.Send("8482010010000102030405060708090A0B0C0D0E0F") == "6982" && card.nvm.has_power();
    }
    DomainCard after(image);
    ASSERT_EQ(after.store.state(), StoreState::kIntact);
    const std::uint64_t failures = KeySets(after.store).Failures(0x30);
    EXPECT_GE(failures, before);
    if (refused) {
      EXPECT_EQ(failures, before + 1) << "who was told that he failed is counted";
    }
  }
}

TEST(SecurityDomainPowerCut, PutKeyGivesTheOldSetOrTheNewOne) {
  const KeySetBytes old_keys = KeySetBytes::Make(0x10);
  const KeySetBytes new_keys = KeySetBytes::Make(0x50, 32);
  Bytes start = MakeImage(old_keys);
  {
    DomainCard card(start);
    card.Send(kSelectDomain);
    Issuer issuer(card);
    for (int session = 0; session < 5; ++session) {
      ASSERT_EQ(issuer.Open(old_keys), "9000");
    }
  }
  // The writes before PUT KEY are the same in every run over a copy of one image.
  unsigned before = 0;
  {
    Bytes image = start;
    DomainCard card(image);
    card.Send(kSelectDomain);
    ASSERT_EQ(Issuer(card).Open(old_keys), "9000");
    before = card.nvm.writes();
  }
  unsigned old_state = 0;
  unsigned new_state = 0;
  bool cut_inside = true;
  for (unsigned cut = 0; cut_inside; ++cut) {
    ASSERT_LT(cut, 1000U);
    Bytes image = start;
    std::string answer;
    {
      DomainCard card(image, {}, true, before + cut);
      card.Send(kSelectDomain);
      Issuer issuer(card);
      ASSERT_EQ(issuer.Open(old_keys), "9000");
      const auto put = issuer.SendBytes(PutKeyCommand(0x30, PutKeyData(*card.crypto, old_keys.dek, 0x30, new_keys)));
      answer = put ? ToHex(*put) : "host";
      cut_inside = !card.nvm.has_power();
    }
    DomainCard after(image);
    ASSERT_EQ(after.store.state(), StoreState::kIntact) << cut;
    after.Send(kSelectDomain);
    const std::uint64_t sequence = Sequence(after);
    Issuer issuer(after);
    if (issuer.Open(old_keys) == "9000") {
      ++old_state;
      EXPECT_GE(sequence, 6U);
      EXPECT_NE(answer.substr(0, 2), "30") << cut;
    } else {
      ++new_state;
      EXPECT_EQ(sequence, 0U) << cut;
      EXPECT_EQ(issuer.Open(new_keys), "9000") << cut;
    }
    if (!cut_inside) {
      EXPECT_EQ(answer.substr(0, 2), "30");
      EXPECT_EQ(std::search(image.begin(), image.end(), old_keys.enc.begin(), old_keys.enc.end()), image.end())
          << "the old key is still in the memory";
    }
  }
  RecordProperty("cut_points", static_cast<int>(old_state + new_state - 1));
  EXPECT_GT(old_state, 0U);
  EXPECT_GT(new_state, 0U);
}

}  // namespace
}  // namespace simroot::card
