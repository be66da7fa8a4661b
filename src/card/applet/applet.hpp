// SPDX-License-Identifier: Apache-2.0
/// The IoT SAFE applet of GSMA IoT.05, Type I.
#pragma once

#include "card/applet/command_data.hpp"
#include "card/applet/config.hpp"
#include "card/applet/object_store.hpp"
#include "card/applet/sessions.hpp"
#include "card/uicc/application.hpp"
#include "common/crypto/port.hpp"

namespace simroot::card {

/// One applet instance. Owns nothing but its sessions: store, crypto and configuration outlive it.
class Applet final : public Application {
 public:
  Applet(ObjectStore& store, crypto::Crypto& crypto, const CompatibilityConfig& config,
         AppletType type = AppletType::kTypeI)
      : store_(store), crypto_(crypto), config_(config), type_(type), sessions_(crypto) {
    store_.UseRandom(crypto_);
  }

  [[nodiscard]] bool AnswersTo(ByteView aid) const override;
  [[nodiscard]] ByteView Aid() const override;
  [[nodiscard]] wire::StatusWord Select(std::uint8_t channel) override;
  void Deselect(std::uint8_t channel) override;
  void Reset() override;
  [[nodiscard]] wire::StatusWord Process(std::uint8_t channel, const wire::CommandApdu& command,
                                         ByteWriter& response) override;

  ~Applet() = default;

  /// What a command function gets: the command, its channel and where its answer goes.
  struct Call {
    std::uint8_t channel;
    const wire::CommandApdu& command;
    ByteWriter& response;
  };

 private:
  friend struct CommandTable;
  using Sw = wire::StatusWord;

  // One function per instruction, in the file of its group.
  [[nodiscard]] Sw GetRandom(const Call& call);               // random.cpp
  [[nodiscard]] Sw GetData(const Call& call);                 // get_data.cpp
  [[nodiscard]] Sw ReadFile(const Call& call);                // read_file.cpp
  [[nodiscard]] Sw GenerateKeyPair(const Call& call);         // key_pairs.cpp
  [[nodiscard]] Sw ReadPublicKey(const Call& call);           // key_pairs.cpp
  [[nodiscard]] Sw PutPublicKeyInit(const Call& call);        // put_public_key.cpp
  [[nodiscard]] Sw PutPublicKeyUpdate(const Call& call);      // put_public_key.cpp
  [[nodiscard]] Sw ComputeDh(const Call& call);               // key_agreement.cpp
  [[nodiscard]] Sw ComputeSignatureInit(const Call& call);    // signatures.cpp
  [[nodiscard]] Sw ComputeSignatureUpdate(const Call& call);  // signatures.cpp
  [[nodiscard]] Sw VerifySignatureInit(const Call& call);     // signatures.cpp
  [[nodiscard]] Sw VerifySignatureUpdate(const Call& call);   // signatures.cpp

  [[nodiscard]] Sw GetApplicationData(const Call& call);
  [[nodiscard]] Sw GetObjectList(const Call& call);
  [[nodiscard]] Sw GetObjectInfo(const Call& call, iotsafe::ObjectClass object_class);

  /// The object that `data` names. @returns 6A80 for a bad reference or an unknown key, 6A82 for an unknown file.
  [[nodiscard]] Expected<const StoredObject*, Sw> FindObject(const CommandData& data,
                                                             iotsafe::ObjectClass object_class) const;
  [[nodiscard]] crypto::PrivateKey PrivateKeyOf(const StoredObject& object) const;

  /// Opens, restarts or closes the session that P1 and P2 of an INIT command name. The session is null after a close.
  [[nodiscard]] Expected<Session*, Sw> OpenOrClose(const Call& call, SessionFamily family);
  /// The open session of an UPDATE command whose key is still the one of INIT. @returns 6985 otherwise.
  [[nodiscard]] Expected<Session*, Sw> RunningSession(const Call& call, SessionFamily family);
  [[nodiscard]] Sw InitSignature(const Call& call, SessionFamily family, iotsafe::ObjectClass key_class);
  /// Takes the data of one UPDATE. After the last one `digest` holds the hash and `signature` the content of tag 33.
  [[nodiscard]] Sw TakeText(Session& session, ByteView data, bool last, ByteView& signature);
  [[nodiscard]] Sw TakeLastBlock(Session& session, const CommandData& data, FixedBytes<crypto::kMaxDigestSize>& digest);
  [[nodiscard]] Sw TakeFinalHash(const Session& session, const CommandData& data,
                                 FixedBytes<crypto::kMaxDigestSize>& digest) const;
  struct SignatureInput {
    FixedBytes<crypto::kMaxDigestSize> digest;
    ByteView signature;  ///< content of tag 33; verification only
  };
  [[nodiscard]] Sw TakeSignatureData(Session& session, const wire::CommandApdu& command, SignatureInput& out);
  [[nodiscard]] Sw FinishSignature(const Call& call, Session& session, const SignatureInput& input);
  [[nodiscard]] Sw TakeKeyData(Session& session, ByteView data, bool last);
  [[nodiscard]] Sw StorePublicKey(const Session& session);

  /// Where GET DATA (object list) goes on, per channel.
  struct ListCursor {
    bool running = false;
    std::size_t next = 0;              ///< position in list order
    std::uint32_t change_counter = 0;  ///< of the store when the list was begun
  };

  ObjectStore& store_;
  crypto::Crypto& crypto_;
  const CompatibilityConfig& config_;
  AppletType type_;
  SessionTable sessions_;
  std::array<ListCursor, 4> cursors_{};
};

/// True if bit 8 of P1 marks the last (or only) UPDATE command; its other bits are ignored (spec 6.1).
[[nodiscard]] constexpr bool IsLastUpdate(const wire::CommandApdu& command) {
  return (command.p1 & 0x80U) != 0;
}

/// The curve of a key type; nothing for types that are not elliptic.
[[nodiscard]] std::optional<crypto::Curve> CurveOf(iotsafe::KeyType type);

}  // namespace simroot::card
