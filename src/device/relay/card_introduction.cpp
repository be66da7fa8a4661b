// SPDX-License-Identifier: Apache-2.0
#include "device/relay/card_introduction.hpp"

#include "common/iotsafe/vocabulary.hpp"
#include "device/administration/admin_link.hpp"

namespace simroot::device {
namespace {

constexpr std::uint8_t kApplication = 0x00;
constexpr std::uint8_t kObjectList = 0x01;
constexpr std::size_t kMaxBlocks = 64;

[[nodiscard]] Bytes GetData(std::uint8_t p1, std::uint8_t p2) {
  return {0x80, iotsafe::Code(iotsafe::Ins::kGetData), p1, p2, 0x00};
}

/// What the applet on this link says goes into `card`.
[[nodiscard]] Result<void> AskApplet(AdminLink& applet, CardIntroduction& card, Deadline deadline) {
  SR_TRY(const AdminAnswer application, applet.Exchange(GetData(kApplication, 0), deadline));
  if (application.sw == wire::StatusWord::kOk) {
    card.application_info = application.data;
  }
  std::uint8_t next = 0;
  for (std::size_t block = 0; block < kMaxBlocks; ++block) {
    SR_TRY(const AdminAnswer list, applet.Exchange(GetData(kObjectList, next), deadline));
    const bool more = list.sw == wire::StatusWord::kMoreDataAvailable;
    if (list.sw != wire::StatusWord::kOk && !more) {
      return {};
    }
    card.objects.push_back(list.data);
    if (!more) {
      return {};
    }
    next = 1;
  }
  return {};
}

}  // namespace

Result<CardIntroduction> IntroduceCard(Transport& transport, Deadline deadline) {
  CardIntroduction card;
  {
    SR_TRY(const auto lock, transport.Lock(deadline));
    SR_TRY(card.iccid, transport.ReadIccid(deadline));
  }
  for (const iotsafe::AidEntry& entry : iotsafe::kAids) {
    auto applet = TransportAdminLink::Open(transport, entry.view(), deadline);
    if (!applet && applet.error().domain == ErrorDomain::kTransport) {
      return tl::make_unexpected(std::move(applet).error());
    }
    if (applet) {
      card.application_id.assign(entry.view().begin(), entry.view().end());
      SR_TRY_VOID(AskApplet(**applet, card, deadline));
      SR_TRY_VOID((*applet)->Close(deadline));
      break;
    }
  }
  return card;
}

}  // namespace simroot::device
