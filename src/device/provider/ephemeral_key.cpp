// SPDX-License-Identifier: Apache-2.0
#include "device/provider/ephemeral_key.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/crc32.hpp"
#include "device/client/channel_ledger.hpp"
#include "device/client/private_files.hpp"
#include "device/provider/process.hpp"

namespace simroot::provider {
namespace {

using iotsafe::Access;
using iotsafe::Function;
using iotsafe::KeyType;
using iotsafe::ObjectClass;
using iotsafe::ObjectInfo;

[[nodiscard]] bool IsPlaceForPair(const ObjectInfo& info) {
  return info.object_class == ObjectClass::kPrivateKey && info.key_type == KeyType::kP256Volatile &&
         Has(info.functions, Function::kKeyGeneration) && Has(info.functions, Function::kKeyAgreement);
}

[[nodiscard]] bool IsPlaceForPeer(const ObjectInfo& info) {
  return info.object_class == ObjectClass::kPublicKey && info.key_type == KeyType::kP256Volatile &&
         Has(info.functions, Function::kKeyAgreement) && Has(info.access, Access::kUpdatable);
}

[[nodiscard]] device::ObjectName NameOf(const ObjectInfo& info) {
  return {info.object_class, false, Bytes(info.id.view().begin(), info.id.view().end())};
}

/// The file that stands for the place on this card; empty if this user has no folder for it.
[[nodiscard]] std::string LeaseFile(const device::CardUri& uri) {
  const std::string folder = device::client::DefaultRuntimeDirectory(device::DefaultCacheDirectory());
  if (!device::client::PrivateDirectory(folder, device::client::IfMissing::kCreate).ok()) {
    return {};
  }
  std::array<std::uint8_t, 4> crc{};
  ByteWriter(crc).PutU32(Crc32Of(AsBytes(uri.text)));
  return folder + "/ephemeral-" + ToHex(crc);
}

}  // namespace

class EphemeralKey::Lease {
 public:
  /// Null if somebody has it, or if there is no folder for the file that says so.
  [[nodiscard]] static std::unique_ptr<Lease> Take(Context& context, const device::CardUri& uri) {
    if (context.ephemeral_in_use().exchange(true)) {
      return nullptr;
    }
    std::unique_ptr<Lease> lease(new Lease(context));
    const std::string path = LeaseFile(uri);
    if (!path.empty()) {
      lease->file_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    }
    const bool locked = lease->file_ && ::flock(lease->file_.get(), LOCK_EX | LOCK_NB) == 0;
    return locked ? std::move(lease) : nullptr;
  }
  /// A child that was forked meanwhile has a copy of the descriptor: closing this one would not end the lock.
  ~Lease() {
    if (file_ && pid_ == ::getpid()) {
      ::flock(file_.get(), LOCK_UN);
    }
    context_.ephemeral_in_use().store(false);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

 private:
  explicit Lease(Context& context) : context_(context) {}

  Context& context_;
  UniqueFd file_;  ///< locked
  pid_t pid_ = ::getpid();
};

EphemeralKey::EphemeralKey(std::unique_ptr<Lease> lease) : lease_(std::move(lease)) {}
EphemeralKey::~EphemeralKey() = default;

Result<std::shared_ptr<EphemeralKey>> EphemeralKey::Make(Context& context) {
  SR_TRY(auto card, context.KeptCard());
  auto lease = Lease::Take(context, card->uri());
  if (lease == nullptr) {
    return std::shared_ptr<EphemeralKey>();
  }
  std::shared_ptr<EphemeralKey> key(new EphemeralKey(std::move(lease)));
  key->card_ = std::move(card);
  SR_TRY(key->containers_, context.FindEphemeralContainers());
  SR_TRY(const device::NewKeyPair pair, key->card_->GenerateKeyPair(key->containers_.private_key));
  key->point_ = pair.point;
  return key;
}

Result<std::array<std::uint8_t, 32>> EphemeralKey::Agree(const device::Point& peer) {
  if (used_.exchange(true)) {
    return Fail(ErrorDomain::kUsage, "the ephemeral pair on the card has been used and is gone",
                "begin a new handshake");
  }
  SR_TRY(auto shared, card_->ComputeDhWith(containers_.private_key, containers_.peer, peer));
  if (const auto replaced = card_->GenerateKeyPair(containers_.private_key); !replaced) {
    Wipe(shared);
    return Unexpected(replaced.error());
  }
  return shared;
}

Result<EphemeralContainers> Context::FindEphemeralContainers() {
  {
    const std::lock_guard lock(CardListMutex());
    if (ephemeral_) {
      return *ephemeral_;
    }
  }
  SR_TRY(const auto card, KeptCard());
  SR_TRY(const auto objects, card->List());
  const auto pair = std::ranges::find_if(objects, IsPlaceForPair);
  const auto peer = std::ranges::find_if(objects, IsPlaceForPeer);
  if (pair == objects.end() || peer == objects.end()) {
    return Fail(
        ErrorDomain::kUsage,
        "the card on " + card->uri().text +
            " has no containers for ecdhe = card: a volatile P-256 private key, and a volatile P-256 public key "
            "that the device may update",
        "have them made by its issuer, or write ecdhe = software");
  }
  const std::lock_guard lock(CardListMutex());
  ephemeral_ = EphemeralContainers{NameOf(*pair), NameOf(*peer)};
  return *ephemeral_;
}

}  // namespace simroot::provider
