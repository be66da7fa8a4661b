// SPDX-License-Identifier: Apache-2.0
/// What an application server reads from a real platform: snapshot, then changes, from any number on.
#include <future>
#include <random>

#include "tests/server/platform_host.hpp"

namespace simroot::server {
namespace {

using std::chrono::seconds;

/// All that a server knows, as text.
using Known = std::map<CredentialId, std::string>;

std::string TextOf(const Credential& credential) {
  std::string text = std::to_string(static_cast<int>(credential.kind)) + "/" +
                     std::to_string(static_cast<int>(credential.state)) + "/" + credential.name + "/" +
                     credential.iccid + "/" + credential.device + "/" + ToHex(credential.fingerprint);
  for (const UnixTime time : {credential.not_before, credential.not_after, credential.first_used, credential.changed}) {
    text += "/" + std::to_string(time);
  }
  return text + "/" + ToHex(credential.psk.Reveal(InsecureReveal::kForTest));
}

void Apply(Known& known, const Credential& credential) {
  if (credential.kind == CredentialKind::kPsk && credential.state == CredentialState::kDeleted) {
    known.erase(credential.id);
  } else {
    known[credential.id] = TextOf(credential);
  }
}

/// The first credential that is not the same.
std::string Difference(const Known& followed, const Known& fresh) {
  for (const auto& [id, text] : fresh) {
    const auto found = followed.find(id);
    if (found == followed.end() || found->second != text) {
      return text + " is known as " + (found == followed.end() ? "nothing" : found->second);
    }
  }
  return "too many are known";
}

class LinkTest : public PlatformHost {
 protected:
  /// The whole snapshot and where the feed goes on.
  static Known ReadAll(PlatformLink& link, std::int64_t& feed_number) {
    Known known;
    std::int64_t after = 0;
    bool first = true;
    do {
      const auto part = link.ReadSnapshot(after);
      EXPECT_TRUE(part) << part.error().Text();
      if (!part) {
        break;
      }
      EXPECT_EQ(part->unopened, 0U);
      for (const Credential& credential : part->credentials) {
        EXPECT_GT(credential.id, after);
        Apply(known, credential);
      }
      feed_number = first ? part->feed_number : feed_number;
      first = false;
      after = part->next;
    } while (after != 0);
    return known;
  }
  static std::int64_t Follow(PlatformLink& link, std::int64_t after, Known& known) {
    while (true) {
      const auto part = link.ReadFeed(after, seconds(0));
      EXPECT_TRUE(part) << part.error().Text();
      if (!part || part->next == after) {
        return after;
      }
      for (const Credential& credential : part->changes) {
        Apply(known, credential);
      }
      after = part->next;
    }
  }

