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

[[nodiscard]] Result<NewKeyPair> GenerateKeyPairOnCard(Transaction& transaction, const ObjectName& private_key);
[[nodiscard]] Result<void> PutPoint(Transaction& transaction, const ObjectName& public_key, const Point& point);
[[nodiscard]] Result<std::array<std::uint8_t, 32>> ComputeSharedX(Transaction& transaction,
                                                                  const ObjectName& private_key,
                                                                  const ObjectName& public_key);

[[nodiscard]] Result<Bytes> HashOnCard(Transaction& transaction, iotsafe::HashAlgorithm hash, ByteView text);
[[nodiscard]] Result<Bytes> ComputeMac(Transaction& transaction, const ObjectName& secret_key, ByteView text);
[[nodiscard]] Result<Sealed> EncryptOnCard(Transaction& transaction, const ObjectName& secret_key,
                                           iotsafe::CipherMode mode, ByteView text, ByteView aad);
[[nodiscard]] Result<Bytes> DecryptOnCard(Transaction& transaction, const ObjectName& key, const Sealed& sealed,
                                          ByteView aad);

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
