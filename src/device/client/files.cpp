// SPDX-License-Identifier: Apache-2.0
/// Files and public keys: read from the card, or from the cache.
#include "common/wire/tlv.hpp"
#include "device/client/operations.hpp"
#include "device/client/refusal.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::Ins;
using wire::StatusWord;

constexpr std::uint16_t kDerSequence = 0x30;
constexpr std::uint8_t kUncompressedPoint = 0x04;

/// Under what name and of what age the object is cached; nothing if the card does not say when its objects change.
struct CachePlace {
  CacheKey key;
  std::uint32_t counter = 0;
};

[[nodiscard]] std::optional<CachePlace> KnownPlace(Session& session, const ObjectName& object) {
  const auto& opening = session.opening();
  if (!session.cache().enabled() || !opening || !opening->iccid || !opening->KnowsApplication()) {
    return std::nullopt;
  }
  const auto identifier = iotsafe::ParseIdentifier(opening->application->proprietary_identifier.view());
  if (!identifier) {
    return std::nullopt;
  }
  // The epoch is random: copies of a card that went their own ways count alike, but never agree in it.
  return CachePlace{{*opening->iccid, opening->aid, object}, identifier->change_counter ^ identifier->epoch};
}

/// A lost port, channel or selection has to reach the recovery; any other refusal only means: no cache.
[[nodiscard]] bool NeedsRecovery(const Transaction& transaction, const Error& error) {
  const bool not_ours = error.sw == StatusWord::kUnknownInstruction || error.sw == StatusWord::kUnknownClass;
  return error.domain == ErrorDomain::kTransport || error.sw == StatusWord::kChannelNotSupported ||
         (transaction.channel_was_reused() && not_ours);
}

/// Asks the card for what is missing to know the place: at most once per opened channel. A card that cannot answer is
/// used without cache; only the end of the transport is an error.
[[nodiscard]] Result<std::optional<CachePlace>> FindPlace(Transaction& transaction, const ObjectName& object) {
  Session& session = transaction.session();
  if (session.cache().enabled() && !session.opening()->iccid) {
    if (const auto iccid = ReadIccid(transaction); !iccid) {
      session.DisableCache();
      if (iccid.error().domain == ErrorDomain::kTransport) {
        return tl::make_unexpected(iccid.error());
      }
    }
  }
  if (session.cache().enabled() && !session.opening()->KnowsApplication()) {
    if (const auto application = ReadApplication(transaction); !application) {
      if (NeedsRecovery(transaction, application.error())) {
        return tl::make_unexpected(application.error());
      }
      session.DisableCache();
    }
  }
  return KnownPlace(session, object);
}

/// Stores unless a remote session ended during this transaction: then content and counter may be of different age.
void Remember(Transaction& transaction, const std::optional<CachePlace>& place, ByteView content) {
  if (place && !transaction.exchange()->remote_session_completed()) {
    transaction.session().cache().Store(place->key, place->counter, content);
  }
}

/// The content cut after its DER structure: `size` of a file may be that of its container, padded with zeros.
[[nodiscard]] Bytes CutToDer(Bytes content) {
  ByteReader reader(content);
  wire::Tlv der;
  if (wire::ReadBerTlv(reader, der) && der.tag == kDerSequence) {
    content.resize(content.size() - reader.remaining());
  }
  return content;
}

/// Past the end of the file, as cards put it (spec 5: 6A86 or 6981; 6B00 in ISO/IEC 7816-4).
[[nodiscard]] bool IsPastEnd(StatusWord sw) {
  return sw == StatusWord::kIncorrectP1P2 || sw == StatusWord::kIncompatibleFile || sw == StatusWord::kWrongOffset;
}

