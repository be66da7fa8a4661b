// SPDX-License-Identifier: Apache-2.0
/// The keys of cards as text, from the factory to the platform (docs/formats/card-keys.md).
#pragma once

#include <list>
#include <string>
#include <string_view>

#include "common/base/secret.hpp"
#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot {

/// One key set of one card: one line of the file.
struct CardKeys {
  std::string iccid;    ///< 18 to 20 digits
  std::string imsi;     ///< up to 15 digits
  std::string profile;  ///< what the card was made as: blank, demo, type2, ...
  Bytes aid;            ///< of the security domain, 5 to 16 bytes
  std::uint8_t version = 0;
  // AES keys of 16, 24 or 32 bytes, all of the same length.
  SecretArray<32> enc;  ///< SCP03: ENC; SCP80: KIc
  SecretArray<32> mac;  ///< SCP03: MAC; SCP80: KID
  SecretArray<32> dek;
};

inline constexpr std::string_view kCardKeysHeader = "iccid,imsi,profile,aid,kvn,algorithm,enc,mac,dek";

/// The line of one key set, with its end, as the bytes of secret text: wipe it after use.
[[nodiscard]] std::string FormatCardKeys(const CardKeys& keys);

/// Reads one line, without its end, into `keys`. @returns what is wrong with it ("has not 9 fields"), never a part of
/// it; empty: nothing.
[[nodiscard]] std::string_view ReadCardKeysLine(std::string_view line, CardKeys& keys);

/// Reads a whole file. @returns kStore if it cannot be read; kUsage with the number of the line that is not understood.
/// The elements of a list stay where they are: secrets are not copied.
[[nodiscard]] Result<std::list<CardKeys>> ReadCardKeys(const std::string& path);

/// A file of keys that lines are added to. Nothing in it is ever changed or overwritten.
class CardKeysFile {
 public:
  /// Opens `path`, or makes it with mode 0600 and the header. Waits for nobody: somebody else who is adding lines is an
  /// error. @returns kStore if it cannot be opened, other users may read or write it, or it is no file of keys.
  [[nodiscard]] static Result<CardKeysFile> Open(const std::string& path);

  /// Adds a line for each set; safe from loss of power when the function returns. On an error the file is as it was
  /// before.
  [[nodiscard]] Result<void> Append(const std::list<CardKeys>& sets);

 private:
  CardKeysFile(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;
};

}  // namespace simroot
