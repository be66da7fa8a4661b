// SPDX-License-Identifier: Apache-2.0
/// The messages of docs/formats/relay.md as JSON. What comes from the platform is checked: types, lengths, numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/host/error.hpp"
#include "common/host/hex.hpp"

namespace simroot::device {

/// What the device tells of its card in the first message.
struct CardIntroduction {
  std::string iccid;
  Bytes application_id;
  Bytes application_info;
  std::vector<Bytes> objects;
};
/// The secured session that the device has begun on its own: a round trip less.
struct CardOpening {
  Bytes security_domain;  ///< AID
  Bytes challenge;
  Bytes answer;  ///< of the card to INITIALIZE UPDATE: data and status word
};
[[nodiscard]] std::string EncodeHello(const CardIntroduction& card, const std::optional<CardOpening>& opening);

/// @param answers data and status word of each.
[[nodiscard]] std::string EncodeAnswers(unsigned step, const std::vector<Bytes>& answers);

/// A reply of the platform.
struct RelayReply {
  std::string session;
  unsigned step = 0;
  Bytes security_domain;
  std::vector<Bytes> commands;
  bool done = false;
  bool provisioned = false;
  unsigned retry_after_s = 0;
  std::string message;
  std::string key_label;
};
/// @returns kProtocol for anything that is no such reply.
[[nodiscard]] Result<RelayReply> DecodeReply(std::string_view body);

/// The sentence in a problem+json document; empty if there is none. Cut to a length that fits a line.
[[nodiscard]] std::string ProblemSentence(std::string_view body);

}  // namespace simroot::device
