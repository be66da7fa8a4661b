// SPDX-License-Identifier: Apache-2.0
#include "card/applet/sessions.hpp"

namespace simroot::card {

Session* SessionTable::Find(std::uint8_t channel, SessionFamily family, std::uint8_t number) {
  const auto found = std::ranges::find_if(sessions_, [&](const Session& session) {
    return session.open && session.channel == channel && session.family == family && session.number == number;
  });
  return found == sessions_.end() ? nullptr : &*found;
}

Session* SessionTable::Open(std::uint8_t channel, SessionFamily family, std::uint8_t number) {
  const auto unused = std::ranges::find(sessions_, false, &Session::open);
  if (unused == sessions_.end()) {
    return nullptr;
  }
  unused->open = true;
  unused->channel = channel;
  unused->family = family;
  unused->number = number;
  return &*unused;
}

void SessionTable::End(Session& session) {
  if (session.hash_state.running) {
    crypto_.HashAbort(session.hash_state);
  }
  if (chain_owner_ == &session) {
    ReleaseChain();
  }
  session = Session{};
}

void SessionTable::EndChannel(std::uint8_t channel) {
  for (Session& session : sessions_) {
    if (session.open && session.channel == channel) {
      End(session);
    }
  }
}

void SessionTable::EndAll() {
  for (Session& session : sessions_) {
    if (session.open) {
      End(session);
    }
  }
}

ChainedData& SessionTable::ClaimChain(Session& session) {
  if (chain_owner_ != &session) {
    if (chain_owner_ != nullptr) {
      End(*chain_owner_);
    }
    chain_owner_ = &session;
  }
  return chain_;
}

void SessionTable::ReleaseChain() {
  chain_owner_ = nullptr;
  chain_ = ChainedData{};
}

}  // namespace simroot::card
