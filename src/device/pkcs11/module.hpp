// SPDX-License-Identifier: Apache-2.0
/// What lives from C_Initialize to C_Finalize: slots, sessions, objects of sessions.
#pragma once

#include <condition_variable>

#include "device/pkcs11/session.hpp"

namespace simroot::pkcs11 {

/// Threads: all functions may be called from several; lists are guarded by one mutex of the process that is never held
/// while a card is talked to. Fork: the child inherits nothing. It has to call C_Initialize; until then every function
/// says CKR_CRYPTOKI_NOT_INITIALIZED. What the parent had is left behind without a word to its cards.
class Module {
 public:
  /// @returns CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_NEED_TO_CREATE_THREADS.
  [[nodiscard]] static Outcome Start(bool may_create_threads);
  /// Ends sessions, wakes who waits for slots, closes the cards. @returns CKR_CRYPTOKI_NOT_INITIALIZED.
  [[nodiscard]] static Outcome Stop();
  /// nullptr if the module is not initialised in this process.
  [[nodiscard]] static std::shared_ptr<Module> Current();

  explicit Module(Settings settings);

  /// Looks for ports and readers, and makes slots of those that are new.
  void Look();
  /// Slots in the order of the configuration, new readers behind them. A slot stays, empty, when its reader is gone.
  [[nodiscard]] std::vector<SlotPtr> Slots();
  /// In a child, right after the fork: the PINs of its parent are not for it.
  void WipeInherited();
  /// @returns CKR_SLOT_ID_INVALID.
  [[nodiscard]] RvOr<SlotPtr> FindSlot(CK_SLOT_ID id);
  /// A slot whose port has come or gone since it was last told. With `block` waits until there is one.
  /// @returns CKR_NO_EVENT, or CKR_CRYPTOKI_NOT_INITIALIZED when Stop came while it waited.
  [[nodiscard]] RvOr<CK_SLOT_ID> NextEvent(bool block);

  [[nodiscard]] SessionPtr OpenSession(const SlotPtr& slot, bool read_write);
  /// nullptr if there is none.
  [[nodiscard]] SessionPtr FindSession(CK_SESSION_HANDLE handle);
  /// Waits for a function that runs in it. The last session of a slot logs out.
  [[nodiscard]] Outcome CloseSession(CK_SESSION_HANDLE handle);
  void CloseSessions(const SlotPtr& slot);
  struct SessionCount {
    CK_ULONG all = 0;
    CK_ULONG read_write = 0;
  };
  [[nodiscard]] SessionCount Count(const Slot& slot);

  void AddObject(ObjectPtr object);
  /// @returns CKR_OBJECT_HANDLE_INVALID.
  [[nodiscard]] Outcome RemoveObject(CK_OBJECT_HANDLE handle);
  /// Objects of all sessions of a slot.
  [[nodiscard]] std::vector<ObjectPtr> SessionObjects(const Slot& slot);

  /// An object the session may see, on the card or of a session. nullptr if there is none.
  [[nodiscard]] RvOr<ObjectPtr> FindObject(Session& session, CK_OBJECT_HANDLE handle);

 private:
  struct SessionObject {
    CK_SLOT_ID slot;
    ObjectPtr object;
  };

  void AddSlot(const device::CardUri& uri);
  void End(const SessionPtr& session);

  const Settings settings_;
  std::vector<SlotPtr> slots_;
  std::map<CK_SESSION_HANDLE, SessionPtr> sessions_;
  std::vector<SessionObject> objects_;
  std::condition_variable stopped_changed_;
  bool stopped_ = false;
};

}  // namespace simroot::pkcs11
