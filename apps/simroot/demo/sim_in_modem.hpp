// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <thread>

#include "card/host/virtual_card.hpp"
#include "card/modem/pty_modem.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::app {

/// What went over the line during one step.
struct LineTraffic {
  std::uint64_t apdus = 0;
  std::uint64_t signature_apdus = 0;  ///< COMPUTE SIGNATURE INIT, UPDATE and the GET RESPONSE after it
  std::uint64_t characters = 0;       ///< both directions
};

/// A virtual SIM in an emulated modem, served by a thread of its own until the object is destroyed.
class SimInModem final : private card::ModemObserver {
 public:
  /// @param trace print every APDU in words on stderr.
  [[nodiscard]] static Result<std::unique_ptr<SimInModem>> Start(const std::string& card_file, const std::string& link,
                                                                 bool trace);
  ~SimInModem() override;
  SimInModem(const SimInModem&) = delete;
  SimInModem& operator=(const SimInModem&) = delete;

  /// What went over the line since the last call.
  [[nodiscard]] LineTraffic TakeTraffic();

 private:
  explicit SimInModem(bool trace) : trace_(trace) {}
  void OnExchange(ByteView command, ByteView response) override;

  bool trace_;
  std::mutex mutex_;
  LineTraffic since_last_;  ///< APDUs only; guarded by mutex_
  bool after_signature_ = false;
  card::ModemCounters last_counters_;
  std::unique_ptr<card::VirtualCard> card_;
  std::unique_ptr<card::PtyModem> modem_;
  UniqueFd stop_write_;
  std::thread thread_;
};

}  // namespace simroot::app
