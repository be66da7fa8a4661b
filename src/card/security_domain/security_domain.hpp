// SPDX-License-Identifier: Apache-2.0
/// The issuer's security domain: the way by which the one who has the keys manages the card (GlobalPlatform Card
/// Specification 2.3.1 with Amendment D, SCP03).
#pragma once

#include "card/security_domain/key_sets.hpp"
#include "card/store/object_store.hpp"
#include "card/uicc/application.hpp"
#include "card/uicc/personalisable.hpp"
#include "common/secure/scp03_card.hpp"

namespace simroot::card {

/// AID of the issuer security domain (GlobalPlatform 2.3.1, H.1.3).
inline constexpr std::array<std::uint8_t, 8> kSecurityDomainAid{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00};

/// Files of the security domain's store that GET DATA 0042 and 0045 give out.
inline constexpr std::array<std::uint8_t, 2> kIssuerNumberId{0x00, 0x42};
inline constexpr std::array<std::uint8_t, 2> kCardNumberId{0x00, 0x45};

/// An application that the security domain lists and, if `content` is not null, personalises. Borrowed.
struct ManagedApplication {
  Application* application = nullptr;
  Personalisable* content = nullptr;
};

/// What an issuer decides when the card is made (docs/adr/0010-security-domain.md).
struct SecurityDomainPolicy {
  /// Failed authentications in a row, per key set and permanent, after which a set gets one attempt per reset (6985).
  std::uint32_t free_attempts = 10;
  /// Failed authentications in a row after which a set is blocked for good (6983); 0: never.
  std::uint32_t max_attempts = 0;
};

struct SecurityDomainConfig {
  /// Key diversification data: the content of EF.ICCID, by which the other end finds the keys.
  std::array<std::uint8_t, secure::kDiversificationSize> diversification{};
  SecurityDomainPolicy policy;
  /// The store whose free room GET DATA FF21 tells: that of the applications. Borrowed; nullptr: none is told.
  const ObjectStore* applications_store = nullptr;
};

/// One security domain. Owns its secured session and nothing else; store, crypto, configuration and applications
/// outlive it.
///
/// One session at a time: INITIALIZE UPDATE on any channel ends the one before. It also ends when its channel is closed
/// or selects something, at reset, and at the first command in it whose class or check is not right (6982, for whatever
/// reason). What an application has not committed then is forgotten.
class SecurityDomain final : public Application {
 public:
  SecurityDomain(ObjectStore& store, crypto::Crypto& crypto, const SecurityDomainConfig& config,
                 std::span<const ManagedApplication> applications)
      : store_(store),
        crypto_(crypto),
        config_(config),
        applications_(applications),
        key_sets_(store),
        session_(crypto),
        unwrapper_(*this) {}
  SecurityDomain(const SecurityDomain&) = delete;
  SecurityDomain& operator=(const SecurityDomain&) = delete;
  ~SecurityDomain() { EndSession(); }

  [[nodiscard]] bool AnswersTo(ByteView aid) const override;
  [[nodiscard]] ByteView Aid() const override { return kSecurityDomainAid; }
  [[nodiscard]] wire::StatusWord Select(std::uint8_t channel) override;
  void Deselect(std::uint8_t channel) override;
  void Reset() override;
  void PutFci(ByteWriter& out) const override;
  [[nodiscard]] bool IsListed() const override { return false; }
  [[nodiscard]] bool TakesSecureMessaging() const override { return true; }
  [[nodiscard]] wire::StatusWord Process(std::uint8_t channel, const wire::CommandApdu& command,
                                         ByteWriter& response) override;

 private:
  using Sw = wire::StatusWord;
  struct CommandRow;
  struct CommandTable;

  /// A command free of secure messaging, and where the plain data of its answer goes.
  struct Call {
    const wire::CommandApdu& command;
    ByteWriter& response;
  };

  /// Deciphers under the data encryption key of the session's key set, while the session enciphers commands.
  class Unwrapper final : public KeyUnwrapper {
   public:
    explicit Unwrapper(SecurityDomain& domain) : domain_(domain) {}
    [[nodiscard]] bool Unwrap(ByteView enciphered, ByteSpan clear) override;

   private:
    SecurityDomain& domain_;
  };

  // session.cpp
  [[nodiscard]] Sw InitializeUpdate(std::uint8_t channel, const Call& call);
  [[nodiscard]] Sw ExternalAuthenticate(const wire::CommandApdu& command);
  [[nodiscard]] Sw ProcessSecured(const wire::CommandApdu& command, ByteWriter& response);
  [[nodiscard]] Sw JudgeAttempts(std::uint8_t version) const;
  void EndSession();

  // security_domain.cpp
  [[nodiscard]] Sw ProcessPlain(const Call& call);
  [[nodiscard]] Sw Run(const CommandRow& row, const Call& call);

  // get_data.cpp
  [[nodiscard]] Sw GetData(const Call& call);
  void PutKeyInformation(ByteWriter& out) const;
  void PutApplications(ByteWriter& out) const;
  void PutResources(ByteWriter& out) const;
  [[nodiscard]] Sw PutNumber(std::uint16_t tag, ByteView file_id, ByteWriter& out) const;

  // get_status.cpp
  [[nodiscard]] Sw GetStatus(const Call& call);

  // put_key.cpp
  struct NewKeySet;
  [[nodiscard]] Sw PutKey(const Call& call);
  [[nodiscard]] Sw ReadKeySet(ByteView data, NewKeySet& out, ByteWriter& answer);
  [[nodiscard]] Sw ReadKey(ByteReader& reader, SecretArray<secure::kMaxAesKeySize>& key, ByteWriter& answer);

  // personalisation.cpp
  [[nodiscard]] Sw Install(const Call& call);
  [[nodiscard]] Sw StoreData(const Call& call);
  void EndPersonalisation();

  /// What a secured command's data and the plain data of its answer take.
  static constexpr std::size_t kCommandMemory = 255;

  ObjectStore& store_;
  crypto::Crypto& crypto_;
  const SecurityDomainConfig& config_;
  std::span<const ManagedApplication> applications_;
  KeySets key_sets_;
  secure::Scp03Card session_;
  Unwrapper unwrapper_;
  SecretArray<secure::kMaxAesKeySize> dek_;
  std::uint8_t session_channel_ = 0;
  std::uint8_t session_version_ = 0;        ///< key set of the session
  bool failed_since_reset_ = false;         ///< an authentication has failed since the last reset
  Personalisable* personalised_ = nullptr;  ///< since INSTALL [for personalization]
  std::uint16_t next_block_ = 0;            ///< number of the next STORE DATA
  std::size_t next_entry_ = 0;              ///< where GET STATUS goes on; 0: nothing was begun
  std::array<std::uint8_t, kCommandMemory> command_memory_{};
  std::array<std::uint8_t, secure::kMaxPlainResponse> response_memory_{};
};

}  // namespace simroot::card
