// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/applet_driver.hpp"
#include "platform/ota/element.hpp"

namespace simroot::platform {
namespace {

using iotsafe::AdminCommand;
using iotsafe::AdminField;
using iotsafe::Code;
using iotsafe::ObjectClass;
using iotsafe::Tag;

constexpr std::uint8_t kStoreData = 0xE2;
constexpr std::uint8_t kLastWithAnswer = 0x81;
/// Bytes of a block, and of a piece of what the card sends (docs/formats/personalisation.md): 239 less 12 for heads.
constexpr std::size_t kBlockSize = 239;
constexpr std::size_t kPieceOfCard = 227;
constexpr std::size_t kLongestEntry = 168;  ///< of LIST: an entry has at most 163 bytes
/// What WRITE FILE has besides its piece, at most: heads, reference and offset; the total size with the first piece.
constexpr std::size_t kHeadsOfPiece = 13;
constexpr std::size_t kHeadsOfFirstPiece = kHeadsOfPiece + 4;
/// A shorter piece costs the card a write and saves nothing.
constexpr std::size_t kShortestPiece = 16;
constexpr std::size_t kPieceOfSecret = 208;  // whole blocks of 16

/// How containers of a key type are described: signature and hash algorithms by which TLS can use them.
struct KeyTypeRow {
  std::string_view name;
  iotsafe::KeyType type;
  std::uint8_t signature_algorithms;
};
constexpr std::array kKeyTypes{
    KeyTypeRow{"p256", iotsafe::KeyType::kP256Persistent, 0x04},
    KeyTypeRow{"brainpoolP256r1", iotsafe::KeyType::kBrainpoolP256Persistent, 0x04},
    KeyTypeRow{"p384", iotsafe::KeyType::kP384Persistent, 0x04},
    KeyTypeRow{"rsa2048", iotsafe::KeyType::kRsa2048, 0x03},
};
constexpr std::uint8_t kSignature = static_cast<std::uint8_t>(iotsafe::Function::kSignature);
constexpr std::uint8_t kDerivation = static_cast<std::uint8_t>(iotsafe::Function::kKeyDerivation);
constexpr std::uint8_t kReadable = static_cast<std::uint8_t>(iotsafe::Access::kReadable);
constexpr std::uint8_t kPrfAndHkdf = 0x03;
constexpr std::size_t kAllHashes = 0x0007;

[[nodiscard]] CardCommand Block(AdminCommand command, ByteView elements, std::string what,
                                Purpose purpose = Purpose::kNothing, std::size_t offset = 0) {
  return {.ins = kStoreData,
          .p1 = kLastWithAnswer,
          .p2 = 0,
          .data = Element(Code(command), elements),
          .what = std::move(what),
          .purpose = purpose,
          .offset = offset};
}

[[nodiscard]] Bytes Reference(const ObjectKey& object) {
  return ElementU8(Code(TagsOf(object.object_class).id), object.id);
}

[[nodiscard]] tl::unexpected<Failure> NotUnderstood() {
  return Refuse(FailureKind::kInternal, "the card's answer to a personalisation command cannot be understood",
                "check that the card has an applet of this version");
}

/// The value of the one element with this tag; nothing if there is none.
[[nodiscard]] std::optional<ByteView> FindElement(ByteView bytes, std::uint8_t tag) {
  ByteReader reader(bytes);
  wire::Tlv element;
  while (wire::ReadBerTlv(reader, element)) {
    if (element.tag == tag) {
      return element.value;
    }
  }
  return std::nullopt;
}

/// The entry E3 {C1 .. C4, ...} of LIST.
[[nodiscard]] std::optional<CardObject> ReadEntry(ByteView entry) {
  ByteReader reader(entry);
  auto info = iotsafe::ReadObjectInfo(reader);
  if (!info) {
    return std::nullopt;
  }
  CardObject object{*info, std::nullopt};
  const auto origin = FindElement(reader.rest(), Code(AdminField::kOrigin));
  if (origin && origin->size() == 1) {
    object.origin = static_cast<iotsafe::KeyOrigin>(origin->front());
  }
  return object;
}

/// What both halves of a pair have in common, behind identifier and label.
[[nodiscard]] Bytes KeyAttributes(const KeyTypeRow& row, std::uint8_t access) {
  return JoinBytes(ElementU8(Code(Tag::kAccessConditions), access),
                   ElementU8(Code(Tag::kKeyType), static_cast<std::uint8_t>(row.type)),
                   ElementU8(Code(Tag::kKeyUsage), static_cast<std::uint8_t>(iotsafe::KeyUsage::kGeneral)),
                   ElementU8(Code(Tag::kObjectFunctions), kSignature),
                   ElementU8(Code(Tag::kSignatureAlgorithms), row.signature_algorithms),
                   ElementU16(Code(Tag::kHashAlgorithms), kAllHashes));
}

/// Fills blocks. The card runs the commands of a block in order up to the first error; their answers follow each other.
/// Those whose answers are read go alone.
class Packer {
 public:
  void Add(CardCommand command) {
    const bool joins = command.ins == kStoreData && command.purpose == Purpose::kNothing;
    if (joins && room_ > 0 && command.data.size() <= room_) {
      CardCommand& block = blocks_.back();
      block.data.insert(block.data.end(), command.data.begin(), command.data.end());
      block.what += ", " + command.what;
    } else {
      blocks_.push_back(std::move(command));
    }
    const std::size_t used = blocks_.back().data.size();
    room_ = joins && used < kBlockSize ? kBlockSize - used : 0;
  }

