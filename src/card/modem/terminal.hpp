// SPDX-License-Identifier: Apache-2.0
/// A pseudo terminal and a symbolic link to it, each owned.
#pragma once

#include <string>

#include "common/host/error.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::card {

/// Both ends of a pseudo terminal. The master never blocks.
///
/// The kernel reports "all clients have gone" on the master for as long as nobody has the slave open. To sleep
/// meanwhile, the terminal holds the slave open itself until the first client has sent something (LetGo), and again
/// when the last client has gone (Hold).
class Terminal {
 public:
  /// Raw mode, no echo, readable and writable for this user only. The slave is held.
  [[nodiscard]] static Result<Terminal> Open();

  [[nodiscard]] int master() const { return master_.get(); }
  [[nodiscard]] const std::string& slave_path() const { return slave_path_; }

  /// Opens the slave, brings raw mode back and drops what no client has read.
  [[nodiscard]] Result<void> Hold();
  void LetGo() { slave_.Reset(); }

 private:
  UniqueFd master_;
  UniqueFd slave_;
  std::string slave_path_;
};

/// A symbolic link that disappears with this object, unless somebody has made it lead elsewhere.
class TerminalLink {
 public:
  /// No link.
  TerminalLink() = default;
  /// Makes `path` lead to `target`, at once and never half. An existing symbolic link is replaced if it dangles or
  /// leads to `target` already. @returns kUsage for anything else.
  [[nodiscard]] static Result<TerminalLink> Make(std::string path, std::string target);

  TerminalLink(TerminalLink&& other) noexcept;
  TerminalLink& operator=(TerminalLink&& other) noexcept;
  ~TerminalLink() { Remove(); }

 private:
  TerminalLink(std::string path, std::string target) : path_(std::move(path)), target_(std::move(target)) {}
  void Remove();

  std::string path_;  ///< empty: nothing to remove
  std::string target_;
};

}  // namespace simroot::card
