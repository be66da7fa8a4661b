// SPDX-License-Identifier: Apache-2.0
/// A whole virtual UICC on a host: NVM in a file, OpenSSL behind the crypto port, applet and UICC over them.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "card/applet/config.hpp"
#include "card/host/profiles.hpp"
#include "common/host/card_keys.hpp"
#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::card {

struct CreateOptions {
  CardProfile profile = CardProfile::kDemo;
  std::string iccid;          ///< 18 to 20 digits; empty: one is made up under the test prefix 8988
  std::string imsi;           ///< 15 digits; empty: derived from the ICCID under the test network 001 01
  std::size_t key_size = 16;  ///< bytes of each key of the security domain: 16, 24 or 32
  /// Where the keys of the security domain, made at random, are noted; nullptr: nobody will ever know them.
  std::list<CardKeys>* keys = nullptr;
};

/// Makes a new card in `file`, mode 0600, complete or not at all. @returns kStore if it exists or cannot be written.
[[nodiscard]] Result<void> CreateCard(const std::string& file, const CreateOptions& options);

/// The issuer's hand: writes the content of the file object `ref`.
[[nodiscard]] Result<void> PutFile(const std::string& file, const iotsafe::ObjectRef& ref, ByteView content);

/// A card that is powered while the object lives. Its file is locked meanwhile: a second opener, in any process, gets
/// kStore with "in use by pid N". Not safe for several threads at once.
class VirtualCard {
 public:
  struct Parts;

  [[nodiscard]] static Result<std::unique_ptr<VirtualCard>> Open(const std::string& file,
                                                                 const CompatibilityConfig& config);
  ~VirtualCard();
  VirtualCard(const VirtualCard&) = delete;
  VirtualCard& operator=(const VirtualCard&) = delete;

  [[nodiscard]] wire::CardEndpoint& Endpoint();
  [[nodiscard]] std::string Iccid() const;
  [[nodiscard]] std::string Imsi() const;

 private:
  explicit VirtualCard(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace simroot::card
