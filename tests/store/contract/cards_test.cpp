// SPDX-License-Identifier: Apache-2.0
#include "store/contract/contract.hpp"

namespace simroot::platform::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CardsContract : public Contract {
 protected:
  Id AddCard(Id tenant, const std::string& iccid) {
    return Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(tenant, iccid)); }).value_or(0);
  }
  Outcome<Card> GetCard(Id id) {
    return Read([&](StoreReader& r) { return r.FindCard(id); });
  }
  Outcome<void> Transition(Id card, CardState from, CardState to) {
    return Write([&](StoreWriter& w) { return w.TransitionCard(card, from, to); });
  }
  Outcome<Id> AddDevice(Id tenant, Id card, const std::string& name) {
    return Write(
        [&](StoreWriter& w) { return w.InsertDevice({.tenant = tenant, .card = card, .name = name, .created = 7}); });
  }
};

TEST_F(CardsContract, TenantIsFoundByIdAndByName) {
  const auto by_id = Read([&](StoreReader& r) { return r.FindTenant(tenant_); });
  const auto by_name = Read([&](StoreReader& r) { return r.FindTenant("bolt"); });
  ASSERT_TRUE(by_id && by_name);
  EXPECT_EQ(by_id->name, "acme");
  EXPECT_EQ(by_id->created, 1);
  EXPECT_EQ(by_name->id, other_tenant_);
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindTenant(99); })), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindTenant("acm"); })), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindTenant("Acme"); })), "not found");
}

TEST_F(CardsContract, TenantNameIsUnique) {
  EXPECT_EQ(KindOf(Write([](StoreWriter& w) { return w.InsertTenant({.name = "acme"}); })), "conflict");
  EXPECT_THAT(Ids(Read([](StoreReader& r) { return r.ListTenants({}); })), ElementsAre(tenant_, other_tenant_));
}

TEST_F(CardsContract, CardComesBackAsItWasInserted) {
  const auto card = GetCard(card_);
  ASSERT_TRUE(card);
  EXPECT_EQ(card->id, card_);
  EXPECT_EQ(card->tenant, tenant_);
  EXPECT_EQ(card->iccid, "8988211000000000017");
  EXPECT_EQ(card->eid, "89049032123451234512345678901235");
  EXPECT_EQ(card->imsi, "001010000000001");
  EXPECT_EQ(card->profile, "blank");
  EXPECT_EQ(card->security_domain, Hex("A000000151000000"));
  EXPECT_EQ(card->state, CardState::kImported);
  EXPECT_EQ(card->policy, 0);
  EXPECT_EQ(card->created, 1'700'000'000);
  EXPECT_EQ(card->last_contact, 0);
}

TEST_F(CardsContract, CardIsFoundByIccid) {
  const auto find = [&](const std::string& iccid) {
    return Read([&](StoreReader& r) { return r.FindCardByIccid(iccid); });
  };
  ASSERT_TRUE(find("8988211000000000017"));
  EXPECT_EQ(find("8988211000000000017")->id, card_);
  EXPECT_EQ(KindOf(find("8988211000000000018")), "not found");
  EXPECT_EQ(KindOf(find("898821100000000001")), "not found");
  EXPECT_EQ(KindOf(find("89882110000000000170")), "not found");
  EXPECT_EQ(KindOf(find("")), "not found");
  EXPECT_EQ(KindOf(GetCard(card_ + 1)), "not found");
  EXPECT_EQ(KindOf(GetCard(0)), "not found");
}

TEST_F(CardsContract, IccidIsUniqueInThePlatform) {
  EXPECT_EQ(
      KindOf(Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(other_tenant_, "8988211000000000017")); })),
      "conflict");
}

TEST_F(CardsContract, CardNeedsItsTenant) {
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(99, "8988211000000000025")); })),
            "not found");
}

