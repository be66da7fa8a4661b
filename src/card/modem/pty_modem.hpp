// SPDX-License-Identifier: Apache-2.0
/// The emulated modem on a pseudo terminal: what `simroot card run --modem LINK` opens.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "card/modem/at_interpreter.hpp"
#include "card/modem/terminal.hpp"
#include "common/host/deadline.hpp"
#include "common/host/error.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {

struct PtyModemOptions {
  /// Path of a symbolic link to the terminal; empty: none. A link that leads nowhere, or to the very terminal just
  /// opened (both are left over from a killed modem), is replaced; anything else that exists is an error.
  std::string link;
  ModemConfig modem;
  ModemIdentity identity;
  ModemObserver* observer = nullptr;  ///< borrowed; called from the thread that runs the modem
};

/// A modem that clients open like a serial port. One thread runs it; Counters, ResetCounters and ResetCard may be
/// called from any other meanwhile.
///
/// Clients come and go as they like. When the last one has closed the port, a line it did not finish and answers it did
/// not read are dropped, as a serial port does; the card and the modem's settings stay as they are. (If another opens
/// the port before the modem has noticed, it inherits both: a client empties its input when it opens a port.) A client
/// that sends without reading is not read from while kMaxWaiting characters wait for it.
class PtyModem {
 public:
  static constexpr std::size_t kMaxWaiting = 16384;

  /// Opens the terminal (raw, no echo, mode 0600) and makes the link.
  /// @param card borrowed for the life of the modem; used only by the thread that runs it.
  /// @returns kTransport: no terminal to be had. kUsage: the link cannot be made, and why.
  [[nodiscard]] static Result<std::unique_ptr<PtyModem>> Open(wire::CardEndpoint& card, PtyModemOptions options);

  /// Removes the link if it still leads to this modem's terminal.
  ~PtyModem() = default;
  PtyModem(const PtyModem&) = delete;
  PtyModem& operator=(const PtyModem&) = delete;

  /// Path of the terminal, /dev/pts/N.
  [[nodiscard]] const std::string& TerminalPath() const { return terminal_.slave_path(); }

  /// Serves clients until `stop_fd` becomes readable or its other end is closed.
  /// @returns kTransport if the terminal fails.
  [[nodiscard]] Result<void> Run(int stop_fd);
  /// Waits for one event, serves it, and returns; or returns at the deadline or when a signal arrives. True if there
  /// was an event.
  [[nodiscard]] Result<bool> RunOnce(Deadline deadline);

  /// Switches the card off and on before anything else is given to it. The modem's settings stay.
  void ResetCard() { reset_wanted_ = true; }

  /// Counts up to the last answer given to the terminal, those of its line included.
  [[nodiscard]] ModemCounters Counters() const;
  void ResetCounters();

 private:
  enum class Event : std::uint8_t { kDeadline, kServed, kStop };

  PtyModem(wire::CardEndpoint& card, PtyModemOptions options, Terminal terminal, TerminalLink link);

  [[nodiscard]] Result<Event> Step(Deadline deadline, int stop_fd);
  [[nodiscard]] Result<void> Serve(short events, bool was_reading);
  [[nodiscard]] Result<void> ReadInput();
  void FeedInput();
  [[nodiscard]] Result<void> WriteOutput();
  [[nodiscard]] Result<void> ClientsLeft();

  AtInterpreter interpreter_;
  Terminal terminal_;
  TerminalLink link_;
  Bytes input_;  ///< read from the terminal, not yet given to the interpreter
  std::atomic<bool> reset_wanted_ = false;

  mutable std::mutex counters_mutex_;
  ModemCounters counters_;  ///< snapshot of the interpreter's
  ModemCounters baseline_;
};

}  // namespace simroot::card
