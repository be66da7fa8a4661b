// SPDX-License-Identifier: Apache-2.0
#include "server/directory/directory.hpp"

#include <algorithm>

#include "server/directory/arena.hpp"
#include "server/directory/entry.hpp"
#include "server/directory/psk_seal.hpp"

namespace simroot::server {
namespace {

/// Numbers of the platform's: nobody chooses them, they only need to be spread (the end of MurmurHash3).
std::uint64_t HashOfId(CredentialId id) {
  auto hash = static_cast<std::uint64_t>(id);
  hash = (hash ^ (hash >> 33U)) * 0xFF51AFD7ED558CCDU;
  hash = (hash ^ (hash >> 33U)) * 0xC4CEB9FE1A85EC53U;
  return hash ^ (hash >> 33U);
}

bool IsText(std::string_view text, std::size_t max) {
  return text.size() <= max && text.find('\0') == std::string_view::npos;
}

bool IsNone(ByteView fingerprint) {
  return std::ranges::all_of(fingerprint, [](std::uint8_t byte) { return byte == 0; });
}

/// Of two credentials with the same key, the one that a look-up is to find.
bool IsBetter(const Entry& a, const Entry& b) {
  const auto rank = [](const Entry& entry) {
    switch (entry.state) {
      case CredentialState::kActive:
        return 3;
      case CredentialState::kSuperseded:
        return 2;
      case CredentialState::kPending:
      case CredentialState::kSuspended:
        return 1;
      default:
        return 0;
    }
  };
  return rank(a) != rank(b) ? rank(a) > rank(b) : a.id > b.id;
}

Result<void> Check(const Credential& c) {
  const auto refuse = [&c](const std::string& what) {
    return Fail(ErrorDomain::kUsage, "credential " + std::to_string(c.id) + " " + what,
                "platform and middleware must be of versions that fit together");
  };
  if (!IsText(c.name, kMaxName)) {
    return refuse("has a name that is too long or holds a NUL");
  }
  if (c.kind == CredentialKind::kPsk && c.name.empty()) {
    return refuse("is a PSK without identity");
  }
  if (!IsText(c.device, kMaxDevice)) {
    return refuse("has a device name that is too long or holds a NUL");
  }
  if (c.psk.size() > kMaxPsk) {
    return refuse("has a key of more than 64 bytes");
  }
  for (const UnixTime time : {c.not_before, c.not_after, c.first_used, c.changed}) {
    if (time < 0 || time > kMaxTime) {
      return refuse("has a time that cannot be");
    }
  }
  return {};
}

/// Indexes by id, by key (fingerprint or identity) and by ICCID over entries that never change: a change writes a new
/// entry and swaps the slots, so a reader sees one or the other, whole.
class MemoryDirectory final : public Directory {
 public:
  explicit MemoryDirectory(std::unique_ptr<PskSeal> seal) : seal_(std::move(seal)) { PublishSize(); }

  [[nodiscard]] std::optional<Found> FindCertificate(const Fingerprint& fingerprint) const override {
    if (IsNone(fingerprint)) {
      return std::nullopt;
    }
    const ReadGuard guard;
    return FoundAt(by_key_.Find(HashOfFingerprint(fingerprint), [&](EntryRef ref) {
      const Entry entry = At(ref);
      return entry.kind == CredentialKind::kCertificate && SameBytes(entry.fingerprint, fingerprint);
    }));
  }

  [[nodiscard]] std::optional<Found> FindPsk(std::string_view identity) const override {
    const auto name = PackName(identity);
    if (!name || identity.empty()) {
      return std::nullopt;
    }
    const ReadGuard guard;
    return FoundAt(by_key_.Find(HashOfName(*name), [&](EntryRef ref) {
      const Entry entry = At(ref);
      return entry.kind == CredentialKind::kPsk && entry.hex_name == name->hex && SameBytes(entry.name, name->bytes());
    }));
  }

  [[nodiscard]] std::optional<Found> FindById(CredentialId id) const override {
    const ReadGuard guard;
    return FoundAt(RefOf(id));
  }

  [[nodiscard]] Result<SecretBytes> OpenPsk(CredentialId id) const override {
    std::array<std::uint8_t, kMaxSealed> memory{};
    ByteWriter sealed(memory);
    {
      const ReadGuard guard;
      if (const EntryRef ref = RefOf(id); ref != 0) {
        sealed.PutBytes(At(ref).sealed);
      }
    }
    return seal_->Open(id, sealed.written());
  }

