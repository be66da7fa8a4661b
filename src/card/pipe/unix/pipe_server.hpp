// SPDX-License-Identifier: Apache-2.0
/// Serves a card over a socket in the file system: what `simroot card run FILE --pipe PATH` opens and `--card
/// pipe:PATH` connects to.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "card/modem/modem_observer.hpp"
#include "card/pipe/pipe_card.hpp"
#include "common/host/deadline.hpp"
#include "common/host/error.hpp"
#include "common/host/unique_fd.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::card {

struct PipeServerOptions {
  std::string path;  ///< of the socket; made with mode 0600, at most 107 bytes
  /// A message that has begun must be complete, and an answer must be taken, within this time; otherwise the connection
  /// is closed. Between messages a connection may be idle for as long as it likes.
  std::chrono::milliseconds message_timeout{5000};
  ModemObserver* observer = nullptr;  ///< borrowed; called from the thread that runs the server
};

/// One connection at a time has the card, as one reader would; others wait in the queue of the socket. When it ends,
/// however that happens, the card is reset. One thread runs the server.
class PipeServer {
 public:
  /// Binds the socket. A socket that nobody serves any more is replaced; any other file is left alone.
  /// @param card borrowed for the life of the server.
  /// @returns kUsage: a path that is too long, taken, or served by a running program. kTransport: what the system said.
  [[nodiscard]] static Result<std::unique_ptr<PipeServer>> Open(wire::CardEndpoint& card, PipeServerOptions options);
  /// Removes the socket.
  ~PipeServer();
  PipeServer(const PipeServer&) = delete;
  PipeServer& operator=(const PipeServer&) = delete;

  /// Serves until `stop_fd` becomes readable. @returns kTransport if the socket fails.
  [[nodiscard]] Result<void> Run(int stop_fd);

 private:
  /// What passes between the pipe and the card, told to the observer.
  class Observed final : public wire::CardEndpoint {
   public:
    Observed(wire::CardEndpoint& card, ModemObserver* observer) : card_(card), observer_(observer) {}
    void Reset() override { card_.Reset(); }
    [[nodiscard]] ByteView Atr() const override { return card_.Atr(); }
    [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override;

   private:
    wire::CardEndpoint& card_;
    ModemObserver* observer_;
  };

  PipeServer(wire::CardEndpoint& card, PipeServerOptions options, UniqueFd listener);

  enum class Next : std::uint8_t { kGoOn, kClosed, kStop };
  [[nodiscard]] Next ServeSome(int connection, int stop_fd);
  [[nodiscard]] bool Send(int connection, ByteView bytes) const;

  const PipeServerOptions options_;
  UniqueFd listener_;
  Observed card_;
  std::array<std::uint8_t, wire::kMaxCommand> command_{};
  std::array<std::uint8_t, wire::kPipeLengthSize + wire::kMaxResponse> message_{};
  PipeCard pipe_{card_, command_, message_};
  Deadline message_end_ = Deadline::After({});
};

}  // namespace simroot::card
