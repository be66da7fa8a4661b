// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/administration_data.hpp"
#include "card/applet/changed_names.hpp"
#include "card/applet/config.hpp"
#include "card/applet/csr.hpp"
#include "card/applet/key_maker.hpp"
#include "card/applet/value_transfer.hpp"
#include "card/store/object_store.hpp"
#include "card/uicc/personalisable.hpp"
#include "common/base/secret.hpp"

namespace simroot::card {

/// The personalisation commands and the management session (docs/formats/personalisation.md; spec 9 and 14). What a
/// session prepares becomes visible with COMMIT, all at once; ABORT, any error, loss of power and the end of the
/// secured session forget it. Store, crypto and key maker outlive it.
class Administration {
 public:
  /// @param application_id AID that attestations name, borrowed.
  Administration(ObjectStore& store, crypto::Crypto& crypto, KeyMaker& key_maker, AppletType type,
                 ByteView application_id)
      : store_(store),
        crypto_(crypto),
        key_maker_(key_maker),
        type_(type),
        application_id_(application_id),
        transfer_(store, StoreWriter::kManagement) {}

  /// Tells the card's number as EF.ICCID has it, up to 10 bytes, for attestations. Borrowed.
  void UseIccid(ByteView iccid) { iccid_ = iccid; }

  /// Personalisable, for the applet.
  [[nodiscard]] wire::StatusWord StoreData(const StoreDataBlock& block, KeyUnwrapper& keys, ByteWriter& response);
  void EndPersonalisation();

  /// Number of sessions since power came that have changed something.
  [[nodiscard]] std::uint32_t epoch() const { return epoch_; }
  /// Where the signature of a certificate request stays until its last piece is fetched, by either side.
  [[nodiscard]] DocumentSignature& csr_signature() { return csr_signature_; }
  /// True if one of the names in a command's data is that of an object that such a session has changed or deleted. Only
  /// the last few dozen names are known.
  [[nodiscard]] bool HasChanged(ByteView command_data) const;

 private:
  friend struct AdminCommandTable;
  using Sw = wire::StatusWord;

  /// One command: its elements, and where its answer goes.
  struct Call {
    iotsafe::AdminCommand command;
    const AdminData& data;
    KeyUnwrapper& keys;
    ByteWriter& response;
  };

  // administration.cpp
  [[nodiscard]] Sw RunBlock(const StoreDataBlock& block, KeyUnwrapper& keys, ByteWriter& response);
  [[nodiscard]] Sw RunCommand(std::uint16_t tag, ByteView value, KeyUnwrapper& keys, ByteWriter& response);
  [[nodiscard]] Sw Begin(const Call& call);
  [[nodiscard]] Sw Commit(const Call& call);
  [[nodiscard]] Sw Abort(const Call& call);
  void Forget();
  /// The object that the command names, as the session sees it.
  [[nodiscard]] Expected<const StoredObject*, Sw> FindObject(const Call& call,
                                                             std::initializer_list<iotsafe::ObjectClass> classes) const;
  [[nodiscard]] ByteView ValueOf(const StoredObject& object) const;
  /// Runs one call of the store. A file that the device has half written gives way.
  template <typename Change>
  [[nodiscard]] Sw Prepare(const Change& change) {
    auto done = change();
    if (!done && done.error() == StoreError::kBusy) {
      store_.Discard(StoreWriter::kDevice);
      done = change();
    }
    return done ? Sw::kOk : Refusal(done.error());
  }
  [[nodiscard]] static Sw Refusal(StoreError error) {
    return error == StoreError::kDuplicate ? Sw::kIncorrectData : ToStatusWord(error);
  }
  [[nodiscard]] Sw Stage(const StoredObject& object, ByteView value);

  // administration_objects.cpp
  [[nodiscard]] Sw Create(const Call& call);
  [[nodiscard]] Sw SetInfo(const Call& call);
  [[nodiscard]] Sw Delete(const Call& call);
  [[nodiscard]] Sw DeleteContent(const Call& call);
  [[nodiscard]] Sw Read(const Call& call);
  [[nodiscard]] Sw List(const Call& call);

  // administration_keys.cpp
  [[nodiscard]] Sw Generate(const Call& call);
  [[nodiscard]] Sw LoadKey(const Call& call);
  [[nodiscard]] Sw FinishPrivateKey(const Call& call, const StoredObject& object);
  [[nodiscard]] Sw FinishPublicKey(const StoredObject& object);
  /// Answers 84 and, as far as there is one and there is room, 85 and 34.
  void PutPair(const Call& call, const StoredObject& private_key) const;
  [[nodiscard]] const StoredObject* PublicHalfOf(const StoredObject& private_key) const;

  // administration_secrets.cpp
  [[nodiscard]] Sw LoadSecret(const Call& call);
  [[nodiscard]] Sw SetPin(const Call& call);
  [[nodiscard]] Sw UnblockPin(const Call& call);
  [[nodiscard]] Sw ReplacePin(ByteView pin);
  /// Deciphers element 47 and checks it against 44 and 45.
  template <std::size_t kMax>
  [[nodiscard]] Expected<ByteView, Sw> Decipher(const Call& call, iotsafe::KeyType type, SecretArray<kMax>& memory);
  [[nodiscard]] bool HasCheckValue(iotsafe::KeyType type, ByteView value, ByteView expected);

  // administration_pieces.cpp
  [[nodiscard]] Sw WriteFile(const Call& call);
  /// Takes one piece. @returns true when the value is complete.
  [[nodiscard]] Expected<bool, Sw> TakePiece(const Call& call, const StoredObject& object, ByteView piece,
                                             std::size_t max_total);
  [[nodiscard]] Expected<bool, Sw> TakeEncipheredPiece(const Call& call, const StoredObject& object,
                                                       std::size_t max_total);
  /// Answers the part of a document that fits, from the offset in the command on.
  [[nodiscard]] Sw PutPiece(const Call& call, const Document& document) const;

  // administration_csr.cpp
  [[nodiscard]] Sw MakeCsr(const Call& call);
  [[nodiscard]] Sw Attest(const Call& call);
  [[nodiscard]] Sw AttestWith(const Call& call, const StoredObject& object, const StoredObject& attester,
                              const SigningKey& attesting_key);
  [[nodiscard]] Expected<SigningKey, Sw> SigningKeyOf(const StoredObject& object, bool attesting, ByteSpan memory);
  [[nodiscard]] static Expected<CsrContent, Sw> CsrContentOf(const Call& call, const PublicKey& key);
  /// Signs at offset 0; at others the signature must be the one over the same document.
  [[nodiscard]] Sw SignDocument(const Call& call, const Document& document, const SigningKey& key,
                                DocumentSignature& signature);

  ObjectStore& store_;
  crypto::Crypto& crypto_;
  KeyMaker& key_maker_;
  AppletType type_;
  ByteView application_id_;
  ByteView iccid_;
  bool session_ = false;
  std::uint8_t next_block_ = 0;
  std::uint32_t epoch_ = 0;
  ValueTransfer transfer_;
  ChangedNames changed_;
  DocumentSignature csr_signature_;
  DocumentSignature attestation_signature_;
};

}  // namespace simroot::card
