// SPDX-License-Identifier: Apache-2.0
/// The IoT SAFE applet of GSMA IoT.05, Type I or Type II.
#pragma once

#include "card/applet/administration.hpp"
#include "card/applet/command_data.hpp"
#include "card/applet/config.hpp"
#include "card/applet/features.hpp"
#include "card/applet/key_maker.hpp"
#include "card/applet/no_administration.hpp"
#include "card/applet/sessions.hpp"
#include "card/applet/value_transfer.hpp"
#include "card/store/object_store.hpp"
#include "card/uicc/application.hpp"
#include "card/uicc/personalisable.hpp"
#include "common/crypto/port.hpp"

namespace simroot::card {

/// One applet instance. Owns nothing but its sessions: store, crypto and configuration outlive it.
class Applet final : public Application, public Personalisable {
 public:
  Applet(ObjectStore& store, crypto::Crypto& crypto, const CompatibilityConfig& config,
         AppletType type = AppletType::kTypeI)
      : store_(store),
        crypto_(crypto),
        config_(config),
        type_(type),
        sessions_(crypto),
        key_maker_(store, crypto),
        administration_(store, crypto, key_maker_, type, iotsafe::kAids.front().view()),
        written_(store, StoreWriter::kDevice) {
    store_.UseRandom(crypto_);
  }

  /// Gives memory in which RSA keys are made: crypto::kMaxRsaPrivateSize bytes that outlive the applet; wiped after
  /// use. Without it GENERATE KEY PAIR of an RSA container is refused with 6985.
  void UseScratch(ByteSpan memory) { key_maker_.UseScratch(memory); }

  [[nodiscard]] bool AnswersTo(ByteView aid) const override;
  [[nodiscard]] ByteView Aid() const override;
  [[nodiscard]] wire::StatusWord Select(std::uint8_t channel) override;
  void Deselect(std::uint8_t channel) override;
  void Reset() override;
  [[nodiscard]] wire::StatusWord Process(std::uint8_t channel, const wire::CommandApdu& command,
                                         ByteWriter& response) override;

  [[nodiscard]] wire::StatusWord StoreData(const StoreDataBlock& block, KeyUnwrapper& keys,
                                           ByteWriter& response) override {
    return administration_.StoreData(block, keys, response);
  }
  void EndPersonalisation() override { administration_.EndPersonalisation(); }
  /// Tells the card's number as EF.ICCID has it, up to 10 bytes, for attestations. Borrowed.
  void UseIccid(ByteView iccid) { administration_.UseIccid(iccid); }

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
  [[nodiscard]] Sw ComputePrf(const Call& call);              // key_derivation.cpp
  [[nodiscard]] Sw ComputeHkdf(const Call& call);             // key_derivation.cpp
  [[nodiscard]] Sw VerifyPin(const Call& call);               // pin.cpp
  [[nodiscard]] Sw ComputeSignatureInit(const Call& call);    // signatures.cpp
  [[nodiscard]] Sw ComputeSignatureUpdate(const Call& call);  // signatures.cpp
  [[nodiscard]] Sw VerifySignatureInit(const Call& call);     // signatures.cpp
  [[nodiscard]] Sw VerifySignatureUpdate(const Call& call);   // signatures.cpp

  [[nodiscard]] Sw Hash(const Call& call);           // extension_hash.cpp
  [[nodiscard]] Sw EncryptInit(const Call& call);    // extension_cipher.cpp
  [[nodiscard]] Sw EncryptUpdate(const Call& call);  // extension_cipher.cpp
  [[nodiscard]] Sw DecryptInit(const Call& call);    // extension_cipher.cpp
  [[nodiscard]] Sw DecryptUpdate(const Call& call);  // extension_cipher.cpp
  [[nodiscard]] Sw PskTls13(const Call& call);       // extension_psk.cpp

  [[nodiscard]] Sw GenerateCsr(const Call& call);   // local_provisioning.cpp
  [[nodiscard]] Sw WriteFile(const Call& call);     // local_provisioning.cpp
  [[nodiscard]] Sw DeleteObject(const Call& call);  // local_provisioning.cpp

