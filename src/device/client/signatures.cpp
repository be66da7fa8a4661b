// SPDX-License-Identifier: Apache-2.0
/// COMPUTE SIGNATURE and VERIFY SIGNATURE, mode pad and sign: the only mode proven on every known applet.
#include "common/base/check.hpp"
#include "common/wire/tlv.hpp"
#include "device/client/operations.hpp"
#include "device/client/refusal.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::Ins;
using iotsafe::Tag;
using wire::StatusWord;

constexpr std::uint8_t kOpenSession = 0x00;
constexpr std::uint8_t kCloseSession = 0x01;
constexpr std::size_t kMaxParameters = ReferenceBytes::kCapacity + 3 + 4 + 3;
constexpr std::size_t kMaxUpdate = 2 + crypto::kMaxDigestSize + 3 + iotsafe::kMaxRawSignatureSize;
constexpr std::size_t kMaxVerifiedKeys = 64;

using UpdateBytes = FixedBytes<kMaxUpdate>;

[[nodiscard]] std::string_view NameOf(iotsafe::HashAlgorithm hash) {
  switch (hash) {
    case iotsafe::HashAlgorithm::kSha256:
      return "SHA-256";
    case iotsafe::HashAlgorithm::kSha384:
      return "SHA-384";
    case iotsafe::HashAlgorithm::kSha512:
      return "SHA-512";
  }
  return "this hash";
}

[[nodiscard]] iotsafe::SignatureAlgorithm AlgorithmOf(SignatureScheme scheme) {
  switch (scheme) {
    case SignatureScheme::kRsaPkcs1:
      return iotsafe::SignatureAlgorithm::kRsaPkcs1;
    case SignatureScheme::kRsaPss:
      return iotsafe::SignatureAlgorithm::kRsaPss;
    case SignatureScheme::kEcdsa:
      break;
  }
  return iotsafe::SignatureAlgorithm::kEcdsa;
}

[[nodiscard]] FixedBytes<kMaxParameters> EncodeParameters(const ObjectName& key, SignatureScheme scheme,
                                                          iotsafe::HashAlgorithm hash) {
  std::array<std::uint8_t, kMaxParameters> memory{};
  ByteWriter out(memory);
  iotsafe::PutSignatureParameters({.key = key.Ref(), .hash = hash, .algorithm = AlgorithmOf(scheme)}, out);
  FixedBytes<kMaxParameters> parameters;
  SR_CHECK(out.ok() && parameters.Assign(out.written()));
  return parameters;
}

/// SHA-256 is mandatory, so 6A80 then means the key; with another hash it may also mean that.
[[nodiscard]] std::string OtherReason(iotsafe::HashAlgorithm hash) {
  return hash == iotsafe::HashAlgorithm::kSha256 ? std::string()
                                                 : "the applet does not take " + std::string(NameOf(hash));
}

/// What the two curves of IoT.05 say of a signature under `point`.
[[nodiscard]] crypto::VerifyResult VerifyOnHost(crypto::Crypto& crypto, const Point& point, ByteView digest,
                                                const RawSignature& signature) {
  const auto curve =
      crypto.IsValidPoint(crypto::Curve::kP256, point) ? crypto::Curve::kP256 : crypto::Curve::kBrainpoolP256r1;
  return crypto.VerifyEcdsa(curve, point, digest, signature);
}

