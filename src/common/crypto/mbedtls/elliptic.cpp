// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>

#include "common/base/secret.hpp"
#include "common/crypto/mbedtls/contexts.hpp"
#include "common/crypto/mbedtls/mbedtls_crypto.hpp"

namespace simroot::crypto {
namespace {

bool LoadGroup(Curve curve, EcGroup& group) {
  const mbedtls_ecp_group_id id = curve == Curve::kP256              ? MBEDTLS_ECP_DP_SECP256R1
                                  : curve == Curve::kBrainpoolP256r1 ? MBEDTLS_ECP_DP_BP256R1
                                                                     : MBEDTLS_ECP_DP_SECP384R1;
  return mbedtls_ecp_group_load(group.get(), id) == 0;
}

/// A scalar of 1 to n-1 in exactly the bytes the curve has.
bool ReadScalar(Curve curve, EcGroup& group, ByteView bytes, Mpi& scalar) {
  return bytes.size() == ScalarSize(curve) && ReadNumber(bytes, scalar) &&
         mbedtls_ecp_check_privkey(group.get(), scalar.get()) == 0;
}

/// An uncompressed point of the curve. Its cofactor is 1, so every such point has the right order.
bool ReadPoint(Curve curve, EcGroup& group, ByteView bytes, EcPoint& point) {
  return bytes.size() == PointSize(curve) &&
         mbedtls_ecp_point_read_binary(group.get(), point.get(), bytes.data(), bytes.size()) == 0 &&
         mbedtls_ecp_check_pubkey(group.get(), point.get()) == 0;
}

bool WritePoint(EcGroup& group, EcPoint& point, ByteSpan out) {
  std::size_t size = 0;
  return mbedtls_ecp_point_write_binary(group.get(), point.get(), MBEDTLS_ECP_PF_UNCOMPRESSED, &size, out.data(),
                                        out.size()) == 0 &&
         size == out.size();
}

}  // namespace

bool MbedTlsCrypto::GenerateKeyPair(Curve curve, ByteSpan scalar, ByteSpan point) {
  if (!started_ || scalar.size() != ScalarSize(curve) || point.size() != PointSize(curve)) {
    return false;
  }
  EcGroup group;
  Mpi secret;
  EcPoint made;
  if (LoadGroup(curve, group) &&
      mbedtls_ecp_gen_keypair(group.get(), secret.get(), made.get(), mbedtls_ctr_drbg_random, &generator_) == 0 &&
      WritePoint(group, made, point) && WriteNumber(secret, scalar)) {
    return true;
  }
  Wipe(scalar);
  Wipe(point);
  return false;
}

bool MbedTlsCrypto::PublicPoint(Curve curve, ByteView scalar, ByteSpan point) {
  EcGroup group;
  Mpi secret;
  EcPoint made;
  if (!started_ || point.size() != PointSize(curve) || !LoadGroup(curve, group) ||
      !ReadScalar(curve, group, scalar, secret)) {
    return false;
  }
  return mbedtls_ecp_mul(group.get(), made.get(), secret.get(), &group->G, mbedtls_ctr_drbg_random, &generator_) == 0 &&
         WritePoint(group, made, point);
}

bool MbedTlsCrypto::IsValidPoint(Curve curve, ByteView point) {
  EcGroup group;
  EcPoint read;
  return LoadGroup(curve, group) && ReadPoint(curve, group, point, read);
}

bool MbedTlsCrypto::SignEcdsa(const PrivateKey& key, ByteView digest, ByteSpan signature) {
  if (!started_ || digest.empty() || signature.size() != SignatureSize(key.curve)) {
    return false;
  }
  EcGroup group;
  Mpi secret;
  Mpi r;
  Mpi s;
  const std::size_t half = ScalarSize(key.curve);
  if (LoadGroup(key.curve, group) && ReadScalar(key.curve, group, key.scalar, secret) &&
      mbedtls_ecdsa_sign(group.get(), r.get(), s.get(), secret.get(), digest.data(), digest.size(),
                         mbedtls_ctr_drbg_random, &generator_) == 0 &&
      WriteNumber(r, signature.first(half)) && WriteNumber(s, signature.last(half))) {
    return true;
  }
  Wipe(signature);
  return false;
}

VerifyResult MbedTlsCrypto::VerifyEcdsa(Curve curve, ByteView point, ByteView digest, ByteView signature) {
  EcGroup group;
  EcPoint key;
  if (digest.empty() || !LoadGroup(curve, group) || !ReadPoint(curve, group, point, key)) {
    return VerifyResult::kError;
  }
  if (signature.size() != SignatureSize(curve)) {
    return VerifyResult::kInvalid;
  }
  Mpi r;
  Mpi s;
  const std::size_t half = ScalarSize(curve);
  if (!ReadNumber(signature.first(half), r) || !ReadNumber(signature.last(half), s)) {
    return VerifyResult::kError;
  }
  const int verified = mbedtls_ecdsa_verify(group.get(), digest.data(), digest.size(), key.get(), r.get(), s.get());
  return verified == 0                               ? VerifyResult::kValid
         : verified == MBEDTLS_ERR_ECP_VERIFY_FAILED ? VerifyResult::kInvalid
                                                     : VerifyResult::kError;
}

bool MbedTlsCrypto::Ecdh(const PrivateKey& key, ByteView peer_point, ByteSpan shared_x) {
  if (!started_ || shared_x.size() != ScalarSize(key.curve)) {
    return false;
  }
  EcGroup group;
  Mpi secret;
  Mpi shared;
  EcPoint peer;
  if (LoadGroup(key.curve, group) && ReadScalar(key.curve, group, key.scalar, secret) &&
      ReadPoint(key.curve, group, peer_point, peer) &&
      mbedtls_ecdh_compute_shared(group.get(), shared.get(), peer.get(), secret.get(), mbedtls_ctr_drbg_random,
                                  &generator_) == 0 &&
      WriteNumber(shared, shared_x)) {
    return true;
  }
  Wipe(shared_x);
  return false;
}

}  // namespace simroot::crypto
