// SPDX-License-Identifier: Apache-2.0
#include "common/base/secret.hpp"
#include "device/daemon/daemon.hpp"

namespace simroot::device::daemon {
namespace {

using Type = DaemonRequestType;

/// A command that must not stay in memory, for a job.
class OwnedCommand {
 public:
  explicit OwnedCommand(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  OwnedCommand(const OwnedCommand&) = delete;
  OwnedCommand& operator=(const OwnedCommand&) = delete;
  ~OwnedCommand() { Wipe(bytes_); }
  [[nodiscard]] ByteView view() const { return bytes_; }

 private:
  Bytes bytes_;
};

/// What the card said, as a reply; the bytes are wiped.
[[nodiscard]] Bytes ReplyOf(Result<Bytes> answer) {
  if (!answer) {
    return EncodeDaemonError(answer.error());
  }
  Bytes frame = EncodeDaemonReply(*answer);
  Wipe(*answer);
  return frame;
}

/// Runs one request that is for the card.
[[nodiscard]] Bytes RunOnCard(CardHolder& card, ClientId id, Type type, std::uint8_t channel, ByteView bytes,
                              Deadline deadline) {
  switch (type) {
    case Type::kOpen: {
      const auto opened = card.OpenChannel(id, bytes, deadline);
      return opened ? EncodeDaemonReply(std::array{*opened}) : EncodeDaemonError(opened.error());
    }
    case Type::kClose: {
      const auto closed = card.CloseChannel(id, channel);
      return closed ? EncodeDaemonReply({}) : EncodeDaemonError(closed.error());
    }
    case Type::kIccid: {
      const auto iccid = card.Iccid(deadline);
      return iccid ? EncodeDaemonReply(AsBytes(*iccid)) : EncodeDaemonError(iccid.error());
    }
    default:
      return ReplyOf(card.Transmit(id, channel, bytes, deadline));
  }
}

}  // namespace

void Daemon::ServeFrames(ClientId id) {
  for (Connection* client = Find(id); client != nullptr; client = Find(id)) {
    const auto frame = client->Frame();
    if (!frame) {
      if (client->Broken()) {
        Remove(id, "it sent no frame");
      }
      return;
    }
    const auto request = ParseDaemonRequest(*frame);
    if (!request || !ServeRequest(*client, *request)) {
      Remove(id, "it sent a request that is none");
      return;
    }
    client->DropFrame();
  }
}

bool Daemon::ServeRequest(Connection& client, const DaemonRequest& request) {
  if (client.state == State::kNew || request.type == Type::kHello) {
    return client.state == State::kNew && Greet(client, request);
  }
  switch (request.type) {
    case Type::kStatus:
      client.Send(EncodeDaemonReply(EncodeDaemonStatus(Status())));
      return true;
    case Type::kLock:
      Lock(client, request);
      return true;
    case Type::kUnlock:
      client.taken_away = false;
      EndTurn(client.id());
      return true;
    default:
      AskCard(client, request);
      return true;
  }
}

bool Daemon::Greet(Connection& client, const DaemonRequest& request) {
  ByteReader reader(request.bytes);
  ByteView magic;
  std::uint8_t version = 0;
  if (request.type != Type::kHello || !reader.ReadBytes(kDaemonMagic.size(), magic) || !reader.ReadU8(version) ||
      AsText(magic) != kDaemonMagic) {
    return false;
  }
  client.state = State::kIdle;
  // The client judges whether it understands this version.
  client.Send(EncodeDaemonReply(std::array{kDaemonVersion}));
  return true;
}

void Daemon::Lock(Connection& client, const DaemonRequest& request) {
  const auto now = Deadline::Clock::now();
  if (stopping_) {
    Refuse(client, {ErrorDomain::kTransport, "the card daemon is being stopped", "try again when it runs again", {}});
    return;
  }
  const auto wait = std::min(std::chrono::milliseconds(request.timeout_ms), options_.max_wait);
  if (!turns_.Wait(client.id(), now, now + wait)) {
    Refuse(client, {ErrorDomain::kUsage, "this program has begun a transaction already", "end it first", {}});
    return;
  }
  client.state = State::kWaiting;
  StartNext();
}

void Daemon::AskCard(Connection& client, const DaemonRequest& request) {
  if (turns_.holder() != client.id()) {
    Refuse(client, NoTurnError(client));
    return;
  }
  client.state = State::kAsked;
  const auto bytes = std::make_shared<OwnedCommand>(request.bytes);
  worker_.Post([this, id = client.id(), type = request.type, channel = request.channel, bytes,
                time = ExchangeTime(request.timeout_ms)](CardHolder& card) -> CardWorker::Completion {
    const auto reply =
        std::make_shared<Bytes>(RunOnCard(card, id, type, channel, bytes->view(), Deadline::After(time)));
    return [this, id, reply] { Answer(id, std::move(*reply)); };
  });
}

/// The card has done what the client asked for. If the client is gone, nobody hears of it.
void Daemon::Answer(ClientId id, Bytes frame) {
  Connection* const client = Find(id);
  if (client == nullptr) {
    Wipe(frame);
    return;
  }
  client->state = State::kIdle;
  client->Send(std::move(frame));
}

std::chrono::milliseconds Daemon::ExchangeTime(std::uint32_t timeout_ms) const {
  return std::clamp(std::chrono::milliseconds(timeout_ms), options_.min_exchange, options_.max_exchange);
}

Error Daemon::NoTurnError(const Connection& client) const {
  if (client.taken_away) {
    return {ErrorDomain::kTransport,
            "the transaction has lasted too long and was taken away, because others wait",
            "repeat",
            {}};
  }
  return {ErrorDomain::kUsage, "the card can be used in a transaction only", "begin one", {}};
}

Error Daemon::BusyError() const {
  const auto holder = clients_.find(turns_.holder());
  if (holder != clients_.end()) {
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(Deadline::Clock::now() - turns_.holder_since());
    return {ErrorDomain::kTransport,
            "the card is busy: pid " + std::to_string(holder->second->peer().pid) + " has had it for " +
                std::to_string(since.count()) + " s, and " + std::to_string(turns_.waiting().size()) + " more wait",
            "try again, or allow more time",
            {}};
  }
  const std::string& trouble = worker_.status().trouble;
  if (!trouble.empty()) {
    return {ErrorDomain::kTransport, "the card cannot be reached: " + trouble, "", {}};
  }
  return {ErrorDomain::kTransport, "the card was busy until the time limit", "try again, or allow more time", {}};
}

DaemonStatus::Peer Daemon::PeerOf(ClientId id, Time since) const {
  DaemonStatus::Peer peer;
  const auto found = clients_.find(id);
  if (found != clients_.end()) {
    peer.pid = static_cast<std::uint32_t>(found->second->peer().pid);
    peer.uid = found->second->peer().uid;
  }
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::Clock::now() - since).count();
  peer.since_ms = static_cast<std::uint32_t>(std::clamp<decltype(ms)>(ms, 0, UINT32_MAX));
  return peer;
}

DaemonStatus Daemon::Status() const {
  const HolderStatus& card = worker_.status();
  DaemonStatus status;
  status.card = options_.holder.card.text;
  status.open = card.open;
  status.trouble = card.trouble;
  status.iccid = card.iccid;
  status.openings = card.openings;
  status.exchanges = card.exchanges;
  status.transactions = transactions_;
  status.taken_away = taken_away_;
  status.clients = static_cast<std::uint32_t>(clients_.size());
  status.up_s = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(Deadline::Clock::now() - started_).count());
  if (turns_.holder() != kNobody) {
    status.holder = PeerOf(turns_.holder(), turns_.holder_since());
  }
  for (const TurnQueue::Waiting& waiting : turns_.waiting()) {
    status.waiting.push_back(PeerOf(waiting.client, waiting.since));
  }
  for (const HolderStatus::Channel& channel : card.channels) {
    status.channels.push_back({.number = channel.number,
                               .clean = channel.clean,
                               .owner = channel.owner == kNobody ? 0 : PeerOf(channel.owner, started_).pid,
                               .aid = channel.aid});
  }
  return status;
}

}  // namespace simroot::device::daemon
