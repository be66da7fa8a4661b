// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/rows.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

constexpr std::string_view kCards =
    "SELECT id, tenant, iccid, eid, imsi, profile, security_domain, state, policy, created, last_contact FROM card";
constexpr std::string_view kByIccid = " INDEXED BY card_by_iccid";
Card ReadCard(Query& row) {
  return {.id = row.Int(),
          .tenant = row.Int(),
          .iccid = row.Text(),
          .eid = row.Text(),
          .imsi = row.Text(),
          .profile = row.Text(),
          .security_domain = row.Blob(),
          .state = row.Named<CardState>(),
          .policy = row.Int(),
          .created = row.Int(),
          .last_contact = row.Int()};
}

/// As many cards with the same prefix are found by it and then put in order; more are looked for in order.
constexpr int kFewCards = 2000;

constexpr std::string_view kDevices = "SELECT id, tenant, card, name, created FROM device";
Device ReadDevice(Query& row) {
  return {.id = row.Int(), .tenant = row.Int(), .card = row.Int(), .name = row.Text(), .created = row.Int()};
}

/// kNotFound unless the card (0: none) belongs to the tenant.
Outcome<void> CheckCardOfTenant(Connection& connection, Id card, Id tenant) {
  if (card == 0) {
    return {};
  }
  SR_TRY(const auto found, connection.Number("SELECT 1 FROM card WHERE id = ? AND tenant = ?", card, tenant));
  if (!found) {
    return NoSuch(Numbered("card", card) + " of this tenant");
  }
  return {};
}

}  // namespace

Outcome<Card> Transaction::FindCard(Id id) {
  return One(connection_.Ask(Where(kCards, "id = ?"), id), ReadCard, Numbered("card", id));
}

Outcome<Card> Transaction::FindCardByIccid(const std::string& iccid) {
  return One(connection_.Ask(Where(kCards, "iccid = ?"), iccid), ReadCard, "card with ICCID " + iccid);
}

Outcome<std::vector<Card>> Transaction::ListCards(const CardFilter& filter, const Page& page) {
  const bool has_prefix = !filter.iccid_prefix.empty();
  const std::string behind_prefix = filter.iccid_prefix + ":";  // ':' comes after the digits
  bool few = false;
  if (has_prefix) {
    SR_TRY(const auto count, connection_.Number("SELECT count(*) FROM (SELECT 1 FROM card WHERE iccid >= ? AND "
                                                "iccid < ? LIMIT ?)",
                                                filter.iccid_prefix, behind_prefix, kFewCards));
    few = count.value_or(0) < kFewCards;
  }
  return PageQuery(std::string(kCards).append(few ? kByIccid : ""), "id", page)
      .WhereEqual(filter.tenant != 0, "tenant", !few)
      .WhereEqual(filter.state.has_value(), "state", !few)
      .Where(has_prefix, few ? "iccid >= ? AND iccid < ?" : "+iccid >= ? AND +iccid < ?")
      .Run(connection_, ReadCard, [&](Query& query) {
        if (filter.tenant != 0) {
          query.Bind(filter.tenant);
        }
        if (filter.state) {
          query.Bind(NameOf(*filter.state));
        }
        if (has_prefix) {
          query.Bind(filter.iccid_prefix, behind_prefix);
        }
      });
}

Outcome<Id> Transaction::InsertCard(const Card& card) {
  SR_TRY_VOID(connection_.Change(
      "INSERT INTO card (tenant, iccid, eid, imsi, profile, security_domain, state, policy, created, last_contact) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      card.tenant, card.iccid, card.eid, card.imsi, card.profile, card.security_domain, NameOf(card.state),
      Reference{card.policy}, card.created, card.last_contact));
  return connection_.LastId();
}

Outcome<void> Transaction::UpdateCard(const Card& card) {
  return Found(connection_.Change("UPDATE card SET eid = ?, imsi = ?, profile = ?, security_domain = ?, policy = ?, "
                                  "created = ?, last_contact = ? WHERE id = ?",
                                  card.eid, card.imsi, card.profile, card.security_domain, Reference{card.policy},
                                  card.created, card.last_contact, card.id),
               Numbered("card", card.id));
}

