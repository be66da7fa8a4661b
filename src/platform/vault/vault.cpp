// SPDX-License-Identifier: Apache-2.0
#include "platform/vault/vault.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "common/host/file_io.hpp"
#include "platform/vault/kek_file.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kMaxPlain = 64 * 1024;

class FileVault final : public Vault {
 public:
  explicit FileVault(std::string directory) : directory_(std::move(directory)) {}

  Outcome<void> ReadAll() {
    SR_TRY(const auto numbers, ListKekFiles(directory_));
    if (numbers.empty()) {
      return Refuse(FailureKind::kInvalid, "there is no key encryption key in " + directory_,
                    "put its kek files back from a backup, or make a new platform with `simroot platform init`");
    }
    // Reading all up to the highest finds the ones that are missing in between.
    for (std::uint32_t number = 1; number <= numbers.back(); ++number) {
      SR_TRY_VOID(ReadKekFile(directory_, number, keks_[number]));
    }
    return {};
  }

  Outcome<Bytes> Seal(ByteView plain, std::string_view context) override {
    if (plain.size() > kMaxPlain) {
      return Refuse(FailureKind::kInvalid,
                    "a value of " + std::to_string(plain.size()) + " bytes is too long for the vault",
                    "the limit is " + std::to_string(kMaxPlain) + " bytes");
    }
    const std::shared_lock lock(mutex_);
    auto sealed = SealEnvelope(keks_.rbegin()->second, plain, context);
    if (!sealed) {
      return Refuse(FailureKind::kInternal, "OpenSSL cannot seal a value");
    }
    return std::move(*sealed);
  }

  Outcome<SecretBytes> Unseal(ByteView sealed, std::string_view context) override {
    const std::shared_lock lock(mutex_);
    const Kek* const kek = Find(sealed);
    auto plain = kek != nullptr ? OpenEnvelope(*kek, sealed, context) : std::nullopt;
    if (!plain) {
      return CannotOpen();
    }
    return std::move(*plain);
  }

  Outcome<Bytes> Rewrap(ByteView sealed, std::string_view context) override {
    const std::shared_lock lock(mutex_);
    const Kek* const kek = Find(sealed);
    auto wrapped = kek != nullptr ? RewrapEnvelope(*kek, keks_.rbegin()->second, sealed, context) : std::nullopt;
    if (!wrapped) {
      return CannotOpen();
    }
    return std::move(*wrapped);
  }

  Outcome<std::uint32_t> AddKey() override {
    const std::unique_lock lock(mutex_);
    const std::uint32_t number = keks_.empty() ? 1 : keks_.rbegin()->first + 1;
    // In place, because secrets do not move; taken back if there is no file for it.
    if (const auto made = MakeKekFile(directory_, number, keks_[number]); !made) {
      keks_.erase(number);
      return tl::unexpected<Failure>(made.error());
    }
    return number;
  }

  Outcome<std::uint32_t> KeyNumber(ByteView sealed) const override {
    const auto number = KekNumberOf(sealed);
    if (!number) {
      return Refuse(FailureKind::kInvalid, "this is no value that a vault has sealed");
    }
    return *number;
  }

  std::uint32_t NewestKey() const override {
    const std::shared_lock lock(mutex_);
    return keks_.rbegin()->first;
  }

 private:
  [[nodiscard]] const Kek* Find(ByteView sealed) const {
    const auto number = KekNumberOf(sealed);
    const auto found = number ? keks_.find(*number) : keks_.end();
    return found != keks_.end() ? &found->second : nullptr;
  }
  /// One sentence for all causes: whoever feeds sealed values learns nothing from it.
  [[nodiscard]] static tl::unexpected<Failure> CannotOpen() {
    return Refuse(FailureKind::kInternal, "a sealed value cannot be opened",
                  "check that the vault's directory and the database belong to the same backup");
  }

  const std::string directory_;
  mutable std::shared_mutex mutex_;
  std::map<std::uint32_t, Kek> keks_;  ///< never empty once Create or Open is done
};

}  // namespace

Outcome<std::unique_ptr<Vault>> Vault::Create(const std::string& directory) {
  SR_TRY_VOID(MakePrivateDirectory(directory));
  if (::chmod(directory.c_str(), S_IRWXU) != 0) {
    return tl::unexpected<Failure>(FileError("make private", directory, errno));
  }
  SR_TRY(const auto numbers, ListKekFiles(directory));
  if (!numbers.empty()) {
    return Refuse(FailureKind::kConflict, "there is a vault in " + directory + " already",
                  "use it, or choose another directory");
  }
  auto vault = std::make_unique<FileVault>(directory);
  SR_TRY_VOID(vault->AddKey());
  return std::unique_ptr<Vault>(std::move(vault));
}

Outcome<std::unique_ptr<Vault>> Vault::Open(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) {
    return tl::unexpected<Failure>(
        Failure(FailureKind::kInvalid, FileError("open the vault", directory, errno).Text()));
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Refuse(FailureKind::kInvalid, "other users may look into the vault " + directory, "chmod 700 " + directory);
  }
  auto vault = std::make_unique<FileVault>(directory);
  SR_TRY_VOID(vault->ReadAll());
  return std::unique_ptr<Vault>(std::move(vault));
}

}  // namespace simroot::platform
