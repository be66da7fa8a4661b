// SPDX-License-Identifier: Apache-2.0
#include "demo/sim_in_modem.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/iotsafe/vocabulary.hpp"
#include "trace.hpp"

namespace simroot::app {

Result<std::unique_ptr<SimInModem>> SimInModem::Start(const std::string& card_file, const std::string& link,
                                                      bool trace) {
  std::unique_ptr<SimInModem> sim(new SimInModem(trace));
  SR_TRY(sim->card_, card::VirtualCard::Open(card_file, card::CompatibilityConfig{}));
  card::PtyModemOptions options;
  options.link = link;
  options.identity.iccid = sim->card_->Iccid();
  options.identity.imsi = sim->card_->Imsi();
  options.observer = sim.get();
  SR_TRY(sim->modem_, card::PtyModem::Open(sim->card_->Endpoint(), std::move(options)));
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Fail(ErrorDomain::kTransport, std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  sim->stop_write_ = UniqueFd(ends[1]);
  sim->thread_ = std::thread([modem = sim->modem_.get(), stop_read = UniqueFd(ends[0])] {
    const auto served = modem->Run(stop_read.get());
    if (!served) {
      static_cast<void>(
          std::fprintf(stderr, "simroot: the emulated modem stopped: %s\n", served.error().Text().c_str()));
    }
  });
  return sim;
}

SimInModem::~SimInModem() {
  stop_write_.Reset();  // the other end becomes readable, Run returns
  if (thread_.joinable()) {
    thread_.join();
  }
}

void SimInModem::OnExchange(ByteView command, ByteView response) {
  constexpr std::uint8_t kGetResponse = 0xC0;
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  const std::uint8_t ins = parsed ? parsed->ins : std::uint8_t{0};
  const bool is_signature =
      ins == Code(iotsafe::Ins::kComputeSignatureInit) || ins == Code(iotsafe::Ins::kComputeSignatureUpdate);
  {
    const std::lock_guard lock(mutex_);
    ++since_last_.apdus;
    if (is_signature || (after_signature_ && ins == kGetResponse)) {
      ++since_last_.signature_apdus;
    }
    after_signature_ = is_signature;
  }
  if (trace_) {
    static_cast<void>(std::fputs(DescribeExchange(command, response).c_str(), stderr));
  }
}

LineTraffic SimInModem::TakeTraffic() {
  const card::ModemCounters now = modem_->Counters();
  const card::ModemCounters passed = now.Since(last_counters_);
  last_counters_ = now;
  const std::lock_guard lock(mutex_);
  LineTraffic traffic = std::exchange(since_last_, LineTraffic{});
  traffic.characters = passed.characters_in + passed.characters_out;
  return traffic;
}

}  // namespace simroot::app
