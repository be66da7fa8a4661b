// SPDX-License-Identifier: Apache-2.0
/// Devices with new blank cards: the other side of the switch-on benchmarks. Through HTTPS they are a process of their
/// own, so that the platform's time can be told from theirs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "card/host/virtual_card.hpp"
#include "common/net/http_client.hpp"
#include "device/relay/relay_messages.hpp"
#include "platform/ota/engine.hpp"

namespace simroot::bench {

/// A card that nobody has in hand yet.
struct BlankCard {
  std::string iccid;
  Bytes security_domain;  ///< AID
  std::string file;
};

/// A card in a device, with a channel to its security domain.
class BenchDevice {
 public:
  explicit BenchDevice(const BlankCard& blank);

  [[nodiscard]] const std::string& iccid() const { return iccid_; }
  /// One command, whole answer.
  [[nodiscard]] platform::RelayAnswer Send(Bytes command);
  /// A secured session that the device begins.
  [[nodiscard]] platform::RelayOpening Open();

 private:
  std::string iccid_;
  Bytes security_domain_;
  std::unique_ptr<card::VirtualCard> card_;
};

/// Microseconds until `threads` threads have done `work` for 0 to count - 1.
[[nodiscard]] double TimeInThreads(unsigned threads, std::size_t count, const std::function<void(std::size_t)>& work);

/// A server of 127.0.0.1.
struct ServerPlace {
  std::uint16_t port = 0;
  std::string ca_file;
};

/// What a device says first of a card of which it says no more.
[[nodiscard]] std::string Hello(const std::string& iccid, const std::optional<platform::RelayOpening>& opening);

[[nodiscard]] std::unique_ptr<net::HttpClient> Connect(const ServerPlace& server);
[[nodiscard]] device::RelayReply Post(net::HttpClient& client, const std::string& target, const std::string& body);

/// In a process of its own: `count` handshakes of new clients. @returns microseconds
[[nodiscard]] double TimeHandshakes(const ServerPlace& server, std::size_t count);
/// In a process of its own: switch-ons of these devices, each with a connection of its own. @returns microseconds
[[nodiscard]] double TimeSwitchOns(const ServerPlace& server, const std::vector<BlankCard>& cards);
/// What such a process does instead of the benchmark: true if `arguments` are those of one.
[[nodiscard]] bool RunAsDevices(const std::vector<std::string>& arguments);

constexpr unsigned kHttpsClients = 128;

}  // namespace simroot::bench