TEST_F(CardsContract, UpdateChangesEverythingButStateTenantAndIccid) {
  const Id policy = Write([&](StoreWriter& w) { return w.InsertPolicy(SamplePolicy(tenant_, "default")); }).value_or(0);
  Card card = SampleCard(other_tenant_, "8988000000000000000");
  card.id = card_;
  card.state = CardState::kRetired;
  card.eid = "";
  card.imsi = "999";
  card.profile = "type2";
  card.security_domain = Hex("A0000001510000FF");
  card.policy = policy;
  card.last_contact = 5;
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.UpdateCard(card); }));
  const auto now = GetCard(card_);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->state, CardState::kImported);
  EXPECT_EQ(now->tenant, tenant_);
  EXPECT_EQ(now->iccid, "8988211000000000017");
  EXPECT_EQ(now->eid, "");
  EXPECT_EQ(now->imsi, "999");
  EXPECT_EQ(now->profile, "type2");
  EXPECT_EQ(now->security_domain, Hex("A0000001510000FF"));
  EXPECT_EQ(now->policy, policy);
  EXPECT_EQ(now->last_contact, 5);
  card.id = 99;
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.UpdateCard(card); })), "not found");
}

TEST_F(CardsContract, CardPassesThroughItsStates) {
  EXPECT_TRUE(Transition(card_, CardState::kImported, CardState::kActive));
  EXPECT_EQ(GetCard(card_)->state, CardState::kActive);
  EXPECT_TRUE(Transition(card_, CardState::kActive, CardState::kSuspended));
  EXPECT_TRUE(Transition(card_, CardState::kSuspended, CardState::kActive));
  EXPECT_TRUE(Transition(card_, CardState::kActive, CardState::kRetired));
  EXPECT_EQ(GetCard(card_)->state, CardState::kRetired);
}

TEST_F(CardsContract, AContactIsNotedWithItsTransition) {
  const auto note = [&](CardState from, CardState to, UnixTime now) {
    return Write([&](StoreWriter& w) { return w.NoteContact(card_, from, to, now); });
  };
  EXPECT_TRUE(note(CardState::kImported, CardState::kActive, 7));
  EXPECT_EQ(GetCard(card_)->state, CardState::kActive);
  EXPECT_EQ(GetCard(card_)->last_contact, 7);
  EXPECT_TRUE(note(CardState::kActive, CardState::kActive, 8));
  EXPECT_EQ(GetCard(card_)->state, CardState::kActive);
  EXPECT_EQ(GetCard(card_)->last_contact, 8);
  EXPECT_EQ(KindOf(note(CardState::kImported, CardState::kActive, 9)), "conflict") << "it is active already";
  EXPECT_EQ(KindOf(note(CardState::kSuspended, CardState::kSuspended, 9)), "conflict") << "it is not suspended";
  EXPECT_EQ(KindOf(note(CardState::kActive, CardState::kImported, 9)), "conflict") << "there is no such transition";
  EXPECT_EQ(GetCard(card_)->last_contact, 8);
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.NoteContact(99, CardState::kActive, CardState::kActive, 9); })),
            "not found");
}

TEST_F(CardsContract, TransitionComparesBeforeItSets) {
  EXPECT_TRUE(Transition(card_, CardState::kImported, CardState::kActive));
  const auto late = Transition(card_, CardState::kImported, CardState::kActive);
  EXPECT_EQ(KindOf(late), "conflict");
  EXPECT_THAT(late.error().message, HasSubstr("active"));
  EXPECT_EQ(KindOf(Transition(99, CardState::kImported, CardState::kActive)), "not found");
}

TEST_F(CardsContract, EveryTransitionOfTheTableAndNoOtherIsDone) {
  for (const auto& from : kCardStates) {
    for (const auto& to : kCardStates) {
      Card card = SampleCard(tenant_, "89881" + std::to_string(100 * (&from - kCardStates.data()) +
                                                               (&to - kCardStates.data()) + 10'000'000'000'000));
      card.state = from.state;
      const Id id = Write([&](StoreWriter& w) { return w.InsertCard(card); }).value_or(0);
      const bool done = Transition(id, from.state, to.state).has_value();
      EXPECT_EQ(done, MayBecome(from.state, to.state)) << from.name << " to " << to.name;
      EXPECT_EQ(GetCard(id)->state, done ? to.state : from.state);
    }
  }
}

