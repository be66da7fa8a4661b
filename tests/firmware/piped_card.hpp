// SPDX-License-Identifier: Apache-2.0
/// Cards behind a byte pipe, for the conformance scripts: the firmware in an emulator, or a virtual card of the host.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "card/applet/config.hpp"
#include "card/pipe/unix/pipe_server.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/card_endpoint.hpp"
#include "conformance/reference_card.hpp"
#include "device/transport/pipe_line.hpp"

namespace simroot::conformance {

/// What a card is started with.
struct PipedCardOptions {
  bool answer_t0 = true;
  bool type2 = false;
};

/// A directory that is removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What a card has memory for.
struct ApduMemory {
  std::size_t command = wire::kMaxCommand;           ///< bytes of a command
  std::size_t answer_data = wire::kMaxExtendedData;  ///< bytes of an answer without the status word
};

/// The far end of a pipe as an endpoint. A failure of the pipe fails the test.
class PipeEndpoint final : public wire::CardEndpoint {
 public:
  PipeEndpoint(device::PipeLine& line, const ApduMemory& memory) : line_(line), memory_(memory) {}
  /// True if a command was sent that is longer, or asks for more, than the card has memory for. Asking begins anew.
  [[nodiscard]] bool TakeExceeded() { return std::exchange(exceeded_, false); }
  void Reset() override;
  [[nodiscard]] ByteView Atr() const override { return {}; }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override;

 private:
  device::PipeLine& line_;
  ApduMemory memory_;
  bool exceeded_ = false;
};

/// A card that can be given the content of any store.
class PipedCard {
 public:
  virtual ~PipedCard() = default;
  /// Makes the card anew with the objects of `store`; false, and the test has failed, if that does not work. The
  /// endpoint is borrowed until the next call.
  [[nodiscard]] virtual PipeEndpoint* Load(const std::string& store) = 0;
};

/// A build of the firmware (presets `firmware` and `firmware-interface`).
struct FirmwareBuild {
  std::string program;  ///< path
  std::string card;     ///< SIMROOT_CARD: "full" or "interface"; empty if the folder holds no such build
};
[[nodiscard]] FirmwareBuild BuildOf(const std::string& folder);

/// The firmware in qemu-system-arm, one process for the life of the object, ended by its own id.
class EmulatedChip final : public PipedCard {
 public:
  /// @param folder of the build to be run. nullptr, and the test has failed, if it does not answer.
  [[nodiscard]] static std::unique_ptr<EmulatedChip> Start(const std::string& folder, const PipedCardOptions& options);
  ~EmulatedChip() override;

  [[nodiscard]] PipeEndpoint* Load(const std::string& store) override;
  /// Bytes of stack that the firmware has used at most, by its own count; 0 if it does not say.
  [[nodiscard]] unsigned StackPeak();

 private:
  EmulatedChip() = default;
  [[nodiscard]] bool Launch(const FirmwareBuild& firmware, const PipedCardOptions& options);

  TemporaryFolder folder_;
  pid_t pid_ = -1;
  std::unique_ptr<device::PipeLine> line_;
  std::unique_ptr<PipeEndpoint> endpoint_;
};

/// A virtual card on a socket, served by a thread.
class ServedCard final : public PipedCard {
 public:
  explicit ServedCard(const PipedCardOptions& options);
  ~ServedCard() override;

  [[nodiscard]] PipeEndpoint* Load(const std::string& store) override;

 private:
  void Stop();

  card::CompatibilityConfig config_;
  TemporaryFolder folder_;
  UniqueFd stop_;
  std::unique_ptr<ReferenceCard> card_;
  std::unique_ptr<card::PipeServer> server_;
  std::thread thread_;
  std::unique_ptr<device::PipeLine> line_;
  std::unique_ptr<PipeEndpoint> endpoint_;
};

}  // namespace simroot::conformance
