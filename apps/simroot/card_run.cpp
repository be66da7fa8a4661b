// SPDX-License-Identifier: Apache-2.0
/// `simroot card run`: serves a virtual card as a modem, in vpcd's reader, on a socket, or all of them, until a signal
/// comes.
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>

#include "card/host/virtual_card.hpp"
#include "card/modem/pty_modem.hpp"
#include "card/pcsc/vpcd_link.hpp"
#include "card/pipe/unix/pipe_server.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "stop_signal.hpp"
#include "trace.hpp"

namespace simroot::app {
namespace {

/// Lets a modem, a reader and a socket use one card from their threads.
class SharedEndpoint final : public wire::CardEndpoint {
 public:
  explicit SharedEndpoint(wire::CardEndpoint& card) : card_(card) {}
  void Reset() override {
    const std::lock_guard lock(mutex_);
    card_.Reset();
  }
  [[nodiscard]] ByteView Atr() const override { return card_.Atr(); }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override {
    const std::lock_guard lock(mutex_);
    return card_.Transmit(command, response);
  }

 private:
  wire::CardEndpoint& card_;
  std::mutex mutex_;
};

class StdoutTrace final : public card::ModemObserver {
 public:
  void OnExchange(ByteView command, ByteView response) override {
    static_cast<void>(PrintLine(DescribeExchange(command, response)));
  }
};

Result<card::VpcdOptions> ParseReaderAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool is_number = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
  const unsigned long number = is_number ? std::stoul(port) : 0;
  if (colon == 0 || number == 0 || number > 65535) {
    return Fail(ErrorDomain::kUsage, "\"" + text + "\" is not HOST:PORT", "vpcd listens on 127.0.0.1:35963");
  }
  card::VpcdOptions options;
  options.host = text.substr(0, colon);
  options.port = static_cast<std::uint16_t>(number);
  return options;
}

Result<card::CompatibilityConfig> ConfigurationOf(const CardRunArguments& arguments) {
  const auto* const profile =
      std::ranges::find(card::kCompatibilityProfiles, arguments.compat, &card::CompatibilityProfile::name);
  if (profile == card::kCompatibilityProfiles.end()) {
    return Fail(ErrorDomain::kUsage, "unknown compatibility profile " + arguments.compat,
                "see docs/compatibility.md for the names");
  }
  card::CompatibilityConfig config = profile->config;
  config.answer_t0 = !arguments.t1;
  return config;
}

Result<void> Serve(const CardRunArguments& arguments) {
  if (arguments.modem_link.empty() && arguments.pcsc.empty() && arguments.pipe.empty()) {
    return Fail(ErrorDomain::kUsage, "nothing to serve the card with",
                "add --modem LINK, --pcsc HOST:PORT or --pipe SOCKET");
  }
  SR_TRY(const card::CompatibilityConfig config, ConfigurationOf(arguments));
  const StopSignal stop;
  SR_TRY(const auto card, card::VirtualCard::Open(arguments.file, config));
  SharedEndpoint endpoint(card->Endpoint());
  StdoutTrace trace;
  card::ModemObserver* const observer = arguments.trace ? &trace : nullptr;

  std::unique_ptr<card::PtyModem> modem;
  if (!arguments.modem_link.empty()) {
    card::PtyModemOptions options;
    options.link = arguments.modem_link;
    options.identity.iccid = card->Iccid();
    options.identity.imsi = card->Imsi();
    options.modem.automatic_get_response = arguments.automatic_get_response;
    options.observer = observer;
    SR_TRY(modem, card::PtyModem::Open(endpoint, std::move(options)));
    static_cast<void>(PrintLine("modem on " + arguments.modem_link + " (" + modem->TerminalPath() + ")"));
  }
  std::unique_ptr<card::VpcdLink> reader;
  if (!arguments.pcsc.empty()) {
    SR_TRY(card::VpcdOptions options, ParseReaderAddress(arguments.pcsc));
    options.observer = observer;
    SR_TRY(reader, card::VpcdLink::Open(endpoint, std::move(options)));
    static_cast<void>(PrintLine("card in the reader of vpcd at " + arguments.pcsc));
  }
  std::unique_ptr<card::PipeServer> pipe;
  if (!arguments.pipe.empty()) {
    SR_TRY(pipe, card::PipeServer::Open(endpoint, {.path = arguments.pipe, .observer = observer}));
    static_cast<void>(PrintLine("card on the socket " + arguments.pipe));
  }
  Result<void> from_modem;
  Result<void> from_pipe;
  std::thread modem_thread;
  std::thread pipe_thread;
  if (modem) {
    modem_thread = std::thread([&] { from_modem = modem->Run(stop.fd()); });
  }
  if (pipe) {
    pipe_thread = std::thread([&] { from_pipe = pipe->Run(stop.fd()); });
  }
  const Result<void> from_reader = reader ? reader->Run(stop.fd()) : Result<void>();
  for (std::thread* const thread : {&modem_thread, &pipe_thread}) {
    if (thread->joinable()) {
      thread->join();
    }
  }
  return !from_reader ? from_reader : !from_modem ? from_modem : from_pipe;
}

}  // namespace

int RunCardRun(const CardRunArguments& arguments) {
  const auto served = Serve(arguments);
  return served ? kDone : Report(served.error());
}

}  // namespace simroot::app