  [[nodiscard]] Sw GetApplicationData(const Call& call);
  [[nodiscard]] Sw GetObjectList(const Call& call);
  [[nodiscard]] Sw GetObjectInfo(const Call& call, iotsafe::ObjectClass object_class);

  /// The object that `data` names, to be described. @returns 6A80 for a bad reference or an unknown key, 6A82 for an
  /// unknown file. The user PIN is no object for any command.
  [[nodiscard]] Expected<const StoredObject*, Sw> LookUp(const CommandData& data,
                                                         iotsafe::ObjectClass object_class) const;
  /// The object that `data` names, to be used. @returns what LookUp does, 6982 for a private or secret key while the
  /// user has not given the PIN, and 6984 for an object that a management session is about to change.
  [[nodiscard]] Expected<const StoredObject*, Sw> FindObject(const CommandData& data,
                                                             iotsafe::ObjectClass object_class) const;
  [[nodiscard]] crypto::PrivateKey PrivateKeyOf(const StoredObject& object) const;
  [[nodiscard]] bool HasExtensions() const { return kFeatures.extensions && config_.extensions; }
  /// True for the key types of a pair that this card offers: P-384 is an extension.
  [[nodiscard]] bool IsOffered(iotsafe::KeyType type) const;

  /// The object that holds the user PIN, or nullptr if the card has none.
  [[nodiscard]] const StoredObject* UserPin() const;
  /// False if the card has a user PIN that was not given since power-on.
  [[nodiscard]] bool UserIsVerified() const;

  /// The secret a PSK command names, if it may be used for `derivation`. @returns 6985 otherwise.
  [[nodiscard]] Expected<const StoredObject*, Sw> FindSecret(const CommandData& data,
                                                             iotsafe::KeyDerivation derivation) const;
  struct PrfInput;
  [[nodiscard]] Sw PrfGeneral(const CommandData& data, const PrfInput& input, ByteSpan out);
  [[nodiscard]] Sw PrfPsk(const CommandData& data, const PrfInput& input, ByteSpan out);
  // extension_psk.cpp: P_SHA384 (RFC 5246 5), which the port does not have.
  [[nodiscard]] bool TlsPrfSha384(ByteView secret, ByteView label_and_seed, ByteSpan out);
  struct PskSchedule;
  [[nodiscard]] bool PutPskBinder(const PskSchedule& psk, ByteView transcript_hash, ByteSpan out);
  [[nodiscard]] bool PutPskHandshakeSecret(const PskSchedule& psk, ByteView dh_result, ByteSpan out);

  /// Opens, restarts or closes the session that P1 and P2 of an INIT command name. The session is null after a close.
  [[nodiscard]] Expected<Session*, Sw> OpenOrClose(const Call& call, SessionFamily family);
  /// The open session of an UPDATE command whose key is still the one of INIT. @returns 6985 if there is none, 6989 if
  /// the key was changed or deleted since (T151), 6984 while a management session is about to do so.
  [[nodiscard]] Expected<Session*, Sw> RunningSession(const Call& call, SessionFamily family);
  [[nodiscard]] Sw InitSignature(const Call& call, SessionFamily family, iotsafe::ObjectClass key_class);
  [[nodiscard]] Sw TakeParameters(const Call& call, Session& session, iotsafe::ObjectClass key_class);
  [[nodiscard]] Sw TakeSignatureParameters(const Call& call, Session& session, iotsafe::ObjectClass key_class);
  [[nodiscard]] bool MaySign(Session& session, const iotsafe::ObjectInfo& info) const;