  /// As the engine leaves it when a card has confirmed: told in the feed.
  pf::Credential Confirm(const pf::Card& card, const std::string& name, bool psk) {
    pf::Credential credential = psk ? AddPsk(card, name, Counting(32))
                                    : Active(card, name, pf::CredentialKind::kCertificate, clock_.now + 86400);
    Write([&](pf::StoreWriter& writer) -> pf::Outcome<void> {
      if (!psk) {
        credential.certificate = pf::AsVector(AsBytes("certificate " + name));
        SR_TRY_VOID(writer.UpdateCredential(credential));
      }
      pf::FeedEvent event;
      event.tenant = card.tenant;
      event.credential = credential.id;
      event.kind = "credential.active";
      SR_TRY_VOID(writer.AddFeedEvent(event));
      return {};
    });
    return credential;
  }
};

TEST_F(LinkTest, ASnapshotTellsAllThatAServerNeeds) {
  const pf::Card card = ActiveCard();
  Take(service_->NameDevice(operator_, card.iccid, "meter-17"));
  const pf::Credential certificate = Confirm(card, "0A", false);
  const pf::Credential psk = Confirm(card, card.iccid + "-1", true);
  const auto part = Connect(MakeServer("acme", "web-1"))->ReadSnapshot(0);
  ASSERT_TRUE(part) << part.error().Text();
  ASSERT_EQ(part->credentials.size(), 2U);
  EXPECT_EQ(part->next, 0);
  EXPECT_EQ(part->feed_number, 2);
  const Credential& first = part->credentials.at(0);
  EXPECT_EQ(first.id, certificate.id);
  EXPECT_EQ(first.kind, CredentialKind::kCertificate);
  EXPECT_EQ(first.state, CredentialState::kActive);
  EXPECT_EQ(first.name, "0A");
  EXPECT_EQ(first.iccid, card.iccid);
  EXPECT_EQ(first.device, "meter-17");
  EXPECT_EQ(first.not_after, clock_.now + 86400);
  EXPECT_EQ(first.changed, certificate.changed);
  const Credential& second = part->credentials.at(1);
  EXPECT_EQ(second.id, psk.id);
  EXPECT_EQ(second.kind, CredentialKind::kPsk);
  EXPECT_EQ(second.fingerprint, Fingerprint{});
  EXPECT_TRUE(SameBytes(second.psk.Reveal(InsecureReveal::kForTest), Counting(32)));
}

TEST_F(LinkTest, AChangeThatThePlatformHasNotMeansThatItWasRestored) {
  (void)Confirm(ActiveCard(), "0A", false);
  const auto link = Connect(MakeServer("acme", "web-1"));
  const auto known = link->ReadFeed(1, seconds(0));
  ASSERT_TRUE(known) << known.error().Text();
  EXPECT_FALSE(known->restored);
  EXPECT_EQ(known->next, 1);
  for (const std::int64_t unknown : {std::int64_t{2}, std::int64_t{1} << 51}) {
    const auto part = link->ReadFeed(unknown, seconds(30));
    ASSERT_TRUE(part) << part.error().Text();
    EXPECT_TRUE(part->restored);
    EXPECT_TRUE(part->changes.empty());
  }
}

TEST_F(LinkTest, TheFeedFromAnyNumberGivesTheSameState) {
  std::mt19937 random(20261123);  // NOLINT(cert-msc51-cpp): the same changes each time
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  const auto link = Connect(MakeServer("acme", "web-1"));
  std::vector<pf::Card> cards;
  std::vector<pf::Credential> made;
  std::vector<std::pair<Known, std::int64_t>> seen;
  for (int i = 0; i < 6; ++i) {
    cards.push_back(ActiveCard("8988000000000000001" + std::to_string(i)));
  }
  const auto actor = Take(service_->AuthenticateServer(LoadIdentity(folder_ + "/acme-web-1")->certificate));
  for (int change = 0; change < 120; ++change) {
    const pf::Card& card = cards.at(below(cards.size()));
    const std::size_t what = made.empty() ? 0 : below(8);
    if (what == 0) {
      made.push_back(Confirm(card, card.iccid + "-" + std::to_string(change), change % 2 == 0));
    } else if (what == 1) {
      Take(service_->NameDevice(operator_, card.iccid, "device-" + std::to_string(change)));
    } else if (what == 2) {
      Take(service_->RecordUse(actor, made.at(below(made.size())).name));
    } else {
      constexpr std::array kStates{pf::CredentialState::kSuspended, pf::CredentialState::kActive,
                                   pf::CredentialState::kSuspended, pf::CredentialState::kActive,
                                   pf::CredentialState::kRevoked};
      static_cast<void>(service_->SetCredentialState(operator_, made.at(below(made.size())).id, kStates.at(what - 3),
                                                     ""));  // some are not possible
    }
    if (change % 7 == 0) {
      std::int64_t number = 0;
      Known known = ReadAll(*link, number);
      seen.emplace_back(std::move(known), number);
    }
  }
  std::int64_t last = 0;
  const Known final = ReadAll(*link, last);
  EXPECT_GT(final.size(), 10U);
  for (const auto& [known, number] : seen) {
    for (const std::int64_t from : {number, number / 2, std::int64_t{0}}) {
      Known state = known;
      EXPECT_EQ(Follow(*link, from, state), last);
      EXPECT_TRUE(state == final) << Difference(state, final) << "from number " << from << " with the state at "
                                  << number;
    }
  }
}

TEST_F(LinkTest, AServerSeesItsTenantOnly) {
  Take(service_->CreateTenant(admin_, "other"));
  const auto ours = Connect(MakeServer("acme", "web-1"));
  const auto theirs = Connect(MakeServer("other", "web-1"));
  Confirm(ActiveCard(), "0A", false);
  std::int64_t number = 0;
  EXPECT_EQ(ReadAll(*ours, number).size(), 1U);
  EXPECT_EQ(ReadAll(*theirs, number).size(), 0U);
  Known known;
  Follow(*theirs, 0, known);
  EXPECT_TRUE(known.empty());
  EXPECT_EQ(theirs->ReportUse("0A").error().domain, ErrorDomain::kUsage);
  EXPECT_TRUE(ours->ReportUse("0A"));
  const auto our_anchors = ours->ReadAuthorities();
  const auto their_anchors = theirs->ReadAuthorities();
  ASSERT_TRUE(our_anchors && their_anchors);
  EXPECT_NE(*our_anchors, *their_anchors);
  EXPECT_EQ(*our_anchors, Take(service_->TrustAnchors("acme")));
}

TEST_F(LinkTest, APskThatIsSealedForOneServerDoesNotOpenForAnother) {
  Confirm(ActiveCard(), "89880000000000000011-1", true);
  Identity one = MakeServer("acme", "web-1");
  Identity two = MakeServer("acme", "web-2");
  // The first one's connection, the second one's key.
  one.certificate = two.certificate;
  one.private_key = std::move(two.private_key);
  const auto part = Connect(one)->ReadSnapshot(0);
  ASSERT_TRUE(part) << part.error().Text();
  EXPECT_EQ(part->unopened, 1U);
  ASSERT_EQ(part->credentials.size(), 1U);
  EXPECT_EQ(part->credentials.at(0).psk.size(), 0U);
}

TEST_F(LinkTest, FiveThousandComeInPages) {
  constexpr int kMany = 5000;
  const pf::Card card = ActiveCard();
  const Bytes sealed = Take(vault_->Seal(Counting(32), "psk/P4999"));
  Write([&](pf::StoreWriter& writer) -> pf::Outcome<void> {
    for (int i = 0; i < kMany; ++i) {
      const bool psk = i == kMany - 1;
      pf::Credential credential;
      credential.tenant = card.tenant;
      credential.card = card.id;
      credential.kind = psk ? pf::CredentialKind::kPsk : pf::CredentialKind::kCertificate;
      credential.state = i % 3 == 0 ? pf::CredentialState::kRevoked : pf::CredentialState::kActive;
      credential.name = (psk ? "P" : "C") + std::to_string(i);
      if (psk) {
        credential.sealed_psk = sealed;
      } else {
        credential.certificate = Bytes(500, LowByte(i));
      }
      SR_TRY_VOID(writer.InsertCredential(credential));
    }
    return {};
  });
  const auto link = Connect(MakeServer("acme", "web-1"));
  int parts = 0;
  std::size_t count = 0;
  std::int64_t after = 0;
  CredentialId last = 0;
  do {
    const auto part = link->ReadSnapshot(after);
    ASSERT_TRUE(part) << part.error().Text();
    for (const Credential& credential : part->credentials) {
      EXPECT_GT(credential.id, last);
      last = credential.id;
      EXPECT_EQ(credential.psk.size(), credential.kind == CredentialKind::kPsk ? 32U : 0U);
    }
    count += part->credentials.size();
    after = part->next;
    ++parts;
  } while (after != 0);
  EXPECT_EQ(count, static_cast<std::size_t>(kMany));
  EXPECT_EQ(parts, 6) << "five full ones; the last may be empty";
}

TEST_F(LinkTest, AChangeEndsTheWait) {
  const pf::Card card = ActiveCard();
  const pf::Credential credential = Confirm(card, "0A", false);
  const auto link = Connect(MakeServer("acme", "web-1"));
  const std::int64_t number = link->ReadSnapshot(0)->feed_number;
  auto waiting = std::async(std::launch::async, [&] { return link->ReadFeed(number, seconds(60)); });
  Take(service_->NameDevice(operator_, card.iccid, "meter-18"));
  const auto named = waiting.get();
  ASSERT_TRUE(named) << named.error().Text();
  ASSERT_EQ(named->changes.size(), 1U);
  EXPECT_EQ(named->changes.at(0).device, "meter-18");
  waiting = std::async(std::launch::async, [&] { return link->ReadFeed(named->next, seconds(60)); });
  Take(service_->SetCredentialState(operator_, credential.id, pf::CredentialState::kRevoked, ""));
  const auto revoked = waiting.get();
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->changes.at(0).state, CredentialState::kRevoked);
}

TEST_F(LinkTest, AnInterruptEndsTheWait) {
  const auto link = Connect(MakeServer("acme", "web-1"));
  ASSERT_TRUE(link->ReadSnapshot(0));
  auto waiting = std::async(std::launch::async, [&] { return link->ReadFeed(0, seconds(60)); });
  link->Interrupt();  // before it began, or while it waits
  const auto ended = waiting.get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().domain, ErrorDomain::kTransport);
  EXPECT_TRUE(link->ReadFeed(0, seconds(0)));
}