  [[nodiscard]] SecretBytes DecoyPsk(std::string_view identity) const override {
    return seal_->Decoy(AsBytes(identity));
  }

  [[nodiscard]] DirectorySize size() const override {
    return {credentials_.load(std::memory_order_relaxed), devices_.load(std::memory_order_relaxed),
            bytes_.load(std::memory_order_relaxed)};
  }

  [[nodiscard]] Result<void> Put(const Credential& credential) override;
  void Rename(std::string_view iccid, std::string_view device) override;
  std::size_t ForgetEndedBefore(UnixTime before) override;
  void Clear() override;
  void Reserve(std::size_t credentials) override;
  void ForEach(const std::function<void(const Credential&)>& visit) const override;

 private:
  [[nodiscard]] Entry At(EntryRef ref) const {
    std::size_t size = 0;
    return ReadEntry(arena_.View(ref), size);
  }
  [[nodiscard]] std::optional<Found> FoundAt(EntryRef ref) const {
    return ref == 0 ? std::nullopt : std::optional(ToFound(At(ref)));
  }
  [[nodiscard]] EntryRef RefOf(CredentialId id) const {
    return by_id_.Find(HashOfId(id), [&](EntryRef ref) { return At(ref).id == id; });
  }

  [[nodiscard]] std::uint64_t HashOfFingerprint(ByteView fingerprint) const { return seal_->hash()(fingerprint); }
  [[nodiscard]] std::uint64_t HashOfName(const PackedName& name) const {
    return seal_->hash()(name.bytes()) + (name.hex ? 1 : 0);
  }
  [[nodiscard]] std::uint64_t HashOfIccid(ByteView iccid) const { return seal_->hash()(iccid); }
  /// Nothing: it is not to be found by key.
  [[nodiscard]] std::optional<std::uint64_t> KeyHash(const Entry& entry) const {
    if (entry.kind == CredentialKind::kPsk) {
      return seal_->hash()(entry.name) + (entry.hex_name ? 1 : 0);
    }
    return IsNone(entry.fingerprint) ? std::nullopt : std::optional(HashOfFingerprint(entry.fingerprint));
  }
  [[nodiscard]] static bool SameKey(const Entry& a, const Entry& b) {
    return a.kind == b.kind && a.hex_name == b.hex_name &&
           (a.kind == CredentialKind::kPsk ? SameBytes(a.name, b.name) : SameBytes(a.fingerprint, b.fingerprint));
  }

  [[nodiscard]] Result<void> Store(const Entry& entry, EntryRef before);
  void Remove(EntryRef ref);
  void Unlink(const Entry& entry, EntryRef ref);
  void PutKey(const Entry& entry, EntryRef ref);
  void DropKey(const Entry& entry, EntryRef ref);
  [[nodiscard]] bool HasDevice(ByteView iccid) const;
  void Retire(EntryRef ref);
  void PublishSize();

