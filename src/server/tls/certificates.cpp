// SPDX-License-Identifier: Apache-2.0
#include "server/tls/certificates.hpp"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>

#include "server/tls/sessions.hpp"

namespace simroot::server::tls {
namespace {

using StoreContext = std::unique_ptr<X509_STORE_CTX, crypto::FreeWith<X509_STORE_CTX_free>>;
using PublicDer = std::unique_ptr<unsigned char, decltype([](unsigned char* der) { OPENSSL_free(der); })>;

/// How a chain was found.
struct Chain {
  bool is_right = false;  ///< but for the times
  Refusal time = Refusal::kNone;
};

/// Goes on behind a certificate that has ended or has not begun, and remembers that: the reason is wanted, and whether
/// all else is right.
int OnStep(int ok, X509_STORE_CTX* context) {
  auto* const chain = static_cast<Chain*>(X509_STORE_CTX_get_app_data(context));
  if (ok == 1) {
    return 1;
  }
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      chain->time = Refusal::kExpired;
      return 1;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      chain->time = Refusal::kNotYetValid;
      return 1;
    default:
      return 0;
  }
}

Chain Verify(X509_STORE_CTX* outer, X509_STORE* store, int level) {
  Chain chain;
  const StoreContext own(X509_STORE_CTX_new());
  if (store == nullptr || own == nullptr ||
      X509_STORE_CTX_init(own.get(), store, X509_STORE_CTX_get0_cert(outer), X509_STORE_CTX_get0_untrusted(outer)) !=
          1 ||
      X509_STORE_CTX_set_default(own.get(), "ssl_client") != 1) {
    return chain;
  }
  constexpr int kLongestChain = 6;  // certificates between the device's and the root's
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(own.get());
  X509_VERIFY_PARAM_set_auth_level(parameters, level);
  X509_VERIFY_PARAM_set_depth(parameters, kLongestChain);
  // An issuing CA that was imported is trusted itself: the platform does not have what is above it.
  (void)X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_app_data(own.get(), &chain);
  X509_STORE_CTX_set_verify_cb(own.get(), OnStep);
  chain.is_right = X509_verify_cert(own.get()) == 1;
  if (chain.is_right) {
    X509_STORE_CTX_set0_verified_chain(outer, X509_STORE_CTX_get1_chain(own.get()));
  }
  return chain;
}

Fingerprint FingerprintOf(const X509* certificate) {
  Fingerprint fingerprint{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), fingerprint.data(), &size) != 1 || size != fingerprint.size()) {
    fingerprint = {};
  }
  return fingerprint;
}

/// The state of the certificate and, where that says nothing against it, its times.
Verdict JudgeCertificate(const Attachment& attachment, const X509* certificate, const Chain& chain) {
  Verdict verdict = attachment.middleware.JudgeCertificate(FingerprintOf(certificate), chain.is_right);
  const bool open = verdict.accepted() || verdict.refusal == Refusal::kUnknownCertificate;
  if (!chain.is_right && verdict.accepted()) {
    verdict.refusal = Refusal::kForeignCertificate;
  } else if (open && chain.time != Refusal::kNone) {
    verdict.refusal = chain.time;
  } else if (!attachment.options.certificates && verdict.accepted()) {
    verdict.refusal = Refusal::kNoCredential;  // none that this server takes
  }
  return verdict;
}

crypto::EvpPkey MakeRsaDecoy(int type, int bits) {
  // Any odd number of this length: nobody knows a signature under it, whether it has two factors or more.
  const char* const name = type == EVP_PKEY_RSA_PSS ? "RSA-PSS" : "RSA";
  const crypto::SecretBignum modulus(BN_new());
  const crypto::SecretBignum exponent(BN_new());
  const crypto::ParamBuilder builder(OSSL_PARAM_BLD_new());
  const crypto::EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, name, nullptr));
  if (modulus == nullptr || exponent == nullptr || builder == nullptr || context == nullptr ||
      BN_rand(modulus.get(), bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) != 1 ||
      BN_set_word(exponent.get(), RSA_F4) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return nullptr;
  }
  const crypto::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  EVP_PKEY* made = nullptr;
  if (params == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return crypto::EvpPkey(made);
}

