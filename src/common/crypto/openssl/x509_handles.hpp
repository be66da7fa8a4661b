// SPDX-License-Identifier: Apache-2.0
/// Owners of OpenSSL's objects around certificates (handles.hpp has the others).
#pragma once

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/crypto/openssl/handles.hpp"

namespace simroot::crypto {

using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, FreeWith<CMS_ContentInfo_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, FreeWith<X509_REQ_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;

}  // namespace simroot::crypto
