// SPDX-License-Identifier: Apache-2.0
/// The non-volatile memory of a virtual card in one file of the host.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "card/port/nvm.hpp"
#include "common/host/error.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::card {

/// The file holds the memory byte for byte, without a header; its size is fixed when it is made. While an object lives
/// the file is locked (flock): a second opener, in any process, is refused with the owner's process number.
///
/// Fork: the card stays with the process that opened it. In a child every call returns false and changes nothing, and
/// destroying the child's copy does not unlock the file; but the lock lasts until every process that inherited the open
/// file has closed it or has ended (exec closes it). Not safe for several threads at once.
class FileNvm final : public Nvm {
 public:
  /// Writes the first content of a new memory, which is all zeros.
  using Fill = std::function<Result<void>(Nvm& memory)>;

  /// Opens and locks an existing memory. @returns kStore if it is in use, is not a regular file (a symbolic link is
  /// none), is empty, may be written by other users, or cannot be opened.
  [[nodiscard]] static Result<std::unique_ptr<FileNvm>> Open(const std::string& path);

  /// Makes a memory of `size` bytes, mode 0600, with its space on the disk reserved, and returns it open and locked.
  /// The file appears under its name only after `fill` has succeeded and everything is safe from loss of power; an
  /// existing file is never touched. @returns kStore, or the error of `fill`; nothing is left behind then.
  [[nodiscard]] static Result<std::unique_ptr<FileNvm>> Create(const std::string& path, std::size_t size,
                                                               const Fill& fill = {});
  /// Gives the lock back at once, even if a child that was forked meanwhile still has the descriptor. In a child:
  /// leaves the parent's lock alone.
  ~FileNvm();
  FileNvm(const FileNvm&) = delete;
  FileNvm& operator=(const FileNvm&) = delete;

  [[nodiscard]] std::size_t Size() const override { return size_; }
  [[nodiscard]] bool Read(std::size_t offset, ByteSpan out) override;
  [[nodiscard]] bool Write(std::size_t offset, ByteView data) override;
  /// After one failed Sync nobody knows what is on the disk (Linux forgets the failed pages), so Write and Sync fail
  /// from then on; opening the file again shows what is there.
  [[nodiscard]] bool Sync() override;

  /// Why the last call that returned false did so, in one sentence with the path. Empty if none has.
  [[nodiscard]] const std::string& LastError() const { return last_error_; }

 private:
  FileNvm(std::string path, UniqueFd fd, std::size_t size);

  [[nodiscard]] bool Refuse(const std::string& message);
  [[nodiscard]] bool Usable(std::size_t offset, std::size_t count);

  std::string path_;
  UniqueFd fd_;
  std::size_t size_;
  pid_t owner_;
  bool lost_ = false;  ///< a Sync failed
  std::string last_error_;
};

}  // namespace simroot::card
