// SPDX-License-Identifier: Apache-2.0
/// Random numbers from the card's generator.
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

extern "C" {

CK_RV C_SeedRandom(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*seed*/, CK_ULONG /*size*/) {
  return WithSession(handle, [](Module&, Session&) -> Outcome { return Refuse(CKR_RANDOM_SEED_NOT_SUPPORTED); });
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE handle, CK_BYTE_PTR out, CK_ULONG size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (size == 0) {
      return {};
    }
    if (out == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    if (size > kMaxText) {
      return Refuse(CKR_DATA_LEN_RANGE);
    }
    SR_TRY(Bytes random, session.slot->Run([&](device::Card& card) { return card.Random(size); }));
    std::ranges::copy(random, out);
    Wipe(random);
    return {};
  });
}

}  // extern "C"
}  // namespace simroot::pkcs11
