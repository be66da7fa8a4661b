// SPDX-License-Identifier: Apache-2.0
/// The modem's command interpreter with any characters from the line. The first byte chooses the configuration. Beside
/// what the sanitizers see: no input may make it hold more than its bounds, and pieces give what the whole gives.
#include "card/modem/at_interpreter.hpp"
#include "common/base/check.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {
namespace {

/// Gives channel 1 to MANAGE CHANNEL and otherwise offers, then delivers, four bytes.
class FixedCard final : public wire::CardEndpoint {
 public:
  void Reset() override {}
  [[nodiscard]] ByteView Atr() const override { return kAtr; }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override {
    constexpr std::array<std::uint8_t, 3> kChannel1{0x01, 0x90, 0x00};
    constexpr std::array<std::uint8_t, 2> kOffer{0x61, 0x04};
    constexpr std::array<std::uint8_t, 6> kData{0x11, 0x22, 0x33, 0x44, 0x90, 0x00};
    constexpr std::array<std::uint8_t, 2> kOk{0x90, 0x00};
    ByteReader reader(command);
    std::uint8_t ins = 0;
    std::uint8_t p1 = 0;
    SR_CHECK(reader.Skip(1) && reader.ReadU8(ins) && reader.ReadU8(p1));  // the modem sends whole headers only
    const ByteView answer = ins == 0x70   ? (p1 == 0 ? ByteView(kChannel1) : ByteView(kOk))
                            : ins == 0xA4 ? ByteView(kOk)
                            : ins == 0xC0 ? ByteView(kData)
                                          : ByteView(kOffer);
    SR_CHECK(CopyBytes(answer, response));
    return answer.size();
  }

 private:
  static constexpr std::array<std::uint8_t, 2> kAtr{0x3B, 0x00};
};

std::string Run(ByteView characters, const ModemConfig& config, std::size_t piece) {
  // The longest line of output that one command gives: an answer of the greatest length with its frame.
  constexpr std::size_t kMaxOutput = AtInterpreter::kMaxAnswer + 2 * wire::kMaxResponse + 1024;
  FixedCard card;
  ModemIdentity identity;
  identity.iccid = "89880000000000000013";
  identity.imsi = "001010123456789";
  AtInterpreter modem(card, identity, config);
  std::string output;
  for (ByteReader reader(characters); !reader.empty();) {
    ByteView next;
    SR_CHECK(reader.ReadBytes(std::min(piece, reader.remaining()), next));
    modem.Feed(next);
    SR_CHECK(piece != 1 || modem.Output().size() <= kMaxOutput);
    output.append(modem.Output());
    modem.DropOutput(modem.Output().size());
  }
  SR_CHECK(modem.Counters().characters_in == characters.size() && modem.Counters().characters_out == output.size());
  return output;
}

}  // namespace
}  // namespace simroot::card

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simroot;
  ByteReader reader({data, size});
  std::uint8_t choice = 0;
  if (!reader.ReadU8(choice)) {
    return 0;
  }
  card::ModemConfig config;
  config.echo = (choice & 0x01U) != 0;
  config.automatic_get_response = (choice & 0x02U) != 0;
  config.unquoted_answers = (choice & 0x04U) != 0;
  config.open_channel_1_at_start = (choice & 0x08U) != 0;
  config.sim_present = (choice & 0x10U) == 0;
  config.unsolicited_place = static_cast<card::UnsolicitedPlace>((choice >> 5U) & 0x03U);
  SR_CHECK(card::Run(reader.rest(), config, 1) == card::Run(reader.rest(), config, size));
  return 0;
}
