// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"
#include "card/applet/public_keys.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {

using iotsafe::Tag;
using wire::StatusWord;

// PUT PUBLIC KEY INIT (2.19): names the container.
StatusWord Applet::PutPublicKeyInit(const Call& call) {
  const auto session = OpenOrClose(call, SessionFamily::kPutPublicKey);
  if (!session || *session == nullptr) {
    return session ? Sw::kOk : session.error();
  }
  const StatusWord sw = TakeContainer(call, **session);
  if (sw != Sw::kOk) {
    sessions_.End(**session);
  }
  return sw;
}

StatusWord Applet::TakeContainer(const Call& call, Session& session) const {
  const auto data = CommandData::Parse(call.command.data, {Tag::kPublicKeyId, Tag::kPublicKeyLabel});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto object = FindObject(*data, iotsafe::ObjectClass::kPublicKey);
  if (!object) {
    return object.error();
  }
  if (!Has((*object)->info.access, iotsafe::Access::kUpdatable) || !IsOffered((*object)->info.key_type)) {
    return Sw::kConditionsNotSatisfied;
  }
  session.slot = store_.SlotOf(**object);
  session.generation = (*object)->generation;
  return Sw::kOk;
}

// PUT PUBLIC KEY UPDATE (2.20): the old key stays until the new one is complete and valid.
StatusWord Applet::PutPublicKeyUpdate(const Call& call) {
  const auto session = RunningSession(call, SessionFamily::kPutPublicKey);
  if (!session) {
    return session.error();
  }
  const bool last = IsLastUpdate(call.command);
  ByteView whole;
  StatusWord sw = TakeKeyData(**session, call.command.data, last, whole);
  if (sw == Sw::kOk && last) {
    sw = StorePublicKey(**session, whole);
  }
  if (sw != Sw::kOk || last) {
    sessions_.End(**session);
  }
  return sw;
}

/// Collects the content of tag 34: complete, in pieces that each carry the tag (style A), or announced once and
/// continued (style B; spec 6.3). After the last one `whole` is all of it.
StatusWord Applet::TakeKeyData(Session& session, ByteView data, bool last, ByteView& whole) {
  ByteView piece = data;
  if (session.continuation.outstanding > 0) {
    if (data.size() > session.continuation.outstanding) {
      return Sw::kIncorrectData;
    }
    session.continuation.outstanding -= data.size();
  } else if (const auto complete = CommandData::Parse(data, {Tag::kPublicKeyData})) {
    piece = complete->Find(Tag::kPublicKeyData).value_or(ByteView());
  } else {
    ByteReader reader(data);
    wire::OpenTlv open;
    if (last || !wire::ReadOpenTlv(reader, open) || open.tag != Code(Tag::kPublicKeyData)) {
      return Sw::kIncorrectData;
    }
    piece = open.first;
    session.continuation = {open.tag, open.total - open.first.size()};
  }
  if (last && session.continuation.outstanding > 0) {
    return Sw::kIncorrectData;
  }
  if (last && sessions_.ChainOf(session) == nullptr) {  // one command was enough
    whole = piece;
    return Sw::kOk;
  }
  ChainedData& chain = sessions_.ClaimChain(session);
  if (!chain.bytes.Append(piece)) {
    return Sw::kIncorrectData;
  }
  whole = chain.bytes.view();
  return Sw::kOk;
}

StatusWord Applet::StorePublicKey(const Session& session, ByteView value_of_34) {
  const StoredObject& object = store_.At(session.slot);
  constexpr auto* kParse = kFeatures.rsa ? &iotsafe::ParseAnyPublicKeyValue : &iotsafe::ParseEcPublicKeyValue;
  const auto key = kParse(value_of_34);
  std::array<std::uint8_t, kMaxPublicValue> memory{};
  ByteWriter value(memory);
  if (!key || !PutPublicValue(crypto_, object.info.key_type, *key, value)) {
    return Sw::kIncorrectData;
  }
  auto stored = store_.Stage(object, value.written());
  if (stored) {
    stored = store_.Commit();
  }
  if (!stored) {
    store_.Discard();
    return ToStatusWord(stored.error());
  }
  return Sw::kOk;
}

}  // namespace simroot::card
