// SPDX-License-Identifier: Apache-2.0
// replace-keys: the new set is sealed in the database before it is sent. The card puts it in place of the old one in
// one step; the old one stays in the database until the new one has opened a session.
#include "platform/ota/job_kinds.hpp"

namespace simroot::platform {
namespace {

constexpr std::uint8_t kFirstVersion = 0x31;
constexpr std::uint8_t kLastVersion = 0x3F;

class KeysJob final : public JobRun {
 public:
  KeysJob(const JobTools& tools, JobContext context, const KnownKeys& keys)
      : tools_(tools), context_(std::move(context)), keys_(keys) {}

  [[nodiscard]] Outcome<Progress> Start() override;
  [[nodiscard]] Outcome<Progress> Next(const CardAnswers& answers) override;

 private:
  [[nodiscard]] const CardKeySet* Pending() const;
  [[nodiscard]] Outcome<SecretBytes> MakeSet();
  [[nodiscard]] std::string ContextOf(std::uint8_t version) const {
    return "card-keys/" + context_.card.iccid + "/" + std::to_string(version);
  }

  JobTools tools_;
  JobContext context_;
  KnownKeys keys_;
  CardKeySet set_;
  bool made_ = false;  ///< just now: not in the database yet
  Bytes expected_;
};

/// The set of an earlier attempt that has not reached the card: the session runs under another one.
const CardKeySet* KeysJob::Pending() const {
  if (context_.job.attempts < 2) {
    return nullptr;
  }
  const auto found = std::ranges::find_if(keys_.sets, [&](const CardKeySet& set) {
    return set.version >= kFirstVersion && set.version <= kLastVersion && set.version != keys_.version &&
           set.scp03_sequence < 0;
  });
  return found == keys_.sets.end() ? nullptr : &*found;
}

Outcome<SecretBytes> KeysJob::MakeSet() {
  std::uint8_t version = kFirstVersion;
  while (version <= kLastVersion && std::ranges::find(keys_.sets, version, &CardKeySet::version) != keys_.sets.end()) {
    ++version;
  }
  const auto current = std::ranges::find(keys_.sets, keys_.version, &CardKeySet::version);
  if (version > kLastVersion || current == keys_.sets.end()) {
    return Refuse(FailureKind::kConflict, "card " + context_.card.iccid + " has no free key version");
  }
  set_.card = context_.card.id;
  set_.version = version;
  set_.key_size = current->key_size;
  SecretArray<3 * secure::kMaxAesKeySize> random;
  const ByteSpan bytes = random.Prepare(std::size_t{3} * set_.key_size);
  if (bytes.empty() || !tools_.channel.Random(bytes)) {
    return Refuse(FailureKind::kInternal, "no random numbers for card keys");
  }
  SecretBytes keys(random.Reveal(InsecureReveal::kForStore));
  SR_TRY(set_.sealed, tools_.vault.Seal(keys.Reveal(InsecureReveal::kForStore), ContextOf(version)));
  made_ = true;
  return keys;
}

Outcome<Progress> KeysJob::Start() {
  SecretBytes keys;
  if (const CardKeySet* const pending = Pending()) {
    set_ = *pending;
    SR_TRY(keys, tools_.vault.Unseal(set_.sealed, ContextOf(set_.version)));
  } else {
    SR_TRY(keys, MakeSet());
  }
  const auto parts = SplitCardKeys(keys.Reveal(InsecureReveal::kForCrypto));
  if (!parts) {
    return Refuse(FailureKind::kInternal, "the sealed keys of the card are damaged");
  }
  SR_TRY(PutKeyCommand put, tools_.channel.PutKey(keys_.version, set_.version, *parts));
  expected_ = std::move(put.expected);
  Progress progress;
  progress.commands.push_back(std::move(put.command));
  if (made_) {
    progress.record = [this](StoreWriter& writer) { return writer.PutCardKeys(set_); };
  }
  return progress;
}

Outcome<Progress> KeysJob::Next(const CardAnswers& answers) {
  if (answers.size() != 1 || answers.front().data != expected_) {
    return Refuse(FailureKind::kInternal, "the card confirms other keys than were sent");
  }
  Progress progress;
  progress.done = true;
  progress.message =
      "card keys of " + context_.Called() + " are replaced, version " + ToHex(ByteView(&set_.version, 1));
  return progress;
}

}  // namespace

std::unique_ptr<JobRun> MakeKeysJob(const JobTools& tools, JobContext context, const KnownKeys& keys) {
  return std::make_unique<KeysJob>(tools, std::move(context), keys);
}

}  // namespace simroot::platform
