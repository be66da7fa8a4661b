// SPDX-License-Identifier: Apache-2.0
/// Owners of the OpenSSL objects that this folder uses, and OpenSSL's reasons in words.
#pragma once

#include <openssl/x509v3.h>

#include "common/crypto/openssl/x509_handles.hpp"
#include "common/host/hex.hpp"
#include "platform/domain/failure.hpp"

namespace simroot::platform {

using crypto::BioPtr;
using crypto::CmsPtr;
using crypto::ErrorScope;
using crypto::EvpPkey;
using crypto::EvpPkeyCtx;
using crypto::FreeWith;
using crypto::RequestPtr;
using crypto::X509Ptr;

/// GENERAL_NAMES, CRL_DIST_POINTS and so on are stacks without a common free function.
using Asn1IntegerPtr = std::unique_ptr<ASN1_INTEGER, FreeWith<ASN1_INTEGER_free>>;
using BasicConstraintsPtr = std::unique_ptr<BASIC_CONSTRAINTS, FreeWith<BASIC_CONSTRAINTS_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, FreeWith<X509_CRL_free>>;
using GeneralNamePtr = std::unique_ptr<GENERAL_NAME, FreeWith<GENERAL_NAME_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
using NamePtr = std::unique_ptr<X509_NAME, FreeWith<X509_NAME_free>>;

/// kInternal "OpenSSL cannot `doing`: reason".
[[nodiscard]] tl::unexpected<Failure> OpenSslCannot(const std::string& doing);

/// What an i2d function writes. Empty if it fails.
template <typename T, typename Encode>
[[nodiscard]] Bytes EncodeDer(T* object, Encode encode) {
  const int size = encode(object, nullptr);
  Bytes der(static_cast<std::size_t>(std::max(size, 0)));
  unsigned char* end = der.data();
  if (size <= 0 || encode(object, &end) != size) {
    return {};
  }
  return der;
}

/// What a d2i function reads, if it is all of `der`; otherwise nothing.
template <typename Owner, typename Decode>
[[nodiscard]] Owner DecodeDer(ByteView der, Decode decode) {
  const unsigned char* end = der.data();
  Owner object(decode(nullptr, &end, static_cast<long>(der.size())));
  if (object && end != der.data() + der.size()) {
    object.reset();
  }
  return object;
}

/// The certificate in DER. kInvalid if it is something else.
[[nodiscard]] Outcome<X509Ptr> ParseCertificate(ByteView der);

/// A BIO that reads `bytes`, which it borrows.
[[nodiscard]] BioPtr ReadingFrom(ByteView bytes);
/// All that was written to a memory BIO, borrowed.
[[nodiscard]] ByteView WrittenTo(BIO* memory);

}  // namespace simroot::platform
