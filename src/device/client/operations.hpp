// SPDX-License-Identifier: Apache-2.0
/// The operations of the applet, each inside a transaction that has begun. What they mean is said at class Card.
#pragma once

#include "device/client/session.hpp"

namespace simroot::device::client {

[[nodiscard]] Result<std::string> ReadIccid(Transaction& transaction);
[[nodiscard]] Result<iotsafe::ApplicationInfo> ReadApplication(Transaction& transaction);
[[nodiscard]] Result<std::vector<iotsafe::ObjectInfo>> ReadObjectList(Transaction& transaction);
[[nodiscard]] Result<iotsafe::ObjectInfo> ReadObjectInfo(Transaction& transaction, const ObjectName& object);
[[nodiscard]] Result<Bytes> ReadRandom(Transaction& transaction, std::size_t count);

[[nodiscard]] Result<Bytes> ReadFileContent(Transaction& transaction, const ObjectName& file);
[[nodiscard]] Result<Point> ReadPoint(Transaction& transaction, const ObjectName& public_key);
[[nodiscard]] Result<PublicKey> ReadAnyKey(Transaction& transaction, const ObjectName& public_key);

/// The public key in what the cache holds of it: a bare point, or for RSA the element of READ PUBLIC KEY. Nothing if it
/// holds something else. @param crypto tells the curve of a point of 65 bytes; may be nullptr: P-256 then.
[[nodiscard]] std::optional<PublicKey> ParseCachedKey(ByteView cached, crypto::Crypto* crypto);

/// Content from the cache; nothing if there is none. Only what is already known of the card is used: no exchange.
[[nodiscard]] std::optional<Bytes> FindCached(Session& session, const ObjectName& object);

/// `digest` has DigestSize(hash) bytes.
struct Digest {
  iotsafe::HashAlgorithm hash = iotsafe::HashAlgorithm::kSha256;
  ByteView bytes;
};
[[nodiscard]] Result<RawSignature> ComputeSignature(Transaction& transaction, const ObjectName& private_key,
                                                    const Digest& digest, const Point* expected);
[[nodiscard]] Result<bool> VerifySignature(Transaction& transaction, const ObjectName& public_key, const Digest& digest,
                                           const RawSignature& signature);

/// As Card::SignDigest and Card::VerifyDigest.
[[nodiscard]] Result<Bytes> ComputeAnySignature(Transaction& transaction, const ObjectName& private_key,
                                                SignatureScheme scheme, const Digest& digest);
[[nodiscard]] Result<bool> VerifyAnySignature(Transaction& transaction, const ObjectName& public_key,
                                              SignatureScheme scheme, const Digest& digest, ByteView signature);

[[nodiscard]] Result<NewKeyPair> GenerateKeyPairOnCard(Transaction& transaction, const ObjectName& private_key);
[[nodiscard]] Result<NewAnyKeyPair> GenerateAnyPairOnCard(Transaction& transaction, const ObjectName& private_key);
/// @param point 65 or 97 bytes.
[[nodiscard]] Result<void> PutPoint(Transaction& transaction, const ObjectName& public_key, ByteView point);
[[nodiscard]] Result<std::array<std::uint8_t, 32>> ComputeSharedX(Transaction& transaction,
                                                                  const ObjectName& private_key,
                                                                  const ObjectName& public_key);

[[nodiscard]] Result<Bytes> ComputeAnySharedX(Transaction& transaction, const ObjectName& private_key,
                                              const ObjectName& public_key);

[[nodiscard]] Result<UserPinState> AskUserPin(Transaction& transaction);
[[nodiscard]] Result<UserPinState> GiveUserPin(Transaction& transaction, ByteView pin);
/// As GiveUserPin, for a PIN that nobody has typed just now: the last try is left to a person.
/// @param file where the PIN is from, for messages. @returns false if it is not the PIN that the card wants; kCard if
/// it is wrong, blocked, or has one try left.
[[nodiscard]] Result<bool> GivePinOfFile(Transaction& transaction, ByteView pin, const std::string& file);

/// What COMPUTE PRF works on, beside the stored secret.
struct PrfRequest {
  iotsafe::HashAlgorithm hash = iotsafe::HashAlgorithm::kSha256;
  ByteView other_secret;  ///< empty: a PSK alone
  ByteView label_and_seed;
};
/// What PSK TLS 1.3 works on, beside the stored secret.
struct PskStepRequest {
  iotsafe::PskStep step = iotsafe::PskStep::kBinder;
  iotsafe::HashAlgorithm hash = iotsafe::HashAlgorithm::kSha256;
  ByteView input;  ///< kBinder: digest of the truncated ClientHello; kHandshakeSecret: the (EC)DHE secret
};

[[nodiscard]] Result<Bytes> HashOnCard(Transaction& transaction, iotsafe::HashAlgorithm hash, ByteView text);
[[nodiscard]] Result<Bytes> ComputeMac(Transaction& transaction, const ObjectName& secret_key, ByteView text);
[[nodiscard]] Result<Sealed> EncryptOnCard(Transaction& transaction, const ObjectName& secret_key,
                                           iotsafe::CipherMode mode, ByteView text, ByteView aad);
[[nodiscard]] Result<Bytes> DecryptOnCard(Transaction& transaction, const ObjectName& key, const Sealed& sealed,
                                          ByteView aad);

// key_derivation.cpp; `out` is filled on success and not touched otherwise.
[[nodiscard]] Result<void> ComputePrfOnCard(Transaction& transaction, const ObjectName& secret_key,
                                            const PrfRequest& request, ByteSpan out);
[[nodiscard]] Result<void> ComputeEarlySecretOnCard(Transaction& transaction, const ObjectName& secret_key,
                                                    iotsafe::HashAlgorithm hash, ByteSpan out);
[[nodiscard]] Result<void> ComputePskStep(Transaction& transaction, const ObjectName& secret_key,
                                          const PskStepRequest& request, ByteSpan out);

/// @returns kCard, with a sentence that says so, if the card does not announce the service.
[[nodiscard]] Result<void> RequireExtension(Transaction& transaction, iotsafe::Extension service);

/// The reference of an object as command data.
using ReferenceBytes = FixedBytes<2 + iotsafe::kMaxLabelSize>;
[[nodiscard]] ReferenceBytes EncodeReference(const ObjectName& object);

/// Session numbers of the command families (spec 6.2: never the same for two of them).
enum class SessionNumber : std::uint8_t { kSign = 1, kVerify = 2, kPutPublicKey = 3, kCipher = 4 };

/// Opens a session of INIT commands: clears one left open by somebody (6A86 on some cards) and tries again.
/// `ins` is the INIT instruction, `data` what it takes.
[[nodiscard]] Result<void> OpenCardSession(Transaction& transaction, const struct Refused& refused,
                                           SessionNumber number, ByteView data);
/// Sends the one and last UPDATE, which ends the session; closes the session if that fails. Any status word is a
/// result. `init` names the session, `update` the command.
[[nodiscard]] Result<Reply> UpdateCardSession(Transaction& transaction, iotsafe::Ins init, SessionNumber number,
                                              const Command& update);

}  // namespace simroot::device::client
