// SPDX-License-Identifier: Apache-2.0
#include "card/host/security_domain_setup.hpp"

#include "card/security_domain/security_domain.hpp"

namespace simroot::card {
namespace {

constexpr StoreWriter kIssuer = StoreWriter::kManagement;
/// Industry 89, country and issuer (ITU-T E.118): what GET DATA 0042 gives out.
constexpr std::size_t kIssuerNumberSize = 3;

/// EF.ICCID has the nibbles of each byte swapped; GlobalPlatform writes digits in their order.
Bytes DigitsInOrder(const std::array<std::uint8_t, 10>& iccid) {
  Bytes digits;
  for (const std::uint8_t byte : iccid) {
    digits.push_back(LowByte(byte << 4U | byte >> 4U));
  }
  return digits;
}

bool PrepareFile(ObjectStore& store, ByteView id, ByteView content) {
  iotsafe::ObjectInfo info;
  info.object_class = iotsafe::ObjectClass::kFile;
  if (!info.id.Assign(id)) {
    return false;
  }
  const auto file = store.Create(info, {}, kIssuer);
  return file && store.Stage(**file, content, kIssuer);
}

bool MakeKeySet(ObjectStore& store, crypto::Crypto& crypto, std::uint8_t version, std::size_t key_size,
                CardKeys& keys) {
  keys.version = version;
  keys.aid.assign(kSecurityDomainAid.begin(), kSecurityDomainAid.end());
  for (SecretArray<32>* const key : {&keys.enc, &keys.mac, &keys.dek}) {
    if (!crypto.Random(key->Prepare(key_size))) {
      return false;
    }
  }
  const auto value = [](const SecretArray<32>& key) { return key.Reveal(InsecureReveal::kForStore); };
  return KeySets(store).Replace(0, version, {value(keys.enc), value(keys.mac), value(keys.dek)}).has_value();
}

}  // namespace

bool SetUpSecurityDomain(ObjectStore& store, crypto::Crypto& crypto, const CardIdentity& identity, std::size_t key_size,
                         std::list<CardKeys>& made) {
  const Bytes number = DigitsInOrder(identity.iccid);
  if (!PrepareFile(store, kIssuerNumberId, ByteView(number).first(kIssuerNumberSize)) ||
      !PrepareFile(store, kCardNumberId, number) || !store.Commit(kIssuer)) {
    return false;
  }
  for (const std::uint8_t version : {kFactoryScp03Version, kFactoryScp80Version}) {
    CardKeys& keys = made.emplace_back();
    keys.iccid = DecodeIccid(identity.iccid);
    keys.imsi = DecodeImsi(identity.imsi);
    if (!MakeKeySet(store, crypto, version, key_size, keys)) {
      return false;
    }
  }
  return true;
}

}  // namespace simroot::card
