// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "platform/authority/x509_handles.hpp"

namespace simroot::platform {

/// SealForCertificate for many values: the certificate is read once, which is half of the work. One thread at a time.
class Sealer {
 public:
  /// kInvalid for a certificate that is none.
  [[nodiscard]] static Outcome<Sealer> For(ByteView certificate);
  /// DER. At most 64 KiB.
  [[nodiscard]] Outcome<Bytes> Seal(ByteView plain) const;

 private:
  explicit Sealer(X509Ptr holder) : holder_(std::move(holder)) {}
  X509Ptr holder_;
};

}  // namespace simroot::platform
