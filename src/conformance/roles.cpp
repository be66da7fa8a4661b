// SPDX-License-Identifier: Apache-2.0
#include "conformance/roles.hpp"

#include <algorithm>

#include "common/iotsafe/extensions.hpp"

namespace simroot::conformance {
namespace {

using iotsafe::Access;
using iotsafe::Extension;
using iotsafe::Function;
using iotsafe::HashAlgorithm;
using iotsafe::KeyDerivation;
using iotsafe::KeyType;
using iotsafe::ObjectClass;
using iotsafe::ObjectInfo;
using iotsafe::ObjectState;
using iotsafe::SignatureAlgorithm;

constexpr std::uint16_t kMinFileSize = 64;

bool IsActive(const ObjectInfo& info) {
  return info.state == ObjectState::kActivated;
}
bool CanUpdate(const ObjectInfo& info) {
  return Has(info.access, Access::kUpdatable);
}
bool Agrees(const ObjectInfo& info) {
  return Has(info.functions, Function::kKeyAgreement) && Has(info.key_agreement, iotsafe::KeyAgreement::kEcka);
}
bool IsReadableFile(const ObjectInfo& info) {
  return info.object_class == ObjectClass::kFile && Has(info.access, Access::kReadable) && IsActive(info);
}

/// A private key of this kind that signs with this hash, and whose public half is known.
bool SignsAs(const FoundObject& object, KeyKind kind, HashAlgorithm hash) {
  return object.info.object_class == ObjectClass::kPrivateKey && KindOf(object.info) == kind &&
         object.public_info.has_value() && Has(object.info.hash_algorithms, hash);
}
/// On P-256, SHA-256 at least.
bool Signs(const FoundObject& object) {
  return SignsAs(object, KeyKind::kP256, HashAlgorithm::kSha256);
}
bool HasAllHashes(const FoundObject& object) {
  constexpr unsigned kAll = 0x0007;
  return (object.info.hash_algorithms & kAll) == kAll;
}
bool SignsRsa(const FoundObject& object, SignatureAlgorithm algorithm) {
  return SignsAs(object, KeyKind::kRsa, HashAlgorithm::kSha256) && Has(object.info.signature_algorithms, algorithm);
}
bool IsContainer(const FoundObject& object, KeyType type = KeyType::kP256Volatile) {
  const ObjectInfo& info = object.info;
  return info.object_class == ObjectClass::kPrivateKey && info.key_type == type && CanUpdate(info) &&
         Has(info.functions, Function::kKeyGeneration) && Agrees(info);
}
bool IsPeer(const FoundObject& object, KeyType type = KeyType::kP256Volatile) {
  const ObjectInfo& info = object.info;
  return info.object_class == ObjectClass::kPublicKey && info.key_type == type && CanUpdate(info) &&
         Has(info.functions, Function::kSignature) && Agrees(info);
}
/// A secret of this type with these functions and none of those.
bool IsKey(const FoundObject& object, KeyType type, unsigned functions, unsigned without = 0) {
  return object.info.object_class == ObjectClass::kSecretKey && IsActive(object.info) && object.info.key_type == type &&
         (object.info.functions & functions) == functions && (object.info.functions & without) == 0;
}
constexpr auto kSeals = static_cast<unsigned>(Function::kEncryption);
constexpr auto kOpens = static_cast<unsigned>(Function::kDecryption);
bool IsSecret(const FoundObject& object, KeyDerivation derivation) {
  return object.info.object_class == ObjectClass::kSecretKey && IsActive(object.info) &&
         Has(object.info.key_derivation, derivation);
}

/// An object that cases use under the name of the role; the first one in the list that fits.
struct Role {
  std::string_view name;
  std::string_view meaning;
  bool (*fits)(const FoundObject& object);
};
constexpr std::array kRoles{
    Role{"sig", "a private P-256 key that signs with ECDSA over SHA-256 and whose public half can be read", Signs},
    Role{"wide", "a private P-256 key that signs over SHA-256, SHA-384 and SHA-512",
         [](const FoundObject& object) { return Signs(object) && HasAllHashes(object); }},
    Role{"narrow", "a private P-256 key that signs, but not over SHA-384",
         [](const FoundObject& object) {
           return Signs(object) && !Has(object.info.hash_algorithms, HashAlgorithm::kSha384);
         }},
    Role{"locked", "a private P-256 key that signs and that the device may not replace",
         [](const FoundObject& object) { return Signs(object) && !CanUpdate(object.info); }},
    Role{"agree", "a private P-256 key that signs and agrees on secrets",
         [](const FoundObject& object) { return Signs(object) && Agrees(object.info); }},
    Role{"noagree", "a private P-256 key that signs and does not agree on secrets",
         [](const FoundObject& object) {
           return Signs(object) && !Has(object.info.functions, Function::kKeyAgreement);
         }},
    Role{"gen", "a volatile P-256 container for a key pair that the device makes and agrees on secrets with",
         [](const FoundObject& object) { return IsContainer(object); }},
    Role{"gen-nosign", "a container for a key pair whose key does not sign",
         [](const FoundObject& object) {
           return IsContainer(object) && !Has(object.info.functions, Function::kSignature);
         }},
    Role{"peer", "a volatile container for public P-256 keys, for verification and key agreement",
         [](const FoundObject& object) { return IsPeer(object); }},
    Role{"closed", "a file that the device may not read",
         [](const FoundObject& object) {
           return object.info.object_class == ObjectClass::kFile && !Has(object.info.access, Access::kReadable);
         }},
    Role{"empty", "a readable file without content",
         [](const FoundObject& object) {
           return object.info.object_class == ObjectClass::kFile && Has(object.info.access, Access::kReadable) &&
                  object.info.file_size == 0;
         }},
    Role{"bigfile", "a readable file of more than 8000h bytes",
         [](const FoundObject& object) { return IsReadableFile(object.info) && object.info.file_size > 0x8010; }},
    Role{"psk", "a secret for the PRF of TLS 1.2",
         [](const FoundObject& object) { return IsSecret(object, KeyDerivation::kPrfSha256); }},
    Role{"psk-hkdf", "a secret for HKDF",
         [](const FoundObject& object) { return IsSecret(object, KeyDerivation::kHkdf); }},
    Role{"rsa", "a private RSA-2048 key that signs with PKCS#1 v1.5 over SHA-256 and whose public half can be read",
         [](const FoundObject& object) { return SignsRsa(object, SignatureAlgorithm::kRsaPkcs1); }},
    Role{"rsa-wide", "a private RSA-2048 key that signs with PKCS#1 v1.5 over SHA-256, SHA-384 and SHA-512",
         [](const FoundObject& object) {
           return SignsRsa(object, SignatureAlgorithm::kRsaPkcs1) && HasAllHashes(object);
         }},
    Role{"rsa-pss", "a private RSA-2048 key that signs with PSS over SHA-256 and whose public half can be read",
         [](const FoundObject& object) { return SignsRsa(object, SignatureAlgorithm::kRsaPss); }},
    Role{"rsa-pss-wide", "a private RSA-2048 key that signs with PSS over SHA-256, SHA-384 and SHA-512",
         [](const FoundObject& object) {
           return SignsRsa(object, SignatureAlgorithm::kRsaPss) && HasAllHashes(object);
         }},
    Role{"rsa-both", "a private RSA-2048 key whose public half verifies on the card, with PKCS#1 v1.5 over SHA-256",
         [](const FoundObject& object) {
           return SignsRsa(object, SignatureAlgorithm::kRsaPkcs1) &&
                  Has(object.public_info->functions, Function::kSignature);
         }},
    Role{
        "rsa-peer",
        "a container for public RSA-2048 keys of others, which the device may put and which verify, with both paddings",
        [](const FoundObject& object) {
          constexpr unsigned kPaddings = 0x03;
          const ObjectInfo& info = object.info;
          return info.object_class == ObjectClass::kPublicKey && KindOf(info) == KeyKind::kRsa && CanUpdate(info) &&
                 Has(info.functions, Function::kSignature) && HasAllHashes(object) &&
                 (info.signature_algorithms & kPaddings) == kPaddings;
        }},
    Role{"p384", "a private P-384 key that signs with ECDSA over SHA-384 and whose public half can be read",
         [](const FoundObject& object) { return SignsAs(object, KeyKind::kP384, HashAlgorithm::kSha384); }},
    Role{"p384-gen", "a volatile P-384 container for a key pair that the device makes and agrees on secrets with",
         [](const FoundObject& object) { return IsContainer(object, KeyType::kP384Volatile); }},
    Role{"p384-peer", "a volatile container for public P-384 keys, for verification and key agreement",
         [](const FoundObject& object) { return IsPeer(object, KeyType::kP384Volatile); }},
    Role{"bp", "a private brainpoolP256r1 key that signs with ECDSA over SHA-256 and whose public half can be read",
         [](const FoundObject& object) { return SignsAs(object, KeyKind::kBrainpoolP256, HashAlgorithm::kSha256); }},
    Role{"bp-gen",
         "a volatile brainpoolP256r1 container for a key pair that the device makes and agrees on secrets with",
         [](const FoundObject& object) { return IsContainer(object, KeyType::kBrainpoolP256Volatile); }},
    Role{"bp-peer", "a volatile container for public brainpoolP256r1 keys, for verification and key agreement",
         [](const FoundObject& object) { return IsPeer(object, KeyType::kBrainpoolP256Volatile); }},
    Role{"aes", "a secret AES key that encrypts and decrypts",
         [](const FoundObject& object) { return IsKey(object, KeyType::kAes, kSeals | kOpens); }},
    Role{"aes-seal", "a secret AES key that encrypts only",
         [](const FoundObject& object) { return IsKey(object, KeyType::kAes, kSeals, kOpens); }},
    Role{"aes-open", "a secret AES key that decrypts only",
         [](const FoundObject& object) { return IsKey(object, KeyType::kAes, kOpens, kSeals); }},
    Role{"cmac", "a secret AES key for CMAC (type B0)",
         [](const FoundObject& object) {
           return IsKey(object, KeyType::kAesCmac, static_cast<unsigned>(Function::kSignature));
         }},
};

/// What the card as a whole must have, or the run must be allowed to do.
constexpr std::array kConditions{
    Need{"write", "leave to change the content of containers (--allow-write)"},
    Need{"reset", "a way to reset the card"},
    Need{"fragments", "a transport that carries commands of fewer than four bytes"},
    Need{"channels-2", "two free logical channels"},
    Need{"channels-3", "three free logical channels"},
    Need{"file", "a readable file of 64 bytes or more"},
    Need{"other", "a second private P-256 key that signs and whose public half can be read"},
    Need{"objects", "at least one object"},
    Need{"several-blocks", "an object list longer than one answer"},
    Need{"prf", "the PRF of TLS 1.2 in the application information"},
    Need{"hkdf", "HKDF in the application information"},
    Need{"hkdf-sha384", "HKDF and SHA-384 in the application information"},
    Need{"type-1", "an applet with private keys (Type I)"},
    Need{"no-signature", "an applet without private keys (Type II)"},
    Need{"hash", "HASH among the announced extensions"},
    Need{"cbc", "AES-CBC among the announced extensions"},
    Need{"ctr", "AES-CTR among the announced extensions"},
    Need{"gcm", "AES-GCM among the announced extensions"},
    Need{"mac", "AES-CMAC in the application information"},
    Need{"wrapped", "information structures in C1 to C4"},
};

constexpr std::size_t kNeedCount = kRoles.size() + kConditions.size();
constexpr std::array<Need, kNeedCount> kNeeds = [] {
  std::array<Need, kNeedCount> all{};
  auto out = all.begin();
  for (const Role& role : kRoles) {
    *out++ = {role.name, role.meaning};
  }
  std::ranges::copy(kConditions, out);
  return all;
}();

Bytes Reference(std::uint8_t tag, ByteView name) {
  Bytes reference{tag, LowByte(name.size())};
  reference.insert(reference.end(), name.begin(), name.end());
  return reference;
}

/// Names the object in the variables: {role}, {role.label}, {role.info}, and the same for the public half.
void Name(std::string_view role, const FoundObject& object, Capabilities& out) {
  const std::string name(role);
  const auto put = [&out](const std::string& prefix, const ObjectInfo& info) {
    out.variables[prefix] = ReferenceById(info);
    if (!info.label.empty()) {
      out.variables[prefix + ".label"] = Reference(Code(TagsOf(info.object_class).label), info.label.view());
    }
  };
  put(name, object.info);
  out.variables[name + ".info"] = object.raw;
  if (object.public_info) {
    put(name + ".public", *object.public_info);
  }
  if (object.info.object_class == ObjectClass::kFile) {
    out.variables[name + ".size"] = Bytes{LowByte(object.info.file_size >> 8U), LowByte(object.info.file_size)};
  }
}

/// The public half of a container is the object of the same identifier, as every known client takes it to be.
FoundObject WithPublicHalf(const std::vector<FoundObject>& objects, FoundObject container) {
  for (const FoundObject& object : objects) {
    if (!container.public_info && container.info.object_class == ObjectClass::kPrivateKey &&
        object.info.object_class == ObjectClass::kPublicKey && KindOf(object.info) == KindOf(container.info) &&
        KindOf(object.info) != KeyKind::kOther && object.info.id == container.info.id) {
      container.public_info = object.info;
    }
  }
  return container;
}

/// True if an object would fit if its public half were known, which a key tells by signing: not without the user PIN.
bool FitsWithPin(const std::vector<FoundObject>& objects, const Role& role, const Capabilities& out) {
  return (out.pin == PinState::kWanted || out.pin == PinState::kBlocked) &&
         std::ranges::any_of(objects, [&role](FoundObject object) {
           object.public_info = object.info;
           return role.fits(object);
         });
}

/// True for the public half of a private key of the card.
bool IsHalf(const std::vector<FoundObject>& objects, const ObjectInfo& info) {
  return std::ranges::any_of(objects, [&info](const FoundObject& object) {
    return object.info.object_class == ObjectClass::kPrivateKey && KindOf(object.info) == KindOf(info) &&
           (object.info.id == info.id || (object.public_info && object.public_info->id == info.id));
  });
}

/// The first object that fits. A container for public keys of others is not the half of a pair if it can be helped, and
/// never if what stands in it outlives the run: the pair would be lost.
std::vector<FoundObject>::const_iterator FindFor(const Role& role, const std::vector<FoundObject>& objects) {
  const auto of_others = [&](const FoundObject& object) {
    return role.fits(object) && (object.info.object_class != ObjectClass::kPublicKey || !IsHalf(objects, object.info));
  };
  const auto volatile_at_least = [&](const FoundObject& object) {
    return role.fits(object) && (KindOf(object.info) != KeyKind::kRsa || of_others(object));
  };
  const auto found = std::ranges::find_if(objects, of_others);
  return found != objects.end() ? found : std::ranges::find_if(objects, volatile_at_least);
}

void AssignObjects(const std::vector<FoundObject>& objects, Capabilities& out) {
  for (const Role& role : kRoles) {
    const auto found = FindFor(role, objects);
    if (found == objects.end()) {
      out.missing[std::string(role.name)] =
          (FitsWithPin(objects, role, out) ? "without its user PIN (--pin-file) the card does not show "
                                           : "the card does not have ") +
          std::string(role.meaning);
      continue;
    }
    Name(role.name, WithPublicHalf(objects, *found), out);
  }
  const FoundObject* file = nullptr;
  for (const FoundObject& object : objects) {
    const bool fits = IsReadableFile(object.info) && object.info.file_size >= kMinFileSize;
    // A certificate is what clients read; among equals the first.
    if (fits && (file == nullptr || (object.info.file_usage == iotsafe::FileUsage::kCertificate &&
                                     file->info.file_usage != iotsafe::FileUsage::kCertificate))) {
      file = &object;
    }
  }
  if (file == nullptr) {
    out.missing["file"] = "the card does not have a readable file of 64 bytes or more";
  } else {
    Name("file", *file, out);
  }
  const auto first = std::ranges::find_if(objects, Signs);
  const auto second = first == objects.end() ? first : std::find_if(first + 1, objects.end(), Signs);
  if (second == objects.end()) {
    out.missing["other"] = "the card does not have a second private P-256 key that signs";
  } else {
    Name("other", *second, out);
  }
}

/// An identifier of one byte that no object has.
Bytes UnknownId(const std::vector<FoundObject>& objects) {
  std::uint8_t id = 0x77;
  const auto taken = [&id](const FoundObject& object) { return SameBytes(object.info.id.view(), Bytes{id}); };
  while (std::ranges::any_of(objects, taken)) {
    ++id;
  }
  return Bytes{0x01, id};
}

void CheckConditions(const std::vector<FoundObject>& objects, const DiscoveryOptions& options, Capabilities& out) {
  const auto condition = [&out](const char* need, bool holds, const char* why_not) {
    if (!holds) {
      out.missing[need] = why_not;
    }
  };
  const std::uint8_t derivation = out.application.key_derivation;
  condition("write", options.may_change, "the case changes the content of a container, which --allow-write allows");
  condition("reset", options.can_reset, "the card cannot be reset over this transport");
  condition("fragments", options.fragments, "this transport carries no commands of fewer than four bytes");
  condition("channels-2", options.channels >= 2, "the card has only one free logical channel");
  condition("channels-3", options.channels >= 3, "the card has fewer than three free logical channels");
  condition("objects", !objects.empty(), "the card has no objects");
  condition("prf", Has(derivation, KeyDerivation::kPrfSha256), "the card announces no PRF");
  condition("hkdf", Has(derivation, KeyDerivation::kHkdf), "the card announces no HKDF");
  condition("hkdf-sha384",
            Has(derivation, KeyDerivation::kHkdf) && Has(out.application.hash_algorithms, HashAlgorithm::kSha384),
            "the card announces no HKDF with SHA-384");
  condition("type-1", Has(out.application.functions, Function::kSignature), "the card announces no signatures");
  condition("no-signature", !Has(out.application.functions, Function::kSignature), "the card announces signatures");
  const auto identifier = iotsafe::ParseIdentifier(out.application.proprietary_identifier.view());
  const auto extensions = identifier ? identifier->extensions : std::uint16_t{0};
  condition("hash", Has(extensions, Extension::kHash), "the card does not announce HASH");
  condition("cbc", Has(extensions, Extension::kAesCbc), "the card does not announce AES-CBC");
  condition("ctr", Has(extensions, Extension::kAesCtr), "the card does not announce AES-CTR");
  condition("gcm", Has(extensions, Extension::kAesGcm), "the card does not announce AES-GCM");
  condition("mac", Has(out.application.signature_algorithms, SignatureAlgorithm::kCmac),
            "the card does not announce AES-CMAC");
  condition("wrapped", out.wrapped, "the card sends information structures without C1 to C4");
  std::size_t list_size = 0;
  for (const FoundObject& object : objects) {
    list_size += object.raw.size();
  }
  condition("several-blocks", list_size > 256, "the object list of the card fits into one answer");
}

std::string_view NameOf(PinState pin) {
  switch (pin) {
    case PinState::kWanted:
      return "wanted, and not given";
    case PinState::kVerified:
      return "given";
    case PinState::kBlocked:
      return "blocked: only the card's issuer can unblock it";
    case PinState::kNone:
      break;
  }
  return "none";
}

void TellFacts(Capabilities& out) {
  const auto names = [](unsigned bits, std::initializer_list<const char*> words) {
    std::string text;
    for (const char* word : words) {
      text += (bits & 1U) != 0 ? (text.empty() ? "" : ", ") + std::string(word) : "";
      bits >>= 1U;
    }
    return text.empty() ? "none" : text;
  };
  const iotsafe::ApplicationInfo& info = out.application;
  out.facts = {
      {"application", ToHex(out.variables["aid"])},
      {"answers", out.model == TransportModel::kT0 ? "announced with 61LL, as on T=0" : "directly, as on T=1"},
      {"functions", names(info.functions, {"signature", "key generation", "key agreement", "key derivation",
                                           "encryption", "decryption"})},
      {"signatures", names(info.signature_algorithms, {"RSA PKCS#1", "RSA PSS", "ECDSA", "CMAC"})},
      {"hashes", names(info.hash_algorithms, {"SHA-256", "SHA-384", "SHA-512"})},
      {"key derivation", names(info.key_derivation, {"PRF SHA-256", "HKDF"})},
      {"sessions at once", std::to_string(info.max_sessions)},
      {"user PIN", std::string(NameOf(out.pin))},
      {"information structures", out.wrapped ? "in C1 to C4" : "without C1 to C4"},
  };
  for (const iotsafe::ClassTags& tags : iotsafe::kClassTags) {
    std::string ids;
    for (const ObjectInfo& object : out.objects) {
      ids += object.object_class == tags.object_class ? " " + ToHex(object.id.view()) : "";
    }
    out.facts.push_back({std::string(tags.name), ids.empty() ? "none" : ids.substr(1)});
  }
}

}  // namespace

std::span<const Need> Needs() {
  return kNeeds;
}

KeyKind KindOf(const ObjectInfo& info) {
  switch (info.key_type) {
    case KeyType::kP256Persistent:
    case KeyType::kP256Volatile:
      return KeyKind::kP256;
    case KeyType::kBrainpoolP256Persistent:
    case KeyType::kBrainpoolP256Volatile:
      return KeyKind::kBrainpoolP256;
    case KeyType::kP384Persistent:
    case KeyType::kP384Volatile:
      return KeyKind::kP384;
    case KeyType::kRsa2048:
      return KeyKind::kRsa;
    default:
      return KeyKind::kOther;
  }
}

crypto::Curve CurveOf(KeyKind kind) {
  return kind == KeyKind::kP384            ? crypto::Curve::kP384
         : kind == KeyKind::kBrainpoolP256 ? crypto::Curve::kBrainpoolP256r1
                                           : crypto::Curve::kP256;
}

Bytes ReferenceById(const ObjectInfo& info) {
  return Reference(Code(TagsOf(info.object_class).id), info.id.view());
}

void AssignRoles(const std::vector<FoundObject>& objects, const DiscoveryOptions& options, Capabilities& out) {
  AssignObjects(objects, out);
  out.variables["unknown"] = UnknownId(objects);
  CheckConditions(objects, options, out);
  TellFacts(out);
}

}  // namespace simroot::conformance