  /// WRITE FILE for the content of `file`: its first piece takes what room the block before has.
  void AddFile(const CardCommand& file) {
    std::size_t offset = 0;
    while (offset < file.content.size()) {
      const std::size_t heads = offset == 0 ? kHeadsOfFirstPiece : kHeadsOfPiece;
      const ByteView left = ByteView(file.content).subspan(offset);
      const std::size_t room = room_ < heads + std::min(left.size(), kShortestPiece) ? kBlockSize : room_;
      const ByteView piece = left.first(std::min(left.size(), room - heads));
      Bytes elements = JoinBytes(file.data, ElementU16(Code(AdminField::kOffset), offset));
      if (offset == 0) {
        elements = JoinBytes(elements, ElementU16(Code(AdminField::kTotalSize), file.content.size()));
      }
      Add(Block(AdminCommand::kWriteFile, JoinBytes(elements, Element(Code(AdminField::kContent), piece)),
                file.what + " from byte " + std::to_string(offset)));
      offset += piece.size();
    }
  }

  [[nodiscard]] CardCommands Take() { return std::move(blocks_); }

 private:
  CardCommands blocks_;
  std::size_t room_ = 0;  ///< bytes that the last block can still take
};

class Simroot final : public AppletDriver {
 public:
  [[nodiscard]] const std::string& Name() const override {
    static const std::string name = "simroot";
    return name;
  }

  [[nodiscard]] CardCommands Begin() const override {
    return {
        Block(AdminCommand::kBegin, ElementU8(Code(AdminField::kVersion), iotsafe::kPersonalisationVersion), "BEGIN")};
  }
  [[nodiscard]] CardCommands Commit() const override { return {Block(AdminCommand::kCommit, {}, "COMMIT")}; }

  [[nodiscard]] Outcome<CardCommands> List(const std::vector<std::size_t>& from) const override {
    CardCommands commands;
    for (const std::size_t first : from) {
      commands.push_back(Block(AdminCommand::kList, ElementU16(Code(AdminField::kOffset), first),
                               "LIST from object " + std::to_string(first), Purpose::kList, first));
    }
    return commands;
  }
  [[nodiscard]] Outcome<ListedObjects> ReadList(const CardAnswers& answers) const override;

  [[nodiscard]] Outcome<CardCommands> MakeKeyPair(const KeyPairWish& wish) const override;
  [[nodiscard]] Outcome<CardCommands> FillKeyPair(std::uint8_t private_id) const override {
    const ObjectKey key{ObjectClass::kPrivateKey, private_id};
    return CardCommands{Block(AdminCommand::kGenerate, Reference(key), "GENERATE " + key.Text())};
  }
  [[nodiscard]] Outcome<CardCommands> MakeRequest(std::uint8_t private_id, const std::string& key_type,
                                                  ByteView subject) const override;
  [[nodiscard]] Outcome<CardCommands> Attest(std::uint8_t private_id, const std::string& key_type,
                                             ByteView attesting_key, ByteView nonce) const override;
  [[nodiscard]] Outcome<CardCommands> ReadFile(std::uint8_t id, std::size_t size) const override;
  [[nodiscard]] Outcome<CardCommands> ReadAttestingKey(ByteView id) const override {
    return CardCommands{Block(AdminCommand::kRead, Element(Code(Tag::kPublicKeyId), id), "READ public key " + ToHex(id),
                              Purpose::kAttestingKey)};
  }
  [[nodiscard]] Outcome<Bytes> ReadPoint(const CardAnswers& answers) const override;
  [[nodiscard]] Outcome<Bytes> JoinPieces(const CardAnswers& answers) const override;

