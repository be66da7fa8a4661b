// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::card {

/// An application on the UICC that can be selected by AID on a logical channel and then receives the APDUs of that
/// channel. The UICC keeps channels, GET RESPONSE and file system; the application sees whole commands and fills whole
/// answers.
class Application {
 public:
  /// True if SELECT with `aid` (5 to 16 bytes, possibly the beginning of a longer AID) means this application.
  [[nodiscard]] virtual bool AnswersTo(ByteView aid) const = 0;
  /// The full AID for EF.DIR, borrowed.
  [[nodiscard]] virtual ByteView Aid() const = 0;

  /// Selected (again) on `channel`; volatile state of that channel ends.
  [[nodiscard]] virtual wire::StatusWord Select(std::uint8_t channel) = 0;
  /// Another application was selected on `channel`, or it was closed.
  virtual void Deselect(std::uint8_t channel) = 0;
  /// Power was lost: all volatile state of every channel ends, volatile keys are gone.
  virtual void Reset() = 0;

  /// Writes what SELECT answers when it asks for file control information; nothing unless the application has some.
  virtual void PutFci(ByteWriter& /*out*/) const {}
  /// True if EF.DIR names the application: what a terminal is meant to find.
  [[nodiscard]] virtual bool IsListed() const { return true; }
  /// True if commands with secure messaging (classes 04 to 07 and 84 to 87) are its business.
  [[nodiscard]] virtual bool TakesSecureMessaging() const { return false; }

  /// Runs one command. `response` receives the data without status word; what does not fit is the application's error.
  [[nodiscard]] virtual wire::StatusWord Process(std::uint8_t channel, const wire::CommandApdu& command,
                                                 ByteWriter& response) = 0;

 protected:
  ~Application() = default;
};

}  // namespace simroot::card
