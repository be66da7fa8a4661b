// SPDX-License-Identifier: Apache-2.0
/// Who holds which logical channel of a port. A card has three; a program that is killed leaves its channel open until
/// the card is reset, and the next one finds none. The ledger tells whose channels may be closed.
#pragma once

#include <sys/types.h>

#include "device/transport/transport.hpp"

namespace simroot::device::client {

struct LedgerEntry {
  Channel channel;
  pid_t pid = 0;
  std::uint64_t start_time = 0;  ///< of the process, clock ticks since boot: tells it from a later one of the same pid

  /// The process was opening a channel, and its number was not known yet.
  [[nodiscard]] bool IsIntent() const { return channel == Channel{}; }
};

/// A text file per port: the line "simroot-channels 1", then "NUMBER SESSION PID START" for every open channel, and
/// "0 -1 PID START", an intent, for one that is being opened: its process may be killed between the card's answer and
/// the note of it. START 0: the process has given it up. Read and written only while the transport's lock is held, so
/// it needs no lock of its own. Failures are silent: without the ledger, channels of killed programs stay open until
/// the card is reset.
class ChannelLedger {
 public:
  /// @param directory empty for no ledger. @param port a device path may be a link: what it points to counts.
  ChannelLedger(std::string directory, const CardUri& port);

  /// Notes that this process is about to open a channel. Add or NoteFailure follows.
  void Announce() const;
  /// Opening failed. If the card has not refused, a channel may be open, and nobody knows its number.
  void NoteFailure(const Error& error) const;
  /// Takes out up to `count` intents of processes that are gone, or that have given up.
  void RemoveDeadIntents(std::size_t count) const;

  /// Notes that this process has opened `channel`, in place of an intent of its own. Whoever had it before has lost it:
  /// the card would not have given it.
  void Add(const Channel& channel) const;
  /// Takes out what process `pid` holds under this channel; entries of others stay.
  void Remove(const Channel& channel, pid_t pid) const;
  [[nodiscard]] std::vector<LedgerEntry> Entries() const;
  /// False only if the ledger says that another process has opened `channel` since.
  [[nodiscard]] bool MayClose(const Channel& channel) const;

 private:
  void Write(const std::vector<LedgerEntry>& entries) const;

  std::string directory_;
  std::string file_name_;
};

/// False for virtual cards, which die with their process and leave nothing open, and for card daemons, whose channels
/// are their own.
[[nodiscard]] bool OutlivesItsUsers(const CardUri& uri);

/// "at:/dev/ttyUSB2": one port has one identity, whatever links and options name it.
[[nodiscard]] std::string PortIdentity(const CardUri& port);

/// True if the process that made the entry still runs, and has not given it up.
[[nodiscard]] bool IsAlive(const LedgerEntry& entry);

/// Start time of a process from /proc/PID/stat, clock ticks since boot; nothing if there is no such process.
[[nodiscard]] std::optional<std::uint64_t> ProcessStartTime(pid_t pid);

/// XDG_RUNTIME_DIR/simroot, else `cache_directory`; may be empty.
[[nodiscard]] std::string DefaultRuntimeDirectory(const std::string& cache_directory);

}  // namespace simroot::device::client
