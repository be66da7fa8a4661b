// SPDX-License-Identifier: Apache-2.0
#include "conformance/reference_card.hpp"

#include <map>

#include "card/applet/algorithms.hpp"
#include "card/applet/applet.hpp"
#include "card/applet/user_pin.hpp"
#include "card/host/profiles.hpp"
#include "card/host/ram_nvm.hpp"
#include "card/uicc/uicc.hpp"
#include "common/base/check.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::conformance {
namespace {

using card::ObjectStore;
using card::StoredObject;
using iotsafe::KeyType;
using iotsafe::ObjectClass;
using iotsafe::ObjectInfo;

constexpr std::size_t kObjects = 64;
constexpr std::size_t kArenaSize = 48UL * 1024;
constexpr std::size_t kImageSize = 2 * (kArenaSize + 16UL * 1024);
constexpr ObjectStore::Range kRange{0, kImageSize};
using StoreMemory = card::ObjectStoreMemory<kObjects, kArenaSize>;

/// 600 bytes that look like a DER certificate from outside.
Bytes CertificateFile() {
  return Join(Hex("30820254"), Counting(596));
}
Bytes SmallFile() {
  return Bytes(0x40, 0x33);
}
/// Every two bytes are their own position, so that an offset above 7FFF can be told from one below.
Bytes LargeFile() {
  Bytes content;
  for (std::size_t i = 0; i < 33000; i += 2) {
    content.push_back(LowByte(i >> 8U));
    content.push_back(LowByte(i));
  }
  return content;
}

ObjectInfo Info(ObjectClass object_class, std::uint8_t id, std::string_view label, std::uint8_t access) {
  ObjectInfo info;
  info.object_class = object_class;
  SR_CHECK(info.id.Assign(Bytes{id}) && info.label.Assign(AsBytes(label)));
  info.access = access;
  return info;
}

ObjectInfo Key(ObjectInfo info, KeyType type, std::uint8_t functions, std::uint16_t hashes) {
  info.key_type = type;
  info.functions = functions;
  info.signature_algorithms = (functions & 1U) == 0 ? 0x00 : card::IsRsa(type) ? 0x03 : 0x04;
  info.hash_algorithms = (functions & 1U) != 0 ? hashes : std::uint16_t{0};
  info.key_agreement = (functions & 4U) != 0 ? 0x01 : 0x00;
  return info;
}

void Add(ObjectStore& store, const ObjectInfo& info, ByteView value, std::uint8_t pair = 0) {
  iotsafe::ObjectId pair_id;
  SR_CHECK(pair == 0 || pair_id.Assign(Bytes{pair}));
  const auto object = store.Create(info, pair_id);
  SR_CHECK(object.has_value());
  SR_CHECK(value.empty() || store.Stage(**object, value));
}

/// A pair whose halves share identifier and label.
void AddPair(ObjectStore& store, crypto::Crypto& crypto, std::uint8_t id, std::string_view label,
             std::uint8_t functions, std::uint16_t hashes, KeyType type = KeyType::kP256Persistent) {
  const auto curve = type == KeyType::kP384Persistent            ? crypto::Curve::kP384
                     : type == KeyType::kBrainpoolP256Persistent ? crypto::Curve::kBrainpoolP256r1
                                                                 : crypto::Curve::kP256;
  Bytes scalar(ScalarSize(curve));
  Bytes point(PointSize(curve));
  SR_CHECK(crypto.GenerateKeyPair(curve, scalar, point));
  Add(store, Key(Info(ObjectClass::kPrivateKey, id, label, 0), type, functions, hashes), scalar, id);
  Add(store, Key(Info(ObjectClass::kPublicKey, id, label, 1), type, functions, hashes), point);
}

/// Containers of a pair that can be generated, of the same type, identifier and label.
void AddEmptyPair(ObjectStore& store, std::uint8_t id, std::string_view label, KeyType type, std::uint8_t functions) {
  Add(store, Key(Info(ObjectClass::kPrivateKey, id, label, 2), type, functions, 0x0007), {}, id);
  Add(store, Key(Info(ObjectClass::kPublicKey, id, label, 2), type, functions, 0x0007), {});
}

/// A container for a public key of others.
void AddPeer(ObjectStore& store, std::uint8_t id, std::string_view label, KeyType type, std::uint8_t functions) {
  Add(store, Key(Info(ObjectClass::kPublicKey, id, label, 2), type, functions, 0x0007), {});
}

void AddPsk(ObjectStore& store, std::uint8_t id, std::string_view label, std::uint8_t functions,
            std::uint8_t derivation, ByteView value) {
  ObjectInfo secret = Info(ObjectClass::kSecretKey, id, label, 0);
  secret.key_type = KeyType::kHmac;
  secret.functions = functions;
  secret.key_derivation = derivation;
  Add(store, secret, value);
}

/// AES keys: what each may be used for.
void AddAes(ObjectStore& store, std::uint8_t id, std::string_view label, KeyType type, std::uint8_t functions) {
  ObjectInfo secret = Info(ObjectClass::kSecretKey, id, label, 0);
  secret.key_type = type;
  secret.functions = functions;
  Add(store, secret, Hex("2B7E151628AED2A6ABF7158809CF4F3C"));
}

void AddFile(ObjectStore& store, std::uint8_t id, std::string_view label, std::uint8_t access, ByteView content) {
  ObjectInfo info = Info(ObjectClass::kFile, id, label, access);
  info.file_usage = id == 2 ? iotsafe::FileUsage::kCertificate : iotsafe::FileUsage::kGeneral;
  Add(store, info, content);
}

void FillReference(ObjectStore& store, crypto::Crypto& crypto) {
  AddPair(store, crypto, 0x01, "sig", 0x07, 0x0001);
  Add(store, Key(Info(ObjectClass::kPrivateKey, 0x04, "gen", 2), KeyType::kP256Volatile, 0x06, 0), {}, 0x04);
  Add(store, Key(Info(ObjectClass::kPublicKey, 0x04, "eph", 2), KeyType::kP256Volatile, 0x06, 0), {});
  Add(store, Key(Info(ObjectClass::kPublicKey, 0x05, "peer", 2), KeyType::kP256Volatile, 0x05, 0x0001), {});
  AddPair(store, crypto, 0x09, "signonly", 0x01, 0x0001);
  AddPair(store, crypto, 0x0C, "wide", 0x07, 0x0007);
  AddFile(store, 0x02, "cert", 1, CertificateFile());
  AddFile(store, 0x03, "ca", 1, SmallFile());
  AddFile(store, 0x08, "closed", 0, SmallFile());
  AddFile(store, 0x0A, "large", 1, LargeFile());
  AddFile(store, 0x0B, "empty", 1, {});
  AddPsk(store, 0x06, "psk", 0x08, 0x03, Counting(16));
}

/// Secrets of every kind: what each may be used for, and the lengths a PSK can have.
void FillSecrets(ObjectStore& store, crypto::Crypto& /*crypto*/) {
  AddPsk(store, 0x06, "psk", 0x08, 0x03, Counting(16));
  AddPsk(store, 0x07, "hkdfonly", 0x08, 0x02, Counting(16));
  AddPsk(store, 0x08, "prfonly", 0x08, 0x01, Counting(16));
  AddPsk(store, 0x09, "nofunction", 0x00, 0x03, Counting(16));
  AddPsk(store, 0x0A, "emptypsk", 0x08, 0x03, {});
  AddPsk(store, 0x0B, "longpsk", 0x08, 0x03, Counting(256));
  AddPsk(store, 0x0C, "onebyte", 0x08, 0x03, Counting(1));
  AddAes(store, 0x17, "aes", KeyType::kAes, 0x30);
  AddAes(store, 0x18, "mac", KeyType::kAesCmac, 0x01);
  AddAes(store, 0x19, "seal", KeyType::kAes, 0x10);
  AddAes(store, 0x1A, "open", KeyType::kAes, 0x20);
}

/// Pairs on every curve.
void FillCurves(ObjectStore& store, crypto::Crypto& crypto) {
  AddPair(store, crypto, 0x01, "sig", 0x07, 0x0007);
  AddPeer(store, 0x05, "peer", KeyType::kP256Volatile, 0x05);
  AddEmptyPair(store, 0x07, "bp", KeyType::kBrainpoolP256Persistent, 0x07);
  AddEmptyPair(store, 0x08, "bpgen", KeyType::kBrainpoolP256Volatile, 0x07);
  AddPeer(store, 0x09, "bppeer", KeyType::kBrainpoolP256Volatile, 0x05);
  AddEmptyPair(store, 0x11, "p384", KeyType::kP384Persistent, 0x07);
  AddEmptyPair(store, 0x12, "p384gen", KeyType::kP384Volatile, 0x07);
  AddPeer(store, 0x13, "p384peer", KeyType::kP384Volatile, 0x05);
  AddPair(store, crypto, 0x14, "p384sig", 0x07, 0x0007, KeyType::kP384Persistent);
  AddPair(store, crypto, 0x15, "bpsig", 0x07, 0x0007, KeyType::kBrainpoolP256Persistent);
}

/// RSA, beside one pair on P-256.
void FillRsa(ObjectStore& store, crypto::Crypto& crypto) {
  AddPair(store, crypto, 0x01, "sig", 0x07, 0x0007);
  AddEmptyPair(store, 0x21, "rsa", KeyType::kRsa2048, 0x03);
  AddEmptyPair(store, 0x22, "rsagen", KeyType::kRsa2048, 0x03);
  AddPeer(store, 0x23, "rsapeer", KeyType::kRsa2048, 0x01);
  SR_CHECK(store.Commit());
  std::array<std::uint8_t, crypto::kMaxRsaPrivateSize> scratch{};
  card::KeyMaker maker(store, crypto, scratch);
  const Bytes id{0x21};
  SR_CHECK(maker.Prepare(*store.Find({ObjectClass::kPrivateKey, false, id}),
                         *store.Find({ObjectClass::kPublicKey, false, id}),
                         card::StoreWriter::kDevice) == wire::StatusWord::kOk);
}

/// One pair for each key specific usage.
void FillUsages(ObjectStore& store, crypto::Crypto& crypto) {
  using iotsafe::KeyUsage;
  for (const auto& [id, label, usage] :
       {std::tuple<std::uint8_t, std::string_view, KeyUsage>{1, "any", KeyUsage::kGeneral},
        {2, "tls12", KeyUsage::kTls12},
        {3, "tls13", KeyUsage::kTls13},
        {4, "attest", KeyUsage::kAttestation}}) {
    std::array<std::uint8_t, crypto::kP256ScalarSize> scalar{};
    std::array<std::uint8_t, crypto::kP256PointSize> point{};
    SR_CHECK(crypto.GenerateKeyPair(crypto::Curve::kP256, scalar, point));
    for (const ObjectClass object_class : {ObjectClass::kPrivateKey, ObjectClass::kPublicKey}) {
      const bool is_private = object_class == ObjectClass::kPrivateKey;
      ObjectInfo info = Key(Info(object_class, id, label, is_private ? 0 : 1), KeyType::kP256Persistent, 0x01, 0x0007);
      info.key_usage = usage;
      Add(store, info, is_private ? ByteView(scalar) : ByteView(point), is_private ? id : std::uint8_t{0});
    }
  }
}

/// The reference store with the user PIN "1234".
void FillWithPin(ObjectStore& store, crypto::Crypto& crypto) {
  FillReference(store, crypto);
  ObjectInfo pin;
  pin.object_class = ObjectClass::kSecretKey;
  pin.key_type = KeyType::kUserPin;
  SR_CHECK(pin.id.Assign(card::kUserPinId));
  Add(store, pin, AsBytes("1234"));
}

/// Type II: secrets and a file.
void FillTypeII(ObjectStore& store, crypto::Crypto& crypto) {
  FillSecrets(store, crypto);
  AddFile(store, 0x03, "ca", 1, SmallFile());
}

/// 40 objects with long labels: several blocks of GET DATA.
void FillMany(ObjectStore& store, crypto::Crypto& crypto) {
  FillReference(store, crypto);
  for (std::uint8_t id = 0x40; id < 0x40 + 25; ++id) {
    AddFile(store, id, "file with a label of some length " + std::to_string(id), 1, Bytes{id});
  }
  SR_CHECK(store.Commit() && store.objects().size() == 40);
}

struct StoreRow {
  std::string_view name;
  void (*fill)(ObjectStore& store, crypto::Crypto& crypto);
};
constexpr std::array kStores{
    StoreRow{"reference", FillReference}, StoreRow{"many", FillMany},    StoreRow{"secrets", FillSecrets},
    StoreRow{"curves", FillCurves},       StoreRow{"rsa", FillRsa},      StoreRow{"usage", FillUsages},
    StoreRow{"pin", FillWithPin},         StoreRow{"type2", FillTypeII},
};

Bytes MakeImage(std::string_view store_name) {
  const auto crypto = crypto::OpenSslCrypto::Create();
  SR_CHECK(crypto != nullptr);
  Bytes image(kImageSize);
  card::RamNvm nvm(image);
  const auto memory = std::make_unique<StoreMemory>();
  ObjectStore store(nvm, kRange, memory->view());
  SR_CHECK(store.Format());
  if (store_name == "demo") {
    SR_CHECK(card::PersonaliseDemo(store, *crypto));
    return image;
  }
  const auto row = std::ranges::find(kStores, store_name, &StoreRow::name);
  SR_CHECK(row != kStores.end());
  row->fill(store, *crypto);
  SR_CHECK(store.Commit());
  return image;
}

/// The image of a store, made once in the life of the program.
const Bytes& ImageOf(std::string_view store) {
  static std::map<std::string, Bytes, std::less<>> images;
  auto found = images.find(store);
  if (found == images.end()) {
    found = images.emplace(store, MakeImage(store)).first;
  }
  return found->second;
}

}  // namespace

