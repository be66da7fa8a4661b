// SPDX-License-Identifier: Apache-2.0
#include "conformance/discovery.hpp"

#include <algorithm>

#include "common/wire/apdu.hpp"
#include "common/wire/tlv.hpp"
#include "conformance/roles.hpp"

namespace simroot::conformance {
namespace {

using iotsafe::Ins;
using iotsafe::ObjectClass;
using iotsafe::ObjectInfo;

constexpr std::uint8_t kClass = 0x81;  // channel 1, the class that most clients use

/// Sends commands and collects what 61LL announces.
class Talk {
 public:
  explicit Talk(wire::CardEndpoint& card) : card_(card) {}

  struct Answer {
    Bytes data;
    std::uint16_t sw = 0;    ///< 0: no answer
    bool announced = false;  ///< 61LL came first
    [[nodiscard]] bool ok() const { return sw == 0x9000; }
  };

  Answer Send(const Bytes& command) {
    constexpr int kMaxParts = 16;
    Answer answer = Exchange(command);
    for (int part = 0; part < kMaxParts && answer.sw >> 8U == 0x61; ++part) {
      Answer rest = Exchange({LowByte(command.front() & 0x03U), 0xC0, 0x00, 0x00, LowByte(answer.sw)});
      answer.data.insert(answer.data.end(), rest.data.begin(), rest.data.end());
      answer.sw = rest.sw;
      answer.announced = true;
    }
    return answer;
  }

  /// A command of the applet with data in front of which Lc is put.
  Answer Applet(Ins ins, std::uint8_t p1, std::uint8_t p2, const Bytes& data) {
    Bytes command{kClass, Code(ins), p1, p2};
    if (!data.empty()) {
      command.push_back(LowByte(data.size()));
      command.insert(command.end(), data.begin(), data.end());
    }
    return Send(command);
  }

 private:
  Answer Exchange(const Bytes& command) {
    Bytes memory(wire::kMaxResponse);
    memory.resize(std::min(card_.Transmit(command, memory), memory.size()));
    Answer answer;
    if (memory.size() >= 2) {
      ByteReader reader(memory);
      ByteView data;
      static_cast<void>(reader.ReadBytes(memory.size() - 2, data));
      static_cast<void>(reader.ReadU16(answer.sw));
      answer.data.assign(data.begin(), data.end());
    }
    return answer;
  }

