// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "commands.hpp"
#include "device/client/card.hpp"
#include "trace.hpp"

namespace simroot::app {

/// The card a `simroot device` command works on, with its trace.
class DeviceSession {
 public:
  [[nodiscard]] static Result<DeviceSession> Open(const DeviceOptions& options);
  [[nodiscard]] device::Card& card() { return *card_; }
  [[nodiscard]] const std::shared_ptr<device::Card>& shared_card() const { return card_; }

 private:
  std::unique_ptr<StderrTrace> trace_;
  std::shared_ptr<device::Card> card_;
};

/// What comes from FILE, or from stdin if it is empty or "-". At most 64 MiB.
[[nodiscard]] Result<Bytes> ReadInput(const std::string& file);
/// Writes to FILE, or to stdout if it is empty.
[[nodiscard]] Result<void> WriteOutput(const std::string& file, ByteView content);

[[nodiscard]] Result<iotsafe::HashAlgorithm> HashByName(const std::string& name);
[[nodiscard]] Result<Bytes> Digest(iotsafe::HashAlgorithm hash, ByteView data);
/// SubjectPublicKeyInfo of a P-256 point (RFC 5480), DER and PEM.
[[nodiscard]] Bytes EncodeSpki(const device::Point& point);
[[nodiscard]] std::string ToPem(std::string_view label, ByteView der);

}  // namespace simroot::app
