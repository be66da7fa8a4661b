// SPDX-License-Identifier: Apache-2.0
// The STORE DATA command set of NTT's applet: one TLV a logical command, longer ones over several blocks, a selected
// object that the next command works on, no transactions, no list, nothing for secret keys.
#include "platform/ota/applet_driver.hpp"
#include "platform/ota/element.hpp"

namespace simroot::platform {
namespace {

using iotsafe::Code;
using iotsafe::ObjectClass;
using iotsafe::Tag;

constexpr std::uint8_t kStoreData = 0xE2;
constexpr std::uint8_t kLast = 0x80;
constexpr std::uint8_t kMore = 0x00;
constexpr std::uint8_t kWithAnswer = 0x01;
constexpr std::size_t kBlockSize = 239;  // what a secured short APDU carries

enum class NttCommand : std::uint8_t {
  kCreateFile = 0x74,
  kDeleteObject = 0x76,
  kUpdateFile = 0x77,
  kMakeRequest = 0x7D,
  kReadFile = 0x7E,
};
/// The applet leaves a certificate request in a file with this identifier.
constexpr std::array<std::uint8_t, 4> kRequestFile{0x80, 0x00, 0x00, 0x00};
constexpr std::uint8_t kSubjectTag = 0x50;

[[nodiscard]] tl::unexpected<Failure> Cannot(const std::string& what) {
  return Refuse(FailureKind::kInvalid, "the applet of NTT has no known command to " + what,
                "do this in the factory, or use a card with another applet");
}

/// The blocks of one logical command.
[[nodiscard]] CardCommands Blocks(NttCommand command, ByteView value, const std::string& what,
                                  bool with_answer = false) {
  const Bytes whole = Element(static_cast<std::uint8_t>(command), value);
  CardCommands commands;
  ByteView rest = whole;
  while (!rest.empty()) {
    const ByteView block = rest.first(std::min(kBlockSize, rest.size()));
    rest = rest.subspan(block.size());
    const std::uint8_t p1 = LowByte((rest.empty() ? kLast : kMore) | (with_answer ? kWithAnswer : 0));
    commands.push_back({.ins = kStoreData,
                        .p1 = p1,
                        .p2 = LowByte(commands.size()),
                        .data = Bytes(block.begin(), block.end()),
                        .what = what});
  }
  return commands;
}

/// One SELECT AND READ FILE and its continuations, which have no data.
[[nodiscard]] CardCommands ReadBlocks(ByteView file_id, std::size_t size, Purpose purpose, const std::string& what) {
  constexpr std::size_t kAnswer = 239;
  CardCommands commands = Blocks(NttCommand::kReadFile, Element(Code(Tag::kFileId), file_id), what, true);
  commands.back().purpose = purpose;
  for (std::size_t read = kAnswer; read <= size; read += kAnswer) {
    commands.push_back({.ins = kStoreData,
                        .p1 = LowByte(kLast | kWithAnswer),
                        .p2 = LowByte(commands.size()),
                        .data = Element(static_cast<std::uint8_t>(NttCommand::kReadFile), ByteView()),
                        .what = what + ", continued",
                        .purpose = purpose});
  }
  return commands;
}

class Ntt final : public AppletDriver {
 public:
  [[nodiscard]] const std::string& Name() const override {
    static const std::string name = "ntt";
    return name;
  }
  [[nodiscard]] CardCommands Begin() const override { return {}; }
  [[nodiscard]] CardCommands Commit() const override { return {}; }

