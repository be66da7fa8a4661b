// SPDX-License-Identifier: Apache-2.0
#include "card/firmware/chip_card.hpp"

namespace simroot::card {
namespace {

/// 8988 is no operator's: an ICCID and an IMSI of tests (ETSI TS 102 221 13.2, 3GPP TS 31.102 4.2.2).
constexpr UiccIdentity kIdentity{
    .iccid = {0x98, 0x88, 0x00, 0x00, 0x00, 0x00, 0x00, 0x50, 0x05, 0xF5},
    .imsi = {0x08, 0x09, 0x10, 0x10, 0x00, 0x00, 0x00, 0x50, 0x05},
};

CompatibilityConfig ConfigOf(const ChipOptions& options) {
  CompatibilityConfig config;
  config.answer_t0 = options.answer_t0;
  return config;
}

/// A store that can be used, or one that says what is wrong.
void LoadOrFormat(ObjectStore& store) {
  if (store.Load() == StoreState::kBlank) {
    static_cast<void>(store.Format());
  }
}

bool AddObject(ObjectStore& store, const iotsafe::ObjectInfo& info, ByteView value) {
  const bool is_private = info.object_class == iotsafe::ObjectClass::kPrivateKey;
  const auto made = store.Create(info, is_private ? info.id : iotsafe::ObjectId(), StoreWriter::kManagement);
  return made && (value.empty() || store.Stage(**made, value, StoreWriter::kManagement));
}

iotsafe::ObjectInfo Describe(iotsafe::ObjectClass object_class, std::uint8_t id, iotsafe::Access access) {
  iotsafe::ObjectInfo info;
  info.object_class = object_class;
  static_cast<void>(info.id.Assign(ByteView(&id, 1)));
  info.access = static_cast<std::uint8_t>(access);
  return info;
}

}  // namespace

/// Made in its place: a security domain is not copied.
template <typename Built>
Built ChipCard::MakeDomain(crypto::Crypto& crypto) {
  if constexpr (kFeatures.administration) {
    return Built(applet_, stores_.applet, *stores_.domain, crypto, kIdentity.iccid);
  } else {
    static_cast<void>(crypto);
    return Built(applet_);
  }
}

ChipCard::ChipCard(const ChipStores& stores, crypto::Crypto& crypto, const ChipOptions& options)
    : stores_(stores),
      config_(ConfigOf(options)),
      applet_(stores_.applet, crypto, config_, options.type),
      domain_(MakeDomain<Domain>(crypto)),
      uicc_(domain_.applications(), kIdentity, config_, buffers_) {
  applet_.UseIccid(kIdentity.iccid);
}

bool ChipCard::PowerOn() {
  LoadOrFormat(stores_.applet);
  if (stores_.domain != nullptr) {
    LoadOrFormat(*stores_.domain);
  }
  uicc_.Reset();
  return stores_.applet.state() == StoreState::kIntact &&
         (stores_.domain == nullptr || stores_.domain->state() == StoreState::kIntact);
}

bool MakeFirstContent(ObjectStore& store, crypto::Crypto& crypto) {
  using iotsafe::Access;
  using iotsafe::ObjectClass;
  SecretArray<crypto::kP256ScalarSize> scalar;
  std::array<std::uint8_t, crypto::kP256PointSize> point{};
  if (!crypto.GenerateKeyPair(crypto::Curve::kP256, scalar.Prepare(crypto::kP256ScalarSize), point)) {
    return false;
  }
  iotsafe::ObjectInfo private_key = Describe(ObjectClass::kPrivateKey, 0x01, Access::kNone);
  private_key.functions = static_cast<std::uint8_t>(iotsafe::Function::kSignature);
  private_key.signature_algorithms = static_cast<std::uint8_t>(iotsafe::SignatureAlgorithm::kEcdsa);
  private_key.hash_algorithms = static_cast<std::uint16_t>(iotsafe::HashAlgorithm::kSha256);
  iotsafe::ObjectInfo public_key = private_key;
  public_key.object_class = ObjectClass::kPublicKey;
  public_key.access = static_cast<std::uint8_t>(Access::kReadable);
  iotsafe::ObjectInfo certificate = Describe(ObjectClass::kFile, 0x02, Access::kReadable);
  certificate.file_usage = iotsafe::FileUsage::kCertificate;
  iotsafe::ObjectInfo authority = certificate;
  constexpr std::array<std::uint8_t, 1> kAuthorityId{0x03};
  return authority.id.Assign(kAuthorityId) && AddObject(store, private_key, scalar.Reveal(InsecureReveal::kForStore)) &&
         AddObject(store, public_key, point) && AddObject(store, certificate, {}) && AddObject(store, authority, {}) &&
         store.Commit(StoreWriter::kManagement).has_value();
}

}  // namespace simroot::card