struct ReferenceCard::Parts {
  Parts(std::string_view store_name, const card::CompatibilityConfig& wanted)
      : image(ImageOf(store_name)),
        config(wanted),
        type(store_name == "type2" ? card::AppletType::kTypeII : card::AppletType::kTypeI) {
    applet.UseScratch(scratch);
  }

  Bytes image;
  card::CompatibilityConfig config;
  card::AppletType type;
  card::RamNvm nvm{image};
  StoreMemory memory;
  ObjectStore store{nvm, kRange, memory.view()};
  std::unique_ptr<crypto::OpenSslCrypto> crypto = crypto::OpenSslCrypto::Create();
  std::array<std::uint8_t, crypto::kMaxRsaPrivateSize> scratch{};
  card::Applet applet{store, *crypto, config, type};
  std::array<card::Application*, 1> applications{&applet};
  card::UiccBuffers buffers;
  card::Uicc uicc{applications, {}, config, buffers};
};

ReferenceCard::ReferenceCard(std::string_view store, const card::CompatibilityConfig& config)
    : parts_(std::make_unique<Parts>(store, config)) {
  SR_CHECK(parts_->store.Load() == card::StoreState::kIntact);
}

ReferenceCard::~ReferenceCard() = default;

wire::CardEndpoint& ReferenceCard::Endpoint() {
  return parts_->uicc;
}

Bytes ReferenceCard::Image(std::string_view store) {
  return ImageOf(store);
}

Variables ReferenceCard::Given(std::string_view store) {
  if (store != "reference" && store != "many" && store != "pin") {
    return {};
  }
  return {{"cert", CertificateFile()}, {"ca", SmallFile()}, {"large", LargeFile()}};
}

}  // namespace simroot::conformance
