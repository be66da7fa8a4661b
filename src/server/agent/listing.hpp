// SPDX-License-Identifier: Apache-2.0
/// The texts that nginx, HAProxy and programs with pre-shared keys read. Nothing from outside can change their meaning:
/// numbers are checked, names are written as in a URL (%XX for all but letters, digits and . _ ~ : @ / + -).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/host/secret_bytes.hpp"
#include "server/middleware/middleware.hpp"

namespace simroot::server {

/// Grows without leaving copies of what is in it behind; wiped at its end.
class SecretText {
 public:
  SecretText() = default;
  ~SecretText() { Wipe(bytes_); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;

  void Put(std::string_view text);
  void PutHex(ByteView secret);  ///< upper case
  [[nodiscard]] ByteView Reveal(InsecureReveal /*reason*/) const { return bytes_; }

 private:
  void MakeRoom(std::size_t more);
  Bytes bytes_;
};

/// "meter 17" becomes "meter%2017".
[[nodiscard]] std::string EncodeName(std::string_view name);

/// stunnel takes no shorter ones, and none at all of a file that has one.
constexpr std::size_t kMinPsk = 16;
constexpr std::string_view kNobody = "simroot-nobody:";

/// What of the credentials goes into the files, collected one by one.
class Listing {
 public:
  /// @param verdict of the middleware on this credential: only accepted ones are let in by the files. Keys of
  /// pre-shared keys are only taken if it is.
  void Add(const Credential& credential, Refusal verdict);

  /// `map $ssl_client_serial ...` for the http or stream context.
  [[nodiscard]] std::string NginxDevices();
  /// SHA-256 of the certificate, upper case hexadecimal; state; ICCID; name or "-". For HAProxy's map().
  [[nodiscard]] std::string HaproxyDevices() const;
  /// Puts a key in that nobody has, if there is no other: stunnel reads no empty file, and would go on with the keys
  /// that it had. @param key kMinPsk bytes or more
  void FillEmptyPsk(ByteView key);
  /// "identity:hexadecimal key" lines.
  [[nodiscard]] const SecretText& PskLines() const { return psk_; }

  /// Names of credentials that cannot be written in one of the files and therefore are refused there.
  [[nodiscard]] const std::vector<std::string>& left_out() const { return left_out_; }
  [[nodiscard]] std::size_t size() const { return certificates_.size() + psk_count_; }

 private:
  struct Certificate {
    std::string serial;
    std::string text;  ///< "active ICCID name"
    Fingerprint fingerprint{};
    bool accepted = false;
  };
  void AddCertificate(const Credential& credential, Refusal verdict);
  void AddPsk(const Credential& credential);

  std::vector<Certificate> certificates_;
  SecretText psk_;
  std::size_t psk_count_ = 0;
  std::vector<std::string> left_out_;
};

}  // namespace simroot::server
