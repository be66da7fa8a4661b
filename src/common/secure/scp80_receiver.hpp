// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "common/secure/scp80_security.hpp"

namespace simroot::secure {

/// Where the receiver's counters live, one for each version of a key set.
class Scp80CounterStore {
 public:
  /// The counter that was stored last, 0 for a new key set; nothing if there is none or it cannot be read.
  [[nodiscard]] virtual std::optional<std::uint64_t> Load(std::uint8_t key_version) = 0;
  /// True once `counter` will survive a loss of power. A later Load gives the old or the new one, nothing else.
  [[nodiscard]] virtual bool Save(std::uint8_t key_version, std::uint64_t counter) = 0;

 protected:
  ~Scp80CounterStore() = default;
};

struct Scp80KeySet {
  std::uint8_t version = 0;  ///< 1 to F
  Scp80Agreement agreement;
};
/// An application that can be addressed.
struct Scp80Target {
  std::uint32_t tar = 0;
  /// The security that a command must have at least; each part counts by itself (TS 102 226 8.2.1.3.2.4.2: the first
  /// byte of SPI, usually 16: counter higher, ciphered, cryptographic check).
  Spi minimum;
};
/// What the receiver knows. Everything is borrowed and outlives it.
struct Scp80Configuration {
  std::span<const Scp80KeySet> key_sets;
  std::span<const Scp80Target> targets;
  /// Answer 01 and 05 by their names instead of 06. They say little that an attacker does not know, but nobody who
  /// lacks the keys needs them.
  bool name_security_errors = false;
};

/// A command that may be executed now. Its counter is stored already.
struct Scp80Accepted {
  std::uint32_t tar = 0;
  std::uint8_t key_version = 0;  ///< of the key set that checked, or else ciphered it; 0 for neither
  std::uint64_t counter = 0;
  ByteView data;
};

/// The receiver's end, that is the card's. Judges one packet after the other, and answers each once.
///
/// Only a command whose own cryptographic check was right is answered under the keys, and only its counter is taken: a
/// card that secures the answer to a packet of anybody's making hands out material to attack the keys with.
class Scp80Receiver {
 public:
  Scp80Receiver(crypto::Crypto& crypto, Scp80CounterStore& counters, const Scp80Configuration& configuration)
      : crypto_(crypto), counters_(counters), configuration_(configuration) {}

  /// Judges a packet. Accepted: execute, then call Finish. The data lies in `memory` (as many bytes as the packet has
  /// always suffice) or borrows from `packet`. Refused: the status, and `answer` holds the response packet if the
  /// sender wants one; nothing is written for bytes that are no command packet. An answer that does not fit `answer`
  /// (64 bytes always suffice) is left out.
  ///
  /// In this order: key set and algorithms known (06), TAR known (09), enough security (0A), deciphered (05) and
  /// checked (01), counter (0A if it is to be checked and no cryptographic check vouches for it; 02, 03, 04), counter
  /// stored (06).
  [[nodiscard]] Expected<Scp80Accepted, Scp80Status> Receive(ByteView packet, Scp80Form form, ByteSpan memory,
                                                             ByteWriter& answer);

  /// Writes the response to the accepted command, if its sender wants one. @param status kOk, or what the application
  /// could not do: kNoMemory, kMoreTime. @returns kState if no command was accepted or it is answered already, kLength
  /// if the response does not fit (the command counts as answered), kCrypto.
  [[nodiscard]] Expected<void, Scp80Error> Finish(Scp80Status status, ByteView data, ByteWriter& answer);

 private:
  [[nodiscard]] Expected<Scp80Accepted, Scp80Status> Judge(const Scp80CommandPacket& packet, ByteSpan memory);
  [[nodiscard]] const Scp80KeySet* FindKeySet(const Scp80Header& header) const;
  [[nodiscard]] Expected<void, Scp80Status> JudgeCounter(Scp80CounterRule rule, std::uint64_t counter);
  [[nodiscard]] Scp80Status StatusOf(Scp80Error error) const;
  [[nodiscard]] Expected<void, Scp80Error> Put(Scp80Status status, ByteView data, ByteWriter& answer);

  crypto::Crypto& crypto_;
  Scp80CounterStore& counters_;
  const Scp80Configuration& configuration_;

  Scp80Header header_;  ///< of the last packet
  Scp80Form form_ = Scp80Form::kSms;
  const Scp80KeySet* keys_ = nullptr;
  std::uint64_t counter_ = 0;   ///< echoed; 0 while it is not known
  bool authenticated_ = false;  ///< its cryptographic check was right
  bool accepted_ = false;
};

/// True if `spi` gives all the security that `minimum` asks for, each part compared by itself.
[[nodiscard]] bool IsSecureEnough(const Spi& spi, const Spi& minimum);

}  // namespace simroot::secure