  std::unique_ptr<PskSeal> seal_;
  EntryArena arena_;
  SlotTable by_id_;
  SlotTable by_key_;
  SlotTable by_iccid_;
  /// There may be credentials that are not found by key because a better one has the same.
  bool has_shadowed_ = false;
  std::size_t device_count_ = 0;
  std::atomic<std::size_t> credentials_{0};
  std::atomic<std::size_t> devices_{0};
  std::atomic<std::size_t> bytes_{0};
};

Result<void> MemoryDirectory::Put(const Credential& credential) {
  SR_TRY_VOID(Check(credential));
  const auto iccid = PackIccid(credential.iccid);
  const auto name = PackName(credential.name);
  if (!iccid || !name) {
    return Fail(ErrorDomain::kUsage, "credential " + std::to_string(credential.id) + " has no ICCID of 18 to 20 digits",
                "platform and middleware must be of versions that fit together");
  }
  const EntryRef before = RefOf(credential.id);
  const bool psk = credential.kind == CredentialKind::kPsk;
  if (credential.state == CredentialState::kDeleted && (psk || IsNone(credential.fingerprint))) {
    if (before != 0) {
      Remove(before);
    }
    PublishSize();
    return {};
  }
  Entry entry{.id = credential.id,
              .kind = credential.kind,
              .state = credential.state,
              .not_before = credential.not_before,
              .not_after = credential.not_after,
              .first_used = credential.first_used,
              .changed = credential.changed,
              .hex_name = name->hex,
              .iccid_digits = iccid->digits,
              .iccid = iccid->bytes(),
              .device = AsBytes(credential.device),
              .name = name->bytes(),
              .fingerprint = credential.fingerprint};
  std::array<std::uint8_t, kMaxSealed> memory{};
  if (psk && credential.psk.size() != 0) {
    const ByteSpan sealed = ByteSpan(memory).first(credential.psk.size() + PskSeal::kOverhead);
    if (!seal_->Seal(credential.id, credential.psk.Reveal(InsecureReveal::kForCrypto), sealed)) {
      return Fail(ErrorDomain::kCrypto, "a PSK cannot be sealed: OpenSSL failed", "free some memory");
    }
    entry.sealed = sealed;
  } else if (psk && before != 0 && SameKey(At(before), entry)) {  // with another name it is another credential
    entry.sealed = At(before).sealed;
  }
  return Store(entry, before);
}

/// Writes a new entry and puts it where that of `before` is, or in.
Result<void> MemoryDirectory::Store(const Entry& entry, EntryRef before) {
  std::array<std::uint8_t, kMaxEntry> memory{};
  const auto ref = arena_.Add(WriteEntry(entry, memory));
  if (!ref) {
    return Fail(ErrorDomain::kUsage, "the directory is full", "use a tenant with fewer devices");
  }
  const std::uint64_t iccid_hash = HashOfIccid(entry.iccid);
  if (before == 0) {
    device_count_ += HasDevice(entry.iccid) ? 0 : 1;
    by_iccid_.Insert(iccid_hash, *ref);
    PutKey(entry, *ref);
    by_id_.Insert(HashOfId(entry.id), *ref);
  } else {
    const Entry old = At(before);
    if (SameBytes(old.iccid, entry.iccid)) {
      (void)by_iccid_.Swap(iccid_hash, before, *ref);
    } else {
      by_iccid_.Erase(HashOfIccid(old.iccid), before);
      device_count_ -= HasDevice(old.iccid) ? 0 : 1;
      device_count_ += HasDevice(entry.iccid) ? 0 : 1;
      by_iccid_.Insert(iccid_hash, *ref);
    }
    (void)by_id_.Swap(HashOfId(entry.id), before, *ref);
    const auto key = KeyHash(entry);
    if (!has_shadowed_ && key && SameKey(old, entry)) {
      (void)by_key_.Swap(*key, before, *ref);
    } else {
      PutKey(entry, *ref);
      DropKey(old, before);
    }
    Retire(before);
  }
  PublishSize();
  return {};
}

/// Makes `ref` what is found by its key, unless a better one is.
void MemoryDirectory::PutKey(const Entry& entry, EntryRef ref) {
  const auto hash = KeyHash(entry);
  if (!hash) {
    return;
  }
  const EntryRef other = by_key_.Find(*hash, [&](EntryRef there) { return SameKey(At(there), entry); });
  if (other == 0) {
    by_key_.Insert(*hash, ref);
    return;
  }
  const Entry there = At(other);
  if (there.id == entry.id || IsBetter(entry, there)) {
    (void)by_key_.Swap(*hash, other, ref);
  }
  has_shadowed_ = has_shadowed_ || there.id != entry.id;
}

/// Takes `ref` out of the index by key; whoever it had hidden comes to light.
void MemoryDirectory::DropKey(const Entry& entry, EntryRef ref) {
  const auto hash = KeyHash(entry);
  if (!hash) {
    return;
  }
  by_key_.Erase(*hash, ref);
  if (!has_shadowed_) {
    return;
  }
  // Rare: two credentials had one key. So all are looked at, once more for each change until none is hidden.
  std::size_t with_key = 0;
  by_id_.ForEach([&](EntryRef other) {
    const Entry candidate = At(other);
    with_key += KeyHash(candidate) ? 1 : 0;
    if (other != ref && SameKey(candidate, entry)) {
      PutKey(candidate, other);
    }
  });
  has_shadowed_ = with_key > by_key_.live();
}

bool MemoryDirectory::HasDevice(ByteView iccid) const {
  return by_iccid_.Find(HashOfIccid(iccid), [&](EntryRef ref) { return SameBytes(At(ref).iccid, iccid); }) != 0;
}

void MemoryDirectory::Remove(EntryRef ref) {
  const Entry entry = At(ref);
  by_id_.Erase(HashOfId(entry.id), ref);
  DropKey(entry, ref);
  by_iccid_.Erase(HashOfIccid(entry.iccid), ref);
  device_count_ -= HasDevice(entry.iccid) ? 0 : 1;
  Retire(ref);
}

void MemoryDirectory::Retire(EntryRef ref) {
  std::size_t size = 0;
  (void)ReadEntry(arena_.View(ref), size);
  arena_.Retire(ref, size);
}

void MemoryDirectory::PublishSize() {
  arena_.Reclaim();
  by_id_.Reclaim();
  by_key_.Reclaim();
  by_iccid_.Reclaim();
  credentials_.store(by_id_.live(), std::memory_order_relaxed);
  devices_.store(device_count_, std::memory_order_relaxed);
  bytes_.store(sizeof(*this) + sizeof(PskSeal) + arena_.bytes() + by_id_.bytes() + by_key_.bytes() + by_iccid_.bytes(),
               std::memory_order_relaxed);
}

void MemoryDirectory::Rename(std::string_view iccid, std::string_view device) {
  const auto packed = PackIccid(iccid);
  if (!packed || !IsText(device, kMaxDevice)) {
    return;
  }
  std::vector<EntryRef> refs;
  by_iccid_.ForHash(HashOfIccid(packed->bytes()), [&](EntryRef ref) {
    if (SameBytes(At(ref).iccid, packed->bytes())) {
      refs.push_back(ref);
    }
    return false;
  });
  for (const EntryRef ref : refs) {
    Entry entry = At(ref);
    entry.device = AsBytes(device);
    (void)Store(entry, ref);
  }
}

std::size_t MemoryDirectory::ForgetEndedBefore(UnixTime before) {
  std::vector<EntryRef> ended;
  by_id_.ForEach([&](EntryRef ref) {
    const Entry entry = At(ref);
    const bool for_ever = entry.state == CredentialState::kRevoked || entry.state == CredentialState::kExpired ||
                          entry.state == CredentialState::kDeleted;
    if (for_ever && entry.not_after != 0 && entry.not_after < before) {
      ended.push_back(ref);
    }
  });
  for (const EntryRef ref : ended) {
    Remove(ref);
  }
  PublishSize();
  return ended.size();
}

void MemoryDirectory::Clear() {
  std::vector<EntryRef> all;
  all.reserve(by_id_.live());
  by_id_.ForEach([&](EntryRef ref) { all.push_back(ref); });
  by_key_.Clear();
  by_id_.Clear();
  by_iccid_.Clear();
  for (const EntryRef ref : all) {
    Retire(ref);
  }
  has_shadowed_ = false;
  device_count_ = 0;
  PublishSize();
}

void MemoryDirectory::Reserve(std::size_t credentials) {
  by_id_.Reserve(credentials);
  by_key_.Reserve(credentials);
  by_iccid_.Reserve(credentials);
  PublishSize();
}

void MemoryDirectory::ForEach(const std::function<void(const Credential&)>& visit) const {
  const ReadGuard guard;
  std::vector<std::pair<CredentialId, EntryRef>> all;
  all.reserve(size().credentials);
  by_id_.ForEach([&](EntryRef ref) { all.emplace_back(At(ref).id, ref); });
  std::ranges::sort(all);
  for (const auto& [id, ref] : all) {
    const Entry entry = At(ref);
    Credential credential = ToCredential(entry);
    if (!entry.sealed.empty()) {
      if (auto psk = seal_->Open(id, entry.sealed)) {
        credential.psk = std::move(*psk);
      }
    }
    visit(credential);
  }
}

}  // namespace

std::string_view NameOf(CredentialState state) {
  switch (state) {
    case CredentialState::kPending:
      return "pending";
    case CredentialState::kActive:
      return "active";
    case CredentialState::kSuperseded:
      return "superseded";
    case CredentialState::kSuspended:
      return "suspended";
    case CredentialState::kRevoked:
      return "revoked";
    case CredentialState::kExpired:
      return "expired";
    case CredentialState::kDeleted:
      return "deleted";
  }
  return "unknown";
}

Result<std::unique_ptr<Directory>> Directory::Create() {
  SR_TRY(auto seal, PskSeal::Create());
  return std::unique_ptr<Directory>(std::make_unique<MemoryDirectory>(std::move(seal)));
}

}  // namespace simroot::server
