// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/daemon.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace simroot::device::daemon {
namespace {

constexpr std::chrono::milliseconds kTidyTime{5000};
constexpr std::chrono::milliseconds kShutdownTime{5000};
constexpr std::size_t kFixedFds = 3;  // stop, worker, listener
constexpr std::size_t kFdsOfClient = 2;

[[nodiscard]] std::string Describe(const Peer& peer) {
  return "pid " + std::to_string(peer.pid) + " (user " + std::to_string(peer.uid) + ")";
}

}  // namespace

Daemon::Daemon(DaemonOptions options, int listener)
    : options_(std::move(options)), listener_(listener), turns_(options_.transaction_limit), worker_(options_.holder) {}

Daemon::~Daemon() = default;

void Daemon::Log(const std::string& line) const {
  if (options_.log) {
    options_.log(line);
  }
}

/// Clients can cause such lines as fast as they can connect: of more than a few a second only the number is told.
void Daemon::LogOfClients(const std::string& line) {
  constexpr std::uint32_t kLines = 20;
  constexpr std::chrono::seconds kSpan{5};
  const Time now = Deadline::Clock::now();
  if (now - lines_since_ >= kSpan) {
    if (lines_ > kLines) {
      Log(std::to_string(lines_ - kLines) + " more lines about connections were left out");
    }
    lines_since_ = now;
    lines_ = 0;
  }
  if (++lines_ <= kLines) {
    Log(line);
  }
}

Connection* Daemon::Find(ClientId id) {
  const auto found = clients_.find(id);
  return found == clients_.end() ? nullptr : found->second.get();
}

Result<void> Daemon::Run(int stop_fd) {
  std::vector<pollfd> events;
  while (!stopped_) {
    events.clear();
    events.push_back({stopping_ ? -1 : stop_fd, POLLIN, 0});
    events.push_back({worker_.fd(), POLLIN, 0});
    events.push_back({stopping_ ? -1 : listener_, POLLIN, 0});
    for (const auto& [id, client] : clients_) {
      events.push_back({client->fd(), client->Events(), 0});
      events.push_back({client->process_fd(), POLLIN, 0});
    }
    if (::poll(events.data(), events.size(), PollTimeoutMs()) < 0) {
      if (errno != EINTR) {
        return Fail(ErrorDomain::kTransport, std::string("the sockets cannot be watched: ") + std::strerror(errno));
      }
      continue;
    }
    if (events[1].revents != 0) {
      worker_.RunCompletions();
    }
    ServeConnections(std::span(events).subspan(kFixedFds));
    if ((events[2].revents & (POLLERR | POLLNVAL)) != 0) {
      return Fail(ErrorDomain::kTransport, "the listening socket has failed", "restart the daemon");
    }
    if (events[2].revents != 0) {
      Accept();
    }
    if (events[0].revents != 0) {
      Stop();
    }
    WatchTime();
  }
  return {};
}

void Daemon::ServeConnections(std::span<const pollfd> events) {
  std::vector<ClientId> ended;
  std::vector<ClientId> ids;
  auto client = clients_.begin();
  // Completions remove no connections, so they still stand in the order in which they were watched.
  for (; client != clients_.end() && events.size() >= kFdsOfClient; ++client, events = events.subspan(kFdsOfClient)) {
    Connection& one = *client->second;
    const bool process_ended = events[1].revents != 0;
    if (process_ended || one.Serve(events[0].revents) == Connection::Io::kEnded) {
      ended.push_back(one.id());
    } else {
      ids.push_back(one.id());
    }
  }
  for (const ClientId id : ended) {
    Remove(id, "");
  }
  for (const ClientId id : ids) {
    ServeFrames(id);
  }
}

void Daemon::Accept() {
  UniqueFd socket(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    if (errno == EMFILE || errno == ENFILE) {
      Log("no more connections: the limit of open files is reached");
      ::poll(nullptr, 0, 100);  // the listener stays readable: without a pause this would spin
    }
    return;
  }
  auto client = std::make_unique<Connection>(++last_id_, std::move(socket));
  if (!MakeRoomFor(client->peer())) {
    LogOfClients(Describe(client->peer()) + " was refused: too many connections");
    Refuse(*client, {ErrorDomain::kTransport, "the card daemon serves too many programs already", "try again later"});
    return;
  }
  LogOfClients(Describe(client->peer()) + " has connected");
  clients_.emplace(client->id(), std::move(client));
}

/// A connection more must not make a new one impossible, so the one that was idle for the longest time goes. Its
/// program connects again when it needs the card.
bool Daemon::MakeRoomFor(const Peer& peer) {
  const auto of_user = static_cast<std::size_t>(
      std::ranges::count_if(clients_, [&peer](const auto& entry) { return entry.second->peer().uid == peer.uid; }));
  const bool user_is_full = of_user >= options_.max_clients_of_user;
  if (!user_is_full && clients_.size() < options_.max_clients) {
    return true;
  }
  Connection* oldest = nullptr;
  for (const auto& [id, client] : clients_) {
    const bool at_rest = client->state == State::kNew || client->state == State::kIdle;
    const bool eligible = at_rest && id != turns_.holder() && (!user_is_full || client->peer().uid == peer.uid);
    if (eligible && (oldest == nullptr || client->last_active < oldest->last_active)) {
      oldest = client.get();
    }
  }
  if (oldest == nullptr) {
    return false;
  }
  Remove(oldest->id(), "too many connections");
  return true;
}