  [[nodiscard]] Outcome<CardCommands> CreateFile(std::uint8_t id, const std::string& label, iotsafe::FileUsage usage,
                                                 std::size_t size) const override;
  [[nodiscard]] Outcome<CardCommands> WriteFile(std::uint8_t id, ByteView content) const override;
  [[nodiscard]] Outcome<CardCommands> CreateSecret(std::uint8_t id, const std::string& label) const override;
  [[nodiscard]] Outcome<CardCommands> LoadSecret(std::uint8_t id, ByteView secret, ByteView check_value,
                                                 const KeyCipher& cipher) const override;

  [[nodiscard]] Outcome<CardCommands> SetLabel(const ObjectKey& object, const std::string& label) const override {
    const auto& tags = TagsOf(object.object_class);
    const Bytes content = JoinBytes(Reference(object), Element(Code(tags.label), label));
    return CardCommands{Block(AdminCommand::kSetInfo, Element(Code(tags.info), content),
                              "SET INFO " + object.Text() + ", label \"" + label + "\"")};
  }
  [[nodiscard]] Outcome<CardCommands> SetUsable(const ObjectKey& object, bool usable) const override {
    const auto& tags = TagsOf(object.object_class);
    const std::uint8_t functions = object.object_class == ObjectClass::kSecretKey ? kDerivation : kSignature;
    const Bytes content = JoinBytes(Reference(object), ElementU8(Code(Tag::kObjectFunctions), usable ? functions : 0));
    return CardCommands{Block(AdminCommand::kSetInfo, Element(Code(tags.info), content),
                              "SET INFO " + object.Text() + (usable ? ", usable" : ", not usable"))};
  }
  [[nodiscard]] Outcome<CardCommands> Delete(const ObjectKey& object) const override {
    return CardCommands{Block(AdminCommand::kDelete, Reference(object), "DELETE " + object.Text())};
  }

