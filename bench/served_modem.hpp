// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <thread>

#include "bench/sections.hpp"
#include "card/host/virtual_card.hpp"
#include "card/modem/pty_modem.hpp"

namespace simroot::bench {

/// A modem with a card, served by a thread while the object lives.
class ServedModem {
 public:
  ServedModem(const BenchCard& card, bool automatic_get_response) : port_(card.folder() + "/modem") {
    auto opened = card::VirtualCard::Open(card.file(), {});
    if (!opened) {
      GiveUp(opened.error().Text());
    }
    card_ = std::move(*opened);
    card::PtyModemOptions options;
    options.link = port_;
    options.identity.iccid = card_->Iccid();
    options.modem.automatic_get_response = automatic_get_response;
    auto modem = card::PtyModem::Open(card_->Endpoint(), std::move(options));
    std::array<int, 2> ends{};
    if (!modem || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
      GiveUp("the emulated modem does not start");
    }
    modem_ = std::move(*modem);
    stop_write_ = ends[1];
    thread_ = std::thread([this, stop_read = ends[0]] {
      static_cast<void>(modem_->Run(stop_read));
      ::close(stop_read);
    });
  }
  ~ServedModem() {
    ::close(stop_write_);
    thread_.join();
  }
  ServedModem(const ServedModem&) = delete;
  ServedModem& operator=(const ServedModem&) = delete;

  [[nodiscard]] const std::string& port() const { return port_; }
  [[nodiscard]] card::ModemCounters Counters() const { return modem_->Counters(); }

 private:
  std::string port_;
  std::unique_ptr<card::VirtualCard> card_;
  std::unique_ptr<card::PtyModem> modem_;
  int stop_write_ = -1;
  std::thread thread_;
};

}  // namespace simroot::bench