  [[nodiscard]] Outcome<CardCommands> List(const std::vector<std::size_t>& /*from*/) const override {
    return Cannot("list the objects of the card");
  }
  [[nodiscard]] Outcome<ListedObjects> ReadList(const CardAnswers& /*answers*/) const override {
    return Cannot("list the objects of the card");
  }
  [[nodiscard]] Outcome<CardCommands> MakeKeyPair(const KeyPairWish& /*wish*/) const override {
    return Cannot("make a key pair: the tag of its command is not published");
  }
  [[nodiscard]] Outcome<CardCommands> FillKeyPair(std::uint8_t /*private_id*/) const override {
    return Cannot("make a key pair: the tag of its command is not published");
  }
  [[nodiscard]] Outcome<CardCommands> MakeRequest(std::uint8_t private_id, const std::string& key_type,
                                                  ByteView subject) const override {
    const auto size = RequestSize(key_type, subject.size());
    if (!size) {
      return Cannot("make a certificate request for a key of type " + key_type);
    }
    const ObjectKey key{ObjectClass::kPrivateKey, private_id};
    const Bytes value = JoinBytes(ElementU8(Code(Tag::kPrivateKeyId), private_id), Element(kSubjectTag, subject));
    CardCommands commands = Blocks(NttCommand::kMakeRequest, value, "GENERATE CSR of " + key.Text(), true);
    Append(commands, ReadBlocks(kRequestFile, size->most, Purpose::kRequest, "READ the certificate request"));
    return commands;
  }
  [[nodiscard]] Outcome<CardCommands> Attest(std::uint8_t /*private_id*/, const std::string& /*key_type*/,
                                             ByteView /*attesting_key*/, ByteView /*nonce*/) const override {
    return Cannot("attest a key");
  }
  [[nodiscard]] Outcome<CardCommands> ReadFile(std::uint8_t id, std::size_t size) const override {
    const ObjectKey file{ObjectClass::kFile, id};
    return ReadBlocks(ByteView(&id, 1), size, Purpose::kContent, "READ " + file.Text());
  }
  [[nodiscard]] Outcome<CardCommands> ReadAttestingKey(ByteView /*id*/) const override {
    return Cannot("attest a key");
  }
  [[nodiscard]] Outcome<Bytes> ReadPoint(const CardAnswers& /*answers*/) const override {
    return Cannot("attest a key");
  }
  /// The pieces are bare content, one after the other; an empty one is the end.
  [[nodiscard]] Outcome<Bytes> JoinPieces(const CardAnswers& answers) const override {
    Bytes whole;
    for (const CardAnswer& answer : answers) {
      whole.insert(whole.end(), answer.data.begin(), answer.data.end());
    }
    return whole;
  }
  [[nodiscard]] Outcome<CardCommands> CreateFile(std::uint8_t id, const std::string& label,
                                                 iotsafe::FileUsage /*usage*/, std::size_t size) const override {
    const ObjectKey file{ObjectClass::kFile, id};
    const Bytes value = JoinBytes(Element(Code(Tag::kFileLabel), label), ElementU8(Code(Tag::kFileId), id),
                                  ElementU16(Code(Tag::kFileSize), size));
    return Blocks(NttCommand::kCreateFile, value, "CREATE " + file.Text());
  }
  [[nodiscard]] Outcome<CardCommands> WriteFile(std::uint8_t id, ByteView content) const override {
    // The file is selected by being read.
    const ObjectKey file{ObjectClass::kFile, id};
    CardCommands commands =
        Blocks(NttCommand::kReadFile, ElementU8(Code(Tag::kFileId), id), "SELECT " + file.Text(), true);
    Append(commands, Blocks(NttCommand::kUpdateFile, content, "UPDATE " + file.Text()));
    return commands;
  }
  [[nodiscard]] Outcome<CardCommands> CreateSecret(std::uint8_t /*id*/, const std::string& /*label*/) const override {
    return Cannot("make a container for a pre-shared key");
  }
  [[nodiscard]] Outcome<CardCommands> LoadSecret(std::uint8_t /*id*/, ByteView /*secret*/, ByteView /*check_value*/,
                                                 const KeyCipher& /*cipher*/) const override {
    return Cannot("load a pre-shared key");
  }
  [[nodiscard]] Outcome<CardCommands> SetLabel(const ObjectKey& object, const std::string& /*label*/) const override {
    return Cannot("change the label of " + object.Text());
  }
  [[nodiscard]] Outcome<CardCommands> SetUsable(const ObjectKey& object, bool /*usable*/) const override {
    return Cannot("switch " + object.Text() + " on or off");
  }
  [[nodiscard]] Outcome<CardCommands> Delete(const ObjectKey& object) const override {
    return Blocks(NttCommand::kDeleteObject, ElementU8(Code(TagsOf(object.object_class).id), object.id),
                  "DELETE " + object.Text());
  }
  [[nodiscard]] CardCommands Pack(CardCommands commands) const override { return commands; }
};

}  // namespace

const AppletDriver& NttDriver() {
  static const Ntt driver;
  return driver;
}

}  // namespace simroot::platform
