// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/config.hpp"
#include "card/store/object_store.hpp"
#include "common/crypto/port.hpp"

namespace simroot::card {

/// What `simroot card create --profile` makes.
enum class CardProfile : std::uint8_t {
  kBlank,  ///< no objects: what comes from the factory, to be filled by management
  kDemo,   ///< key pair 01 made at creation, files 02 and 03 empty, volatile pair 04, volatile public keys 05 and 06,
           ///< secret 06 known to everybody
  kType2,  ///< pre-shared keys only: secret 06 known to everybody, 07 and 08 random, file 02 empty
};

/// The profiles by the names of the command line.
struct CardProfileName {
  std::string_view name;
  CardProfile profile;
  AppletType applet_type;
};
inline constexpr std::array kCardProfiles{
    CardProfileName{"blank", CardProfile::kBlank, AppletType::kTypeI},
    CardProfileName{"demo", CardProfile::kDemo, AppletType::kTypeI},
    CardProfileName{"type2", CardProfile::kType2, AppletType::kTypeII},
};

/// Fills an empty store with the objects of a profile. False if the store or the generator fails.
[[nodiscard]] bool Personalise(ObjectStore& store, crypto::Crypto& crypto, CardProfile profile);
[[nodiscard]] inline bool PersonaliseDemo(ObjectStore& store, crypto::Crypto& crypto) {
  return Personalise(store, crypto, CardProfile::kDemo);
}

}  // namespace simroot::card
