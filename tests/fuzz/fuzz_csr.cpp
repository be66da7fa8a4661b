// SPDX-License-Identifier: Apache-2.0
/// Certificate requests in DER. What the strict walk takes apart, OpenSSL takes apart in the same way, bit for bit; the
/// judgement that follows is the same as OpenSSL's alone.
#include "common/base/check.hpp"
#include "platform/authority/certificate_request.hpp"
#include "platform/authority/x509_handles.hpp"

namespace simroot::platform {
namespace {

ByteView KeyBits(X509_REQ* request) {
  const unsigned char* bits = nullptr;
  int size = 0;
  SR_CHECK(X509_PUBKEY_get0_param(nullptr, &bits, &size, nullptr, X509_REQ_get_X509_PUBKEY(request)) == 1);
  return {bits, static_cast<std::size_t>(size)};
}

void CheckSameParts(const P256Request& ours, ByteView csr) {
  const auto theirs = DecodeDer<RequestPtr>(csr, d2i_X509_REQ);
  SR_CHECK(theirs != nullptr);
  SR_CHECK(SameBytes(KeyBits(theirs.get()), ours.point));
  SR_CHECK(SameBytes(EncodeDer(X509_REQ_get_subject_name(theirs.get()), i2d_X509_NAME), ours.subject));
  const ASN1_BIT_STRING* signature = nullptr;
  X509_REQ_get0_signature(theirs.get(), &signature, nullptr);
  SR_CHECK(SameBytes({signature->data, static_cast<std::size_t>(signature->length)}, ours.signature));
  SR_CHECK(X509_REQ_get_signature_nid(theirs.get()) == NID_ecdsa_with_SHA256);
  SR_CHECK(X509_REQ_get_version(theirs.get()) == X509_REQ_VERSION_1 && X509_REQ_get_attr_count(theirs.get()) == 0);
  SR_CHECK(EncodeDer(theirs.get(), i2d_X509_REQ) == Bytes(csr.begin(), csr.end()));
}

void Run(ByteView csr) {
  static RequestChecker checker;
  const ErrorScope errors;
  const auto ours = ParseP256Request(csr);
  if (ours) {
    CheckSameParts(*ours, csr);
  }
  const auto checked = checker.Check(csr);
  const auto theirs = CheckRequestWithOpenSsl(csr);
  SR_CHECK(checked.has_value() == theirs.has_value());
  if (checked) {
    SR_CHECK(checked->public_key == theirs->public_key && checked->subject == theirs->subject &&
             checked->key_type == theirs->key_type);
  } else {
    SR_CHECK(checked.error().kind == FailureKind::kInvalid);
  }
}

}  // namespace
}  // namespace simroot::platform

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  simroot::platform::Run({data, size});
  return 0;
}
