// SPDX-License-Identifier: Apache-2.0
/// One way to a card, and the card that is there.
#pragma once

#include <atomic>
#include <map>
#include <mutex>

#include "common/base/secret.hpp"
#include "device/pkcs11/settings.hpp"
#include "device/pkcs11/token.hpp"

namespace simroot::pkcs11 {

/// How new what is known of a card has to be.
enum class Freshness : std::uint8_t {
  kKnown,  ///< whatever was read last; read now only if nothing was
  kNow,    ///< the card is asked whether something has changed, unless it was asked within the last second
};

/// Safe for several threads. Its mutexes are never held while an application's function is called; one is held while
/// the card is read, so that threads that need the same thing wait for one reading.
class Slot {
 public:
  Slot(CK_SLOT_ID id, device::CardUri uri, const Settings& settings);

  [[nodiscard]] CK_SLOT_ID id() const { return id_; }
  [[nodiscard]] const device::CardUri& uri() const { return uri_; }
  [[nodiscard]] device::Card& card() { return *card_; }

  /// Whether the port is there, or the reader holds a card. Nothing is said to the card.
  [[nodiscard]] bool IsPortPresent() const { return port_present_.load(); }
  /// Looks. @param readers with a card in them. True if it is there.
  bool Look(const std::vector<std::string>& readers);
  /// Whether the port has come or gone since this was asked last.
  [[nodiscard]] bool TakeEvent();

  /// @returns CKR_TOKEN_NOT_PRESENT without a port, CKR_TOKEN_NOT_RECOGNIZED for a card without applet.
  [[nodiscard]] RvOr<TokenPtr> Token(Freshness freshness);
  /// What was read is old: after a key was made, or the card was lost.
  void Forget();
  /// The key of this name was made on the card by this process.
  void NoteGenerated(const Bytes& private_id);

  /// Asks the card. @returns as Token.
  [[nodiscard]] RvOr<device::UserPinState> PinState();
  /// @returns CKR_USER_PIN_NOT_INITIALIZED if the card has no PIN, CKR_PIN_INCORRECT, CKR_PIN_LOCKED,
  /// CKR_PIN_LEN_RANGE, CKR_USER_ALREADY_LOGGED_IN.
  [[nodiscard]] Outcome Login(ByteView pin);
  /// @returns CKR_USER_NOT_LOGGED_IN.
  [[nodiscard]] Outcome Logout();
  [[nodiscard]] bool IsLoggedIn() const { return logged_in_.load(); }
  /// In a child that was forked, where no other thread can be at it: locks nothing, frees nothing.
  void WipeInherited() {
    logged_in_ = false;
    pin_.Clear();
  }
  /// True if private objects may be seen and used.
  [[nodiscard]] bool IsOpen(const TokenContent& token) const { return !token.has_pin || IsLoggedIn(); }

  /// Runs `operation` on the card, a function of Card& that returns a Result. If the card has forgotten the PIN (it was
  /// reset) it is given again, once, unless it is another card. An error is reported and becomes a number; a card that
  /// is lost is forgotten.
  template <typename Operation>
  [[nodiscard]] auto Run(Operation operation) {
    auto result = operation(*card_);
    if (!result && result.error().sw == wire::StatusWord::kSecurityNotSatisfied && GivePinAgain()) {
      result = operation(*card_);
    }
    if (!result) {
      NoteError(result.error());
    }
    auto converted = FromCard(std::move(result));
    if (!converted && converted.error() == CKR_DEVICE_ERROR && !LookAgain()) {
      converted = Refuse(CKR_DEVICE_REMOVED);
    }
    return converted;
  }

 private:
  /// To the card of the login only, known by its ICCID; any other logs out.
  [[nodiscard]] bool GivePinAgain();
  /// Logs out. With mutex_ held.
  void ForgetPin();
  void NoteError(const Error& error);
  /// False if the URI names a file that is not there.
  [[nodiscard]] bool LookAtFile() const;
  /// Look, for this slot alone.
  [[nodiscard]] bool LookAgain();
  [[nodiscard]] CK_OBJECT_HANDLE HandleOf(const std::string& identity);
  [[nodiscard]] bool IsCurrent();

  const CK_SLOT_ID id_;
  const device::CardUri uri_;
  const std::shared_ptr<device::Card> card_;
  std::atomic<bool> port_present_{false};
  std::atomic<bool> event_port_present_{false};
  std::atomic<bool> logged_in_{false};

  std::mutex reading_mutex_;  ///< held while the card is read
  std::mutex mutex_;          ///< guards the rest, never held while the card is talked to
  TokenPtr token_;
  Deadline::Clock::time_point token_checked_;
  std::map<std::string, CK_OBJECT_HANDLE> handles_;
  std::set<Bytes> generated_;
  SecretArray<device::kMaxUserPinSize> pin_;
  std::string login_iccid_;  ///< of the card that took pin_; empty if it does not tell
};
using SlotPtr = std::shared_ptr<Slot>;

/// The next handle of an object: never the same for two objects of a process, in whatever slot.
[[nodiscard]] CK_OBJECT_HANDLE NextObjectHandle();

/// A reader of PC/SC.
struct Reader {
  std::string name;
  bool has_card = false;
};
/// The readers there are; none without the service.
[[nodiscard]] std::vector<Reader> ListReaders();

}  // namespace simroot::pkcs11
