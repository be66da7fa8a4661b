// SPDX-License-Identifier: Apache-2.0
/// GENERATE KEY PAIR, PUT PUBLIC KEY, COMPUTE DH.
#include "common/base/secret.hpp"
#include "device/client/operations.hpp"
#include "device/client/refusal.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::Ins;

constexpr std::size_t kMaxPublicPointData = 6 + iotsafe::kP384PointSize;

[[nodiscard]] Bytes OrElse(ByteView reported, const Bytes& otherwise) {
  return reported.empty() ? otherwise : Bytes(reported.begin(), reported.end());
}

/// The command may have reached the card and was not answered.
[[nodiscard]] Error OutcomeUnknown(const ObjectName& key, const std::string& port, const Error& cause) {
  Error error = cause;
  error.message = "whether " + key.Text() + " on " + port + " was generated anew is unknown: " + cause.message;
  error.next_step = "read its public key and compare it with the one you know before you generate again";
  return error;
}

[[nodiscard]] Error NotGenerated(const ObjectName& key, ParseError error, const std::string& port) {
  return NotUnderstood("the answer to GENERATE KEY PAIR for " + key.Text(), error, port);
}

/// The public half as the answer names it, else by the name of the private one.
[[nodiscard]] ObjectName PublicHalf(const Bytes& public_id, const ObjectName& private_key) {
  const bool unnamed = public_id.empty();
  return {iotsafe::ObjectClass::kPublicKey, unnamed, unnamed ? private_key.name : public_id};
}

[[nodiscard]] Result<NewKeyPair> ParseNewKeyPair(Transaction& transaction, const ObjectName& key, ByteView data) {
  const auto pair = iotsafe::ParseGeneratedKeyPair(data);
  if (!pair) {
    return tl::make_unexpected(NotGenerated(key, pair.error(), transaction.port()));
  }
  NewKeyPair result;
  result.private_id = OrElse(pair->private_id, key.by_label ? Bytes() : key.name);
  result.public_id = OrElse(pair->public_id, result.private_id);
  if (!pair->point.empty() && pair->point.size() == result.point.size()) {
    std::ranges::copy(pair->point, result.point.begin());
    return result;
  }
  SR_TRY(result.point, ReadPoint(transaction, PublicHalf(result.public_id, key)));
  return result;
}

/// GENERATE KEY PAIR, as far as the answer. @returns an error that says so if the outcome is unknown.
[[nodiscard]] Result<Reply> Generate(Transaction& transaction, const ObjectName& private_key) {
  const ReferenceBytes reference = EncodeReference(private_key);
  const auto reply = transaction.Send({.ins = Ins::kGenerateKeyPair, .data = reference.view(), .le = kAnyLength});
  // From here on nothing that was known of this card's keys is.
  transaction.session().Refresh();
  if (!reply) {
    return tl::make_unexpected(OutcomeUnknown(private_key, transaction.port(), reply.error()));
  }
  if (!IsSuccess(reply->sw)) {
    const Error refusal =
        Refusal(reply->sw, {.ins = Ins::kGenerateKeyPair, .object = &private_key, .purpose = "generating a key pair"},
                transaction.port());
    return tl::make_unexpected(
        transaction.exchange()->outcome_unknown() ? OutcomeUnknown(private_key, transaction.port(), refusal) : refusal);
  }
  return *reply;
}

}  // namespace

Result<NewKeyPair> GenerateKeyPairOnCard(Transaction& transaction, const ObjectName& private_key) {
  SR_TRY(const Reply reply, Generate(transaction, private_key));
  return ParseNewKeyPair(transaction, private_key, reply.data);
}

Result<NewAnyKeyPair> GenerateAnyPairOnCard(Transaction& transaction, const ObjectName& private_key) {
  SR_TRY(const Reply reply, Generate(transaction, private_key));
  const auto pair = iotsafe::ParseGeneratedKeyPair(reply.data);
  if (!pair) {
    return tl::make_unexpected(NotGenerated(private_key, pair.error(), transaction.port()));
  }
  NewAnyKeyPair result;
  result.private_id = OrElse(pair->private_id, private_key.by_label ? Bytes() : private_key.name);
  result.public_id = OrElse(pair->public_id, result.private_id);
  SR_TRY(result.key, ReadAnyKey(transaction, PublicHalf(result.public_id, private_key)));
  return result;
}

Result<void> PutPoint(Transaction& transaction, const ObjectName& public_key, ByteView point) {
  const Refused refused{.ins = Ins::kPutPublicKeyInit, .object = &public_key, .purpose = "being written"};
  SR_TRY_VOID(OpenCardSession(transaction, refused, SessionNumber::kPutPublicKey, EncodeReference(public_key).view()));
  std::array<std::uint8_t, kMaxPublicPointData> memory{};
  ByteWriter data(memory);
  iotsafe::PutPublicKeyData(point, data);
  const auto reply = UpdateCardSession(transaction, Ins::kPutPublicKeyInit, SessionNumber::kPutPublicKey,
                                       {.ins = Ins::kPutPublicKeyUpdate, .data = data.written(), .le = {}});
  transaction.session().Refresh();
  if (!reply) {
    return tl::make_unexpected(reply.error());
  }
  if (reply->sw == wire::StatusWord::kIncorrectData) {
    return tl::make_unexpected(Error{ErrorDomain::kCard,
                                     transaction.port() + " does not take this point for " + public_key.Text() +
                                         ": it is not on the curve of the key (6A80)",
                                     "check the public key and its curve", reply->sw});
  }
  if (!IsSuccess(reply->sw)) {
    return tl::make_unexpected(Refusal(reply->sw, {.ins = Ins::kPutPublicKeyUpdate}, transaction.port()));
  }
  return {};
}

Result<Bytes> ComputeAnySharedX(Transaction& transaction, const ObjectName& private_key, const ObjectName& public_key) {
  std::array<std::uint8_t, 2 * ReferenceBytes::kCapacity> memory{};
  ByteWriter data(memory);
  data.PutBytes(EncodeReference(private_key).view());
  data.PutBytes(EncodeReference(public_key).view());
  SR_TRY(Reply reply, transaction.Send({.ins = Ins::kComputeDh, .data = data.written(), .le = kAnyLength}));
  if (!IsSuccess(reply.sw)) {
    Wipe(reply.data);
    const std::string or_else = public_key.Text() + " does not";
    const std::string purpose = "key agreement with " + public_key.Text();
    return tl::make_unexpected(
        Refusal(reply.sw, {.ins = Ins::kComputeDh, .object = &private_key, .purpose = purpose, .or_else = or_else},
                transaction.port()));
  }
  if (reply.data.size() != iotsafe::kP256ScalarSize && reply.data.size() != iotsafe::kP384ScalarSize) {
    Wipe(reply.data);
    return tl::make_unexpected(NotUnderstood("the shared secret", ParseError::kBadLength, transaction.port()));
  }
  return std::move(reply.data);
}

Result<std::array<std::uint8_t, 32>> ComputeSharedX(Transaction& transaction, const ObjectName& private_key,
                                                    const ObjectName& public_key) {
  SR_TRY(Bytes any, ComputeAnySharedX(transaction, private_key, public_key));
  std::array<std::uint8_t, 32> shared_x{};
  const bool right_size = any.size() == shared_x.size();
  if (right_size) {
    std::ranges::copy(any, shared_x.begin());
  }
  Wipe(any);
  if (!right_size) {
    return tl::make_unexpected(NotUnderstood("the shared secret", ParseError::kBadLength, transaction.port()));
  }
  return shared_x;
}

}  // namespace simroot::device::client