/// Proves once per opened channel that the card signs with the key the caller knows (a SIM can be swapped).
[[nodiscard]] Result<void> ProveKey(Transaction& transaction, const ObjectName& key, const Digest& digest,
                                    const RawSignature& signature, const Point& expected) {
  auto& verified = transaction.session().opening()->verified;
  const bool known = std::ranges::any_of(
      verified, [&](const VerifiedKey& proven) { return proven.name == key && proven.point == expected; });
  if (known) {
    return {};
  }
  crypto::Crypto* const crypto = transaction.session().crypto();
  const auto result =
      crypto == nullptr ? crypto::VerifyResult::kError : VerifyOnHost(*crypto, expected, digest.bytes, signature);
  if (result == crypto::VerifyResult::kError) {
    return Fail(ErrorDomain::kCrypto,
                "the signature by " + key.Text() + " on " + transaction.port() +
                    " cannot be checked: its public key is not a point of P-256 or brainpoolP256r1, or OpenSSL failed",
                "check the certificate or public key that is configured for this key");
  }
  if (result == crypto::VerifyResult::kInvalid) {
    return Fail(ErrorDomain::kCrypto,
                "the signature by " + key.Text() + " on " + transaction.port() +
                    " does not verify with the public key that belongs to it: another SIM is inserted, or the key "
                    "was generated anew",
                "insert the SIM this configuration was made for, or make the key reference and certificate again");
  }
  if (verified.size() >= kMaxVerifiedKeys) {
    verified.clear();
  }
  verified.push_back({key, expected});
  return {};
}

/// @param signature empty when the card is to make one.
[[nodiscard]] UpdateBytes EncodeUpdate(const Digest& digest, ByteView signature, bool one_byte_length) {
  std::array<std::uint8_t, kMaxUpdate> memory{};
  ByteWriter out(memory);
  wire::PutTlv(iotsafe::Code(Tag::kFinalHash), digest.bytes, out);
  if (!signature.empty() && one_byte_length) {
    wire::PutTlv(iotsafe::Code(Tag::kSignature), signature, out);
  } else if (!signature.empty()) {
    wire::PutTlvTwoByteLength(iotsafe::Code(Tag::kSignature), signature, out);
  }
  UpdateBytes update;
  SR_CHECK(out.ok() && update.Assign(out.written()));  // the size of the digest was checked on entry
  return update;
}

[[nodiscard]] Result<void> OpenVerification(Transaction& transaction, const ObjectName& key, SignatureScheme scheme,
                                            iotsafe::HashAlgorithm hash) {
  const std::string or_else = OtherReason(hash);
  const Refused refused{.ins = Ins::kVerifySignatureInit, .object = &key, .purpose = "verifying", .or_else = or_else};
  return OpenCardSession(transaction, refused, SessionNumber::kVerify, EncodeParameters(key, scheme, hash).view());
}

/// One VERIFY SIGNATURE with one form of tag 33. Any status word is a result.
[[nodiscard]] Result<StatusWord> VerifyOnce(Transaction& transaction, const ObjectName& key, const Digest& digest,
                                            ByteView signature, bool one_byte_length) {
  SR_TRY_VOID(OpenVerification(transaction, key, SignatureScheme::kEcdsa, digest.hash));
  const UpdateBytes update = EncodeUpdate(digest, signature, one_byte_length);
  SR_TRY(const Reply reply, UpdateCardSession(transaction, Ins::kVerifySignatureInit, SessionNumber::kVerify,
                                              {.ins = Ins::kVerifySignatureUpdate, .data = update.view(), .le = {}}));
  return reply.sw;
}

[[nodiscard]] bool DislikesForm(StatusWord sw) {
  return sw == StatusWord::kIncorrectData || sw == StatusWord::kWrongLength;
}

void CloseCardSession(Transaction& transaction, Ins init, SessionNumber number) {
  // Whatever the answer: the session is closed, or a later INIT will say that it is not.
  static_cast<void>(transaction.Send(
      {.ins = init, .p1 = kCloseSession, .p2 = static_cast<std::uint8_t>(number), .data = {}, .le = kAnyLength}));
}

}  // namespace

Result<void> OpenCardSession(Transaction& transaction, const Refused& refused, SessionNumber number, ByteView data) {
  const Command init{
      .ins = refused.ins, .p1 = kOpenSession, .p2 = static_cast<std::uint8_t>(number), .data = data, .le = {}};
  SR_TRY(Reply reply, transaction.Send(init));
  if (reply.sw == StatusWord::kIncorrectP1P2) {
    CloseCardSession(transaction, refused.ins, number);
    SR_TRY(reply, transaction.Send(init));
  }
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(reply.sw, refused, transaction.port()));
  }
  return {};
}