void Daemon::Remove(ClientId id, const std::string& why) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) {
    return;
  }
  if (!why.empty()) {
    LogOfClients("the connection of " + Describe(found->second->peer()) + " was closed: " + why);
  }
  const bool had_turn = found->second->had_turn;
  clients_.erase(found);
  if (turns_.holder() == id) {
    EndTurn(id);
  } else {
    turns_.Leave(id);
  }
  if (!had_turn) {
    return;  // the card's side has never heard of it: connecting in a loop must not pile up jobs
  }
  worker_.Post([id](CardHolder& card) -> CardWorker::Completion {
    card.Forget(id);
    return [] {};
  });
}

/// Gives the turn to the next one, once the card was given back.
void Daemon::StartNext() {
  if (stopping_ || CardIsBusy()) {
    return;
  }
  const auto next = turns_.Next(Deadline::Clock::now());
  Connection* const client = next ? Find(next->client) : nullptr;
  if (client == nullptr) {
    return;
  }
  client->state = State::kAsked;
  client->taken_away = false;
  client->had_turn = true;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next->until - Deadline::Clock::now());
  const auto time = std::clamp(left, options_.min_exchange / 5, options_.min_exchange);
  worker_.Post([this, id = next->client, time](CardHolder& card) -> CardWorker::Completion {
    const auto begun = card.Begin(Deadline::After(time));
    return [this, id, begun] {
      if (begun) {
        ++transactions_;
        Answer(id, EncodeDaemonReply({}));
        return;
      }
      Answer(id, EncodeDaemonError(begun.error()));
      turns_.Leave(id);
      StartNext();
    };
  });
}

/// Nobody else begins before the card was given back.
void Daemon::EndTurn(ClientId id) {
  if (turns_.holder() != id) {
    return;
  }
  turns_.Leave(id);
  ending_ = true;
  worker_.Post([this](CardHolder& card) -> CardWorker::Completion {
    card.End();
    return [this] {
      ending_ = false;
      StartNext();
    };
  });
}

void Daemon::StartTidy() {
  tidying_ = true;
  worker_.Post([this](CardHolder& card) -> CardWorker::Completion {
    card.Tidy(Deadline::After(kTidyTime));
    return [this] {
      tidying_ = false;
      StartNext();
    };
  });
}

int Daemon::PollTimeoutMs() const {
  std::optional<Time> next = turns_.NextExpiry();
  const auto consider = [&next](std::optional<Time> time) {
    if (time && (!next || *time < *next)) {
      next = time;
    }
  };
  const auto holder = clients_.find(turns_.holder());
  if (holder != clients_.end() && holder->second->state != State::kAsked) {
    consider(turns_.NextOverdue());
  }
  if (turns_.holder() == kNobody && !CardIsBusy() && !stopping_) {
    consider(worker_.status().tidy_at);
  }
  for (const auto& [id, client] : clients_) {
    if (const auto since = client->HalfDoneSince()) {
      consider(*since + options_.half_done_limit);
    }
  }
  if (!next) {
    return -1;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Deadline::Clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, 3'600'000));
}

void Daemon::WatchTime() {
  const Time now = Deadline::Clock::now();
  for (const ClientId id : turns_.TakeExpired(now)) {
    if (Connection* const client = Find(id)) {
      client->state = State::kIdle;
      Refuse(*client, BusyError());
    }
  }
  const auto overdue = turns_.Overdue(now);
  Connection* const holder = overdue ? Find(*overdue) : nullptr;
  if (holder != nullptr && holder->state != State::kAsked) {
    Log("a transaction of " + Describe(holder->peer()) + " has lasted too long and was taken away");
    holder->taken_away = true;
    ++taken_away_;
    EndTurn(holder->id());
  }
  std::vector<ClientId> slow;
  for (const auto& [id, client] : clients_) {
    const auto since = client->HalfDoneSince();
    if (since && *since + options_.half_done_limit <= now) {
      slow.push_back(id);
    }
  }
  for (const ClientId id : slow) {
    Remove(id, "a request or a reply was left half done");
  }
  const auto tidy_at = worker_.status().tidy_at;
  if (tidy_at && *tidy_at <= now && turns_.holder() == kNobody && !CardIsBusy() && !stopping_) {
    StartTidy();
  }
}

void Daemon::Stop() {
  stopping_ = true;
  if (options_.on_stop) {
    options_.on_stop();
  }
  const Error error{ErrorDomain::kTransport, "the card daemon is being stopped", "try again when it runs again", {}};
  for (const TurnQueue::Waiting& waiting : std::deque(turns_.waiting())) {
    turns_.Leave(waiting.client);
    if (Connection* const client = Find(waiting.client)) {
      client->state = State::kIdle;
      Refuse(*client, error);
    }
  }
  if (turns_.holder() != kNobody) {
    EndTurn(turns_.holder());
  }
  worker_.Post([this](CardHolder& card) -> CardWorker::Completion {
    card.Shutdown(Deadline::After(kShutdownTime));
    return [this] { stopped_ = true; };
  });
}

}  // namespace simroot::device::daemon
