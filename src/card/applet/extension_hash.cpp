// SPDX-License-Identifier: Apache-2.0
#include "card/applet/algorithms.hpp"
#include "card/applet/applet.hpp"
#include "common/iotsafe/extensions.hpp"

namespace simroot::card {
namespace {

using iotsafe::Tag;
using wire::StatusWord;

constexpr std::uint8_t kLast = 0x80;
constexpr std::uint8_t kOnlyNumber = 0;  ///< a channel hashes one text at a time

}  // namespace

// HASH (docs/formats/extensions.md): answers to the last command of a text with the digest, without an element around
// it.
StatusWord Applet::Hash(const Call& call) {
  const auto hash = KnownHash(call.command.p2);
  if (!hash || (call.command.p1 & ~(kLast | iotsafe::kHashBegins)) != 0) {
    return Sw::kIncorrectP1P2;
  }
  Session* session = sessions_.Find(call.channel, SessionFamily::kHash, kOnlyNumber);
  if (session != nullptr && (call.command.p1 & iotsafe::kHashBegins) != 0) {
    sessions_.End(*session);
    session = nullptr;
  }
  if (session == nullptr) {
    session = sessions_.Open(call.channel, SessionFamily::kHash, kOnlyNumber);
    if (session == nullptr) {
      return Sw::kCapacityReached;
    }
    session->hash = *hash;
    if (!crypto_.HashBegin(*hash, session->hash_state)) {
      sessions_.End(*session);
      return Sw::kOtherError;
    }
  }
  const bool last = IsLastUpdate(call.command);
  const StatusWord sw = session->hash == *hash ? TakeHashData(call, *session, last) : Sw::kIncorrectP1P2;
  if (sw != Sw::kOk || last) {
    sessions_.End(*session);
  }
  return sw;
}

StatusWord Applet::TakeHashData(const Call& call, Session& session, bool last) {
  const auto data = CommandData::Parse(call.command.data, {Tag::kData});
  if (!data) {
    return ToStatusWord(data.error());
  }
  if (!crypto_.HashUpdate(session.hash_state, data->Find(Tag::kData).value_or(ByteView()))) {
    return Sw::kOtherError;
  }
  if (!last) {
    return Sw::kOk;
  }
  const ByteSpan digest = call.response.Reserve(DigestSize(session.hash));
  return !digest.empty() && crypto_.HashFinish(session.hash_state, digest) ? Sw::kOk : Sw::kOtherError;
}

}  // namespace simroot::card