  [[nodiscard]] CardCommands Pack(CardCommands commands) const override;
};

Outcome<ListedObjects> Simroot::ReadList(const CardAnswers& answers) const {
  std::vector<std::optional<CardObject>> places;
  std::optional<std::size_t> count;  // of all objects, at most
  for (const CardAnswer& answer : answers) {
    const auto entries = FindElement(answer.data, Code(AdminCommand::kList));
    if (!entries) {
      return NotUnderstood();
    }
    ByteReader reader(*entries);
    std::size_t place = answer.offset;
    while (!reader.empty()) {
      wire::Tlv entry;
      if (!wire::ReadBerTlv(reader, entry) || entry.tag != Code(AdminCommand::kCreate)) {
        return NotUnderstood();
      }
      places.resize(std::max(places.size(), place + 1));
      places.at(place) = ReadEntry(entry.value);
      ++place;
    }
    if (answer.data.size() + kLongestEntry <= kBlockSize) {  // another one would have found room
      count = std::min(count.value_or(place), place);
    }
  }
  ListedObjects result;
  bool was_there = true;
  for (std::size_t place = 0; place < places.size(); ++place) {
    const auto& object = places.at(place);
    if (object) {
      result.objects.push_back(*object);
    } else if (was_there) {
      result.missing.push_back(place);
    }
    was_there = object.has_value();
  }
  if (result.missing.empty() && (!count || *count > places.size())) {
    result.missing.push_back(places.size());
  }
  return result;
}

Outcome<CardCommands> Simroot::MakeKeyPair(const KeyPairWish& wish) const {
  const auto* const row = std::ranges::find(kKeyTypes, wish.key_type, &KeyTypeRow::name);
  if (row == kKeyTypes.end()) {
    return Refuse(FailureKind::kInvalid, "there is no key type " + wish.key_type,
                  "set the policy to p256, brainpoolP256r1, p384 or rsa2048");
  }
  const ObjectKey private_key{ObjectClass::kPrivateKey, wish.private_id};
  const ObjectKey public_key{ObjectClass::kPublicKey, wish.public_id};
  const Bytes private_info =
      JoinBytes(Element(Code(Tag::kPrivateKeyLabel), wish.label), Reference(private_key), KeyAttributes(*row, 0));
  const Bytes public_info = JoinBytes(Reference(public_key), KeyAttributes(*row, kReadable));
  CardCommands commands{
      Block(AdminCommand::kCreate, JoinBytes(Element(Code(Tag::kPrivateKeyInfo), private_info), Reference(public_key)),
            "CREATE " + private_key.Text()),
      Block(AdminCommand::kCreate, Element(Code(Tag::kPublicKeyInfo), public_info), "CREATE " + public_key.Text())};
  SR_TRY(CardCommands fill, FillKeyPair(wish.private_id));
  Append(commands, std::move(fill));
  return commands;
}

Outcome<CardCommands> Simroot::MakeRequest(std::uint8_t private_id, const std::string& key_type,
                                           ByteView subject) const {
  const auto size = RequestSize(key_type, subject.size());
  const ObjectKey key{ObjectClass::kPrivateKey, private_id};
  const Bytes common = JoinBytes(Reference(key), Element(Code(AdminField::kSubject), subject));
  constexpr std::size_t kHeads = 3 + 4;  // of the command, and the offset
  if (!size || common.size() + kHeads > kBlockSize) {
    return Refuse(FailureKind::kInvalid, "a certificate request for this key and subject cannot be asked for",
                  "use a key type that is known and shorter names");
  }
  CardCommands commands;
  for (const std::size_t offset : PieceOffsets(size->least, size->most, kPieceOfCard)) {
    commands.push_back(Block(
        AdminCommand::kMakeCsr, offset == 0 ? common : JoinBytes(common, ElementU16(Code(AdminField::kOffset), offset)),
        "CSR of " + key.Text() + " from byte " + std::to_string(offset), Purpose::kRequest, offset));
  }
  return commands;
}

Outcome<CardCommands> Simroot::Attest(std::uint8_t private_id, const std::string& key_type, ByteView attesting_key,
                                      ByteView nonce) const {
  const ObjectKey key{ObjectClass::kPrivateKey, private_id};
  // The statement without a key and a signature of 64 bytes, with the shortest and the longest identifiers.
  constexpr SizeRange kRest{96, 152};
  const auto sizes = RequestSize(key_type, 0);
  if (!sizes) {
    return Refuse(FailureKind::kInvalid, "there is no key type " + key_type);
  }
  const std::size_t public_key = key_type == "rsa2048" ? 270 : key_type == "p384" ? 101 : 69;
  const Bytes common = JoinBytes(Reference(key), Element(Code(AdminField::kAttestingKey), attesting_key),
                                 Element(Code(AdminField::kNonce), nonce));
  CardCommands commands;
  for (const std::size_t offset :
       PieceOffsets(kRest.least + public_key, kRest.most + public_key + nonce.size(), kPieceOfCard)) {
    commands.push_back(Block(
        AdminCommand::kAttest, offset == 0 ? common : JoinBytes(common, ElementU16(Code(AdminField::kOffset), offset)),
        "ATTEST " + key.Text() + " from byte " + std::to_string(offset), Purpose::kAttest, offset));
  }
  return commands;
}

Outcome<CardCommands> Simroot::ReadFile(std::uint8_t id, std::size_t size) const {
  const ObjectKey file{ObjectClass::kFile, id};
  CardCommands commands;
  for (const std::size_t offset : PieceOffsets(size, size, kPieceOfCard)) {
    commands.push_back(
        Block(AdminCommand::kRead, JoinBytes(Reference(file), ElementU16(Code(AdminField::kOffset), offset)),
              "READ " + file.Text() + " from byte " + std::to_string(offset), Purpose::kContent, offset));
  }
  return commands;
}

Outcome<Bytes> Simroot::ReadPoint(const CardAnswers& answers) const {
  SR_TRY(const Bytes data, JoinPieces(answers));
  const auto value = FindElement(data, Code(Tag::kPublicKeyData));
  const auto point = value ? iotsafe::ParsePublicKeyValue(*value) : Unexpected(ParseError::kMissingTag);
  if (!point) {
    return Refuse(FailureKind::kInvalid, "the attesting key of the card is no P-256 key",
                  "name another attesting key in the policy, or none");
  }
  return Bytes(point->begin(), point->end());
}

Outcome<Bytes> Simroot::JoinPieces(const CardAnswers& answers) const {
  Bytes whole;
  std::optional<std::uint16_t> total;
  for (const CardAnswer& answer : answers) {
    ByteReader reader(answer.data);
    wire::Tlv outer;
    if (!wire::ReadBerTlv(reader, outer) || !reader.empty()) {
      return NotUnderstood();
    }
    const auto size = FindElement(outer.value, Code(AdminField::kTotalSize));
    const auto content = FindElement(outer.value, Code(AdminField::kContent));
    std::uint16_t bytes = 0;
    if (!size || !content || size->size() != 2 || !ByteReader(*size).ReadU16(bytes) || total.value_or(bytes) != bytes ||
        answer.offset > whole.size() || answer.offset + content->size() > bytes) {
      return NotUnderstood();
    }
    total = bytes;
    whole.resize(answer.offset);
    whole.insert(whole.end(), content->begin(), content->end());
  }
  if (!total || whole.size() != *total) {
    return NotUnderstood();
  }
  return whole;
}

Outcome<CardCommands> Simroot::CreateFile(std::uint8_t id, const std::string& label, iotsafe::FileUsage usage,
                                          std::size_t /*size*/) const {
  const ObjectKey file{ObjectClass::kFile, id};
  const Bytes info = JoinBytes(Element(Code(Tag::kFileLabel), label), Reference(file),
                               ElementU8(Code(Tag::kAccessConditions), kReadable),
                               ElementU8(Code(Tag::kFileUsage), static_cast<std::uint8_t>(usage)));
  return CardCommands{Block(AdminCommand::kCreate, Element(Code(Tag::kFileInfo), info), "CREATE " + file.Text())};
}

Outcome<CardCommands> Simroot::WriteFile(std::uint8_t id, ByteView content) const {
  const ObjectKey file{ObjectClass::kFile, id};
  constexpr std::size_t kMost = 0xFFFF;
  if (content.empty() || content.size() > kMost) {
    return Refuse(FailureKind::kInvalid, "a file of a card has 1 to 65535 bytes");
  }
  return CardCommands{{.ins = kStoreData,
                       .p1 = kLastWithAnswer,
                       .p2 = 0,
                       .data = Reference(file),
                       .content = Bytes(content.begin(), content.end()),
                       .what = "WRITE FILE " + file.Text()}};
}

Outcome<CardCommands> Simroot::CreateSecret(std::uint8_t id, const std::string& label) const {
  const ObjectKey key{ObjectClass::kSecretKey, id};
  const Bytes info =
      JoinBytes(Element(Code(Tag::kSecretKeyLabel), label), Reference(key), ElementU8(Code(Tag::kAccessConditions), 0),
                ElementU8(Code(Tag::kKeyType), static_cast<std::uint8_t>(iotsafe::KeyType::kHmac)),
                ElementU8(Code(Tag::kObjectFunctions), kDerivation), ElementU8(Code(Tag::kKeyDerivation), kPrfAndHkdf));
  return CardCommands{Block(AdminCommand::kCreate, Element(Code(Tag::kSecretKeyInfo), info), "CREATE " + key.Text())};
}

Outcome<CardCommands> Simroot::LoadSecret(std::uint8_t id, ByteView secret, ByteView check_value,
                                          const KeyCipher& cipher) const {
  if (secret.empty() || secret.size() > kPieceOfSecret) {
    return Refuse(FailureKind::kInvalid, "a pre-shared key of this length does not fit one command",
                  "use 16 to 64 bytes");
  }
  const ObjectKey key{ObjectClass::kSecretKey, id};
  SR_TRY(const Bytes enciphered, cipher(secret));
  return CardCommands{Block(AdminCommand::kLoadSecret,
                            JoinBytes(Reference(key), ElementU16(Code(AdminField::kTotalSize), secret.size()),
                                      Element(Code(AdminField::kEncipheredKey), enciphered),
                                      Element(Code(AdminField::kKeyCheckValue), check_value)),
                            "LOAD SECRET " + key.Text())};
}

CardCommands Simroot::Pack(CardCommands commands) const {
  Packer packer;
  for (CardCommand& command : commands) {
    if (command.content.empty()) {
      packer.Add(std::move(command));
    } else {
      packer.AddFile(command);
    }
  }
  return packer.Take();
}

}  // namespace

const AppletDriver& SimrootDriver() {
  static const Simroot driver;
  return driver;
}

}  // namespace simroot::platform
