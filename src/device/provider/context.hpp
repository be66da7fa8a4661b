// SPDX-License-Identifier: Apache-2.0
/// What one loaded instance of the provider owns: settings, its own libcrypto context for software work, its cards.
#pragma once

#include <array>
#include <vector>

#include "device/client/card.hpp"
#include "device/provider/core.hpp"
#include "device/provider/openssl_ptr.hpp"
#include "device/provider/psk_handle.hpp"
#include "device/provider/psk_tokens.hpp"
#include "device/provider/trace.hpp"

namespace simroot::provider {

/// A hash the card signs and the host computes.
struct HostHash {
  iotsafe::HashAlgorithm algorithm = iotsafe::HashAlgorithm::kSha256;
  DigestPtr digest;
  ByteView algorithm_id;  ///< DER AlgorithmIdentifier of ECDSA with this hash (RFC 5758 3.2)
};

/// Settings of the provider's section in openssl.cnf, with SIMROOT_CARD over `card`.
struct Settings {
  std::string card;                  ///< `card`: a card URI
  bool use_cache = true;             ///< `cache = off`
  std::string cache;                 ///< `cache`: a directory; empty: the client's default
  std::chrono::seconds timeout{10};  ///< `timeout`: seconds for one operation, 1 to 600
  std::string pin_file;              ///< `pin-file`, or SIMROOT_PIN_FILE: where the user PIN is
  bool deep_psk = false;             ///< `psk = deep`: no early secret of TLS 1.3 leaves the card
  bool card_ecdhe = false;           ///< `ecdhe = card`: P-256 key pairs are made on the card
  bool card_random = false;          ///< `random = card`: a seed source that mixes in GET RANDOM
};

/// Where a card makes an ephemeral key pair and takes the peer's public key.
struct EphemeralContainers {
  device::ObjectName private_key;
  device::ObjectName peer;
};

/// A pre-shared key of a card.
struct PskKey {
  std::shared_ptr<device::Card> card;
  device::ObjectName name;
};

/// Lives from OSSL_provider_init to teardown and is what libcrypto calls the provider context. Everything that hangs on
/// it (keys, contexts) is gone before it, because libcrypto counts references. Safe for several threads.
class Context {
 public:
  /// @returns kCrypto if the default provider cannot be loaded.
  [[nodiscard]] static Result<std::unique_ptr<Context>> Create(const OSSL_CORE_HANDLE* handle,
                                                               const OSSL_DISPATCH* functions);

  [[nodiscard]] const Core& core() const { return core_; }
  /// The own library context: the default provider and nothing else, never the user's configuration. EVP fetches here
  /// cannot come back to this provider.
  [[nodiscard]] OSSL_LIB_CTX* software() const { return software_.get(); }
  [[nodiscard]] OSSL_PROVIDER* software_provider() const { return default_provider_.get(); }
  /// The default provider's key derivations of TLS and its HMAC, borrowed.
  [[nodiscard]] EVP_KDF* software_tls1_prf() const { return software_tls1_prf_.get(); }
  [[nodiscard]] EVP_KDF* software_tls13_kdf() const { return software_tls13_kdf_.get(); }
  [[nodiscard]] EVP_MAC* software_hmac() const { return software_hmac_.get(); }
  [[nodiscard]] bool deep_psk() const { return settings_.deep_psk; }
  [[nodiscard]] bool card_ecdhe() const { return settings_.card_ecdhe; }
  [[nodiscard]] bool card_random() const { return settings_.card_random; }
  [[nodiscard]] TokenTable& tokens() { return tokens_; }
  /// True while an ephemeral key pair of this process is on the card.
  [[nodiscard]] std::atomic<bool>& ephemeral_in_use() { return ephemeral_in_use_; }

  /// The default provider's EC key manager, borrowed.
  [[nodiscard]] EVP_KEYMGMT* software_ec() const { return software_ec_.get(); }

  /// The row of a digest by any of its names, or nullptr if the card does not sign it.
  [[nodiscard]] const HostHash* FindHash(const char* name) const;
  /// The row for a digest of `size` bytes, or nullptr.
  [[nodiscard]] const HostHash* FindHash(std::size_t size) const;

  /// The card to be used for a key or a file: `requested` (from a URI), else SIMROOT_CARD, else the section, else
  /// `hint` (from a wrapper file). The port is not touched. All keys of a card share one object.
  /// @returns kUsage if there is none or it cannot be parsed, or if a setting is wrong.
  [[nodiscard]] Result<std::shared_ptr<device::Card>> CardFor(std::string_view requested, std::string_view hint);

  /// The configured card, for work that no key object stands for. It stays open from then on, until the process exits
  /// or the provider is unloaded. @returns what CardFor does.
  [[nodiscard]] Result<std::shared_ptr<device::Card>> KeptCard();

  /// The pre-shared key that a handle refers to, on the kept card.
  /// @returns what CardFor does; kUsage if the card has no such key, or two.
  [[nodiscard]] Result<PskKey> FindPsk(const device::PskReference& reference);

  /// The containers for `ecdhe = card` on the kept card; looked for once. @returns kUsage if it has none.
  [[nodiscard]] Result<EphemeralContainers> FindEphemeralContainers();

 private:
  Context(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions) : core_(handle, functions) {}
  [[nodiscard]] bool PrepareSoftware();
  [[nodiscard]] Result<void> ReadSettings();
  /// A setting with two values. @returns kUsage for any other.
  [[nodiscard]] Result<bool> ReadSwitch(const char* name, std::string_view off, std::string_view on) const;

  Core core_;
  LibraryPtr software_;
  ProviderPtr default_provider_;
  KeymgmtPtr software_ec_;
  KdfPtr software_tls1_prf_;
  KdfPtr software_tls13_kdf_;
  MacPtr software_hmac_;
  std::array<HostHash, 3> hashes_;
  Settings settings_;
  /// A wrong setting is told when a card is wanted, so that it does not harm programs that want none.
  std::optional<Error> settings_error_;
  std::unique_ptr<Trace> trace_;
  /// Cards in use; guarded by a lock that knows about fork (context.cpp). Weak, so that a card is let go with its last
  /// key, and teardown never talks to one.
  std::vector<std::pair<std::string, std::weak_ptr<device::Card>>> cards_;
  TokenTable tokens_;
  std::shared_ptr<device::Card> kept_card_;       ///< guarded by the same lock
  std::optional<EphemeralContainers> ephemeral_;  ///< likewise
  std::atomic<bool> ephemeral_in_use_{false};
  std::vector<std::pair<device::PskReference, Bytes>> psk_identifiers_;  ///< found in the card's list; likewise
};

}  // namespace simroot::provider
