// SPDX-License-Identifier: Apache-2.0
/// The non-volatile memory of a virtual card and what stands in it (docs/formats/nvm.md).
#pragma once

#include <memory>

#include "card/host/file_nvm.hpp"
#include "card/host/identity.hpp"
#include "card/store/object_store.hpp"

namespace simroot::card {

// The applet's store: objects, values, and two areas that each have room for all of them.
inline constexpr std::size_t kAppletObjects = 64;
inline constexpr std::size_t kAppletArena = 96UL * 1024;
inline constexpr ObjectStore::Range kAppletRange{kIdentitySize, 2 * (kAppletArena + 16UL * 1024)};
using AppletStoreMemory = ObjectStoreMemory<kAppletObjects, kAppletArena>;

// The security domain's store: its key sets and counters. While one set of three keys replaces another both have slots.
inline constexpr std::size_t kSecurityDomainObjects = 16;
inline constexpr std::size_t kSecurityDomainArena = 1024;
inline constexpr ObjectStore::Range kSecurityDomainRange{kAppletRange.offset + kAppletRange.size, 4096};
using SecurityDomainStoreMemory = ObjectStoreMemory<kSecurityDomainObjects, kSecurityDomainArena>;

/// Bytes of a card file.
inline constexpr std::size_t kCardMemorySize = kSecurityDomainRange.offset + kSecurityDomainRange.size;

/// Both stores of a card over its memory, which outlives them. Not loaded.
struct CardStores {
  explicit CardStores(Nvm& nvm)
      : applet(nvm, kAppletRange, applet_memory.view()),
        security_domain(nvm, kSecurityDomainRange, security_domain_memory.view()) {}

  AppletStoreMemory applet_memory;
  SecurityDomainStoreMemory security_domain_memory;
  ObjectStore applet;
  ObjectStore security_domain;
};

/// An open card file: locked, its stores loaded. A store may be damaged: see its state.
struct CardMemory {
  std::unique_ptr<FileNvm> nvm;
  CardIdentity identity;
  std::unique_ptr<CardStores> stores;
};

/// Opens the memory in `file` without its stores. @returns kStore if the file is none of ours, or of another layout.
[[nodiscard]] Result<CardMemory> OpenCardFile(const std::string& file);
/// The same, and loads the stores.
[[nodiscard]] Result<CardMemory> OpenCardMemory(const std::string& file);

}  // namespace simroot::card