[[nodiscard]] Result<Bytes> ReadBlocks(Transaction& transaction, const ObjectName& file, std::size_t size) {
  const ReferenceBytes reference = EncodeReference(file);
  const std::size_t block = transaction.session().opening()->dialect.read_block;
  Bytes content;
  while (content.size() < size) {
    SR_TRY(const Reply reply, transaction.Send({.ins = Ins::kReadFile,
                                                .p1 = LowByte(content.size() >> 8U),
                                                .p2 = LowByte(content.size()),
                                                .data = reference.view(),
                                                .le = std::min(block, size - content.size())}));
    if (IsPastEnd(reply.sw) && !content.empty()) {
      break;
    }
    if (!IsSuccess(reply.sw)) {
      return tl::make_unexpected(
          Refusal(reply.sw, {.ins = Ins::kReadFile, .object = &file, .purpose = "reading"}, transaction.port()));
    }
    if (reply.data.empty()) {
      break;
    }
    // A T=0 card never sees Le and may answer more than was asked for.
    const std::size_t usable = std::min(reply.data.size(), size - content.size());
    content.insert(content.end(), reply.data.begin(), reply.data.begin() + static_cast<std::ptrdiff_t>(usable));
  }
  return content;
}

[[nodiscard]] bool IsBarePoint(ByteView data) {
  return (data.size() == iotsafe::kP256PointSize || data.size() == iotsafe::kP384PointSize) &&
         data.front() == kUncompressedPoint;
}

/// The key in a READ PUBLIC KEY answer: in tag 34, or a bare point as one known card sends it (spec 7.12).
[[nodiscard]] Expected<iotsafe::PublicKeyView, ParseError> ParsePublicKeyAnswer(ByteView data) {
  if (IsBarePoint(data)) {
    return iotsafe::PublicKeyView{.point = data};
  }
  ByteReader reader(data);
  wire::Tlv tlv;
  if (!wire::ReadFlexibleTlv(reader, {}, tlv)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (tlv.tag != iotsafe::Code(iotsafe::Tag::kPublicKeyData)) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  return iotsafe::ParseAnyPublicKeyValue(tlv.value);
}

/// The answer to READ PUBLIC KEY.
[[nodiscard]] Result<Bytes> ReadKeyFromCard(Transaction& transaction, const ObjectName& public_key) {
  const ReferenceBytes reference = EncodeReference(public_key);
  SR_TRY(const Reply reply, transaction.Send({.ins = Ins::kReadPublicKey, .data = reference.view(), .le = kAnyLength}));
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(
        reply.sw, {.ins = Ins::kReadPublicKey, .object = &public_key, .purpose = "reading"}, transaction.port()));
  }
  return reply.data;
}

[[nodiscard]] Result<Point> ReadPointFromCard(Transaction& transaction, const ObjectName& public_key) {
  SR_TRY(const Bytes answer, ReadKeyFromCard(transaction, public_key));
  const auto key = ParsePublicKeyAnswer(answer);
  if (!key) {
    return tl::make_unexpected(NotUnderstood(public_key.Text(), key.error(), transaction.port()));
  }
  Point point{};
  if (key->point.size() != point.size()) {
    return tl::make_unexpected(Error{ErrorDomain::kCard,
                                     public_key.Text() + " on " + transaction.port() + " is " +
                                         (key->modulus.empty() ? "a P-384 key" : "an RSA key") +
                                         ", and only keys of 256 bits can be used from here",
                                     "choose a key on P-256", StatusWord::kOk});
  }
  std::ranges::copy(key->point, point.begin());
  return point;
}

/// The type of key in the object's description; nothing if the card does not give one.
[[nodiscard]] Result<std::optional<iotsafe::KeyType>> ReadKeyType(Transaction& transaction,
                                                                  const ObjectName& public_key) {
  const auto info = ReadObjectInfo(transaction, public_key);
  if (!info && info.error().domain == ErrorDomain::kTransport) {
    return tl::make_unexpected(info.error());
  }
  return info ? std::optional(info->key_type) : std::nullopt;
}

/// Volatile keys change without the change counter: they are never cached. Asked only when something is to be stored.
[[nodiscard]] bool IsPersistent(std::optional<iotsafe::KeyType> type) {
  using iotsafe::KeyType;
  return type && *type != KeyType::kP256Volatile && *type != KeyType::kBrainpoolP256Volatile &&
         *type != KeyType::kP384Volatile;
}

/// Whether a point of this size can be on the curve of this type. Type and point come in different answers of the card,
/// and whoever gets the key goes by the type.
[[nodiscard]] bool FitsPoint(iotsafe::KeyType type, std::size_t size) {
  using iotsafe::KeyType;
  switch (type) {
    case KeyType::kP256Persistent:
    case KeyType::kP256Volatile:
    case KeyType::kBrainpoolP256Persistent:
    case KeyType::kBrainpoolP256Volatile:
      return size == iotsafe::kP256PointSize;
    case KeyType::kP384Persistent:
    case KeyType::kP384Volatile:
      return size == iotsafe::kP384PointSize;
    default:
      return false;
  }
}

