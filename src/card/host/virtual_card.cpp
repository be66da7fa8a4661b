// SPDX-License-Identifier: Apache-2.0
#include "card/host/virtual_card.hpp"

#include "card/applet/applet.hpp"
#include "card/host/file_nvm.hpp"
#include "card/host/identity.hpp"
#include "card/host/leak_test.hpp"
#include "card/host/profiles.hpp"
#include "card/uicc/uicc.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

constexpr std::size_t kMaxObjects = 64;
constexpr std::size_t kArenaSize = 96UL * 1024;
/// Two copies, each with room for the arena and what describes the objects.
constexpr std::size_t kStoreSize = 2 * (kArenaSize + 16UL * 1024);
constexpr std::size_t kNvmSize = kIdentitySize + kStoreSize;
constexpr ObjectStore::Range kStoreRange{kIdentitySize, kStoreSize};

using StoreMemory = ObjectStoreMemory<kMaxObjects, kArenaSize>;

/// A card's memory with its store, without applet and UICC: what the issuer's hand works on.
struct Personalisation {
  std::unique_ptr<FileNvm> nvm;
  std::unique_ptr<StoreMemory> memory;
  std::unique_ptr<ObjectStore> store;
};

Result<Personalisation> OpenStore(const std::string& file) {
  SR_TRY(auto nvm, FileNvm::Open(file));
  if (nvm->Size() != kNvmSize || !ReadIdentity(*nvm)) {
    return Fail(ErrorDomain::kStore, file + " is not a simroot card",
                "make one with `simroot card create FILE --profile demo`");
  }
  Personalisation parts;
  parts.nvm = std::move(nvm);
  parts.memory = std::make_unique<StoreMemory>();
  parts.store = std::make_unique<ObjectStore>(*parts.nvm, kStoreRange, parts.memory->view());
  parts.store->Load();
  return parts;
}

Result<std::unique_ptr<crypto::OpenSslCrypto>> NewCrypto() {
  auto crypto = crypto::OpenSslCrypto::Create();
  if (!crypto) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot be used: its default provider does not load",
                "check that OpenSSL 3.0 or later is installed completely");
  }
  return crypto;
}

/// 8988 is no operator's; then 14 random digits and the check digit.
Result<std::string> MakeUpIccid(crypto::Crypto& crypto) {
  std::array<std::uint8_t, 14> random{};
  if (!crypto.Random(random)) {
    return Fail(ErrorDomain::kCrypto, "no random numbers for the ICCID", "check OpenSSL's random generator");
  }
  std::string digits = "8988";
  for (const std::uint8_t byte : random) {
    digits.push_back(static_cast<char>('0' + byte % 10));
  }
  return WithCheckDigit(digits);
}

Result<CardIdentity> MakeIdentity(const CreateOptions& options, crypto::Crypto& crypto) {
  std::string iccid = options.iccid;
  if (iccid.empty()) {
    SR_TRY(iccid, MakeUpIccid(crypto));
  }
  const auto iccid_bytes = EncodeIccid(iccid);
  if (!iccid_bytes) {
    return Fail(ErrorDomain::kUsage, "the ICCID " + iccid + " is not 18 to 20 digits", "give it as digits only");
  }
  const std::string imsi = options.imsi.empty() ? "00101" + iccid.substr(iccid.size() - 10) : options.imsi;
  const auto imsi_bytes = EncodeImsi(imsi);
  if (!imsi_bytes) {
    return Fail(ErrorDomain::kUsage, "the IMSI " + imsi + " is not 15 digits", "give it as digits only");
  }
  return CardIdentity{*iccid_bytes, *imsi_bytes};
}

/// One SEQUENCE and nothing behind it: what a certificate in DER looks like from outside.
bool IsOneDerStructure(ByteView content) {
  ByteReader reader(content);
  wire::Tlv der;
  return wire::ReadBerTlv(reader, der) && der.tag == 0x30 && reader.empty();
}

}  // namespace