TEST_F(CardsContract, ListOfCardsIsFilteredAndPaged) {
  const Id second = AddCard(tenant_, "8988211000000000025");
  const Id third = AddCard(other_tenant_, "8988211000000000033");
  const Id fourth = AddCard(tenant_, "8944000000000000009");
  EXPECT_TRUE(Transition(second, CardState::kImported, CardState::kActive));
  const auto list = [&](const CardFilter& filter, const Page& page = {}) {
    return Ids(Read([&](StoreReader& r) { return r.ListCards(filter, page); }));
  };
  EXPECT_THAT(list({}), ElementsAre(card_, second, third, fourth));
  EXPECT_THAT(list({.tenant = tenant_}), ElementsAre(card_, second, fourth));
  EXPECT_THAT(list({.tenant = 99}), IsEmpty());
  EXPECT_THAT(list({.state = CardState::kActive}), ElementsAre(second));
  EXPECT_THAT(list({.iccid_prefix = "898821"}), ElementsAre(card_, second, third));
  EXPECT_THAT(list({.iccid_prefix = "8944000000000000009"}), ElementsAre(fourth));
  EXPECT_THAT(list({.iccid_prefix = "89440000000000000091"}), IsEmpty());
  EXPECT_THAT(list({.tenant = tenant_, .state = CardState::kImported, .iccid_prefix = "8988"}), ElementsAre(card_));
  EXPECT_THAT(list({}, {.after = 0, .limit = 1}), ElementsAre(card_));
  EXPECT_THAT(list({}, {.after = card_, .limit = 2}), ElementsAre(second, third));
  EXPECT_THAT(list({}, {.after = fourth, .limit = 1000}), IsEmpty());
  EXPECT_THAT(list({.tenant = tenant_}, {.after = second, .limit = 2}), ElementsAre(fourth));
}

TEST_F(CardsContract, ManyCardsWithTheSamePrefixComePageByPage) {
  constexpr int kMany = 2500;
  EXPECT_TRUE(Write([&](StoreWriter& w) -> Outcome<Id> {
    Id last = 0;
    for (int i = 0; i < kMany; ++i) {
      SR_TRY(last,
             w.InsertCard(SampleCard(i % 2 == 0 ? tenant_ : other_tenant_, std::to_string(890000000000000000 + i))));
    }
    return last;
  }));
  std::size_t found = 0;
  Page page{.after = 0, .limit = 999};
  for (;;) {
    const auto cards =
        Read([&](StoreReader& r) { return r.ListCards({.tenant = tenant_, .iccid_prefix = "8900000"}, page); });
    ASSERT_TRUE(cards) << cards.error().Text();
    if (cards->empty()) {
      break;
    }
    for (const Card& card : *cards) {
      EXPECT_GT(card.id, page.after);
      EXPECT_EQ(card.tenant, tenant_);
      EXPECT_TRUE(card.iccid.starts_with("8900000"));
      page.after = card.id;
    }
    found += cards->size();
  }
  EXPECT_EQ(found, kMany / 2);
}

TEST_F(CardsContract, PageHasBorders) {
  const auto list = [&](const Page& page) { return Read([&](StoreReader& r) { return r.ListCards({}, page); }); };
  EXPECT_EQ(KindOf(list({.limit = 0})), "invalid");
  EXPECT_EQ(KindOf(list({.limit = 1001})), "invalid");
  EXPECT_EQ(KindOf(list({.after = -1})), "invalid");
  EXPECT_EQ(KindOf(list({.limit = 1000})), "success");
  EXPECT_EQ(KindOf(list({.after = INT64_MAX, .limit = 1})), "success");
}

TEST_F(CardsContract, ChangeOfOwnerTakesThePolicyAway) {
  const Id policy = Write([&](StoreWriter& w) { return w.InsertPolicy(SamplePolicy(tenant_, "default")); }).value_or(0);
  Card card = SampleCard(tenant_, "8988211000000000025");
  card.policy = policy;
  const Id id = Write([&](StoreWriter& w) { return w.InsertCard(card); }).value_or(0);
  const auto change = [&](Id which, Id tenant) {
    return Write([&](StoreWriter& w) { return w.ChangeOwner(which, tenant); });
  };
  EXPECT_TRUE(change(id, tenant_));
  EXPECT_EQ(GetCard(id)->policy, policy);
  EXPECT_TRUE(change(id, other_tenant_));
  EXPECT_EQ(GetCard(id)->tenant, other_tenant_);
  EXPECT_EQ(GetCard(id)->policy, 0);
  EXPECT_EQ(KindOf(change(99, tenant_)), "not found");
  EXPECT_EQ(KindOf(change(id, 99)), "not found");
  EXPECT_EQ(GetCard(id)->tenant, other_tenant_);
}