[[nodiscard]] Bytes CopyOf(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::optional<Bytes> FindCached(Session& session, const ObjectName& object) {
  const auto place = KnownPlace(session, object);
  return place ? session.cache().Find(place->key, place->counter) : std::nullopt;
}

Result<Bytes> ReadFileContent(Transaction& transaction, const ObjectName& file) {
  SR_TRY(const auto place, FindPlace(transaction, file));
  if (auto cached = FindCached(transaction.session(), file)) {
    return *std::move(cached);
  }
  SR_TRY(const iotsafe::ObjectInfo info, ReadObjectInfo(transaction, file));
  if (info.state == iotsafe::ObjectState::kDeactivated && info.file_size == 0) {
    // What READ FILE would be refused with; saying so costs no exchange.
    return tl::make_unexpected(Error{ErrorDomain::kCard, file.Text() + " on " + transaction.port() + " is empty",
                                     "nothing has been stored in it yet: have the card provisioned, or write it with "
                                     "`simroot card put-file`",
                                     StatusWord::kConditionsNotSatisfied});
  }
  SR_TRY(Bytes content, ReadBlocks(transaction, file, info.file_size));
  if (info.file_usage == iotsafe::FileUsage::kCertificate) {
    content = CutToDer(std::move(content));
  }
  Remember(transaction, place, content);
  return content;
}

Result<Point> ReadPoint(Transaction& transaction, const ObjectName& public_key) {
  SR_TRY(const auto place, FindPlace(transaction, public_key));
  Point point{};
  if (const auto cached = FindCached(transaction.session(), public_key);
      cached && cached->size() == point.size() && CopyBytes(*cached, point)) {
    return point;
  }
  SR_TRY(point, ReadPointFromCard(transaction, public_key));
  if (place) {
    SR_TRY(const auto type, ReadKeyType(transaction, public_key));
    if (IsPersistent(type)) {
      Remember(transaction, place, point);
    }
  }
  return point;
}

std::optional<PublicKey> ParseCachedKey(ByteView cached, crypto::Crypto* crypto) {
  using iotsafe::KeyType;
  const auto view = ParsePublicKeyAnswer(cached);
  if (!view) {
    return std::nullopt;
  }
  PublicKey key{KeyType::kRsa2048, CopyOf(view->point), CopyOf(view->modulus), CopyOf(view->exponent)};
  if (key.point.size() == iotsafe::kP384PointSize) {
    key.type = KeyType::kP384Persistent;
  } else if (!key.point.empty()) {
    const bool other = crypto != nullptr && !crypto->IsValidPoint(crypto::Curve::kP256, key.point);
    key.type = other ? KeyType::kBrainpoolP256Persistent : KeyType::kP256Persistent;
  }
  return key;
}

Result<PublicKey> ReadAnyKey(Transaction& transaction, const ObjectName& public_key) {
  Session& session = transaction.session();
  SR_TRY(const auto place, FindPlace(transaction, public_key));
  if (const auto cached = FindCached(session, public_key)) {
    if (auto key = ParseCachedKey(*cached, session.crypto())) {
      return *std::move(key);
    }
  }
  SR_TRY(const Bytes answer, ReadKeyFromCard(transaction, public_key));
  auto key = ParseCachedKey(answer, session.crypto());
  if (!key) {
    const auto parsed = ParsePublicKeyAnswer(answer);
    return tl::make_unexpected(
        NotUnderstood(public_key.Text(), parsed ? ParseError::kBadValue : parsed.error(), transaction.port()));
  }
  if (key->point.empty()) {
    Remember(transaction, place, answer);
    return *std::move(key);
  }
  SR_TRY(const auto type, ReadKeyType(transaction, public_key));
  if (type && !FitsPoint(*type, key->point.size())) {
    return tl::make_unexpected(
        NotUnderstood("the described type of " + public_key.Text(), ParseError::kBadValue, transaction.port()));
  }
  key->type = type.value_or(key->type);
  if (IsPersistent(type)) {
    Remember(transaction, place, key->point);
  }
  return *std::move(key);
}

}  // namespace simroot::device::client