Outcome<void> Transaction::ChangeOwner(Id card, Id tenant) {
  SR_TRY(const auto in_device,
         connection_.Number("SELECT id FROM device WHERE card = ? AND tenant <> ?", card, tenant));
  if (in_device) {
    return Refuse(FailureKind::kConflict,
                  Numbered("card", card) + " is in " + Numbered("device", *in_device) + " of its owner",
                  "delete the device first");
  }
  // A policy belongs to a tenant; the new owner's default takes its place.
  return Found(connection_.Change("UPDATE card SET policy = CASE WHEN tenant = ?1 THEN policy END, tenant = ?1 "
                                  "WHERE id = ?2",
                                  tenant, card),
               Numbered("card", card));
}

Outcome<void> Transaction::TransitionCard(Id card, CardState from, CardState to) {
  SR_TRY_VOID(CheckTransition("card", from, to));
  return StillInState(
      connection_,
      connection_.Change("UPDATE card SET state = ? WHERE id = ? AND state = ?", NameOf(to), card, NameOf(from)),
      "card", "SELECT state FROM card WHERE id = ?", card);
}

Outcome<void> Transaction::NoteContact(Id card, CardState from, CardState to, UnixTime now) {
  constexpr std::string_view kStateOf = "SELECT state FROM card WHERE id = ?";
  if (from == to) {  // a state that is set, even to itself, costs its indexes
    return StillInState(
        connection_,
        connection_.Change("UPDATE card SET last_contact = ? WHERE id = ? AND state = ?", now, card, NameOf(from)),
        "card", kStateOf, card);
  }
  SR_TRY_VOID(CheckTransition("card", from, to));
  return StillInState(connection_,
                      connection_.Change("UPDATE card SET last_contact = ?, state = ? WHERE id = ? AND state = ?", now,
                                         NameOf(to), card, NameOf(from)),
                      "card", kStateOf, card);
}

Outcome<Device> Transaction::FindDevice(Id id) {
  return One(connection_.Ask(Where(kDevices, "id = ?"), id), ReadDevice, Numbered("device", id));
}

Outcome<Device> Transaction::FindDeviceByName(Id tenant, const std::string& name) {
  return One(connection_.Ask(Where(kDevices, "tenant = ? AND name = ?"), tenant, name), ReadDevice, "device " + name);
}

Outcome<Device> Transaction::FindDeviceOfCard(Id card) {
  return One(connection_.Ask(Where(kDevices, "card = ?"), card), ReadDevice, "device of " + Numbered("card", card));
}

Outcome<std::vector<Device>> Transaction::ListDevices(Id tenant, const Page& page) {
  return PageOfTenant(connection_, kDevices, "id", tenant, page, ReadDevice);
}

Outcome<Id> Transaction::InsertDevice(const Device& device) {
  SR_TRY_VOID(CheckCardOfTenant(connection_, device.card, device.tenant));
  SR_TRY_VOID(connection_.Change("INSERT INTO device (tenant, card, name, created) VALUES (?, ?, ?, ?)", device.tenant,
                                 Reference{device.card}, device.name, device.created));
  return connection_.LastId();
}

Outcome<void> Transaction::UpdateDevice(const Device& device) {
  SR_TRY(const Device old, FindDevice(device.id));
  SR_TRY_VOID(CheckCardOfTenant(connection_, device.card, old.tenant));
  return Found(connection_.Change("UPDATE device SET card = ?, name = ? WHERE id = ?", Reference{device.card},
                                  device.name, device.id),
               Numbered("device", device.id));
}

Outcome<void> Transaction::DeleteDevice(Id device) {
  return Found(connection_.Change("DELETE FROM device WHERE id = ?", device), Numbered("device", device));
}

}  // namespace simroot::platform::sqlite
