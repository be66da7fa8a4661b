// SPDX-License-Identifier: Apache-2.0
#include "common/secure/scp80_sender.hpp"

namespace simroot::secure {

Expected<void, Scp80Error> Scp80Sender::Send(const Scp80Agreement& agreement, const Scp80Command& command,
                                             Scp80Form form, ByteWriter& out) {
  awaiting_ = false;
  if (command.counter >= kMaxScp80Counter) {
    return Unexpected(Scp80Error::kCounter);
  }
  SR_TRY_VOID(PacketSecurity(crypto_, agreement).PutCommand(command, form, out));
  header_ = command.header;
  counter_ = command.counter;
  form_ = form;
  awaiting_ = header_.spi.proof != Scp80Proof::kNever;
  return {};
}

Expected<Scp80Verdict, Scp80Error> Scp80Sender::Judge(const Scp80Agreement& agreement, ByteView packet,
                                                      ByteSpan memory) {
  if (!awaiting_) {
    return Unexpected(Scp80Error::kState);
  }
  const auto parsed = ParseResponsePacket(packet, form_);
  if (!parsed) {
    return Unexpected(Scp80Error::kMalformed);
  }
  if (parsed->tar != header_.tar) {
    return Unexpected(Scp80Error::kNotAuthentic);
  }
  const auto opened = PacketSecurity(crypto_, agreement).OpenResponse(header_, *parsed, form_, memory);
  // Under a cipher alone, the counter is what tells an answer from noise.
  if (!opened || opened->counter != counter_) {
    const auto bare = JudgeBareError(*parsed);
    return bare ? bare : Unexpected(opened ? Scp80Error::kNotAuthentic : opened.error());
  }
  awaiting_ = opened->status == Scp80Status::kDataBySubmit || opened->status == Scp80Status::kDataByUssd;
  return Scp80Verdict{.status = opened->status,
                      .data = opened->data,
                      .authentic = header_.spi.proof_check == Scp80Check::kCryptographic};
}

/// Counter, padding counter and status of a packet that is not secured at all.
Expected<Scp80Verdict, Scp80Error> Scp80Sender::JudgeBareError(const Scp80ResponsePacket& packet) const {
  ByteReader body(packet.body);
  std::uint8_t counter_high = 0;
  std::uint32_t counter_low = 0;
  std::uint8_t padding = 0;
  std::uint8_t status = 0;
  if (packet.check_size != 0 || !body.ReadU8(counter_high) || !body.ReadU32(counter_low) || !body.ReadU8(padding) ||
      !body.ReadU8(status) || !body.empty() || padding != 0) {
    return Unexpected(Scp80Error::kNotAuthentic);
  }
  // A card that could not decipher the counter has none to give back.
  const std::uint64_t counter = (std::uint64_t{counter_high} << 32U) | counter_low;
  if (static_cast<Scp80Status>(status) == Scp80Status::kOk || (counter != counter_ && counter != 0)) {
    return Unexpected(Scp80Error::kNotAuthentic);
  }
  return Scp80Verdict{.status = static_cast<Scp80Status>(status), .data = {}, .authentic = false};
}

}  // namespace simroot::secure
