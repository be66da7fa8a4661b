// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/token.hpp"

#include "common/base/crc32.hpp"
#include "device/pkcs11/certificate.hpp"
#include "device/pkcs11/token_objects.hpp"

namespace simroot::pkcs11 {
namespace {

using device::ObjectName;
using iotsafe::ObjectClass;
using iotsafe::ObjectInfo;

[[nodiscard]] ObjectName NameOf(const ObjectInfo& info) {
  const bool by_label = info.id.empty();
  const ByteView name = by_label ? info.label.view() : info.id.view();
  return {info.object_class, by_label, Bytes(name.begin(), name.end())};
}

/// Reads what belongs together on the card and turns it into objects.
class TokenReader {
 public:
  TokenReader(device::Card& card, const HandleSource& handles, const std::set<Bytes>& generated, TokenContent& content)
      : card_(card), handles_(handles), generated_(generated), content_(content) {}

  [[nodiscard]] Result<void> Run() {
    SR_TRY_VOID(ReadPublicKeys());
    SR_TRY_VOID(ReadFiles());
    PairUp();
    AddKeys();
    AddCertificates();
    AddOthers();
    return {};
  }

 private:
  /// Errors of one object do not hide the others; a lost card ends the reading.
  template <typename T>
  [[nodiscard]] static Result<std::optional<T>> Optional(Result<T> result) {
    if (result) {
      return std::optional<T>(*std::move(result));
    }
    Report(result.error());
    if (result.error().domain == ErrorDomain::kTransport) {
      return Unexpected(result.error());
    }
    return std::optional<T>();
  }

  [[nodiscard]] static bool IsFilled(const ObjectInfo& info) { return info.state == iotsafe::ObjectState::kActivated; }

  [[nodiscard]] Result<void> ReadPublicKeys() {
    for (const ObjectInfo& info : content_.infos) {
      if (info.object_class == ObjectClass::kPublicKey && IsFilled(info)) {
        SR_TRY(auto key, Optional(card_.ReadAnyPublicKey(NameOf(info))));
        if (key) {
          public_keys_.push_back({.info = info, .key = *std::move(key)});
        }
      }
    }
    return {};
  }

  [[nodiscard]] Result<void> ReadFiles() {
    for (const ObjectInfo& info : content_.infos) {
      const bool is_certificate = info.object_class == ObjectClass::kFile &&
                                  info.file_usage == iotsafe::FileUsage::kCertificate && IsFilled(info) &&
                                  info.file_size > 0;
      if (is_certificate) {
        SR_TRY(auto der, Optional(card_.ReadFile(NameOf(info))));
        if (der && ParseCertificate(*der)) {
          certificates_.push_back({.info = info, .der = *std::move(der)});
        }
      }
    }
    return {};
  }

  /// Finds the public half and the certificates of every private key, and what they are all called.
  void PairUp() {
    for (const ObjectInfo& info : content_.infos) {
      if (info.object_class != ObjectClass::kPrivateKey || !IsFilled(info)) {
        continue;
      }
      KeyPair pair{.info = info, .names = NamesOf(info)};
      const auto half = device::FindPublicHalf(content_.infos, NameOf(info));
      for (PublicKeyOnCard& candidate : public_keys_) {
        if (half && NameOf(candidate.info) == *half) {
          candidate.names = pair.names;
          pair.key = candidate.key;
        }
      }
      if (!pair.key) {
        pair.key = KeyOfCertificateCalled(info);
      }
      for (CertificateOnCard& certificate : certificates_) {
        if (pair.key && IsFor(certificate, *pair.key)) {
          certificate.names = pair.names;
          pair.subject = ToBytes(ParseCertificate(certificate.der)->subject);
        }
      }
      pairs_.push_back(std::move(pair));
    }
  }

