// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/secret.hpp"
#include "common/secure/scp03.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::secure {

using FullMac = std::array<std::uint8_t, kFullMacSize>;

/// Which way an enciphered field travels: it decides the first byte of the initial counter block.
enum class FieldOf : std::uint8_t { kCommand, kResponse };

/// What the answer to one command is judged by: the command's chaining value and its number in the session.
struct Scp03Pending {
  FullMac chaining{};
  std::uint32_t counter = 0;
};

/// Session keys, chaining value and counter: the half of SCP03 that is the same on both ends. Scp03Card and Scp03Host
/// are the state machines over it. `crypto` outlives the object. End() and destruction wipe everything.
class Scp03Session {
 public:
  explicit Scp03Session(crypto::Crypto& crypto) : crypto_(crypto) {}
  Scp03Session(const Scp03Session&) = delete;
  Scp03Session& operator=(const Scp03Session&) = delete;
  Scp03Session(Scp03Session&&) = delete;
  Scp03Session& operator=(Scp03Session&&) = delete;
  ~Scp03Session() { End(); }

  /// Derives session keys and both cryptograms. The challenges have equal length, 8 or 16 bytes: it becomes
  /// mac_size(). False, and the session is ended, if a key is no AES key or the backend fails.
  [[nodiscard]] bool Start(const Scp03Keys& keys, ByteView host_challenge, ByteView card_challenge);
  void End();

  [[nodiscard]] crypto::Crypto& crypto() { return crypto_; }
  [[nodiscard]] std::size_t mac_size() const { return mac_size_; }
  [[nodiscard]] ByteView card_cryptogram() const { return card_cryptogram_.Reveal(InsecureReveal::kForCrypto); }
  [[nodiscard]] ByteView host_cryptogram() const { return host_cryptogram_.Reveal(InsecureReveal::kForCrypto); }

  /// The check of a command whose data, as it travels without the check, is `data`: class byte without the number of
  /// the channel and with the bit of secure messaging, Lc with the check counted in. Changes nothing.
  /// @returns kLength if data and check do not fit a short APDU.
  [[nodiscard]] Expected<FullMac, Scp03Error> CommandMac(const wire::CommandApdu& command, ByteView data);
  /// `mac` belongs to an accepted command and is the next chaining value.
  void Chain(const FullMac& mac) { last_.chaining = mac; }
  /// The command that was counted and chained last.
  [[nodiscard]] const Scp03Pending& last() const { return last_; }
  /// The check of an answer to `command`.
  [[nodiscard]] Expected<FullMac, Scp03Error> ResponseMac(const Scp03Pending& command, ByteView data,
                                                          wire::StatusWord sw);

  /// Counts one more command. @returns kExhausted after kMaxSessionCommands.
  [[nodiscard]] Expected<void, Scp03Error> CountCommand();
  /// Pads `plain` with 80 00 .. to whole blocks, always at least one byte, and enciphers it for the last command.
  [[nodiscard]] Expected<void, Scp03Error> Encipher(FieldOf field, ByteView plain, ByteWriter& out);
  /// Deciphers whole blocks into `memory`, which is at least as long, and takes the padding off. `memory` is wiped on
  /// an error. @returns kNotAuthentic for a length that is no whole number of blocks, or another padding.
  /// @param counter the number of the command that the field is in, or answers.
  [[nodiscard]] Expected<ByteView, Scp03Error> Decipher(FieldOf field, std::uint32_t counter, ByteView enciphered,
                                                        ByteSpan memory);

 private:
  [[nodiscard]] bool CounterBlock(FieldOf field, std::uint32_t counter, ByteSpan block);

  crypto::Crypto& crypto_;
  SecretArray<kMaxAesKeySize> enc_;
  SecretArray<kMaxAesKeySize> mac_;
  SecretArray<kMaxAesKeySize> rmac_;
  SecretArray<kFullMacSize> card_cryptogram_;
  SecretArray<kFullMacSize> host_cryptogram_;
  Scp03Pending last_;
  std::size_t mac_size_ = 0;
};

/// True if an answer with this status word carries the check of the answer (Amendment D, 6.2.5).
[[nodiscard]] constexpr bool CarriesResponseMac(wire::StatusWord sw) {
  return wire::Sw1(sw) == 0x90 || wire::Sw1(sw) == 0x62 || wire::Sw1(sw) == 0x63;
}

/// True if the first bytes of `full` are `received`; constant time.
[[nodiscard]] inline bool MacMatches(const FullMac& full, ByteView received) {
  return received.size() <= full.size() && SameSecret(ByteView(full).first(received.size()), received);
}

}  // namespace simroot::secure
