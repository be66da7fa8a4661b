// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"
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
  const StatusWord sw = [&] {
    const auto data = CommandData::Parse(call.command.data, {Tag::kPublicKeyId, Tag::kPublicKeyLabel});
    if (!data) {
      return ToStatusWord(data.error());
    }
    const auto object = FindObject(*data, iotsafe::ObjectClass::kPublicKey);
    if (!object) {
      return object.error();
    }
    if (!Has((*object)->info.access, iotsafe::Access::kUpdatable) || !CurveOf((*object)->info.key_type)) {
      return Sw::kConditionsNotSatisfied;
    }
    (*session)->slot = store_.SlotOf(**object);
    (*session)->generation = (*object)->generation;
    return Sw::kOk;
  }();
  if (sw != Sw::kOk) {
    sessions_.End(**session);
  }
  return sw;
}

// PUT PUBLIC KEY UPDATE (2.20): the old key stays until the new one is complete and valid.
StatusWord Applet::PutPublicKeyUpdate(const Call& call) {
  const auto session = RunningSession(call, SessionFamily::kPutPublicKey);
  if (!session) {
    return session.error();
  }
  const bool last = IsLastUpdate(call.command);
  StatusWord sw = TakeKeyData(**session, call.command.data, last);
  if (sw == Sw::kOk && last) {
    sw = StorePublicKey(**session);
  }
  if (sw != Sw::kOk || last) {
    sessions_.End(**session);
  }
  return sw;
}

/// Collects the content of tag 34: complete, in pieces that each carry the tag, or announced once and continued.
StatusWord Applet::TakeKeyData(Session& session, ByteView data, bool last) {
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
    session.continuation.outstanding = open.total - open.first.size();
  }
  if (!session.key_data.Append(piece) || (last && session.continuation.outstanding > 0)) {
    return Sw::kIncorrectData;
  }
  return Sw::kOk;
}

StatusWord Applet::StorePublicKey(const Session& session) {
  const StoredObject& object = store_.objects()[session.slot];
  const auto point = iotsafe::ParsePublicKeyValue(session.key_data.view());
  if (!point || !crypto_.IsValidPoint(CurveOf(object.info.key_type).value_or(crypto::Curve::kP256), *point)) {
    return Sw::kIncorrectData;
  }
  if (!store_.Stage(object, *point)) {
    return Sw::kInsufficientMemory;
  }
  return store_.Commit() ? Sw::kOk : Sw::kIntegrityIssue;
}

}  // namespace simroot::card
