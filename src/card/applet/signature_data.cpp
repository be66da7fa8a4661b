// SPDX-License-Identifier: Apache-2.0
/// The data fields of COMPUTE SIGNATURE UPDATE and VERIFY SIGNATURE UPDATE in the three modes of operation (2.5.14).
#include "card/applet/applet.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {

using iotsafe::OperationMode;
using iotsafe::Tag;
using wire::StatusWord;

StatusWord Applet::TakeSignatureData(Session& session, const wire::CommandApdu& command, SignatureInput& out) {
  const bool last = IsLastUpdate(command);
  if (session.mode == OperationMode::kFullText) {
    const StatusWord sw = TakeText(session, command.data, last, out.signature);
    if (sw != Sw::kOk || !last) {
      return sw;
    }
    std::array<std::uint8_t, crypto::kMaxDigestSize> digest{};
    const ByteSpan exact = ByteSpan(digest).first(DigestSize(session.hash));
    return crypto_.HashFinish(session.hash_state, exact) && out.digest.Assign(exact) ? Sw::kOk : Sw::kOtherError;
  }
  if (!last) {  // the other modes always fit one command
    return Sw::kIncorrectP1P2;
  }
  const auto data = CommandData::Parse(command.data, {Tag::kData, Tag::kLastBlock, Tag::kIntermediateHash,
                                                      Tag::kHashedByteCount, Tag::kFinalHash, Tag::kSignature});
  if (!data) {
    return ToStatusWord(data.error());
  }
  out.signature = data->Find(Tag::kSignature).value_or(ByteView());
  return session.mode == OperationMode::kLastBlock ? TakeLastBlock(session, *data, out.digest)
                                                   : TakeFinalHash(session, *data, out.digest);
}

/// Full text: tag 9B complete, in pieces that each carry the tag (style A), or announced once and continued by commands
/// that carry nothing else (style B; spec 6.3). The last command of a verification adds tag 33.
StatusWord Applet::TakeText(Session& session, ByteView data, bool last, ByteView& signature) {
  ByteView rest = data;
  if (session.continuation.outstanding > 0) {
    const ByteView piece = data.first(std::min(data.size(), session.continuation.outstanding));
    session.continuation.outstanding -= piece.size();
    rest = data.subspan(piece.size());
    if (!crypto_.HashUpdate(session.hash_state, piece)) {
      return Sw::kOtherError;
    }
    if (session.continuation.outstanding > 0) {
      return last ? Sw::kIncorrectData : Sw::kOk;
    }
    if (rest.empty()) {
      return Sw::kOk;
    }
  }
  // Only the last command may carry anything behind the text: before it, every form of length must end exactly there.
  const auto parsed = last ? CommandData::Parse(rest, {Tag::kData, Tag::kSignature, Tag::kLastBlock,
                                                       Tag::kIntermediateHash, Tag::kHashedByteCount, Tag::kFinalHash})
                           : CommandData::Parse(rest, {Tag::kData});
  if (parsed) {
    if (parsed->Has(Tag::kFinalHash) || parsed->Has(Tag::kLastBlock) || parsed->Has(Tag::kIntermediateHash) ||
        parsed->Has(Tag::kHashedByteCount)) {
      return Sw::kConditionsNotSatisfied;  // data of another mode than the session's
    }
    signature = parsed->Find(Tag::kSignature).value_or(ByteView());
    const ByteView text = parsed->Find(Tag::kData).value_or(ByteView());
    return crypto_.HashUpdate(session.hash_state, text) ? Sw::kOk : Sw::kOtherError;
  }
  ByteReader reader(rest);
  wire::OpenTlv open;
  if (last || !wire::ReadOpenTlv(reader, open) || open.tag != Code(Tag::kData)) {
    return Sw::kIncorrectData;
  }
  session.continuation.outstanding = open.total - open.first.size();
  return crypto_.HashUpdate(session.hash_state, open.first) ? Sw::kOk : Sw::kOtherError;
}

/// Last block: the chaining value after whole blocks, how many bytes went into it, and the rest of the text.
StatusWord Applet::TakeLastBlock(Session& session, const CommandData& data,
                                 FixedBytes<crypto::kMaxDigestSize>& digest) {
  if (data.Has(Tag::kData) || data.Has(Tag::kFinalHash)) {
    return Sw::kConditionsNotSatisfied;
  }
  const auto chaining_value = data.Find(Tag::kIntermediateHash);
  const auto count = data.FindU32(Tag::kHashedByteCount);
  const auto text = data.Find(Tag::kLastBlock);
  if (!chaining_value || !count || !text || chaining_value->size() != HashStateSize(session.hash) ||
      *count % HashBlockSize(session.hash) != 0) {
    return Sw::kIncorrectData;
  }
  std::array<std::uint8_t, crypto::kMaxDigestSize> raw{};
  const ByteSpan exact = ByteSpan(raw).first(DigestSize(session.hash));
  if (!crypto_.HashResume(session.hash, *chaining_value, *count, session.hash_state) ||
      !crypto_.HashUpdate(session.hash_state, *text) || !crypto_.HashFinish(session.hash_state, exact)) {
    return Sw::kOtherError;
  }
  return digest.Assign(exact) ? Sw::kOk : Sw::kOtherError;
}

/// Pad and sign: the digest comes ready made and must fit the algorithm of INIT.
StatusWord Applet::TakeFinalHash(const Session& session, const CommandData& data,
                                 FixedBytes<crypto::kMaxDigestSize>& digest) const {
  if (data.Has(Tag::kData) || data.Has(Tag::kLastBlock) || data.Has(Tag::kIntermediateHash) ||
      data.Has(Tag::kHashedByteCount)) {
    return Sw::kConditionsNotSatisfied;
  }
  const auto hash = data.Find(Tag::kFinalHash);
  if (!hash) {
    return Sw::kIncorrectData;
  }
  const std::size_t expected = DigestSize(session.hash);
  // wolfSSL hands in a 64-byte digest after it announced SHA-256 (spec known-clients 1.1).
  const bool fits = hash->size() == expected || (config_.accept_longer_hash && hash->size() > expected);
  return fits && digest.Assign(*hash) ? Sw::kOk : Sw::kIncorrectData;
}

}  // namespace simroot::card