  /// What an UPDATE is about. The signature is the content of tag 33 (verification only) and borrows from the command
  /// or from the session's chained data.
  struct SignatureInput {
    FixedBytes<crypto::kMaxDigestSize> digest;
    ByteView signature;
  };
  // signature_data.cpp: take the data of one UPDATE. After the last one `out` is complete.
  [[nodiscard]] Sw TakeSignatureData(Session& session, const wire::CommandApdu& command, SignatureInput& out);
  [[nodiscard]] Sw TakePiece(Session& session, std::uint8_t tag, ByteView piece);
  [[nodiscard]] Sw TakeText(Session& session, ByteView data);
  [[nodiscard]] Sw TakeAnnounced(Session& session, const wire::OpenTlv& open);
  [[nodiscard]] Sw TakeEndOfText(Session& session, ByteView data, SignatureInput& out);
  [[nodiscard]] Sw FinishText(Session& session, SignatureInput& out);
  [[nodiscard]] Sw TakeDigestElements(Session& session, ByteView data, bool last, SignatureInput& out);
  [[nodiscard]] Sw TakeLastBlock(Session& session, const CommandData& data, FixedBytes<crypto::kMaxDigestSize>& digest);
  [[nodiscard]] Sw TakeFinalHash(const Session& session, const CommandData& data,
                                 FixedBytes<crypto::kMaxDigestSize>& digest) const;
  // signatures.cpp
  [[nodiscard]] Sw Sign(const Call& call, const Session& session, ByteView digest);
  [[nodiscard]] Sw SignWithCurve(const Call& call, const Session& session, ByteView digest);
  [[nodiscard]] Sw SignWithRsa(const Call& call, const Session& session, ByteView digest);
  [[nodiscard]] Sw CheckSignature(const Session& session, const SignatureInput& input);
  // extension_hash.cpp
  [[nodiscard]] Sw TakeHashData(const Call& call, Session& session, bool last);
  // extension_mac.cpp: COMPUTE SIGNATURE with a secret key.
  [[nodiscard]] bool AsksForMac(const wire::CommandApdu& command) const;
  [[nodiscard]] Sw TakeMacParameters(const Call& call, Session& session);
  [[nodiscard]] Sw UpdateMac(const Call& call, Session& session);
  // extension_cipher.cpp
  [[nodiscard]] Sw InitCipher(const Call& call, SessionFamily family);
  [[nodiscard]] Sw TakeCipherParameters(const Call& call, Session& session);
  [[nodiscard]] Sw MakeNonce(const Call& call, Session& session, std::size_t size);
  [[nodiscard]] Sw UpdateCipher(const Call& call, SessionFamily family);
  [[nodiscard]] Sw RunStream(const Call& call, Session& session, ByteView text, bool last);
  [[nodiscard]] Sw RunGcm(const Call& call, const Session& session, ByteView text);
  [[nodiscard]] Sw RunOaep(const Call& call, Session& session, ByteView piece, bool last);
  // put_public_key.cpp
  [[nodiscard]] Sw TakeContainer(const Call& call, Session& session) const;
  [[nodiscard]] Sw TakeKeyData(Session& session, ByteView data, bool last, ByteView& whole);
  [[nodiscard]] Sw StorePublicKey(const Session& session, ByteView value_of_34);

  // local_provisioning.cpp
  [[nodiscard]] Sw PutCsr(const Call& call, const CsrContent& content, const SigningKey& key);
  [[nodiscard]] Sw TakeFilePiece(const Call& call, const CommandData& data, const StoredObject& object);
  [[nodiscard]] Sw CheckCertificate(const StoredObject& file, ByteView content);
  void EndWrite();

  /// Lets the device learn once per channel that a management session has changed something (spec 9): 63CF instead of
  /// 9000, 6989 for a command that failed on one of the changed objects.
  [[nodiscard]] Sw ReportAdministration(std::uint8_t channel, const wire::CommandApdu& command, Sw sw);

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
  KeyMaker key_maker_;
  std::uint32_t verified_generation_ = 0;  ///< of the user PIN when it was given; 0: not given since power-on
  std::array<ListCursor, 4> cursors_{};
  std::conditional_t<kFeatures.administration, Administration, NoAdministration> administration_;
  std::array<std::uint32_t, 4> seen_epochs_{};  ///< of administration_, per channel
  ValueTransfer written_;                       ///< WRITE FILE; its source is the channel
};

/// True if bit 8 of P1 marks the last (or only) UPDATE command; its other bits are ignored (spec 6.1).
[[nodiscard]] constexpr bool IsLastUpdate(const wire::CommandApdu& command) {
  return (command.p1 & 0x80U) != 0;
}

}  // namespace simroot::card
