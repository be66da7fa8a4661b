// SPDX-License-Identifier: Apache-2.0
#include "card/host/virtual_card.hpp"

#include "card/applet/applet.hpp"
#include "card/host/card_memory.hpp"
#include "card/host/leak_test.hpp"
#include "card/host/profiles.hpp"
#include "card/host/security_domain_setup.hpp"
#include "card/security_domain/security_domain.hpp"
#include "card/uicc/uicc.hpp"
#include "common/base/check.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

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
  const auto* const profile = std::ranges::find(kCardProfiles, options.profile, &CardProfileName::profile);
  SR_CHECK(profile != kCardProfiles.end());
  return CardIdentity{profile->applet_type, *iccid_bytes, *imsi_bytes};
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
  if (!secure::IsAesKeySize(options.key_size)) {
    return Fail(ErrorDomain::kUsage, "keys of " + std::to_string(8 * options.key_size) + " bits are no AES keys",
                "use 128, 192 or 256");
  }
  std::list<CardKeys> made;
  const auto fill = [&](Nvm& nvm) -> Result<void> {
    const auto stores = std::make_unique<CardStores>(nvm);
    stores->applet.UseRandom(*crypto);
    stores->security_domain.UseRandom(*crypto);
    if (!WriteIdentity(nvm, identity) || !stores->applet.Format() || !stores->security_domain.Format() ||
        !SetUpSecurityDomain(stores->security_domain, *crypto, identity, options.key_size, made) ||
        !Personalise(stores->applet, *crypto, options.profile)) {
      return Fail(ErrorDomain::kStore, "cannot write the card's memory to " + file, "check the free space of the disk");
    }
    return {};
  };
  SR_TRY_VOID(FileNvm::Create(file, kCardMemorySize, fill));
  if (options.keys != nullptr) {
    const auto* const profile = std::ranges::find(kCardProfiles, options.profile, &CardProfileName::profile);
    for (CardKeys& keys : made) {
      keys.profile = profile->name;
    }
    options.keys->splice(options.keys->end(), made);
  }
  return {};
}

Result<void> PutFile(const std::string& file, const iotsafe::ObjectRef& ref, ByteView content) {
  SR_TRY(const auto crypto, NewCrypto());
  SR_TRY(const CardMemory memory, OpenCardMemory(file));
  ObjectStore& store = memory.stores->applet;
  store.UseRandom(*crypto);
  const StoredObject* const object = store.Find(ref);
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
  auto stored = store.Stage(*object, content, StoreWriter::kManagement);
  if (stored) {
    stored = store.Commit(StoreWriter::kManagement);
  }
  if (!stored && stored.error() == StoreError::kFull) {
    return Fail(ErrorDomain::kStore, "the memory of " + file + " is full", "store less, or delete objects");
  }
  if (!stored) {
    return Fail(ErrorDomain::kStore, "cannot write " + file + ": " + memory.nvm->LastError(),
                "check the free space of the disk");
  }
  return {};
}

Result<void> CopyPrivateKeyForLeakTest(const std::string& file, const iotsafe::ObjectRef& key,
                                       SecretArray<32>& scalar) {
  SR_TRY(const CardMemory memory, OpenCardMemory(file));
  const ObjectStore& store = memory.stores->applet;
  const StoredObject* const object = store.Find(key);
  if (object == nullptr || !scalar.Assign(store.Value(*object))) {
    return Fail(ErrorDomain::kUsage, file + " has no such private key", "");
  }
  return {};
}

struct VirtualCard::Parts {
  CardMemory memory;
  std::unique_ptr<crypto::OpenSslCrypto> crypto;
  CompatibilityConfig config;
  UiccIdentity files;
  std::array<std::uint8_t, crypto::kMaxRsaPrivateSize> scratch{};  ///< the applet makes RSA keys in it
  UiccBuffers buffers;
  std::unique_ptr<Applet> applet;
  SecurityDomainConfig domain_config;
  std::array<ManagedApplication, 1> managed{};
  std::unique_ptr<SecurityDomain> domain;
  std::array<Application*, 2> applications{};
  std::unique_ptr<Uicc> uicc;
};

Result<std::unique_ptr<VirtualCard>> VirtualCard::Open(const std::string& file, const CompatibilityConfig& config) {
  auto parts = std::make_unique<Parts>();
  SR_TRY(parts->memory, OpenCardMemory(file));
  SR_TRY(parts->crypto, NewCrypto());
  parts->config = config;
  const CardIdentity& identity = parts->memory.identity;
  parts->files.iccid = identity.iccid;
  parts->files.imsi = identity.imsi;
  parts->applet =
      std::make_unique<Applet>(parts->memory.stores->applet, *parts->crypto, parts->config, identity.applet_type);
  parts->applet->UseScratch(parts->scratch);
  parts->applet->UseIccid(parts->files.iccid);
  parts->domain_config.diversification = identity.iccid;
  parts->domain_config.applications_store = &parts->memory.stores->applet;
  parts->managed = {{{parts->applet.get(), parts->applet.get()}}};
  parts->domain = std::make_unique<SecurityDomain>(parts->memory.stores->security_domain, *parts->crypto,
                                                   parts->domain_config, parts->managed);
  parts->applications = {parts->applet.get(), parts->domain.get()};
  parts->uicc = std::make_unique<Uicc>(parts->applications, parts->files, parts->config, parts->buffers);
  return std::unique_ptr<VirtualCard>(new VirtualCard(std::move(parts)));
}

VirtualCard::VirtualCard(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
VirtualCard::~VirtualCard() = default;

wire::CardEndpoint& VirtualCard::Endpoint() {
  return *parts_->uicc;
}
std::string VirtualCard::Iccid() const {
  return DecodeIccid(parts_->memory.identity.iccid);
}
std::string VirtualCard::Imsi() const {
  return DecodeImsi(parts_->memory.identity.imsi);
}

}  // namespace simroot::card
