// SPDX-License-Identifier: Apache-2.0
#include "conformance/roles.hpp"

#include <algorithm>

namespace simroot::conformance {
namespace {

using iotsafe::Access;
using iotsafe::Function;
using iotsafe::HashAlgorithm;
using iotsafe::KeyDerivation;
using iotsafe::KeyType;
using iotsafe::ObjectClass;
using iotsafe::ObjectInfo;
using iotsafe::ObjectState;

constexpr std::uint16_t kMinFileSize = 64;

bool IsActive(const ObjectInfo& info) {
  return info.state == ObjectState::kActivated;
}
bool IsP256(const ObjectInfo& info) {
  return info.key_type == KeyType::kP256Persistent || info.key_type == KeyType::kP256Volatile;
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

/// A private key that signs, SHA-256 at least, and whose public half is known.
bool Signs(const FoundObject& object) {
  return object.info.object_class == ObjectClass::kPrivateKey && object.public_info.has_value() &&
         Has(object.info.hash_algorithms, HashAlgorithm::kSha256);
}
bool IsContainer(const FoundObject& object) {
  const ObjectInfo& info = object.info;
  return info.object_class == ObjectClass::kPrivateKey && info.key_type == KeyType::kP256Volatile && CanUpdate(info) &&
         Has(info.functions, Function::kKeyGeneration) && Agrees(info);
}
bool IsPeer(const FoundObject& object) {
  const ObjectInfo& info = object.info;
  return info.object_class == ObjectClass::kPublicKey && info.key_type == KeyType::kP256Volatile && CanUpdate(info) &&
         Has(info.functions, Function::kSignature) && Agrees(info);
}
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
         [](const FoundObject& object) { return Signs(object) && (object.info.hash_algorithms & 0x07U) == 0x07U; }},
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
         IsContainer},
    Role{"gen-nosign", "a container for a key pair whose key does not sign",
         [](const FoundObject& object) {
           return IsContainer(object) && !Has(object.info.functions, Function::kSignature);
         }},
    Role{"peer", "a volatile container for public P-256 keys, for verification and key agreement", IsPeer},
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
    if (!container.public_info && object.info.object_class == ObjectClass::kPublicKey && IsP256(object.info) &&
        object.info.id == container.info.id) {
      container.public_info = object.info;
    }
  }
  return container;
}

void AssignObjects(const std::vector<FoundObject>& objects, Capabilities& out) {
  for (const Role& role : kRoles) {
    const auto found = std::ranges::find_if(objects, role.fits);
    if (found == objects.end()) {
      out.missing[std::string(role.name)] = "the card does not have " + std::string(role.meaning);
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
  condition("wrapped", out.wrapped, "the card sends information structures without C1 to C4");
  std::size_t list_size = 0;
  for (const FoundObject& object : objects) {
    list_size += object.raw.size();
  }
  condition("several-blocks", list_size > 256, "the object list of the card fits into one answer");
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
