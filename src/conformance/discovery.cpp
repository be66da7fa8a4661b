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

bool IsP256(const ObjectInfo& info) {
  return info.key_type == iotsafe::KeyType::kP256Persistent || info.key_type == iotsafe::KeyType::kP256Volatile;
}

/// The public halves a private key may have, likeliest first: same identifier, same label, the others.
std::vector<const FoundObject*> Candidates(const std::vector<FoundObject>& objects, const ObjectInfo& key) {
  std::vector<const FoundObject*> found;
  for (const FoundObject& object : objects) {
    if (object.info.object_class == ObjectClass::kPublicKey && object.info.key_type == key.key_type) {
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

/// Signs a digest with the key and finds the public key that verifies it. If none does, the one of the same identifier
/// stays: the cases will show what is wrong.
void FindPublicHalf(Talk& talk, crypto::Crypto& crypto, const std::vector<FoundObject>& objects, FoundObject& key) {
  const auto candidates = Candidates(objects, key.info);
  if (!candidates.empty() && candidates.front()->info.id == key.info.id) {
    key.public_info = candidates.front()->info;
  }
  const Bytes digest(32, 0x5A);
  Bytes parameters = ReferenceById(key.info);
  for (const int byte : {0xA1, 0x01, 0x03, 0x91, 0x02, 0x00, 0x01, 0x92, 0x01, 0x04}) {
    parameters.push_back(LowByte(byte));
  }
  Bytes update{0x9E, 0x20};
  update.insert(update.end(), digest.begin(), digest.end());
  const bool open = talk.Applet(Ins::kComputeSignatureInit, 0x00, 0x01, parameters).ok();
  const auto answer = open ? talk.Applet(Ins::kComputeSignatureUpdate, 0x80, 0x01, update) : Talk::Answer();
  static_cast<void>(talk.Applet(Ins::kComputeSignatureInit, 0x01, 0x01, {}));
  const auto signature = iotsafe::ParseSignature(answer.data);
  if (!answer.ok() || !signature) {
    return;
  }
  for (const FoundObject* candidate : candidates) {
    const auto read = talk.Applet(Ins::kReadPublicKey, 0x00, 0x00, ReferenceById(candidate->info));
    ByteReader reader(read.data);
    wire::Tlv outer;
    const bool is_key = read.ok() && wire::ReadTlv(reader, outer) && outer.tag == Code(iotsafe::Tag::kPublicKeyData);
    const auto point = is_key ? iotsafe::ParsePublicKeyValue(outer.value) : Unexpected(ParseError::kMissingTag);
    if (point &&
        crypto.VerifyEcdsa(crypto::Curve::kP256, *point, digest, signature->view()) == crypto::VerifyResult::kValid) {
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
  found.model = FindModel(talk, objects);
  found.wrapped = list.empty() || (list.front() >= 0xC1 && list.front() <= 0xC4);
  for (FoundObject& object : objects) {
    const ObjectInfo& info = object.info;
    found.objects.push_back(info);
    const bool may_sign = info.object_class == ObjectClass::kPrivateKey && IsP256(info) &&
                          info.state == iotsafe::ObjectState::kActivated &&
                          Has(info.functions, iotsafe::Function::kSignature) &&
                          Has(info.signature_algorithms, iotsafe::SignatureAlgorithm::kEcdsa);
    if (may_sign) {
      FindPublicHalf(talk, crypto, objects, object);
    }
  }
  found.variables["aid"] = aid;
  AssignRoles(objects, options, found);
  return found;
}

}  // namespace simroot::conformance
