// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/rows.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

/// The highest counter a secured packet may carry: FFFFFFFFFF blocks the card's key set (ETSI TS 102 225 5.1.4).
constexpr std::int64_t kLastScp80Counter = 0xFFFFFFFFFE;

constexpr std::string_view kKeys =
    "SELECT card, version, key_size, sealed, scp03_sequence, scp80_counter FROM card_key";
CardKeySet ReadKeys(Query& row) {
  return {.card = row.Int(),
          .version = row.As<std::uint8_t>(),
          .key_size = row.As<std::uint8_t>(),
          .sealed = row.Blob(),
          .scp03_sequence = row.Int(),
          .scp80_counter = row.Int()};
}

std::string NameKeys(Id card, std::uint8_t version) {
  return "key set " + ToHex(std::array{version}) + " of " + Numbered("card", card);
}

}  // namespace

Outcome<CardKeySet> Transaction::FindCardKeys(Id card, std::uint8_t version) {
  return One(connection_.Ask(Where(kKeys, "card = ? AND version = ?"), card, int{version}), ReadKeys,
             NameKeys(card, version));
}

Outcome<std::vector<CardKeySet>> Transaction::ListCardKeys(Id card) {
  return All(connection_.Ask(Where(kKeys, "card = ? ORDER BY version"), card), ReadKeys);
}

Outcome<void> Transaction::PutCardKeys(const CardKeySet& keys) {
  SR_TRY_VOID(connection_.Change(
      "INSERT INTO card_key (card, version, key_size, sealed, scp03_sequence, scp80_counter) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (card, version) DO UPDATE SET key_size = excluded.key_size, sealed = excluded.sealed, "
      "scp03_sequence = -1, scp80_counter = 0",
      keys.card, int{keys.version}, int{keys.key_size}, keys.sealed, keys.scp03_sequence, keys.scp80_counter));
  return {};
}

Outcome<void> Transaction::ResealCardKeys(Id card, std::uint8_t version, ByteView was, ByteView sealed) {
  SR_TRY(const std::int64_t changed,
         connection_.Change("UPDATE card_key SET sealed = ? WHERE card = ? AND version = ? AND sealed = ?", sealed,
                            card, int{version}, was));
  if (changed != 0) {
    return {};
  }
  SR_TRY_VOID(FindCardKeys(card, version));
  return Refuse(FailureKind::kConflict, NameKeys(card, version) + " has been changed meanwhile");
}

Outcome<void> Transaction::DeleteCardKeys(Id card, std::uint8_t version) {
  return Found(connection_.Change("DELETE FROM card_key WHERE card = ? AND version = ?", card, int{version}),
               NameKeys(card, version));
}

Outcome<void> Transaction::AdvanceScp03Sequence(Id card, std::uint8_t version, std::int64_t sequence) {
  SR_TRY(const std::int64_t changed,
         connection_.Change("UPDATE card_key SET scp03_sequence = ?1 WHERE card = ?2 AND version = ?3 AND "
                            "scp03_sequence < ?1",
                            sequence, card, int{version}));
  if (changed != 0) {
    return {};
  }
  SR_TRY(const CardKeySet keys, FindCardKeys(card, version));
  return Refuse(FailureKind::kConflict, "the sequence counter " + std::to_string(sequence) + " of " +
                                            NameKeys(card, version) + " is not higher than " +
                                            std::to_string(keys.scp03_sequence) + ", which was seen before");
}

Outcome<std::int64_t> Transaction::ReserveScp80Counters(Id card, std::uint8_t version, unsigned count) {
  if (count == 0) {
    return Refuse(FailureKind::kInvalid, "no counter was asked for");
  }
  SR_TRY(const CardKeySet keys, FindCardKeys(card, version));
  if (count > kLastScp80Counter - keys.scp80_counter) {
    return Refuse(FailureKind::kConflict, "the counters of " + NameKeys(card, version) + " are used up",
                  "give the card new keys");
  }
  SR_TRY_VOID(connection_.Change("UPDATE card_key SET scp80_counter = ? WHERE card = ? AND version = ?",
                                 keys.scp80_counter + count, card, int{version}));
  return keys.scp80_counter + 1;
}

}  // namespace simroot::platform::sqlite
