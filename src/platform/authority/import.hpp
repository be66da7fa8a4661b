// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "platform/authority/x509_handles.hpp"
#include "platform/domain/clock.hpp"

namespace simroot::platform {

/// A CA from elsewhere, found to be one.
struct ImportedCa {
  Bytes certificate;  ///< DER
  EvpPkey key;
  std::string chain;  ///< PEM: the CAs above it that came along, without a root
};

/// Authority::Import without the keeping.
[[nodiscard]] Outcome<ImportedCa> CheckImport(std::string_view certificates, ByteView private_key, UnixTime now);

}  // namespace simroot::platform
