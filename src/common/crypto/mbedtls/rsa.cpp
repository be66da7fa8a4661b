// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/asn1.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/rsa.h>
#include <mbedtls/rsa_internal.h>

#include "common/base/secret.hpp"
#include "common/crypto/mbedtls/contexts.hpp"
#include "common/crypto/mbedtls/mbedtls_crypto.hpp"

namespace simroot::crypto {
namespace {

constexpr unsigned kRsaBits = kRsaSize * 8;
constexpr int kMadeExponent = 65537;

/// An RSA context with the padding of most of its uses; others say theirs.
class Rsa {
 public:
  Rsa() { mbedtls_rsa_init(&context_, MBEDTLS_RSA_PKCS_V15, MBEDTLS_MD_NONE); }
  ~Rsa() { mbedtls_rsa_free(&context_); }
  Rsa(const Rsa&) = delete;
  Rsa& operator=(const Rsa&) = delete;

  [[nodiscard]] mbedtls_rsa_context* get() { return &context_; }

 private:
  mbedtls_rsa_context context_;
};

/// Reads version 0, n e d p q and the three numbers of the Chinese remainder theorem (RFC 8017 A.1.2), which must fit
/// the others. The library's ASN.1 reader moves a pointer.
bool ReadPrivateKey(ByteView der, Rsa& rsa) {
  if (der.empty()) {
    return false;
  }
  // The reader takes no pointer to const, and writes nothing.
  auto* place = const_cast<unsigned char*>(der.data());
  const unsigned char* const end = &der.back() + 1;
  std::size_t length = 0;
  int version = -1;
  Mpi n;
  Mpi e;
  Mpi d;
  Mpi p;
  Mpi q;
  Mpi dp;
  Mpi dq;
  Mpi inverse;
  const auto number = [&](Mpi& into) { return mbedtls_asn1_get_mpi(&place, end, into.get()) == 0; };
  return mbedtls_asn1_get_tag(&place, end, &length, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) == 0 &&
         place + length == end && mbedtls_asn1_get_int(&place, end, &version) == 0 && version == 0 && number(n) &&
         number(e) && number(d) && number(p) && number(q) && number(dp) && number(dq) && number(inverse) &&
         place == end && mbedtls_rsa_import(rsa.get(), n.get(), p.get(), q.get(), d.get(), e.get()) == 0 &&
         mbedtls_rsa_complete(rsa.get()) == 0 && mbedtls_rsa_get_len(rsa.get()) == kRsaSize &&
         mbedtls_rsa_validate_crt(p.get(), q.get(), d.get(), dp.get(), dq.get(), inverse.get()) == 0;
}

bool WritePublicHalf(Rsa& rsa, ByteSpan modulus, ByteSpan exponent) {
  return mbedtls_rsa_export_raw(rsa.get(), modulus.data(), modulus.size(), nullptr, 0, nullptr, 0, nullptr, 0,
                                exponent.data(), exponent.size()) == 0;
}

/// Writes RSAPrivateKey to the end of `der`, as the library's writer does. @returns its length, or 0.
std::size_t WritePrivateKey(Rsa& rsa, ByteSpan der) {
  Mpi n;
  Mpi p;
  Mpi q;
  Mpi d;
  Mpi e;
  Mpi dp;
  Mpi dq;
  Mpi inverse;
  if (mbedtls_rsa_export(rsa.get(), n.get(), p.get(), q.get(), d.get(), e.get()) != 0 ||
      mbedtls_rsa_export_crt(rsa.get(), dp.get(), dq.get(), inverse.get()) != 0) {
    return 0;
  }
  unsigned char* const start = der.data();
  unsigned char* place = &der.back() + 1;
  std::size_t size = 0;
  const auto add = [&size](int written) {
    size += written > 0 ? static_cast<std::size_t>(written) : 0;
    return written > 0;
  };
  const bool ok = [&] {
    for (Mpi* const number : {&inverse, &dq, &dp, &q, &p, &d, &e, &n}) {
      if (!add(mbedtls_asn1_write_mpi(&place, start, number->get()))) {
        return false;
      }
    }
    return add(mbedtls_asn1_write_int(&place, start, 0)) && add(mbedtls_asn1_write_len(&place, start, size)) &&
           add(mbedtls_asn1_write_tag(&place, start, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE));
  }();
  return ok ? size : 0;
}

}  // namespace

bool MbedTlsCrypto::GenerateRsa(ByteSpan der, std::size_t& der_size, ByteSpan modulus, ByteSpan exponent) {
  if (!started_ || der.size() < kMaxRsaPrivateSize || modulus.size() != kRsaSize ||
      exponent.size() != kRsaExponentSize) {
    return false;
  }
  Rsa rsa;
  std::size_t size = 0;
  if (mbedtls_rsa_gen_key(rsa.get(), mbedtls_ctr_drbg_random, &generator_, kRsaBits, kMadeExponent) == 0 &&
      WritePublicHalf(rsa, modulus, exponent)) {
    size = WritePrivateKey(rsa, der);
  }
  if (size == 0) {
    Wipe(der);
    Wipe(modulus);
    Wipe(exponent);
    return false;
  }
  std::ranges::copy(der.last(size), der.begin());  // forwards: the two may overlap
  Wipe(der.subspan(size));
  der_size = size;
  return true;
}

bool MbedTlsCrypto::RsaPublicHalf(ByteView der, ByteSpan modulus, ByteSpan exponent) {
  Rsa rsa;
  if (modulus.size() != kRsaSize || exponent.size() != kRsaExponentSize || !ReadPrivateKey(der, rsa) ||
      mbedtls_rsa_check_privkey(rsa.get()) != 0) {
    return false;
  }
  // A shorter exponent would get zeros in front, and an exponent has none.
  if (WritePublicHalf(rsa, modulus, exponent) && exponent.front() != 0) {
    return true;
  }
  Wipe(modulus);
  Wipe(exponent);
  return false;
}

bool MbedTlsCrypto::SignRsa(const RsaPrivateKey& key, RsaPadding padding, HashAlgorithm hash, ByteView digest,
                            ByteSpan signature) {
  Rsa rsa;
  if (!started_ || digest.size() != iotsafe::DigestSize(hash) || signature.size() != kRsaSize ||
      !ReadPrivateKey(key.der, rsa)) {
    return false;
  }
  const auto length = static_cast<unsigned>(digest.size());
  int result = 0;
  if (padding == RsaPadding::kPkcs1) {
    result = mbedtls_rsa_rsassa_pkcs1_v15_sign(rsa.get(), mbedtls_ctr_drbg_random, &generator_, MBEDTLS_RSA_PRIVATE,
                                               MdType(hash), length, digest.data(), signature.data());
  } else {
    mbedtls_rsa_set_padding(rsa.get(), MBEDTLS_RSA_PKCS_V21, MdType(hash));
    result = mbedtls_rsa_rsassa_pss_sign_ext(rsa.get(), mbedtls_ctr_drbg_random, &generator_, MdType(hash), length,
                                             digest.data(), static_cast<int>(length), signature.data());
  }
  if (result != 0) {
    Wipe(signature);
  }
  return result == 0;
}

VerifyResult MbedTlsCrypto::VerifyRsa(const RsaPublicKey& key, RsaPadding padding, HashAlgorithm hash, ByteView digest,
                                      ByteView signature) {
  constexpr std::size_t kMaxExponent = 8;
  Rsa rsa;
  if (digest.size() != iotsafe::DigestSize(hash) || key.modulus.size() != kRsaSize ||
      (key.modulus.front() & 0x80U) == 0 || key.exponent.empty() || key.exponent.size() > kMaxExponent ||
      key.exponent.front() == 0 ||
      mbedtls_rsa_import_raw(rsa.get(), key.modulus.data(), key.modulus.size(), nullptr, 0, nullptr, 0, nullptr, 0,
                             key.exponent.data(), key.exponent.size()) != 0 ||
      mbedtls_rsa_complete(rsa.get()) != 0 || mbedtls_rsa_check_pubkey(rsa.get()) != 0 ||
      mbedtls_rsa_get_len(rsa.get()) != kRsaSize) {
    return VerifyResult::kError;
  }
  if (signature.size() != kRsaSize) {
    return VerifyResult::kInvalid;
  }
  const auto length = static_cast<unsigned>(digest.size());
  int result = 0;
  if (padding == RsaPadding::kPkcs1) {
    result = mbedtls_rsa_rsassa_pkcs1_v15_verify(rsa.get(), nullptr, nullptr, MBEDTLS_RSA_PUBLIC, MdType(hash), length,
                                                 digest.data(), signature.data());
  } else {
    mbedtls_rsa_set_padding(rsa.get(), MBEDTLS_RSA_PKCS_V21, MdType(hash));
    result = mbedtls_rsa_rsassa_pss_verify_ext(rsa.get(), nullptr, nullptr, MBEDTLS_RSA_PUBLIC, MdType(hash), length,
                                               digest.data(), MdType(hash), static_cast<int>(length), signature.data());
  }
  return result == 0                              ? VerifyResult::kValid
         : result == MBEDTLS_ERR_MPI_ALLOC_FAILED ? VerifyResult::kError
                                                  : VerifyResult::kInvalid;
}

bool MbedTlsCrypto::DecryptRsaOaep(const RsaPrivateKey& key, HashAlgorithm hash, ByteView ciphertext, ByteSpan message,
                                   std::size_t& size) {
  Rsa rsa;
  if (!started_ || ciphertext.size() != kRsaSize || message.size() < kRsaSize || !ReadPrivateKey(key.der, rsa)) {
    return false;
  }
  mbedtls_rsa_set_padding(rsa.get(), MBEDTLS_RSA_PKCS_V21, MdType(hash));
  std::size_t length = 0;
  if (mbedtls_rsa_rsaes_oaep_decrypt(rsa.get(), mbedtls_ctr_drbg_random, &generator_, MBEDTLS_RSA_PRIVATE, nullptr, 0,
                                     &length, ciphertext.data(), message.data(), message.size()) == 0) {
    size = length;
    return true;
  }
  Wipe(message);
  return false;
}

}  // namespace simroot::crypto
