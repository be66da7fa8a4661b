// SPDX-License-Identifier: Apache-2.0
/// The virtual UICC: logical channels, selection, a small file system and the delivery of responses, in front of the
/// applications it carries (ETSI TS 102 221, ISO/IEC 7816-4).
#pragma once

#include <array>
#include <optional>

#include "card/applet/config.hpp"
#include "card/uicc/application.hpp"
#include "card/uicc/files.hpp"
#include "card/uicc/pending_response.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::card {

/// The basic channel 0 and 1 to 3.
inline constexpr std::size_t kUiccChannels = 4;
/// Bytes of the longest response that can wait for GET RESPONSE, unless the owner gives less memory.
inline constexpr std::size_t kPendingResponseSize = 512;

/// Expected length of a short command that says 00 or nothing.
inline constexpr std::size_t kShortLeMax = 256;
/// Bytes of an AID, and of the beginning of one that SELECT accepts.
inline constexpr std::size_t kMinAidSize = 5;
inline constexpr std::size_t kMaxAidSize = 16;

/// Working memory of one UICC, given by its owner for the life of the UICC. May hold secrets; the UICC wipes it.
/// @tparam kPending bytes of the longest response that can wait; 256 for a card without RSA and extensions
template <std::size_t kPending>
struct UiccBuffersOf {
  std::array<std::array<std::uint8_t, kPending>, kUiccChannels> pending{};
};
using UiccBuffers = UiccBuffersOf<kPendingResponseSize>;

/// What the UICC has done since it was made.
struct UiccCounters {
  std::uint64_t commands = 0;  ///< calls of Transmit
  std::uint64_t resets = 0;    ///< calls of Reset
};

/// The card. Not safe for several threads at once.
///
/// A channel has selected either an application, which then receives every command but SELECT, MANAGE CHANNEL and GET
/// RESPONSE, or the file system. Classes 0X and 8X address channels 0 to 3; with the bit of secure messaging (04 to 07,
/// 84 to 87) a command goes to the selected application if that takes secure messaging, and is 6882 otherwise.
///
/// Responses: a short command with data whose answer has data gets 61LL, and the answer waits for GET RESPONSE in class
/// 0X or 8X on the same channel until another command comes there (config.answer_t0). Otherwise, and for commands
/// without data or with extended lengths, the answer comes at once, up to Le; more waits behind 61LL. Never 6CLL. An
/// answer that would have to wait and exceeds its memory, or exceeds the reader's memory, is 6F00.
class Uicc final : public wire::CardEndpoint {
 public:
  /// `applications` and what it points to, and `buffers`, are borrowed for the life of the UICC; at most
  /// kMaxDirRecords - 1 applications, none of them nullptr, with AIDs of 5 to 16 bytes. EF.DIR names them in this
  /// order, and a partial AID means the first that answers to it. `identity` and `config` are copied.
  template <std::size_t kPending>
  Uicc(std::span<Application* const> applications, const UiccIdentity& identity, const CompatibilityConfig& config,
       UiccBuffersOf<kPending>& buffers)
      : Uicc(applications, identity, config,
             PendingMemory{buffers.pending[0], buffers.pending[1], buffers.pending[2], buffers.pending[3]}) {}
  ~Uicc();
  Uicc(const Uicc&) = delete;
  Uicc& operator=(const Uicc&) = delete;
  Uicc(Uicc&&) = delete;
  Uicc& operator=(Uicc&&) = delete;

  /// Closes channels 1 to 3, selects the MF on channel 0, wipes pending responses and resets the applications.
  void Reset() override;
  /// Offers T=0 only when responses are delivered as over T=0, otherwise T=0 and T=1 (atr.hpp).
  [[nodiscard]] ByteView Atr() const override;
  /// `response` must not overlap `command`.
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override;

  [[nodiscard]] const UiccCounters& Counters() const { return counters_; }

 private:
  using PendingMemory = std::array<ByteSpan, kUiccChannels>;
  Uicc(std::span<Application* const> applications, const UiccIdentity& identity, const CompatibilityConfig& config,
       const PendingMemory& pending);

  struct CommandRow;
  struct CommandTable;

  /// One logical channel. Without `application` the file system is selected on it.
  struct Channel {
    Channel(std::uint8_t which, ByteSpan memory) : number(which), pending(memory) {}

    std::uint8_t number;
    bool open = false;
    bool usim_active = false;  ///< the USIM is the active application of the channel: 7FFF means its directory
    Application* application = nullptr;
    const FileRow* directory = &MasterFile();
    const FileRow* file = nullptr;  ///< current EF
    std::size_t record = 0;         ///< record pointer, 0 while it is undefined
    PendingResponse pending;
  };

  /// A command on its channel, and where the data of its answer goes.
  struct Call {
    Channel& channel;
    const wire::CommandApdu& command;
    ByteWriter& data;
  };
  using Run = wire::StatusWord (Uicc::*)(Call&);

  // uicc.cpp
  [[nodiscard]] wire::StatusWord Execute(ByteView command, ByteWriter& answer);
  [[nodiscard]] std::optional<std::uint8_t> ChannelOf(std::uint8_t cla) const;
  [[nodiscard]] wire::StatusWord ExecuteOn(Channel& channel, const wire::CommandApdu& command, ByteWriter& answer);
  [[nodiscard]] wire::StatusWord Dispatch(const CommandRow* row, Call& call);

  // channels.cpp
  [[nodiscard]] wire::StatusWord ManageChannel(Call& call);
  [[nodiscard]] wire::StatusWord OpenAnyChannel(Call& call);
  [[nodiscard]] wire::StatusWord OpenChannel(const Channel& from, Channel& channel);
  [[nodiscard]] wire::StatusWord CloseChannel(std::uint8_t number);
  static void StartChannel(Channel& channel);
  static void StopChannel(Channel& channel);

  // select.cpp
  [[nodiscard]] wire::StatusWord Select(Call& call);
  [[nodiscard]] wire::StatusWord SelectByAid(Call& call);
  [[nodiscard]] wire::StatusWord SelectApplication(Call& call, Application& application);
  [[nodiscard]] wire::StatusWord SelectFile(Call& call, const FileRow* file);
  [[nodiscard]] wire::StatusWord Status(Call& call);
  [[nodiscard]] bool AnswersTo(std::size_t index, ByteView aid) const;
  [[nodiscard]] std::optional<std::size_t> IndexOfSelected(const Channel& channel) const;
  [[nodiscard]] std::optional<std::size_t> FindByAid(const Channel& channel, ByteView aid,
                                                     std::uint8_t occurrence) const;

  // read.cpp
  [[nodiscard]] wire::StatusWord ReadBinary(Call& call);
  [[nodiscard]] wire::StatusWord ReadRecord(Call& call);

  // response.cpp
  [[nodiscard]] wire::StatusWord GetResponse(Call& call);
  [[nodiscard]] wire::StatusWord Deliver(const Call& call, wire::StatusWord sw, ByteWriter& answer);
  [[nodiscard]] static wire::StatusWord DeliverExtended(const Call& call, wire::StatusWord sw);

  std::span<Application* const> applications_;
  UiccIdentity identity_;
  CompatibilityConfig config_;
  DirFile dir_;
  std::array<Channel, kUiccChannels> channels_;
  UiccCounters counters_;
};

}  // namespace simroot::card
