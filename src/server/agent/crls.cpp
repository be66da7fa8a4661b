// SPDX-License-Identifier: Apache-2.0
#include "server/agent/crls.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "common/crypto/openssl/backend.hpp"

namespace simroot::server {
namespace {

struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(X509_CRL* x) const { X509_CRL_free(x); }
  void operator()(BIO* x) const { BIO_free(x); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Crl = std::unique_ptr<X509_CRL, Free>;
using Memory = std::unique_ptr<BIO, Free>;

[[nodiscard]] tl::unexpected<Error> Bad(const std::string& what) {
  return Fail(ErrorDomain::kProtocol, "the platform's CRLs cannot be used: " + what,
              "the files stay as they are; look into the platform's log");
}

/// Seconds since 1970; 0: none, or not readable.
[[nodiscard]] UnixTime TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  return time != nullptr && ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<UnixTime>(::timegm(&parts)) : 0;
}

/// In the project's own library context: the user's configuration has no say.
[[nodiscard]] Crl ReadCrl(const Bytes& der) {
  const crypto::Backend* const backend = crypto::Backend::Get();
  Crl crl(backend == nullptr ? nullptr : X509_CRL_new_ex(backend->context(), nullptr));
  const unsigned char* at = der.data();
  X509_CRL* raw = crl.release();  // freed and set to nullptr on an error
  if (raw == nullptr || d2i_X509_CRL(&raw, &at, static_cast<long>(der.size())) == nullptr) {
    X509_CRL_free(raw);
    return nullptr;
  }
  crl.reset(raw);
  return at == der.data() + der.size() ? std::move(crl) : nullptr;
}

/// Whether every CA of the text has a CRL among `crls`.
[[nodiscard]] bool AllCovered(const std::string& authorities, const std::vector<Crl>& crls) {
  const crypto::Backend* const backend = crypto::Backend::Get();
  const Memory memory(BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size())));
  bool any = false;
  for (;;) {
    Certificate certificate(X509_new_ex(backend->context(), nullptr));
    X509* raw = certificate.release();
    if (raw == nullptr || PEM_read_bio_X509(memory.get(), &raw, nullptr, nullptr) == nullptr) {
      X509_free(raw);
      return any;
    }
    certificate.reset(raw);
    any = true;
    const X509_NAME* const name = X509_get_subject_name(certificate.get());
    if (std::ranges::none_of(
            crls, [&](const Crl& crl) { return X509_NAME_cmp(X509_CRL_get_issuer(crl.get()), name) == 0; })) {
      return false;
    }
  }
}

[[nodiscard]] Bytes WithoutZeros(ByteView digits) {
  while (!digits.empty() && digits.front() == 0) {
    digits = digits.subspan(1);
  }
  return {digits.begin(), digits.end()};
}

void CollectSerials(X509_CRL* crl, std::vector<Bytes>& serials) {
  const STACK_OF(X509_REVOKED)* const revoked = X509_CRL_get_REVOKED(crl);
  for (int i = 0; i < sk_X509_REVOKED_num(revoked); ++i) {
    const ASN1_INTEGER* const serial = X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i));
    serials.push_back(
        WithoutZeros(ByteView(ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial)))));
  }
}

}  // namespace

Result<Crls> Crls::Read(const std::vector<Bytes>& der, const std::string& authorities) {
  Crls all;
  std::vector<Crl> crls;
  const Memory memory(BIO_new(BIO_s_mem()));
  for (const Bytes& one : der) {
    Crl crl = ReadCrl(one);
    if (crl == nullptr || memory == nullptr || PEM_write_bio_X509_CRL(memory.get(), crl.get()) != 1) {
      return Bad("one of them is no CRL");
    }
    const UnixTime begin = TimeOf(X509_CRL_get0_lastUpdate(crl.get()));
    const UnixTime end = TimeOf(X509_CRL_get0_nextUpdate(crl.get()));
    if (begin == 0 || end <= begin) {
      return Bad("one of them has no end");
    }
    all.this_update_ = crls.empty() ? begin : std::min(all.this_update_, begin);
    all.next_update_ = crls.empty() ? end : std::min(all.next_update_, end);
    CollectSerials(crl.get(), all.serials_);
    crls.push_back(std::move(crl));
  }
  if (crls.empty() || !AllCovered(authorities, crls)) {
    return Bad("a CA has none, its key may be elsewhere; leave CRLs out then (--no-crl)");
  }
  std::ranges::sort(all.serials_);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  all.pem_.assign(text, static_cast<std::size_t>(size));
  return all;
}

bool Crls::Holds(const std::string& serial) const {
  const auto digits = FromHex(serial);
  return digits && std::ranges::binary_search(serials_, WithoutZeros(*digits));
}

}  // namespace simroot::server