/// The public half alone.
crypto::EvpPkey PublicHalf(const crypto::EvpPkey& pair) {
  unsigned char* der = nullptr;
  const int size = pair == nullptr ? 0 : i2d_PUBKEY(pair.get(), &der);
  const PublicDer owner(der);
  const unsigned char* position = der;
  return crypto::EvpPkey(size <= 0 ? nullptr : d2i_PUBKEY(nullptr, &position, size));
}

/// A key of the same kind and size, so that nothing stops earlier than at the signature; nullptr: there is none.
EVP_PKEY* DecoyLike(EVP_PKEY* key, const Decoys& decoys) {
  const int type = EVP_PKEY_get_base_id(key);
  if (type == EVP_PKEY_EC) {
    std::array<char, 64> group{};
    if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) {
      return nullptr;
    }
    const auto found = std::ranges::find_if(
        decoys.curves, [&](const auto& curve) { return std::string_view(curve.group) == group.data(); });
    return found == decoys.curves.end() ? nullptr : found->key.get();
  }
  if (type == EVP_PKEY_ED25519) {
    return decoys.ed25519.get();
  }
  const auto found = std::ranges::find_if(
      decoys.rsa, [&](const auto& rsa) { return rsa.type == type && rsa.bits == EVP_PKEY_get_bits(key); });
  return found == decoys.rsa.end() ? nullptr : found->key.get();
}

/// Makes the proof of possession fail.
bool Disguise(X509* certificate, const Attachment& attachment) {
  EVP_PKEY* const key = X509_get0_pubkey(certificate);
  if (key == nullptr) {
    return false;
  }
  EVP_PKEY* const decoy = DecoyLike(key, attachment.decoys);
  return decoy != nullptr && X509_set_pubkey(certificate, decoy) == 1;
}

int Decide(X509_STORE_CTX* outer, Attachment& attachment) {
  const crypto::ErrorScope errors;
  auto* const connection = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(outer, SSL_get_ex_data_X509_STORE_CTX_idx()));
  X509* const certificate = X509_STORE_CTX_get0_cert(outer);
  if (connection == nullptr || certificate == nullptr) {
    return 0;
  }
  const auto store = attachment.authorities.StoreFor(attachment.middleware.Authorities());
  const Chain chain = Verify(outer, store.get(), SSL_get_security_level(connection));
  if (!chain.is_right) {
    // A chain without our CAs ends before its first signature: the work is done here.
    (void)X509_verify(certificate, attachment.decoys.curves.front().key.get());
  }
  Verdict verdict = JudgeCertificate(attachment, certificate, chain);
  if (verdict.accepted() && Mark(SSL_get0_session(connection), attachment, verdict.device)) {
    Judged(connection, verdict);
    return 1;
  }
  if (verdict.accepted()) {
    return 0;  // no memory
  }
  Judged(connection, verdict);
  return Disguise(certificate, attachment) ? 1 : 0;
}

}  // namespace

bool MakeDecoys(Decoys& decoys) {
  const crypto::ErrorScope errors;
  for (const char* const group : {SN_X9_62_prime256v1, SN_brainpoolP256r1, SN_secp384r1, SN_secp521r1}) {
    crypto::EvpPkey key = PublicHalf(crypto::EvpPkey(EVP_EC_gen(group)));
    if (key != nullptr) {
      decoys.curves.push_back({group, std::move(key)});
    } else if (decoys.curves.empty()) {
      return false;
    }
  }
  for (const int type : {EVP_PKEY_RSA, EVP_PKEY_RSA_PSS}) {
    for (const int bits : {2048, 3072, 4096}) {
      decoys.rsa.push_back({type, bits, MakeRsaDecoy(type, bits)});
    }
  }
  decoys.ed25519 = PublicHalf(crypto::EvpPkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")));
  return true;
}

int VerifyCertificate(X509_STORE_CTX* context, void* attachment) {
  const int result = Guarded(0, [&] { return Decide(context, *static_cast<Attachment*>(attachment)); });
  // What a signature by another key gives: the alert decrypt_error.
  X509_STORE_CTX_set_error(context, result == 1 ? X509_V_OK : X509_V_ERR_CERT_SIGNATURE_FAILURE);
  return result;
}

}  // namespace simroot::server::tls
