// SPDX-License-Identifier: Apache-2.0
// Built into every applet: one that cannot take a PIN keeps the keys of a memory image with a PIN to itself.
#include "card/applet/user_pin.hpp"

#include "card/applet/applet.hpp"

namespace simroot::card {

const StoredObject* Applet::UserPin() const {
  const StoredObject* const pin = store_.Find({iotsafe::ObjectClass::kSecretKey, false, kUserPinId});
  const bool is_pin = pin != nullptr && pin->info.key_type == iotsafe::KeyType::kUserPin &&
                      pin->info.state == iotsafe::ObjectState::kActivated;
  return is_pin ? pin : nullptr;
}

bool Applet::UserIsVerified() const {
  const StoredObject* const pin = UserPin();
  return pin == nullptr || (verified_generation_ != 0 && verified_generation_ == pin->generation);
}

}  // namespace simroot::card