Result<Reply> UpdateCardSession(Transaction& transaction, Ins init, SessionNumber number, const Command& update) {
  constexpr std::uint8_t kLastUpdate = 0x80;
  Command command = update;
  command.p1 = kLastUpdate;
  command.p2 = static_cast<std::uint8_t>(number);
  auto reply = transaction.Send(command);
  const bool over = reply && (IsSuccess(reply->sw) || reply->sw == StatusWord::kSignatureMismatch);
  const bool nobody_to_tell =
      reply ? reply->sw == StatusWord::kChannelNotSupported : reply.error().domain == ErrorDomain::kTransport;
  if (!over && !nobody_to_tell) {
    CloseCardSession(transaction, init, number);
  }
  return reply;
}

namespace {

/// COMPUTE SIGNATURE; the answer is tag 33 in whatever form.
[[nodiscard]] Result<Bytes> AskForSignature(Transaction& transaction, const ObjectName& private_key,
                                            SignatureScheme scheme, const Digest& digest) {
  const std::string or_else = OtherReason(digest.hash);
  const Refused refused{
      .ins = Ins::kComputeSignatureInit, .object = &private_key, .purpose = "signing", .or_else = or_else};
  SR_TRY_VOID(OpenCardSession(transaction, refused, SessionNumber::kSign,
                              EncodeParameters(private_key, scheme, digest.hash).view()));
  const UpdateBytes update = EncodeUpdate(digest, {}, false);
  SR_TRY(const Reply reply,
         UpdateCardSession(transaction, Ins::kComputeSignatureInit, SessionNumber::kSign,
                           {.ins = Ins::kComputeSignatureUpdate, .data = update.view(), .le = kAnyLength}));
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(
        Refusal(reply.sw, {.ins = Ins::kComputeSignatureUpdate, .object = nullptr}, transaction.port()));
  }
  return reply.data;
}

[[nodiscard]] Error BadSignature(const ObjectName& key, ParseError error, const std::string& port) {
  return NotUnderstood("the signature by " + key.Text(), error, port);
}

/// The value of tag 33, which must be all there is.
[[nodiscard]] Expected<ByteView, ParseError> SignatureValue(ByteView answer) {
  ByteReader reader(answer);
  wire::Tlv tlv;
  if (!wire::ReadFlexibleTlv(reader, {}, tlv)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (tlv.tag != iotsafe::Code(Tag::kSignature)) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  return reader.empty() ? Expected<ByteView, ParseError>(tlv.value) : Unexpected(ParseError::kTrailingBytes);
}

/// VERIFY SIGNATURE with a signature that does not fit one command beside the digest: two of them, each with a whole
/// element. Any status word is a result.
[[nodiscard]] Result<StatusWord> VerifyInPieces(Transaction& transaction, const ObjectName& key, SignatureScheme scheme,
                                                const Digest& digest, ByteView signature) {
  SR_TRY_VOID(OpenVerification(transaction, key, scheme, digest.hash));
  const std::size_t half = signature.size() / 2;
  std::array<std::uint8_t, 2 + crypto::kMaxDigestSize + 3 + crypto::kRsaSize / 2> memory{};
  ByteWriter first(memory);
  wire::PutTlv(iotsafe::Code(Tag::kFinalHash), digest.bytes, first);
  wire::PutBerTlv(iotsafe::Code(Tag::kSignature), signature.first(half), first);
  SR_CHECK(first.ok());
  SR_TRY(const Reply begun, transaction.Send({.ins = Ins::kVerifySignatureUpdate,
                                              .p2 = static_cast<std::uint8_t>(SessionNumber::kVerify),
                                              .data = first.written(),
                                              .le = {}}));
  if (!IsSuccess(begun.sw)) {
    CloseCardSession(transaction, Ins::kVerifySignatureInit, SessionNumber::kVerify);
    return begun.sw;
  }
  ByteWriter second(memory);
  wire::PutBerTlv(iotsafe::Code(Tag::kSignature), signature.subspan(half), second);
  SR_TRY(const Reply reply,
         UpdateCardSession(transaction, Ins::kVerifySignatureInit, SessionNumber::kVerify,
                           {.ins = Ins::kVerifySignatureUpdate, .data = second.written(), .le = {}}));
  return reply.sw;
}

/// With the form of tag 33 that the card likes.
[[nodiscard]] Result<StatusWord> VerifyInOneCommand(Transaction& transaction, const ObjectName& public_key,
                                                    const Digest& digest, ByteView signature) {
  Dialect& dialect = transaction.session().opening()->dialect;
  const bool one_byte = dialect.one_byte_signature_length;
  SR_TRY(StatusWord sw, VerifyOnce(transaction, public_key, digest, signature, one_byte));
  if (DislikesForm(sw)) {
    SR_TRY(sw, VerifyOnce(transaction, public_key, digest, signature, !one_byte));
    if (IsSuccess(sw) || sw == StatusWord::kSignatureMismatch) {
      dialect.one_byte_signature_length = !one_byte;
    }
  }
  return sw;
}

}  // namespace

