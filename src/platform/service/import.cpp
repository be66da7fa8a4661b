// SPDX-License-Identifier: Apache-2.0
/// A batch of cards from the factory, all or nothing.
#include <list>
#include <set>

#include "common/host/card_keys.hpp"
#include "platform/service/changes.hpp"
#include "platform/service/service_impl.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kMaxBadLines = 100;  ///< that a report names
constexpr std::uint8_t kLastScp80Version = 0x0F;
constexpr std::uint8_t kFirstScp03Version = 0x30;
constexpr std::uint8_t kLastScp03Version = 0x3F;
constexpr std::string_view kType2Profile = "type2";

/// A line that was understood.
struct Line {
  std::size_t number = 0;
  CardKeys keys;
};

struct NewCard {
  std::size_t line = 0;  ///< its first
  Card card;
  std::vector<CardKeySet> key_sets;
};

void Complain(ImportReport& report, std::size_t line, std::string_view message) {
  if (report.bad.size() < kMaxBadLines) {
    report.bad.push_back({line, std::string(message)});
  }
}

[[nodiscard]] std::string_view CheckVersion(std::uint8_t version) {
  const bool scp80 = version >= 1 && version <= kLastScp80Version;
  const bool scp03 = version >= kFirstScp03Version && version <= kLastScp03Version;
  return scp80 || scp03 ? std::string_view()
                        : "has a key version that is neither 01 to 0F (SCP80) nor 30 to 3F (SCP03)";
}

[[nodiscard]] std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

/// Lines that are understood; the others are in the report. The elements of a list stay where they are.
[[nodiscard]] std::list<Line> ReadLines(std::string_view csv, ImportReport& report) {
  std::list<Line> lines;
  if (TakeLine(csv) != kCardKeysHeader) {
    Complain(report, 1, "is not the header of a file of card keys");
    return lines;
  }
  for (std::size_t number = 2; !csv.empty(); ++number) {
    const std::string_view text = TakeLine(csv);
    if (text.empty()) {
      continue;
    }
    Line& line = lines.emplace_back();
    line.number = number;
    std::string_view trouble = ReadCardKeysLine(text, line.keys);
    if (trouble.empty()) {
      trouble = CheckVersion(line.keys.version);
    }
    if (!trouble.empty()) {
      Complain(report, number, trouble);
      lines.pop_back();
    }
  }
  if (lines.empty() && report.bad.empty()) {
    Complain(report, 1, "is followed by no card");
  }
  return lines;
}

[[nodiscard]] Outcome<Bytes> SealKeys(Vault& vault, const CardKeys& keys) {
  SecretArray<96> all;
  const std::size_t size = keys.enc.size();
  ByteWriter out(all.Prepare(3 * size));
  for (const auto* key : {&keys.enc, &keys.mac, &keys.dek}) {
    out.PutBytes(key->Reveal(InsecureReveal::kForStore));
  }
  return vault.Seal(all.Reveal(InsecureReveal::kForStore),
                    "card-keys/" + keys.iccid + "/" + std::to_string(keys.version));
}

/// Lines of the same card become one card; of the same version the last one counts.
[[nodiscard]] Outcome<std::vector<NewCard>> Gather(const std::list<Line>& lines, Vault& vault, ImportReport& report) {
  std::vector<NewCard> cards;
  std::map<std::string, std::size_t, std::less<>> places;
  for (const Line& line : lines) {
    const auto [place, is_new] = places.try_emplace(line.keys.iccid, cards.size());
    if (is_new) {
      NewCard& fresh = cards.emplace_back();
      fresh.line = line.number;
      fresh.card.iccid = line.keys.iccid;
      fresh.card.imsi = line.keys.imsi;
      fresh.card.profile = line.keys.profile;
      fresh.card.security_domain = line.keys.aid;
    }
    NewCard& card = cards[place->second];
    if (card.card.security_domain != line.keys.aid || card.card.profile != line.keys.profile ||
        card.card.imsi != line.keys.imsi) {
      Complain(report, line.number, "says something else of the card than an earlier line");
      continue;
    }
    CardKeySet set;
    set.version = line.keys.version;
    set.key_size = static_cast<std::uint8_t>(line.keys.enc.size());
    SR_TRY(set.sealed, SealKeys(vault, line.keys));
    std::erase_if(card.key_sets, [&](const CardKeySet& other) { return other.version == set.version; });
    card.key_sets.push_back(std::move(set));
  }
  return cards;
}

[[nodiscard]] Outcome<void> InsertCards(StoreWriter& writer, const Actor& actor, Id tenant, UnixTime now,
                                        std::vector<NewCard>& cards, ImportReport& report) {
  SR_TRY(const Policy certificates, writer.FindPolicyByName(tenant, "default"));
  SR_TRY(const Policy secrets, writer.FindPolicyByName(tenant, "default-psk"));
  for (NewCard& fresh : cards) {
    fresh.card.tenant = tenant;
    fresh.card.policy = fresh.card.profile == kType2Profile ? secrets.id : certificates.id;
    fresh.card.created = now;
    const auto id = writer.InsertCard(fresh.card);
    if (!id && id.error().kind == FailureKind::kConflict) {
      SR_TRY(const Card known, writer.FindCardByIccid(fresh.card.iccid));
      // Whose cards are here is nothing for other tenants.
      Complain(report, fresh.line,
               known.tenant == tenant ? "names a card that is here already"
                                      : "names a card that cannot be imported; ask the platform's administrator");
      continue;
    }
    SR_TRY(fresh.card.id, id);
    for (CardKeySet& set : fresh.key_sets) {
      set.card = fresh.card.id;
      SR_TRY_VOID(writer.PutCardKeys(set));
    }
    Job job;
    job.tenant = tenant;
    job.card = fresh.card.id;
    job.kind = JobKind::kSwitchOn;
    job.created = now;
    job.not_before = now;
    job.changed = now;
    job.requested_by = actor.name;
    SR_TRY_VOID(writer.InsertJob(job));
    report.key_sets += fresh.key_sets.size();
  }
  return {};
}

}  // namespace

Outcome<ImportReport> ServiceImpl::ImportCards(const Actor& actor, const std::string& tenant_name,
                                               std::string_view csv) {
  SR_TRY_VOID(RequireRole(actor, Role::kOperator));
  SR_TRY(const Tenant tenant, FindTenant(actor, tenant_name));
  ImportReport report;
  const std::list<Line> lines = ReadLines(csv, report);
  SR_TRY(std::vector<NewCard> cards, Gather(lines, vault_, report));
  if (!report.bad.empty()) {
    return report;
  }
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY_VOID(InsertCards(writer, actor, tenant.id, clock_.Now(), cards, report));
    if (!report.bad.empty()) {
      return Refuse(FailureKind::kConflict, "cards are here already");
    }
    return Note(writer, actor, tenant.id, "card.import", "tenant " + tenant.name,
                Detail("cards", std::to_string(cards.size())));
  });
  if (!report.bad.empty()) {
    report.key_sets = 0;
    return report;
  }
  SR_TRY_VOID(written);
  report.cards = cards.size();
  return report;
}

}  // namespace simroot::platform