  [[nodiscard]] static Bytes ToBytes(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

  [[nodiscard]] static bool IsFor(const CertificateOnCard& certificate, const device::PublicKey& key) {
    const auto fields = ParseCertificate(certificate.der);
    return fields &&
           (key.point.empty() ? SameBytes(fields->modulus, key.modulus) : SameBytes(fields->public_key, key.point));
  }

  /// A card that does not let its public keys be read may have a certificate under the name of the private key.
  [[nodiscard]] std::optional<device::PublicKey> KeyOfCertificateCalled(const ObjectInfo& private_key) const {
    for (const CertificateOnCard& certificate : certificates_) {
      const auto fields = ParseCertificate(certificate.der);
      const auto curve = CurveOf(private_key.key_type);
      const bool same_name = !private_key.id.empty() && certificate.info.id == private_key.id;
      if (fields && same_name && curve && fields->public_key.size() == crypto::PointSize(*curve)) {
        return device::PublicKey{private_key.key_type, ToBytes(fields->public_key), {}, {}};
      }
    }
    return std::nullopt;
  }

  void AddKeys() {
    for (const KeyPair& pair : pairs_) {
      const bool local = generated_.contains(ToBytes(pair.info.id.view()));
      List(MakePrivateKey(pair, content_.has_pin, local));
    }
    for (const PublicKeyOnCard& key : public_keys_) {
      const auto pair = std::ranges::find_if(
          pairs_, [&](const KeyPair& candidate) { return key.names && candidate.names.id == key.names->id; });
      List(MakePublicKey(key, pair == pairs_.end() ? nullptr : &*pair));
    }
  }

  void AddCertificates() {
    for (const CertificateOnCard& certificate : certificates_) {
      List(MakeCertificate(certificate));
    }
  }

  void AddOthers() {
    for (const ObjectInfo& info : content_.infos) {
      if (info.object_class == ObjectClass::kSecretKey && IsFilled(info)) {
        List(MakeSecretKey(info, content_.has_pin));
      } else if (info.object_class == ObjectClass::kFile && info.file_usage == iotsafe::FileUsage::kGeneral &&
                 IsFilled(info)) {
        List(MakeData(info));
      }
    }
  }

  void List(std::shared_ptr<Object> object) {
    std::string identity =
        std::to_string(object->object_class) + (object->name.by_label ? "l" : "i") + ToHex(object->name.name) + "/";
    for (const CK_ATTRIBUTE_TYPE type : {CKA_ID, CKA_LABEL, CKA_VALUE, CKA_EC_POINT, CKA_MODULUS, CKA_SUBJECT}) {
      if (const Attribute* const attribute = object->Find(type)) {
        identity += std::to_string(Crc32Of(attribute->value)) + ".";
      }
    }
    object->handle = handles_(identity);
    content_.objects.push_back(std::move(object));
  }

  device::Card& card_;
  const HandleSource& handles_;
  const std::set<Bytes>& generated_;
  TokenContent& content_;
  std::vector<PublicKeyOnCard> public_keys_;
  std::vector<CertificateOnCard> certificates_;
  std::vector<KeyPair> pairs_;
};

/// Whether keys want a PIN. A card whose answer to that says nothing is used without: its keys still refuse if they do.
[[nodiscard]] Result<bool> HasPin(device::Card& card) {
  const auto pin = card.UserPin();
  if (!pin && pin.error().domain != ErrorDomain::kCard) {
    return Unexpected(pin.error());
  }
  if (!pin) {
    Report(pin.error());
  }
  return pin && pin->exists;
}

}  // namespace

std::optional<std::uint32_t> TokenContent::AgeOf(const iotsafe::ApplicationInfo& application) {
  const auto identifier = iotsafe::ParseIdentifier(application.proprietary_identifier.view());
  return identifier ? std::optional(identifier->change_counter ^ identifier->epoch) : std::nullopt;
}

bool TokenContent::Offers(iotsafe::Extension extension) const {
  const auto identifier = iotsafe::ParseIdentifier(application.proprietary_identifier.view());
  return identifier && iotsafe::Has(identifier->extensions, extension);
}

ObjectPtr TokenContent::Find(CK_OBJECT_HANDLE handle) const {
  const auto row = std::ranges::find_if(objects, [&](const ObjectPtr& object) { return object->handle == handle; });
  return row == objects.end() ? nullptr : *row;
}

Result<TokenPtr> ReadToken(device::Card& card, const HandleSource& handles, const std::set<Bytes>& generated) {
  auto content = std::make_shared<TokenContent>();
  if (auto iccid = card.Iccid()) {
    content->iccid = *std::move(iccid);
  } else if (iccid.error().domain == ErrorDomain::kTransport) {
    return Unexpected(iccid.error());
  }
  SR_TRY(content->application, card.Application());
  SR_TRY(content->infos, card.List());
  SR_TRY(content->has_pin, HasPin(card));
  SR_TRY_VOID(TokenReader(card, handles, generated, *content).Run());
  return TokenPtr(std::move(content));
}

}  // namespace simroot::pkcs11
