// SPDX-License-Identifier: Apache-2.0
/// Where the device's side and the card's side meet in one process: `sim:FILE`.
#include "card/host/virtual_card.hpp"
#include "device/transport/in_process.hpp"

namespace simroot::device {
namespace {

class VirtualInProcessCard final : public InProcessCard {
 public:
  explicit VirtualInProcessCard(std::unique_ptr<card::VirtualCard> card) : card_(std::move(card)) {}
  [[nodiscard]] wire::CardEndpoint& Endpoint() override { return card_->Endpoint(); }

 private:
  std::unique_ptr<card::VirtualCard> card_;
};

}  // namespace

Result<std::unique_ptr<InProcessCard>> OpenInProcessCard(const std::string& file) {
  SR_TRY(auto card, card::VirtualCard::Open(file, card::CompatibilityConfig{}));
  return std::make_unique<VirtualInProcessCard>(std::move(card));
}

}  // namespace simroot::device
