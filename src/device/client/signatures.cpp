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
constexpr std::size_t kMaxUpdate = 2 + crypto::kMaxDigestSize + 3 + iotsafe::kP256SignatureSize;
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

[[nodiscard]] FixedBytes<kMaxParameters> EncodeParameters(const ObjectName& key, iotsafe::HashAlgorithm hash) {
  std::array<std::uint8_t, kMaxParameters> memory{};
  ByteWriter out(memory);
  iotsafe::PutSignatureParameters({.key = key.Ref(), .hash = hash}, out);
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

[[nodiscard]] UpdateBytes EncodeUpdate(const Digest& digest, const RawSignature* signature, bool one_byte_length) {
  std::array<std::uint8_t, kMaxUpdate> memory{};
  ByteWriter out(memory);
  wire::PutTlv(iotsafe::Code(Tag::kFinalHash), digest.bytes, out);
  if (signature != nullptr && one_byte_length) {
    wire::PutTlv(iotsafe::Code(Tag::kSignature), *signature, out);
  } else if (signature != nullptr) {
    wire::PutTlvTwoByteLength(iotsafe::Code(Tag::kSignature), *signature, out);
  }
  UpdateBytes update;
  SR_CHECK(out.ok() && update.Assign(out.written()));  // the size of the digest was checked on entry
  return update;
}

/// One VERIFY SIGNATURE with one form of tag 33. Any status word is a result.
[[nodiscard]] Result<StatusWord> VerifyOnce(Transaction& transaction, const ObjectName& key, const Digest& digest,
                                            const RawSignature& signature, bool one_byte_length) {
  const std::string or_else = OtherReason(digest.hash);
  const Refused refused{.ins = Ins::kVerifySignatureInit, .object = &key, .purpose = "verifying", .or_else = or_else};
  SR_TRY_VOID(OpenCardSession(transaction, refused, SessionNumber::kVerify, EncodeParameters(key, digest.hash).view()));
  const UpdateBytes update = EncodeUpdate(digest, &signature, one_byte_length);
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

Result<RawSignature> ComputeSignature(Transaction& transaction, const ObjectName& private_key, const Digest& digest,
                                      const Point* expected) {
  const std::string or_else = OtherReason(digest.hash);
  const Refused refused{
      .ins = Ins::kComputeSignatureInit, .object = &private_key, .purpose = "signing", .or_else = or_else};
  SR_TRY_VOID(
      OpenCardSession(transaction, refused, SessionNumber::kSign, EncodeParameters(private_key, digest.hash).view()));
  const UpdateBytes update = EncodeUpdate(digest, nullptr, false);
  SR_TRY(const Reply reply,
         UpdateCardSession(transaction, Ins::kComputeSignatureInit, SessionNumber::kSign,
                           {.ins = Ins::kComputeSignatureUpdate, .data = update.view(), .le = kAnyLength}));
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(
        Refusal(reply.sw, {.ins = Ins::kComputeSignatureUpdate, .object = nullptr}, transaction.port()));
  }
  const auto parsed = iotsafe::ParseSignature(reply.data);
  RawSignature signature{};
  if (!parsed || parsed->size() != signature.size()) {
    return tl::make_unexpected(NotUnderstood("the signature by " + private_key.Text(),
                                             parsed ? ParseError::kBadLength : parsed.error(), transaction.port()));
  }
  std::ranges::copy(parsed->view(), signature.begin());
  if (expected != nullptr) {
    SR_TRY_VOID(ProveKey(transaction, private_key, digest, signature, *expected));
  }
  return signature;
}

Result<bool> VerifySignature(Transaction& transaction, const ObjectName& public_key, const Digest& digest,
                             const RawSignature& signature) {
  Dialect& dialect = transaction.session().opening()->dialect;
  const bool one_byte = dialect.one_byte_signature_length;
  SR_TRY(StatusWord sw, VerifyOnce(transaction, public_key, digest, signature, one_byte));
  if (DislikesForm(sw)) {
    SR_TRY(sw, VerifyOnce(transaction, public_key, digest, signature, !one_byte));
    if (IsSuccess(sw) || sw == StatusWord::kSignatureMismatch) {
      dialect.one_byte_signature_length = !one_byte;
    }
  }
  if (sw == StatusWord::kSignatureMismatch) {
    return false;
  }
  if (!IsSuccess(sw)) {
    return tl::make_unexpected(Refusal(sw, {.ins = Ins::kVerifySignatureUpdate}, transaction.port()));
  }
  return true;
}

}  // namespace simroot::device::client