Result<RawSignature> ComputeSignature(Transaction& transaction, const ObjectName& private_key, const Digest& digest,
                                      const Point* expected) {
  SR_TRY(const Bytes answer, AskForSignature(transaction, private_key, SignatureScheme::kEcdsa, digest));
  const auto parsed = iotsafe::ParseSignature(answer);
  RawSignature signature{};
  if (!parsed || parsed->size() != signature.size()) {
    return tl::make_unexpected(
        BadSignature(private_key, parsed ? ParseError::kBadLength : parsed.error(), transaction.port()));
  }
  std::ranges::copy(parsed->view(), signature.begin());
  if (expected != nullptr) {
    SR_TRY_VOID(ProveKey(transaction, private_key, digest, signature, *expected));
  }
  return signature;
}

Result<Bytes> ComputeAnySignature(Transaction& transaction, const ObjectName& private_key, SignatureScheme scheme,
                                  const Digest& digest) {
  SR_TRY(const Bytes answer, AskForSignature(transaction, private_key, scheme, digest));
  const auto value = SignatureValue(answer);
  if (!value) {
    return tl::make_unexpected(BadSignature(private_key, value.error(), transaction.port()));
  }
  if (scheme != SignatureScheme::kEcdsa) {
    if (value->size() != crypto::kRsaSize) {
      return tl::make_unexpected(BadSignature(private_key, ParseError::kBadLength, transaction.port()));
    }
    return Bytes(value->begin(), value->end());
  }
  constexpr std::size_t kLongestDerOnP256 = 72;
  const bool is_p384 = value->size() > kLongestDerOnP256;
  const auto raw = iotsafe::ParseSignature(answer, is_p384 ? iotsafe::kP384ScalarSize : iotsafe::kP256ScalarSize);
  if (!raw) {
    return tl::make_unexpected(BadSignature(private_key, raw.error(), transaction.port()));
  }
  return Bytes(raw->view().begin(), raw->view().end());
}

Result<bool> VerifyAnySignature(Transaction& transaction, const ObjectName& public_key, SignatureScheme scheme,
                                const Digest& digest, ByteView signature) {
  SR_TRY(const StatusWord sw, scheme == SignatureScheme::kEcdsa
                                  ? VerifyInOneCommand(transaction, public_key, digest, signature)
                                  : VerifyInPieces(transaction, public_key, scheme, digest, signature));
  if (sw == StatusWord::kSignatureMismatch) {
    return false;
  }
  if (!IsSuccess(sw)) {
    return tl::make_unexpected(Refusal(sw, {.ins = Ins::kVerifySignatureUpdate}, transaction.port()));
  }
  return true;
}

Result<bool> VerifySignature(Transaction& transaction, const ObjectName& public_key, const Digest& digest,
                             const RawSignature& signature) {
  return VerifyAnySignature(transaction, public_key, SignatureScheme::kEcdsa, digest, signature);
}

}  // namespace simroot::device::client
