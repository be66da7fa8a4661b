// SPDX-License-Identifier: Apache-2.0
/// The data fields of COMPUTE SIGNATURE UPDATE and VERIFY SIGNATURE UPDATE in the three modes of operation (2.5.14).
#include "card/applet/applet.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

using iotsafe::OperationMode;
using iotsafe::Tag;
using wire::StatusWord;

/// True if `data` is a whole text followed by a signature: only with the BER form of the length, because a text that is
/// merely announced would often look the same in another.
[[nodiscard]] bool BeginsWithWholeText(ByteView data, ByteView& text, ByteView& rest) {
  ByteReader reader(data);
  wire::Tlv tlv;
  std::uint8_t next = 0;
  if (!wire::ReadBerTlv(reader, tlv) || tlv.tag != Code(Tag::kData) || !reader.PeekU8(next) ||
      next != Code(Tag::kSignature)) {
    return false;
  }
  text = tlv.value;
  rest = reader.rest();
  return true;
}

[[nodiscard]] bool HasDigestData(const CommandData& data) {
  return data.Has(Tag::kData) || data.Has(Tag::kLastBlock) || data.Has(Tag::kIntermediateHash) ||
         data.Has(Tag::kHashedByteCount) || data.Has(Tag::kFinalHash);
}

/// Every element of a signature command; tag 33 only where it belongs. @param open see CommandData::Parse.
[[nodiscard]] Expected<CommandData, ParseError> ParseElements(const Session& session, ByteView data,
                                                              wire::OpenTlv* open) {
  return session.family == SessionFamily::kVerifySignature
             ? CommandData::Parse(data,
                                  {Tag::kData, Tag::kLastBlock, Tag::kIntermediateHash, Tag::kHashedByteCount,
                                   Tag::kFinalHash, Tag::kSignature},
                                  open)
             : CommandData::Parse(
                   data, {Tag::kData, Tag::kLastBlock, Tag::kIntermediateHash, Tag::kHashedByteCount, Tag::kFinalHash});
}

}  // namespace

StatusWord Applet::TakeSignatureData(Session& session, const wire::CommandApdu& command, SignatureInput& out) {
  const bool last = IsLastUpdate(command);
  if (!last && session.mode != OperationMode::kFullText && session.family != SessionFamily::kVerifySignature) {
    return Sw::kIncorrectP1P2;  // without a text and without a signature everything fits one command
  }
  ByteView rest = command.data;
  if (session.continuation.outstanding > 0) {
    const ByteView piece = rest.first(std::min(rest.size(), session.continuation.outstanding));
    session.continuation.outstanding -= piece.size();
    rest = rest.subspan(piece.size());
    const StatusWord sw = TakePiece(session, session.continuation.tag, piece);
    if (sw != Sw::kOk) {
      return sw;
    }
  }
  StatusWord sw = Sw::kOk;
  if (session.mode != OperationMode::kFullText) {
    sw = session.continuation.outstanding > 0 ? Sw::kOk : TakeDigestElements(session, rest, last, out);
  } else if (!rest.empty()) {
    sw = last ? TakeEndOfText(session, rest, out) : TakeText(session, rest);
  }
  if (sw != Sw::kOk || !last) {
    return sw;
  }
  if (session.continuation.outstanding > 0) {
    return Sw::kIncorrectData;
  }
  // A signature that came in several commands, its last piece perhaps in this one.
  if (const ChainedData* const chain = sessions_.ChainOf(session); chain != nullptr && !chain->bytes.empty()) {
    if (!out.signature.empty()) {
      sw = TakePiece(session, Code(Tag::kSignature), out.signature);
    }
    out.signature = chain->bytes.view();
  }
  return sw == Sw::kOk && session.mode == OperationMode::kFullText ? FinishText(session, out) : sw;
}

/// One piece of the text, or of a signature that is longer than a command.
StatusWord Applet::TakePiece(Session& session, std::uint8_t tag, ByteView piece) {
  if (tag == Code(Tag::kSignature)) {
    return sessions_.ClaimChain(session).bytes.Append(piece) ? Sw::kOk : Sw::kIncorrectData;
  }
  if (!session.usage.Take(piece)) {
    return Sw::kConditionsNotSatisfied;
  }
  return crypto_.HashUpdate(session.hash_state, piece) ? Sw::kOk : Sw::kOtherError;
}

