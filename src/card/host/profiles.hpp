// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/object_store.hpp"
#include "common/crypto/port.hpp"

namespace simroot::card {

/// Fills an empty store with the demo profile (docs of `simroot card create`): key pair 01 made now, files 02 and 03
/// empty, volatile pair 04, volatile public keys 05 and 06, secret 06. False if the store or the generator fails.
[[nodiscard]] bool PersonaliseDemo(ObjectStore& store, crypto::Crypto& crypto);

}  // namespace simroot::card
