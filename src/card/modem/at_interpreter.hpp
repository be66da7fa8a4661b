// SPDX-License-Identifier: Apache-2.0
/// The command interpreter of an emulated modem: ITU-T V.250 and the SIM commands of 3GPP TS 27.007.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "card/modem/at_context.hpp"
#include "card/modem/modem_config.hpp"
#include "card/modem/modem_observer.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::card {

/// Characters in, characters out: no port, no thread, no clock. The caller takes the output and sends it. Not safe for
/// several threads at once.
class AtInterpreter {
 public:
  /// Longest command line, its end not counted: an APDU of the greatest length with room for the command around it. A
  /// longer line is dropped up to its end and answered with ERROR.
  static constexpr std::size_t kMaxLine = 2 * wire::kMaxCommand + 64;
  /// Once the answer to a line has reached this many characters, what is left of the line fails with ERROR. Bounds the
  /// output of one character of input to this and one command's answer.
  static constexpr std::size_t kMaxAnswer = 65536;

  /// Opens logical channel 1 if `config` asks for it; apart from that the card is not touched.
  /// @param card borrowed for the life of the interpreter. @param observer borrowed, may be nullptr.
  AtInterpreter(wire::CardEndpoint& card, ModemIdentity identity, ModemConfig config,
                ModemObserver* observer = nullptr);

  /// Takes characters from the line, in pieces of any size. Commands run, on the card too, before it returns.
  void Feed(ByteView from_line);

  /// What waits for the client; borrowed until the next call.
  [[nodiscard]] std::string_view Output() const { return modem_.output; }
  /// Forgets the first `count` characters of Output(), because they have been sent. All of them if there are fewer.
  void DropOutput(std::size_t count) { modem_.output.erase(0, count); }

  /// Forgets the line that has begun but not ended, as when a client has gone away in the middle of it.
  void DropLine();

  /// Switches the card off and on: channels, sessions and selections are gone. The modem's settings stay. Channel 1 is
  /// opened again if the configuration asks for it.
  void ResetCard();

  [[nodiscard]] ModemCounters Counters() const;
  /// Counts from zero again.
  void ResetCounters() { baseline_ = Totals(); }

 private:
  void TakeCharacter(char c);
  void EndLine();
  void RunLine();
  [[nodiscard]] AtResult RunCommands();
  [[nodiscard]] AtResult RunCommand(const AtCommand& command);
  void PutResult(AtResult result);
  void PutUnsolicited(UnsolicitedPlace place);
  void Echo(std::string_view text);
  void OpenChannel1();
  [[nodiscard]] ModemCounters Totals() const;

  AtContext modem_;
  std::string line_;  ///< since the last end of line, at most kMaxLine characters
  bool line_too_long_ = false;
  std::optional<std::string> last_body_;  ///< normalised body of the last line, what A/ repeats
  ModemCounters totals_;                  ///< its `apdus` are counted by the slot
  ModemCounters baseline_;
};

}  // namespace simroot::card
