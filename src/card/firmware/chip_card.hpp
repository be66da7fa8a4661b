// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/applet.hpp"
#include "card/pipe/pipe_card.hpp"
#include "card/security_domain/security_domain.hpp"
#include "card/uicc/uicc.hpp"

namespace simroot::card {

/// What the program is started with.
struct ChipOptions {
  AppletType type = AppletType::kTypeI;
  bool answer_t0 = true;
};

/// The stores of a card: objects of the applet, keys of the security domain.
struct ChipStores {
  ObjectStore& applet;
  ObjectStore* domain = nullptr;  ///< none in a card without administration
};

/// The security domain with what it needs, and who is on the card.
template <bool kBuilt>
class ChipDomain {
 public:
  ChipDomain(Applet& applet, ObjectStore& applet_store, ObjectStore& store, crypto::Crypto& crypto, ByteView iccid)
      : managed_{ManagedApplication{&applet, &applet}},
        domain_(store, crypto, config_, managed_),
        applications_{&applet, &domain_} {
    static_cast<void>(CopyBytes(iccid, config_.diversification));
    config_.applications_store = &applet_store;
    store.UseRandom(crypto);
  }
  ChipDomain(const ChipDomain&) = delete;
  ChipDomain& operator=(const ChipDomain&) = delete;

  [[nodiscard]] std::span<Application* const> applications() const { return applications_; }

 private:
  SecurityDomainConfig config_;
  std::array<ManagedApplication, 1> managed_;
  SecurityDomain domain_;
  std::array<Application*, 2> applications_;
};

/// A card without administration: the applet alone.
template <>
class ChipDomain<false> {
 public:
  explicit ChipDomain(Applet& applet) : applications_{&applet} {}
  [[nodiscard]] std::span<Application* const> applications() const { return applications_; }

 private:
  std::array<Application*, 1> applications_;
};

/// Bytes of the longest answer of the chip: requests for certificates are windows of what there is; without extensions
/// a response of a short command is the longest.
inline constexpr std::size_t kChipPendingSize = kFeatures.extensions ? kPendingResponseSize : 256;

/// Applet, security domain and UICC over stores and cryptography of the owner, which outlive it. What a virtual card is
/// on a host (card/host), without heap.
class ChipCard {
 public:
  ChipCard(const ChipStores& stores, crypto::Crypto& crypto, const ChipOptions& options);
  ChipCard(const ChipCard&) = delete;
  ChipCard& operator=(const ChipCard&) = delete;

  /// Reads both stores from their memory, as after power-on; a blank one is formatted. False if the memory of the
  /// applet's store is damaged.
  [[nodiscard]] bool PowerOn();

  [[nodiscard]] wire::CardEndpoint& Endpoint() { return uicc_; }

 private:
  using Domain = ChipDomain<kFeatures.administration>;
  template <typename Built>
  [[nodiscard]] Built MakeDomain(crypto::Crypto& crypto);

  ChipStores stores_;
  CompatibilityConfig config_;
  Applet applet_;
  Domain domain_;
  UiccBuffersOf<kChipPendingSize> buffers_;
  Uicc uicc_;
};

/// Puts a signing pair on the card (01, made here) and two files (02 for its certificate, 03 for a CA's), all on P-256:
/// enough to try the chip by hand. False if the store or the generator fails.
[[nodiscard]] bool MakeFirstContent(ObjectStore& store, crypto::Crypto& crypto);

}  // namespace simroot::card
