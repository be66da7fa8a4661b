// SPDX-License-Identifier: Apache-2.0
/// Works off a card's jobs in a secured session, end to end with the card. The bearer is the relay: the device's
/// middleware posts what the card answered and gets what to send next; it can read none of it.
#pragma once

#include <memory>

#include "platform/authority/authority.hpp"
#include "platform/domain/store.hpp"

namespace simroot::platform {

struct RelayAnswer {
  Bytes data;
  std::uint16_t sw = 0;
};

/// A secured session that the device has begun by itself, on the channel that it keeps: it saves a round trip. The
/// platform takes it up if the answer shows a sequence number, which alone makes it fresh (docs/adr/0017).
struct RelayOpening {
  Bytes security_domain;  ///< AID that was selected
  Bytes challenge;        ///< 8 bytes that the device drew, sent in INITIALIZE UPDATE for key version 00
  RelayAnswer answer;     ///< of the card to that
};

/// What a device says first. Nothing of it is trusted: it only saves round trips.
struct RelayHello {
  std::string iccid;
  Bytes application_id;        ///< AID of the IoT SAFE applet; empty: none found
  Bytes application_info;      ///< answer to GET DATA (application), may be empty
  std::vector<Bytes> objects;  ///< answers to GET DATA (object list), one block after the other, may be empty
  std::optional<RelayOpening> opening;
  std::string source;  ///< address of the device, for limits and the audit log
};

/// A command for the security domain on its own channel. The device sends the commands one after the other and stops
/// after the first answer whose status word is not 9000, 61XX, 62XX or 63XX.
struct RelayBatch {
  std::string session;          ///< 32 hexadecimal digits, unguessable
  unsigned step = 0;            ///< from 1; the answers name it
  Bytes security_domain;        ///< AID to select; only in step 1, and not if the device's opening was taken up
  std::vector<Bytes> commands;  ///< channel bits 0
  bool done = false;            ///< the session is over, `commands` is empty
  bool provisioned = false;     ///< done: all jobs of the card are done
  unsigned retry_after_s = 0;   ///< done but not all: come again after so long
  std::string message;          ///< for the device's log: "certificate for meter-17 until 2027-11-22"
  std::string key_label;        ///< done: label by which the device's programs name the key
};

struct EngineLimits {
  unsigned sessions = 10'000;  ///< open at once
  std::int64_t session_lifetime_s = 120;
  unsigned hellos_per_minute_and_source = 600;
  unsigned hellos_per_minute_and_card = 10;
  unsigned attempts_per_job = 20;
  std::int64_t first_back_off_s = 5;  ///< doubles with each attempt, to at most an hour
};

/// Safe for any number of threads; different sessions run side by side.
class OtaEngine {
 public:
  /// All outlive it.
  [[nodiscard]] static std::unique_ptr<OtaEngine> Create(Store& store, Vault& vault, Authority& authority, Clock& clock,
                                                         const EngineLimits& limits);
  virtual ~OtaEngine() = default;

  /// Begins a session. An unknown ICCID gets one, too, that looks the same and fails at the card's first answer exactly
  /// as a known card without the right keys does: here if the hello has an opening that counts, else in Continue.
  /// kLimited when there are too many.
  [[nodiscard]] virtual Outcome<RelayBatch> Begin(const RelayHello& hello) = 0;

  /// The answers to step `step`, as many as commands were sent. The same call repeated gets the same batch (its reply
  /// was lost); other answers for a step that is over are kConflict and recorded. kNotFound for a session that is over
  /// or never was. kDenied if the card did not prove itself, without saying why.
  [[nodiscard]] virtual Outcome<RelayBatch> Continue(const std::string& session, unsigned step,
                                                     const std::vector<RelayAnswer>& answers,
                                                     const std::string& source) = 0;

  struct Counters {
    std::uint64_t sessions = 0;  ///< begun
    std::uint64_t authenticated = 0;
    std::uint64_t refused = 0;   ///< unknown cards and wrong cryptograms
    std::uint64_t tampered = 0;  ///< answers that were altered, replayed or reordered
    std::uint64_t jobs_done = 0;
    std::uint64_t jobs_failed = 0;
    std::uint64_t certificates = 0;
    unsigned open_sessions = 0;  ///< neither done nor expired
  };
  [[nodiscard]] virtual Counters Count() const = 0;
};

}  // namespace simroot::platform
