// SPDX-License-Identifier: Apache-2.0
/// A command for a card's security domain in the clear, as the planner thinks of it, and what came back.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/host/hex.hpp"

namespace simroot::platform {

/// What the engine wants the answer of a command for.
enum class Purpose : std::uint8_t {
  kNothing,       ///< the status word says all: such commands may share a block
  kList,          ///< objects of the card
  kRequest,       ///< a piece of a certificate request
  kContent,       ///< a piece of the certificate that is on the card
  kAttest,        ///< a piece of an attestation
  kAttestingKey,  ///< the public half of the attesting key
  kPutKey,        ///< check values of the new keys
};

struct CardCommand {
  std::uint8_t ins = 0;  ///< the class byte is 80
  std::uint8_t p1 = 0;
  std::uint8_t p2 = 0;
  Bytes data;        ///< at most 239 bytes; values of keys are enciphered in it
  Bytes content{};   ///< of the file that `data` names, for AppletDriver::Pack to cut into pieces; empty: none
  std::string what;  ///< "GENERATE private key 01": for the job's steps
  Purpose purpose = Purpose::kNothing;
  std::size_t offset = 0;  ///< of the piece, or number of the first object, that was asked for
};
using CardCommands = std::vector<CardCommand>;

/// The plain data of an answer, and the command it belongs to.
struct CardAnswer {
  Purpose purpose = Purpose::kNothing;
  std::size_t offset = 0;
  Bytes data;
};
using CardAnswers = std::vector<CardAnswer>;

inline void Append(CardCommands& to, CardCommands more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}
[[nodiscard]] inline CardAnswers AnswersFor(const CardAnswers& answers, Purpose purpose) {
  CardAnswers found;
  for (const CardAnswer& answer : answers) {
    if (answer.purpose == purpose) {
      found.push_back(answer);
    }
  }
  return found;
}

/// INSTALL [for personalization] for the application `aid`, 5 to 16 bytes (GlobalPlatform 2.3.1, 11.5).
[[nodiscard]] CardCommand InstallForPersonalisation(ByteView aid);

}  // namespace simroot::platform
