// SPDX-License-Identifier: Apache-2.0
#include "card/host/card_memory.hpp"

namespace simroot::card {

Result<CardMemory> OpenCardFile(const std::string& file) {
  SR_TRY(auto nvm, FileNvm::Open(file));
  const auto layout = ReadLayoutVersion(*nvm);
  if (layout && *layout != kIdentityLayout) {
    return Fail(ErrorDomain::kStore,
                "the card file " + file + " has memory layout " + std::to_string(*layout) +
                    ", this program needs layout " + std::to_string(kIdentityLayout),
                "make a new card with `simroot card create`");
  }
  const auto identity = ReadIdentity(*nvm);
  if (nvm->Size() != kCardMemorySize || !identity) {
    return Fail(ErrorDomain::kStore, file + " is not a simroot card",
                "make one with `simroot card create FILE --profile demo`");
  }
  return CardMemory{std::move(nvm), *identity, nullptr};
}

Result<CardMemory> OpenCardMemory(const std::string& file) {
  SR_TRY(CardMemory memory, OpenCardFile(file));
  memory.stores = std::make_unique<CardStores>(*memory.nvm);
  memory.stores->applet.Load();
  memory.stores->security_domain.Load();
  return memory;
}

}  // namespace simroot::card