/// Full text, a command that others follow: one element, complete (style A) or announced for the commands to come
/// (style B; spec 6.3). For a verification the signature may begin behind the text.
StatusWord Applet::TakeText(Session& session, ByteView data) {
  const bool verifying = session.family == SessionFamily::kVerifySignature;
  if (ByteView text; verifying && BeginsWithWholeText(data, text, data)) {
    const StatusWord sw = TakePiece(session, Code(Tag::kData), text);
    if (sw != Sw::kOk) {
      return sw;
    }
  }
  // Every form of length must end exactly here before one is taken for an announcement.
  if (const auto text = CommandData::Parse(data, {Tag::kData})) {
    return TakePiece(session, Code(Tag::kData), text->Find(Tag::kData).value_or(ByteView()));
  }
  if (const auto signature = CommandData::Parse(data, {Tag::kSignature}); signature && verifying) {
    return TakePiece(session, Code(Tag::kSignature), signature->Find(Tag::kSignature).value_or(ByteView()));
  }
  ByteReader reader(data);
  wire::OpenTlv open;
  const bool announced = wire::ReadOpenTlv(reader, open) &&
                         (open.tag == Code(Tag::kData) || (verifying && open.tag == Code(Tag::kSignature)));
  return announced ? TakeAnnounced(session, open) : Sw::kIncorrectData;
}

StatusWord Applet::TakeAnnounced(Session& session, const wire::OpenTlv& open) {
  session.continuation = {open.tag, open.total - open.first.size()};
  return TakePiece(session, open.tag, open.first);
}

/// Full text, the last command: the rest of the text, and the signature of a verification.
StatusWord Applet::TakeEndOfText(Session& session, ByteView data, SignatureInput& out) {
  const auto parsed = ParseElements(session, data, nullptr);
  if (!parsed) {
    return ToStatusWord(parsed.error());
  }
  if (parsed->Has(Tag::kFinalHash) || parsed->Has(Tag::kLastBlock) || parsed->Has(Tag::kIntermediateHash) ||
      parsed->Has(Tag::kHashedByteCount)) {
    return Sw::kConditionsNotSatisfied;  // data of another mode than the session's
  }
  out.signature = parsed->Find(Tag::kSignature).value_or(ByteView());
  return TakePiece(session, Code(Tag::kData), parsed->Find(Tag::kData).value_or(ByteView()));
}

StatusWord Applet::FinishText(Session& session, SignatureInput& out) {
  if (!session.usage.Passed()) {
    return Sw::kConditionsNotSatisfied;
  }
  std::array<std::uint8_t, crypto::kMaxDigestSize> digest{};
  const ByteSpan exact = ByteSpan(digest).first(DigestSize(session.hash));
  return crypto_.HashFinish(session.hash_state, exact) && out.digest.Assign(exact) ? Sw::kOk : Sw::kOtherError;
}

/// Last block, or pad and sign: what makes the digest is in one command, the signature of a verification may begin
/// there and go on in others.
StatusWord Applet::TakeDigestElements(Session& session, ByteView data, bool last, SignatureInput& out) {
  wire::OpenTlv open;
  const auto parsed = ParseElements(session, data, last ? nullptr : &open);
  if (!parsed) {
    return ToStatusWord(parsed.error());
  }
  const ChainedData* const chain = sessions_.ChainOf(session);
  const bool has_digest = chain != nullptr && !chain->digest.empty();
  StatusWord sw = Sw::kOk;
  if (has_digest && HasDigestData(*parsed)) {
    return Sw::kIncorrectData;
  }
  if (has_digest) {
    out.digest = chain->digest;
  } else if (last || HasDigestData(*parsed)) {
    sw = session.mode == OperationMode::kLastBlock ? TakeLastBlock(session, *parsed, out.digest)
                                                   : TakeFinalHash(session, *parsed, out.digest);
  }
  if (sw != Sw::kOk) {
    return sw;
  }
  const ByteView signature = parsed->Find(Tag::kSignature).value_or(ByteView());
  if (last) {
    out.signature = signature;
    return Sw::kOk;
  }
  sessions_.ClaimChain(session).digest = out.digest;
  return open.total > 0 ? TakeAnnounced(session, open) : TakePiece(session, Code(Tag::kSignature), signature);
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
  // wolfSSL hands in a 64-byte digest after it announced SHA-256 (spec known-clients 1.1). RSA padding names the hash,
  // so there the length must fit.
  const bool may_be_longer = config_.accept_longer_hash && session.algorithm == iotsafe::SignatureAlgorithm::kEcdsa;
  const bool fits = hash->size() == expected || (may_be_longer && hash->size() > expected);
  return fits && digest.Assign(*hash) ? Sw::kOk : Sw::kIncorrectData;
}

}  // namespace simroot::card
