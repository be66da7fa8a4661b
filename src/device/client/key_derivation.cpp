// SPDX-License-Identifier: Apache-2.0
/// COMPUTE PRF and COMPUTE HKDF with a stored secret, and PSK TLS 1.3 (docs/formats/extensions.md).
#include "common/base/check.hpp"
#include "common/base/secret.hpp"
#include "common/wire/tlv.hpp"
#include "device/client/operations.hpp"
#include "device/client/refusal.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::HashAlgorithm;
using iotsafe::Ins;
using iotsafe::Tag;

// P1 of COMPUTE PRF and COMPUTE HKDF (spec 3).
constexpr std::uint8_t kPrfPskPlain = 0x01;
constexpr std::uint8_t kPrfPskEcdhe = 0x02;
constexpr std::uint8_t kHkdfEarlySecret = 0x01;

/// Length of tag D3 in one byte: some cards take no other (spec 7.3).
constexpr std::size_t kMaxPrfOutput = 255;
constexpr std::size_t kMaxData = 255;

/// Command data that may hold a secret: the result of a key exchange.
struct SecretData {
  std::array<std::uint8_t, kMaxData> memory{};
  ByteWriter writer{memory};

  SecretData() = default;
  SecretData(const SecretData&) = delete;
  SecretData& operator=(const SecretData&) = delete;
  ~SecretData() { Wipe(memory); }
};

void PutHash(HashAlgorithm hash, ByteWriter& out) {
  wire::PutTlvU16(iotsafe::Code(Tag::kHashAlgorithms), static_cast<std::uint16_t>(hash), out);
}

/// Sends the command and moves its answer, which must be as long as `out`, there. Nothing of it stays behind.
[[nodiscard]] Result<void> Derive(Transaction& transaction, const Command& command, const Refused& refused,
                                  ByteSpan out) {
  SR_TRY(Reply reply, transaction.Send(command));
  const bool right_size = reply.data.size() == out.size();
  if (IsSuccess(reply.sw) && right_size) {
    std::ranges::copy(reply.data, out.begin());
  }
  Wipe(reply.data);
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(reply.sw, refused, transaction.port()));
  }
  if (!right_size) {
    return tl::make_unexpected(
        NotUnderstood("what was derived from " + refused.object->Text(), ParseError::kBadLength, transaction.port()));
  }
  return {};
}

}  // namespace

Result<void> ComputePrfOnCard(Transaction& transaction, const ObjectName& secret_key, const PrfRequest& request,
                              ByteSpan out) {
  if (out.empty() || out.size() > kMaxPrfOutput) {
    return Fail(ErrorDomain::kUsage, "the PRF gives 1 to 255 bytes, not " + std::to_string(out.size()));
  }
  if (request.hash == HashAlgorithm::kSha384) {
    SR_TRY_VOID(RequireExtension(transaction, iotsafe::Extension::kPrfSha384));
  } else if (request.hash != HashAlgorithm::kSha256) {
    return Fail(ErrorDomain::kUsage, "no card computes the PRF of TLS 1.2 with SHA-512", "use SHA-256");
  }
  SecretData data;
  iotsafe::PutObjectRef(secret_key.Ref(), data.writer);
  const bool plain = request.other_secret.empty();
  if (!plain && request.other_secret.size() <= kMaxData) {
    wire::PutTlv(iotsafe::Code(Tag::kDhResult), request.other_secret, data.writer);
  }
  wire::PutTlv(iotsafe::Code(Tag::kLabelAndSeed), request.label_and_seed, data.writer);
  wire::PutTlvU8(iotsafe::Code(Tag::kPseudoRandomLength), LowByte(out.size()), data.writer);
  if (request.hash != HashAlgorithm::kSha256) {
    PutHash(request.hash, data.writer);
  }
  if (!data.writer.ok() || request.other_secret.size() > kMaxData) {
    return Fail(ErrorDomain::kUsage,
                "a key exchange result of " + std::to_string(request.other_secret.size()) + " bytes and a label of " +
                    std::to_string(request.label_and_seed.size()) + " bytes do not fit one command for " +
                    secret_key.Text() + " on " + transaction.port(),
                "use ECDHE-PSK or PSK cipher suites instead of DHE-PSK");
  }
  return Derive(transaction,
                {.ins = Ins::kComputePrf,
                 .p1 = plain ? kPrfPskPlain : kPrfPskEcdhe,
                 .data = data.writer.written(),
                 .le = kAnyLength},
                {.ins = Ins::kComputePrf, .object = &secret_key, .purpose = "key derivation with the PRF of TLS 1.2"},
                out);
}

Result<void> ComputeEarlySecretOnCard(Transaction& transaction, const ObjectName& secret_key, HashAlgorithm hash,
                                      ByteSpan out) {
  SecretData data;
  iotsafe::PutObjectRef(secret_key.Ref(), data.writer);
  PutHash(hash, data.writer);
  SR_CHECK(data.writer.ok());
  return Derive(
      transaction, {.ins = Ins::kComputeHkdf, .p1 = kHkdfEarlySecret, .data = data.writer.written(), .le = kAnyLength},
      {.ins = Ins::kComputeHkdf, .object = &secret_key, .purpose = "key derivation with HKDF, which TLS 1.3 needs"},
      out);
}

Result<void> ComputePskStep(Transaction& transaction, const ObjectName& secret_key, const PskStepRequest& request,
                            ByteSpan out) {
  SR_TRY_VOID(RequireExtension(transaction, iotsafe::Extension::kPskTls13));
  if (request.hash == HashAlgorithm::kSha512) {
    return Fail(ErrorDomain::kUsage, "TLS 1.3 has no cipher suite with SHA-512", "use SHA-256 or SHA-384");
  }
  const bool binder = request.step == iotsafe::PskStep::kBinder;
  if (!binder && std::ranges::all_of(request.input, [](std::uint8_t byte) { return byte == 0; })) {
    return Fail(ErrorDomain::kUsage,
                "without a fresh key exchange (psk_ke) the handshake secret of " + secret_key.Text() +
                    " would be a constant, which never leaves the card",
                "let both sides offer an (EC)DHE group, and take ALLOW_NO_DHE_KEX out of their options");
  }
  SecretData data;
  iotsafe::PutObjectRef(secret_key.Ref(), data.writer);
  PutHash(request.hash, data.writer);
  if (request.input.size() <= kMaxData) {
    wire::PutTlv(iotsafe::Code(binder ? Tag::kFinalHash : Tag::kDhResult), request.input, data.writer);
  }
  if (!data.writer.ok() || request.input.size() > kMaxData) {
    return Fail(ErrorDomain::kUsage,
                "a key exchange result of " + std::to_string(request.input.size()) +
                    " bytes does not fit one command for " + secret_key.Text() + " on " + transaction.port(),
                "use an elliptic curve group: Groups = X25519:P-256");
  }
  return Derive(transaction,
                {.ins = Ins::kPskTls13,
                 .p1 = static_cast<std::uint8_t>(request.step),
                 .data = data.writer.written(),
                 .le = kAnyLength},
                {.ins = Ins::kPskTls13, .object = &secret_key, .purpose = "key derivation with HKDF"}, out);
}

}  // namespace simroot::device::client
