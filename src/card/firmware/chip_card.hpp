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

/// The two stores of a card: objects of the applet, keys of the security domain.
struct ChipStores {
  ObjectStore& applet;
  ObjectStore& domain;
};

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
  ChipStores stores_;
  CompatibilityConfig config_;
  SecurityDomainConfig domain_config_;
  Applet applet_;
  std::array<ManagedApplication, 1> managed_{ManagedApplication{&applet_, &applet_}};
  SecurityDomain domain_;
  std::array<Application*, 2> applications_{&applet_, &domain_};
  UiccBuffers buffers_;
  Uicc uicc_;
};

/// Puts a signing pair on the card (01, made here) and two files (02 for its certificate, 03 for a CA's), all on P-256:
/// enough to try the chip by hand. False if the store or the generator fails.
[[nodiscard]] bool MakeFirstContent(ObjectStore& store, crypto::Crypto& crypto);

}  // namespace simroot::card
