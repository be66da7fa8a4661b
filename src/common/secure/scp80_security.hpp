// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/crypto/port.hpp"
#include "common/secure/scp80.hpp"

namespace simroot::secure {

inline constexpr std::size_t kFullCheckSize = 8;   ///< bytes of a cryptographic check, if nothing else is agreed upon
inline constexpr std::size_t kShortCheckSize = 4;  ///< the other length that AES-CMAC may be cut to

/// What both ends have agreed upon for one key set. Keys are borrowed; the algorithm is named by KIc and KID, and a key
/// of another length than the algorithm's is refused.
struct Scp80Agreement {
  ByteView kic;                             ///< ciphering: AES 16, 24 or 32 bytes; triple DES 16 or 24; DES 8
  ByteView kid;                             ///< check: likewise
  std::size_t check_size = kFullCheckSize;  ///< of every cryptographic check, exactly; DES and triple DES know 8 only
  bool legacy = false;                      ///< also take DES, ECB, and triple DES with equal keys, which is DES
};

/// Why a packet was not made or not understood.
enum class Scp80Error : std::uint8_t {
  kState,         ///< not the time for this call
  kLength,        ///< too long for a packet or for the memory given
  kMalformed,     ///< lengths, padding or values that no packet has
  kUnsupported,   ///< an algorithm that is not known, or not without the legacy switch; a signature
  kKey,           ///< the key does not go with the algorithm
  kCounter,       ///< a counter of more than 5 bytes, or one that would block the card for ever
  kCiphering,     ///< ciphered bytes that are no whole blocks
  kNotAuthentic,  ///< the check is wrong or absent, or the packet answers something else
  kCrypto,        ///< the crypto backend failed
};

/// A command in clear. `data` borrows.
struct Scp80Command {
  Scp80Header header;
  std::uint64_t counter = 0;  ///< at most kMaxScp80Counter
  ByteView data;
};
/// A response in clear. `data` borrows.
struct Scp80Response {
  std::uint32_t tar = 0;
  std::uint64_t counter = 0;  ///< of the command that is answered
  Scp80Status status = Scp80Status::kOk;
  ByteView data;
};

/// Packets under one agreement: both directions, both ends. No state: counters and their rules belong to Scp80Sender
/// and Scp80Receiver. Both references outlive the object.
class PacketSecurity {
 public:
  PacketSecurity(crypto::Crypto& crypto, const Scp80Agreement& agreement) : crypto_(crypto), agreement_(agreement) {}

  /// Whether command and answer can be secured as `header` says. @returns kUnsupported or kKey.
  [[nodiscard]] Expected<void, Scp80Error> Supports(const Scp80Header& header) const;

  /// Writes a command packet. @returns kUnsupported, kKey, kCounter, kMalformed (TAR too long), kLength, kCrypto.
  /// On an error `out` is not ok, or holds bytes of no meaning.
  [[nodiscard]] Expected<void, Scp80Error> PutCommand(const Scp80Command& command, Scp80Form form, ByteWriter& out);
  /// Deciphers and checks. The data lies in `memory` (as many bytes as packet.body has always suffice) or borrows from
  /// the packet. @returns kUnsupported, kKey, kCiphering, kNotAuthentic, kMalformed (padding), kLength, kCrypto;
  /// `memory` is then wiped.
  [[nodiscard]] Expected<Scp80Command, Scp80Error> OpenCommand(const Scp80CommandPacket& packet, ByteSpan memory);

  /// Writes a response packet, secured as the command's header asks. Errors as for PutCommand.
  [[nodiscard]] Expected<void, Scp80Error> PutResponse(const Scp80Header& command, const Scp80Response& response,
                                                       Scp80Form form, ByteWriter& out);
  /// Deciphers and checks a response that is secured as the command's header asks. Errors as for OpenCommand.
  [[nodiscard]] Expected<Scp80Response, Scp80Error> OpenResponse(const Scp80Header& command,
                                                                 const Scp80ResponsePacket& packet, Scp80Form form,
                                                                 ByteSpan memory);

 private:
  /// What is done to one packet, and under which key bytes.
  struct Treatment {
    Scp80Check check = Scp80Check::kNone;
    bool ciphered = false;
    std::uint8_t kic = 0;
    std::uint8_t kid = 0;
  };
  /// The parts of a packet that its check covers, besides the check itself. Views borrow.
  using Covered = std::array<ByteView, 4>;

  [[nodiscard]] static Treatment OfCommand(const Scp80Header& header);
  [[nodiscard]] static Treatment OfResponse(const Scp80Header& header);
  [[nodiscard]] Expected<void, Scp80Error> Supports(const Treatment& treatment) const;
  [[nodiscard]] std::size_t CheckSize(const Treatment& treatment) const;
  [[nodiscard]] Expected<void, Scp80Error> ComputeCheck(const Treatment& treatment, const Covered& covered,
                                                        ByteSpan check);
  [[nodiscard]] Expected<void, Scp80Error> Cipher(crypto::Direction direction, const Treatment& treatment, ByteView in,
                                                  ByteSpan out);
  /// Fills in the check of a packet whose body has `head_size` bytes before it, then enciphers the body.
  [[nodiscard]] Expected<void, Scp80Error> Seal(const Treatment& treatment, ByteView before, ByteView clear,
                                                std::size_t head_size, ByteSpan body);
  /// A body without cipher and check. Views borrow.
  struct Plain {
    ByteView head;
    ByteView data;  ///< with the padding
  };
  [[nodiscard]] Expected<Plain, Scp80Error> Open(const Treatment& treatment, ByteView before, ByteView clear,
                                                 std::size_t head_size, ByteView body, ByteSpan memory);

  crypto::Crypto& crypto_;
  const Scp80Agreement& agreement_;
};

}  // namespace simroot::secure
