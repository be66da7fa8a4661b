// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/module.hpp"

#include <pthread.h>

namespace simroot::pkcs11 {
namespace {

/// How often a waiting C_WaitForSlotEvent looks: ports and readers do not tell by themselves.
constexpr std::chrono::milliseconds kLookInterval{250};

/// What outlives a Module. Never destroyed: programs call functions of modules while they end, and cards must not be
/// talked to then.
struct Process {
  /// Guards everything in lists; taken before a fork and released on both sides, so that a child never inherits it
  /// locked.
  std::mutex mutex;
  std::shared_ptr<Module> module;
  std::uint64_t module_generation = 0;
  std::atomic<std::uint64_t> generation{0};  ///< forks between the first process and this one
  CK_SESSION_HANDLE last_session = 0;
};

Process& TheProcess() {
  static auto& process = *new Process;
  return process;
}

void WatchForks() {
  static const int registered = ::pthread_atfork([] { TheProcess().mutex.lock(); }, [] { TheProcess().mutex.unlock(); },
                                                 [] {
                                                   TheProcess().generation.fetch_add(1);
                                                   if (TheProcess().module != nullptr) {
                                                     TheProcess().module->WipeInherited();
                                                   }
                                                   TheProcess().mutex.unlock();
                                                 });
  static_cast<void>(registered);  // without memory for handlers a child fails to lock, nothing worse
}

using Lock = std::unique_lock<std::mutex>;

[[nodiscard]] Lock Guarded() {
  return Lock(TheProcess().mutex);
}

/// In a child: closes what it inherited of its parent's ports, which locks would otherwise outlive. The rest is never
/// freed: a thread that does not exist here may have been changing it.
void Abandon(std::shared_ptr<Module> inherited) {
  const auto& forever = *new std::shared_ptr<Module>(std::move(inherited));
  for (const SlotPtr& slot : forever->Slots()) {
    slot->card().Close();
  }
}

}  // namespace

Module::Module(Settings settings) : settings_(std::move(settings)) {
  for (const device::CardUri& uri : settings_.cards) {
    if (uri.scheme != "pcsc" || !uri.path.empty()) {
      AddSlot(uri);
      slots_.back()->Look({});
      static_cast<void>(slots_.back()->TakeEvent());  // what is there from the beginning is no event
    }
  }
}

Outcome Module::Start(bool may_create_threads) {
  WatchForks();
  Process& process = TheProcess();
  std::shared_ptr<Module> inherited;
  {
    const Lock lock = Guarded();
    if (process.module != nullptr && process.module_generation == process.generation) {
      return Refuse(CKR_CRYPTOKI_ALREADY_INITIALIZED);
    }
    inherited = std::move(process.module);
    process.module = nullptr;
  }
  if (inherited != nullptr) {
    Abandon(std::move(inherited));
  }
  auto settings = ReadSettings();
  if (!settings) {
    // A module that is registered for all programs must not stop those that want no card.
    Report(settings.error());
  }
  const Settings used = settings.value_or(Settings{});
  const auto needs_thread = [](const device::CardUri& uri) { return uri.scheme == "pcsc"; };
  if (!may_create_threads && std::ranges::any_of(used.cards, needs_thread)) {
    return Refuse(CKR_NEED_TO_CREATE_THREADS);
  }
  auto fresh = std::make_shared<Module>(used);
  const Lock lock = Guarded();
  if (process.module != nullptr) {
    return Refuse(CKR_CRYPTOKI_ALREADY_INITIALIZED);  // by another thread, meanwhile
  }
  process.module = std::move(fresh);
  process.module_generation = process.generation;
  return {};
}

Outcome Module::Stop() {
  std::shared_ptr<Module> module;
  {
    const Lock lock = Guarded();
    Process& process = TheProcess();
    if (process.module == nullptr || process.module_generation != process.generation) {
      return Refuse(CKR_CRYPTOKI_NOT_INITIALIZED);
    }
    module = std::move(process.module);
    process.module = nullptr;
    module->stopped_ = true;
  }
  module->stopped_changed_.notify_all();
  for (const SlotPtr& slot : module->Slots()) {
    module->CloseSessions(slot);
    static_cast<void>(slot->Logout());
    slot->card().Close();
  }
  return {};
}

std::shared_ptr<Module> Module::Current() {
  const Lock lock = Guarded();
  const Process& process = TheProcess();
  return process.module_generation == process.generation ? process.module : nullptr;
}

void Module::AddSlot(const device::CardUri& uri) {
  slots_.push_back(std::make_shared<Slot>(slots_.size(), uri, settings_));
}

void Module::Look() {
  const auto is_pcsc = [](const device::CardUri& uri) { return uri.scheme == "pcsc"; };
  const bool wants_readers = std::ranges::any_of(settings_.cards, is_pcsc);
  const bool every_reader = std::ranges::any_of(
      settings_.cards, [&](const device::CardUri& uri) { return is_pcsc(uri) && uri.path.empty(); });
  const std::vector<Reader> readers = wants_readers ? ListReaders() : std::vector<Reader>();
  std::vector<std::string> with_card;
  std::vector<SlotPtr> slots;
  {
    const Lock lock = Guarded();
    for (const Reader& reader : readers) {
      if (reader.has_card) {
        with_card.push_back(reader.name);
      }
      const bool known = std::ranges::any_of(
          slots_, [&](const SlotPtr& slot) { return is_pcsc(slot->uri()) && slot->uri().path == reader.name; });
      const auto uri = device::ParseCardUri("pcsc:" + reader.name);
      if (every_reader && !known && uri) {
        AddSlot(*uri);
      }
    }
    slots = slots_;
  }
  for (const SlotPtr& slot : slots) {
    slot->Look(with_card);
  }
}

std::vector<SlotPtr> Module::Slots() {
  const Lock lock = Guarded();
  return slots_;
}

void Module::WipeInherited() {
  for (const SlotPtr& slot : slots_) {
    slot->WipeInherited();
  }
}

RvOr<SlotPtr> Module::FindSlot(CK_SLOT_ID id) {
  const Lock lock = Guarded();
  const auto row = std::ranges::find_if(slots_, [&](const SlotPtr& slot) { return slot->id() == id; });
  return row == slots_.end() ? RvOr<SlotPtr>(Refuse(CKR_SLOT_ID_INVALID)) : *row;
}

RvOr<CK_SLOT_ID> Module::NextEvent(bool block) {
  for (;;) {
    Look();
    for (const SlotPtr& slot : Slots()) {
      if (slot->TakeEvent()) {
        return slot->id();
      }
    }
    if (!block) {
      return Refuse(CKR_NO_EVENT);
    }
    Lock lock = Guarded();
    if (stopped_changed_.wait_for(lock, kLookInterval, [this] { return stopped_; })) {
      return Refuse(CKR_CRYPTOKI_NOT_INITIALIZED);
    }
  }
}

SessionPtr Module::OpenSession(const SlotPtr& slot, bool read_write) {
  const Lock lock = Guarded();
  const CK_SESSION_HANDLE handle = ++TheProcess().last_session;
  auto session = std::make_shared<Session>(handle, slot, read_write);
  sessions_[handle] = session;
  return session;
}

SessionPtr Module::FindSession(CK_SESSION_HANDLE handle) {
  const Lock lock = Guarded();
  const auto row = sessions_.find(handle);
  return row == sessions_.end() ? nullptr : row->second;
}

void Module::End(const SessionPtr& session) {
  {
    const std::lock_guard running(session->mutex);
    session->closed = true;
    session->Reset();
  }
  bool last = false;
  {
    const Lock lock = Guarded();
    std::erase_if(objects_, [&](const SessionObject& row) { return row.object->owner == session->handle; });
    last = std::ranges::none_of(sessions_, [&](const auto& row) { return row.second->slot == session->slot; });
  }
  if (last) {
    static_cast<void>(session->slot->Logout());
  }
}

Outcome Module::CloseSession(CK_SESSION_HANDLE handle) {
  SessionPtr session;
  {
    const Lock lock = Guarded();
    const auto row = sessions_.find(handle);
    if (row == sessions_.end()) {
      return Refuse(CKR_SESSION_HANDLE_INVALID);
    }
    session = std::move(row->second);
    sessions_.erase(row);
  }
  End(session);
  return {};
}

void Module::CloseSessions(const SlotPtr& slot) {
  std::vector<SessionPtr> ended;
  {
    const Lock lock = Guarded();
    for (const auto& [handle, session] : sessions_) {
      if (session->slot == slot) {
        ended.push_back(session);
      }
    }
    std::erase_if(sessions_, [&](const auto& row) { return row.second->slot == slot; });
  }
  for (const SessionPtr& session : ended) {
    End(session);
  }
}

Module::SessionCount Module::Count(const Slot& slot) {
  const Lock lock = Guarded();
  SessionCount count;
  for (const auto& [handle, session] : sessions_) {
    if (session->slot.get() == &slot) {
      ++count.all;
      count.read_write += session->read_write ? 1U : 0U;
    }
  }
  return count;
}

void Module::AddObject(ObjectPtr object) {
  const Lock lock = Guarded();
  const auto owner = sessions_.find(object->owner);
  if (owner != sessions_.end()) {  // else the session was closed meanwhile, and the object with it
    objects_.push_back({owner->second->slot->id(), std::move(object)});
  }
}

Outcome Module::RemoveObject(CK_OBJECT_HANDLE handle) {
  const Lock lock = Guarded();
  const auto removed = std::erase_if(objects_, [&](const SessionObject& row) { return row.object->handle == handle; });
  return removed == 0 ? Outcome(Refuse(CKR_OBJECT_HANDLE_INVALID)) : Outcome();
}

std::vector<ObjectPtr> Module::SessionObjects(const Slot& slot) {
  const Lock lock = Guarded();
  std::vector<ObjectPtr> objects;
  for (const SessionObject& row : objects_) {
    if (row.slot == slot.id()) {
      objects.push_back(row.object);
    }
  }
  return objects;
}

RvOr<ObjectPtr> Module::FindObject(Session& session, CK_OBJECT_HANDLE handle) {
  for (const ObjectPtr& object : SessionObjects(*session.slot)) {
    if (object->handle == handle) {
      return object;
    }
  }
  SR_TRY(const TokenPtr token, session.slot->Token(Freshness::kKnown));
  ObjectPtr object = token->Find(handle);
  return object != nullptr && object->is_private && !session.slot->IsOpen(*token) ? nullptr : object;
}

}  // namespace simroot::pkcs11
