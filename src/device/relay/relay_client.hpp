// SPDX-License-Identifier: Apache-2.0
/// The device's part in provisioning: it carries what the platform has secured for the card, and what the card answers.
/// It can read none of it. Protocol: docs/formats/relay.md.
#pragma once

#include "common/net/http_client.hpp"
#include "device/transport/transport.hpp"

namespace simroot::device {

struct RelayOptions {
  std::string path = "/v1/relay/sessions";         ///< under the client's URL
  std::chrono::milliseconds card_timeout{60'000};  ///< for one command: making an RSA key takes a card a while
  std::chrono::seconds wait{0};                    ///< so long the platform's "come again later" is honoured, in all
  unsigned sessions = 20;                          ///< most that are begun
  unsigned resends = 3;                            ///< of one step whose reply was lost
};

/// What came of it.
struct RelayResult {
  bool provisioned = false;
  std::string message;         ///< what the platform said at the end of each session
  std::string key_label;       ///< by which programs name the key; empty: there is none
  unsigned retry_after_s = 0;  ///< not provisioned: come again after so long
  unsigned sessions = 0;
  unsigned round_trips = 0;  ///< HTTP requests that were answered
  unsigned commands = 0;     ///< carried to the card
  std::string iccid;
};

/// Told of progress. Must not call back.
class RelayObserver {
 public:
  virtual ~RelayObserver() = default;
  virtual void OnSession(const std::string& iccid) = 0;
  virtual void OnBatch(unsigned step, std::size_t commands) = 0;
  /// Something went wrong or must wait; the next try is in `wait`.
  virtual void OnRetry(const std::string& why, std::chrono::seconds wait) = 0;
};

/// Waits; replaced by tests. False: stop waiting and end.
using RelayPause = std::function<bool(std::chrono::seconds)>;

/// Reads ICCID and applet information, and works sessions off until the platform has nothing more to do, says to come
/// later than `options.wait` allows, or an error ends it. A step whose reply was lost is sent again; a session that is
/// over is begun anew.
/// @param observer may be nullptr. @param pause empty: sleeps.
/// @returns kTransport and kProtocol of card and platform, kCard if the card has no security domain, kCrypto if the
/// platform is not who it should be, kUsage if the platform refuses the card (403: the card did not prove itself).
[[nodiscard]] Result<RelayResult> RunRelay(Transport& transport, net::HttpClient& platform, const RelayOptions& options,
                                           RelayObserver* observer = nullptr, RelayPause pause = {});

}  // namespace simroot::device