TEST_F(LinkTest, BehindAllIsNothingButTheNumberOfTheFeed) {
  const pf::Card card = ActiveCard();
  Confirm(card, "0A", false);
  const auto part = Connect(MakeServer("acme", "web-1"))->ReadSnapshot(INT64_MAX);
  ASSERT_TRUE(part) << part.error().Text();
  EXPECT_TRUE(part->credentials.empty());
  EXPECT_EQ(part->next, 0);
  EXPECT_EQ(part->feed_number, 1);
}

TEST_F(LinkTest, ANewCaIsSeenWithItsFirstCredential) {
  const auto link = Connect(MakeServer("acme", "web-1"));
  const auto before = link->ReadAuthorities();
  ASSERT_TRUE(before);
  const pf::CertificateAuthority fresh = Take(service_->RotateAuthority(admin_, "acme"));
  pf::Credential credential = Confirm(ActiveCard(), "0A", false);
  credential.authority = fresh.id;
  Write([&](pf::StoreWriter& writer) { return writer.UpdateCredential(credential); });
  EXPECT_EQ(link->ReadSnapshot(0)->newest_authority, fresh.id);
  EXPECT_EQ(link->ReadFeed(0, seconds(0))->newest_authority, fresh.id);
  const auto after = link->ReadAuthorities();
  ASSERT_TRUE(after);
  EXPECT_EQ(*after, *before + pf::CertificateToPem(fresh.certificate));
  EXPECT_EQ(link->ReadCrls()->size(), 3U);
}

TEST_F(LinkTest, CrlsAreOfTheTenantsCas) {
  const auto link = Connect(MakeServer("acme", "web-1"));
  const auto crls = link->ReadCrls();
  ASSERT_TRUE(crls) << crls.error().Text();
  EXPECT_EQ(crls->size(), 2U);
  for (const Bytes& crl : *crls) {
    EXPECT_EQ(crl.at(0), 0x30);
  }
}

TEST_F(LinkTest, ProofsOfUseThatNobodyWantsAreSaidSo) {
  const auto link = Connect(MakeServer("acme", "web-1"));
  EXPECT_EQ(link->ReportUse("FFFF").error().domain, ErrorDomain::kUsage);
  Confirm(ActiveCard(), "0A", false);
  EXPECT_TRUE(link->ReportUse("0A"));
  EXPECT_TRUE(link->ReportUse("0A"));
}

}  // namespace
}  // namespace simroot::server