Result<void> CreateCard(const std::string& file, const CreateOptions& options) {
  SR_TRY(const auto crypto, NewCrypto());
  SR_TRY(const CardIdentity identity, MakeIdentity(options, *crypto));
  const auto fill = [&](Nvm& nvm) -> Result<void> {
    auto memory = std::make_unique<StoreMemory>();
    ObjectStore store(nvm, kStoreRange, memory->view());
    store.UseRandom(*crypto);
    if (!WriteIdentity(nvm, identity) || !store.Format() || !PersonaliseDemo(store, *crypto)) {
      return Fail(ErrorDomain::kStore, "cannot write the card's memory to " + file, "check the free space of the disk");
    }
    return {};
  };
  SR_TRY_VOID(FileNvm::Create(file, kNvmSize, fill));
  return {};
}

Result<void> PutFile(const std::string& file, const iotsafe::ObjectRef& ref, ByteView content) {
  SR_TRY(const auto crypto, NewCrypto());
  SR_TRY(const Personalisation parts, OpenStore(file));
  parts.store->UseRandom(*crypto);
  const StoredObject* const object = parts.store->Find(ref);
  if (object == nullptr) {
    return Fail(ErrorDomain::kUsage, file + " has no such file object",
                "list the objects with `simroot device list --card sim:" + file + "`");
  }
  constexpr std::size_t kMaxFileSize = 0xFFFF;  // tag 20 has two bytes
  if (content.size() > kMaxFileSize) {
    return Fail(ErrorDomain::kUsage, "the content has more than 65535 bytes", "a file object cannot hold more");
  }
  if (object->info.file_usage == iotsafe::FileUsage::kCertificate && !IsOneDerStructure(content)) {
    return Fail(ErrorDomain::kUsage, "the object is for a certificate, and this is none",
                "give one certificate, in PEM or DER");
  }
  auto stored = parts.store->Stage(*object, content);
  if (stored) {
    stored = parts.store->Commit();
  }
  if (!stored && stored.error() == StoreError::kFull) {
    return Fail(ErrorDomain::kStore, "the memory of " + file + " is full", "store less, or delete objects");
  }
  if (!stored) {
    return Fail(ErrorDomain::kStore, "cannot write " + file + ": " + parts.nvm->LastError(),
                "check the free space of the disk");
  }
  return {};
}

Result<void> CopyPrivateKeyForLeakTest(const std::string& file, const iotsafe::ObjectRef& key,
                                       SecretArray<32>& scalar) {
  SR_TRY(const Personalisation parts, OpenStore(file));
  const StoredObject* const object = parts.store->Find(key);
  if (object == nullptr || !scalar.Assign(parts.store->Value(*object))) {
    return Fail(ErrorDomain::kUsage, file + " has no such private key", "");
  }
  return {};
}

struct VirtualCard::Parts {
  Personalisation store;
  std::unique_ptr<crypto::OpenSslCrypto> crypto;
  CompatibilityConfig config;
  CardIdentity identity;
  UiccIdentity files;
  UiccBuffers buffers;
  std::unique_ptr<Applet> applet;
  std::array<Application*, 1> applications{};
  std::unique_ptr<Uicc> uicc;
};

Result<std::unique_ptr<VirtualCard>> VirtualCard::Open(const std::string& file, const CompatibilityConfig& config) {
  auto parts = std::make_unique<Parts>();
  SR_TRY(parts->store, OpenStore(file));
  SR_TRY(parts->crypto, NewCrypto());
  parts->config = config;
  parts->identity = *ReadIdentity(*parts->store.nvm);  // OpenStore has found it valid
  parts->files.iccid = parts->identity.iccid;
  parts->files.imsi = parts->identity.imsi;
  parts->applet = std::make_unique<Applet>(*parts->store.store, *parts->crypto, parts->config);
  parts->applications = {parts->applet.get()};
  parts->uicc = std::make_unique<Uicc>(parts->applications, parts->files, parts->config, parts->buffers);
  return std::unique_ptr<VirtualCard>(new VirtualCard(std::move(parts)));
}

VirtualCard::VirtualCard(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
VirtualCard::~VirtualCard() = default;

wire::CardEndpoint& VirtualCard::Endpoint() {
  return *parts_->uicc;
}
std::string VirtualCard::Iccid() const {
  return DecodeIccid(parts_->identity.iccid);
}
std::string VirtualCard::Imsi() const {
  return DecodeImsi(parts_->identity.imsi);
}

}  // namespace simroot::card