  wire::CardEndpoint& card_;
};

Result<Bytes> SelectApplet(Talk& talk) {
  if (const auto opened = talk.Send({0x00, 0x70, 0x00, 0x00, 0x01}); !opened.ok()) {
    return Fail(ErrorDomain::kProtocol, "the card opens no logical channel",
                "close the programs that use the card, then try again");
  }
  for (const iotsafe::AidEntry& aid : iotsafe::kAids) {
    Bytes command{0x01, 0xA4, 0x04, 0x00, LowByte(aid.size)};
    command.insert(command.end(), aid.view().begin(), aid.view().end());
    if (talk.Send(command).ok()) {
      return Bytes(aid.view().begin(), aid.view().end());
    }
  }
  return Fail(ErrorDomain::kUsage, "the card has no application under any AID that IoT SAFE applets are known by",
              "insert a card with an IoT SAFE applet");
}

Result<void> ReadApplication(Talk& talk, Capabilities& out) {
  const auto answer = talk.Send({kClass, Code(Ins::kGetData), 0x00, 0x00});
  const auto application = iotsafe::ParseApplicationInfo(answer.data);
  if (!answer.ok() || !application) {
    return Fail(ErrorDomain::kProtocol,
                "GET DATA (application) is answered with " + ToHex(answer.data) + ", status word " +
                    ToHex(Bytes{LowByte(answer.sw >> 8U), LowByte(answer.sw)}),
                "without application information nothing can be judged");
  }
  out.application = *application;
  return {};
}

Result<Bytes> ReadList(Talk& talk) {
  constexpr int kMaxBlocks = 200;
  Bytes list;
  for (int block = 0; block < kMaxBlocks; ++block) {
    const auto answer = talk.Send({kClass, Code(Ins::kGetData), 0x01, LowByte(block == 0 ? 0U : 1U), 0x00});
    list.insert(list.end(), answer.data.begin(), answer.data.end());
    if (answer.ok()) {
      return list;
    }
    if (answer.sw != 0x6300) {
      break;
    }
  }
  return Fail(ErrorDomain::kProtocol, "the object list cannot be read to its end",
              "without the list nothing can be judged");
}

Result<std::vector<FoundObject>> ParseList(const Bytes& list) {
  std::vector<FoundObject> objects;
  ByteReader reader(list);
  while (!reader.empty()) {
    const ByteView before = reader.rest();
    const auto info = iotsafe::ReadObjectInfo(reader);
    if (!info) {
      return Fail(ErrorDomain::kProtocol, "the object list cannot be understood from here on: " + ToHex(before),
                  "without the list nothing can be judged");
    }
    const ByteView raw = before.first(before.size() - reader.remaining());
    objects.push_back({*info, Bytes(raw.begin(), raw.end()), {}});
  }
  return objects;
}

/// Asks for the description of an object: a command with data, whose answer a T=0 card announces.
TransportModel FindModel(Talk& talk, const std::vector<FoundObject>& objects) {
  if (objects.empty()) {
    return TransportModel::kT1;
  }
  const ObjectInfo& info = objects.front().info;
  const auto answer = talk.Applet(Ins::kGetData, Code(TagsOf(info.object_class).info), 0x00, ReferenceById(info));
  return answer.announced ? TransportModel::kT0 : TransportModel::kT1;
}

/// The public halves a private key may have, likeliest first: same identifier, same label, the others.
std::vector<const FoundObject*> Candidates(const std::vector<FoundObject>& objects, const ObjectInfo& key) {
  std::vector<const FoundObject*> found;
  for (const FoundObject& object : objects) {
    if (object.info.object_class == ObjectClass::kPublicKey && KindOf(object.info) == KindOf(key)) {
      found.push_back(&object);
    }
  }
  const auto distance = [&key](const FoundObject* object) {
    const bool same_label = !key.label.empty() && object->info.label == key.label;
    return object->info.id == key.id ? 0 : same_label ? 1 : 2;
  };
  std::ranges::stable_sort(found, {}, distance);
  return found;
}

/// How a key signs that can do nothing but what its description says.
struct TrialSignature {
  iotsafe::HashAlgorithm hash = iotsafe::HashAlgorithm::kSha256;
  iotsafe::SignatureAlgorithm algorithm = iotsafe::SignatureAlgorithm::kEcdsa;
  Bytes digest;
};

/// Nothing if it is no private key that signs, or signs in no way that is known.
std::optional<TrialSignature> TrialFor(const ObjectInfo& info) {
  using iotsafe::HashAlgorithm;
  using iotsafe::SignatureAlgorithm;
  const KeyKind kind = KindOf(info);
  if (info.object_class != ObjectClass::kPrivateKey || kind == KeyKind::kOther ||
      info.state != iotsafe::ObjectState::kActivated || !Has(info.functions, iotsafe::Function::kSignature)) {
    return std::nullopt;
  }
  for (const SignatureAlgorithm algorithm :
       {SignatureAlgorithm::kEcdsa, SignatureAlgorithm::kRsaPkcs1, SignatureAlgorithm::kRsaPss}) {
    for (const HashAlgorithm hash : {HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512}) {
      if ((algorithm == SignatureAlgorithm::kEcdsa) != (kind == KeyKind::kRsa) &&
          Has(info.signature_algorithms, algorithm) && Has(info.hash_algorithms, hash)) {
        return TrialSignature{hash, algorithm, Bytes(iotsafe::DigestSize(hash), 0x5A)};
      }
    }
  }
  return std::nullopt;
}

/// The raw signature out of tag 33; empty if there is none.
Bytes TrialResult(Talk& talk, const ObjectInfo& key, const TrialSignature& trial) {
  Bytes parameters = ReferenceById(key);
  const auto hash = static_cast<unsigned>(trial.hash);
  for (const unsigned byte : {0xA1U, 0x01U, 0x03U, 0x91U, 0x02U, hash >> 8U, hash & 0xFFU, 0x92U, 0x01U,
                              static_cast<unsigned>(trial.algorithm)}) {
    parameters.push_back(LowByte(byte));
  }
  Bytes update{0x9E, LowByte(trial.digest.size())};
  update.insert(update.end(), trial.digest.begin(), trial.digest.end());
  const bool open = talk.Applet(Ins::kComputeSignatureInit, 0x00, 0x01, parameters).ok();
  const auto answer = open ? talk.Applet(Ins::kComputeSignatureUpdate, 0x80, 0x01, update) : Talk::Answer();
  static_cast<void>(talk.Applet(Ins::kComputeSignatureInit, 0x01, 0x01, {}));
  if (!answer.ok()) {
    return {};
  }
  if (KindOf(key) == KeyKind::kRsa) {
    ByteReader reader(answer.data);
    wire::Tlv signature;
    const bool read = wire::ReadFlexibleTlv(reader, {}, signature);
    return read ? Bytes(signature.value.begin(), signature.value.end()) : Bytes();
  }
  const auto signature = iotsafe::ParseSignature(answer.data, ScalarSize(CurveOf(KindOf(key))));
  return signature ? Bytes(signature->view().begin(), signature->view().end()) : Bytes();
}

/// True if the public key of this object verifies the signature.
bool Verifies(Talk& talk, crypto::Crypto& crypto, const ObjectInfo& info, const TrialSignature& trial,
              ByteView signature) {
  const auto read = talk.Applet(Ins::kReadPublicKey, 0x00, 0x00, ReferenceById(info));
  ByteReader reader(read.data);
  wire::Tlv outer;
  const bool is_key =
      read.ok() && wire::ReadFlexibleTlv(reader, {}, outer) && outer.tag == Code(iotsafe::Tag::kPublicKeyData);
  const auto key = is_key ? iotsafe::ParseAnyPublicKeyValue(outer.value) : Unexpected(ParseError::kMissingTag);
  if (!key || key->point.empty() != (KindOf(info) == KeyKind::kRsa)) {
    return false;
  }
  if (KindOf(info) == KeyKind::kRsa) {
    const auto padding =
        trial.algorithm == iotsafe::SignatureAlgorithm::kRsaPss ? crypto::RsaPadding::kPss : crypto::RsaPadding::kPkcs1;
    return crypto.VerifyRsa({key->modulus, key->exponent}, padding, trial.hash, trial.digest, signature) ==
           crypto::VerifyResult::kValid;
  }
  return crypto.VerifyEcdsa(CurveOf(KindOf(info)), key->point, trial.digest, signature) == crypto::VerifyResult::kValid;
}

/// Signs a digest with the key and finds the public key that verifies it. If none does, the one of the same identifier
/// stays: the cases will show what is wrong.
void FindPublicHalf(Talk& talk, crypto::Crypto& crypto, const std::vector<FoundObject>& objects, FoundObject& key) {
  const auto trial = TrialFor(key.info);
  if (!trial) {
    return;
  }
  const auto candidates = Candidates(objects, key.info);
  if (!candidates.empty() && candidates.front()->info.id == key.info.id) {
    key.public_info = candidates.front()->info;
  }
  const Bytes signature = TrialResult(talk, key.info, *trial);
  if (signature.empty()) {
    return;
  }
  for (const FoundObject* candidate : candidates) {
    if (Verifies(talk, crypto, candidate->info, *trial, signature)) {
      key.public_info = candidate->info;
      return;
    }
  }
}

}  // namespace

std::string Capabilities::WhyNot(std::string_view need) const {
  const auto found = missing.find(need);
  return found == missing.end() ? std::string() : found->second;
}

Result<Capabilities> Discover(wire::CardEndpoint& card, crypto::Crypto& crypto, const DiscoveryOptions& options) {
  Talk talk(card);
  Capabilities found;
  SR_TRY(const Bytes aid, SelectApplet(talk));
  SR_TRY_VOID(ReadApplication(talk, found));
  SR_TRY(const Bytes list, ReadList(talk));
  SR_TRY(std::vector<FoundObject> objects, ParseList(list));
  SR_TRY(found.pin, options.open_pin ? options.open_pin(kClass) : CardPin(card, {}).Open(kClass));
  found.model = FindModel(talk, objects);
  found.wrapped = list.empty() || (list.front() >= 0xC1 && list.front() <= 0xC4);
  for (FoundObject& object : objects) {
    found.objects.push_back(object.info);
    FindPublicHalf(talk, crypto, objects, object);
  }
  found.variables["aid"] = aid;
  AssignRoles(objects, options, found);
  return found;
}

}  // namespace simroot::conformance