TEST_F(CardsContract, CardInADeviceKeepsItsOwner) {
  const auto device = AddDevice(tenant_, card_, "pump");
  ASSERT_TRUE(device);
  const auto change = [&] { return Write([&](StoreWriter& w) { return w.ChangeOwner(card_, other_tenant_); }); };
  EXPECT_EQ(KindOf(change()), "conflict");
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.DeleteDevice(*device); }));
  EXPECT_TRUE(change());
}

TEST_F(CardsContract, DeviceIsFoundByIdNameAndCard) {
  const auto id = AddDevice(tenant_, card_, "pump 1");
  ASSERT_TRUE(id);
  const auto device = Read([&](StoreReader& r) { return r.FindDevice(*id); });
  ASSERT_TRUE(device);
  EXPECT_EQ(device->id, *id);
  EXPECT_EQ(device->tenant, tenant_);
  EXPECT_EQ(device->card, card_);
  EXPECT_EQ(device->name, "pump 1");
  EXPECT_EQ(device->created, 7);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindDeviceByName(tenant_, "pump 1"); })->id, *id);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindDeviceOfCard(card_); })->id, *id);
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindDevice(*id + 1); })), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindDeviceByName(other_tenant_, "pump 1"); })), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindDeviceOfCard(card_ + 1); })), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindDeviceOfCard(0); })), "not found");
}

TEST_F(CardsContract, DeviceNameIsUniqueInItsTenantAndACardIsInOneDevice) {
  const Id second = AddCard(tenant_, "8988211000000000025");
  const Id foreign = AddCard(other_tenant_, "8988211000000000033");
  EXPECT_TRUE(AddDevice(tenant_, card_, "pump"));
  EXPECT_EQ(KindOf(AddDevice(tenant_, second, "pump")), "conflict");
  EXPECT_EQ(KindOf(AddDevice(tenant_, card_, "tank")), "conflict");
  EXPECT_EQ(KindOf(AddDevice(tenant_, foreign, "tank")), "not found");
  EXPECT_TRUE(AddDevice(other_tenant_, foreign, "pump"));
  EXPECT_TRUE(AddDevice(tenant_, 0, "shelf 1"));
  EXPECT_TRUE(AddDevice(tenant_, 0, "shelf 2"));
}

TEST_F(CardsContract, DeviceIsRenamedAndGetsAnotherCard) {
  const Id second = AddCard(tenant_, "8988211000000000025");
  const Id foreign = AddCard(other_tenant_, "8988211000000000033");
  const Id pump = AddDevice(tenant_, card_, "pump").value_or(0);
  const Id tank = AddDevice(tenant_, 0, "tank").value_or(0);
  const auto update = [&](Id id, Id card, const std::string& name) {
    return Write([&](StoreWriter& w) { return w.UpdateDevice({.id = id, .card = card, .name = name}); });
  };
  EXPECT_TRUE(update(pump, second, "pump 2"));
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindDevice(pump); })->card, second);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindDevice(pump); })->name, "pump 2");
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindDevice(pump); })->tenant, tenant_);
  EXPECT_EQ(KindOf(update(tank, second, "tank")), "conflict");
  EXPECT_EQ(KindOf(update(tank, 0, "pump 2")), "conflict");
  EXPECT_EQ(KindOf(update(tank, foreign, "tank")), "not found");
  EXPECT_EQ(KindOf(update(99, 0, "tank 2")), "not found");
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListDevices(tenant_, {}); })), ElementsAre(pump, tank));
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListDevices(tenant_, {.after = pump}); })), ElementsAre(tank));
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListDevices(other_tenant_, {}); })), IsEmpty());
}

TEST_F(CardsContract, IdOfADeletedDeviceIsNotGivenAgain) {
  const Id first = AddDevice(tenant_, card_, "pump").value_or(0);
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.DeleteDevice(first); }));
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.DeleteDevice(first); })), "not found");
  under_test_->Reopen();
  EXPECT_GT(AddDevice(tenant_, card_, "pump").value_or(0), first);
}

}  // namespace
}  // namespace simroot::platform::contract
