// SPDX-License-Identifier: Apache-2.0
/// What is behind the opaque handles of simroot.h.
#pragma once

#include <atomic>

#include "device/capi/guard.hpp"
#include "device/client/card.hpp"

namespace simroot::capi {

/// The answer to a call whose buffer was too small, kept for the call that follows. One slot without a lock: a fork in
/// the middle of another thread's call must not leave it locked in the child.
class KeptAnswer {
 public:
  static constexpr std::chrono::seconds kLifetime{10};

  KeptAnswer() = default;
  KeptAnswer(const KeptAnswer&) = delete;
  KeptAnswer& operator=(const KeptAnswer&) = delete;
  ~KeptAnswer() { delete slot_.load(); }

  /// The answer to `question`, which is then no longer kept; nothing if it is another question's, or too old.
  [[nodiscard]] std::optional<Bytes> Take(const std::string& question);
  void Put(std::string question, Bytes answer);
  /// What is kept may no longer be true.
  void Drop() { delete slot_.exchange(nullptr); }

 private:
  struct Kept {
    std::string question;
    Bytes answer;
    std::chrono::steady_clock::time_point since;
  };
  std::atomic<Kept*> slot_{nullptr};
};

/// Puts every exchange into words for the program's function.
class Trace final : public device::TransportObserver {
 public:
  Trace(simroot_trace_function_t function, void* context) : function_(function), context_(context) {}
  void OnExchange(ByteView command, ByteView response, std::chrono::microseconds took) override;

 private:
  simroot_trace_function_t function_;
  void* context_;
};

/// A card, shared by its handle and those of its keys.
struct CardState {
  std::unique_ptr<Trace> trace;  // the card borrows it
  std::shared_ptr<device::Card> card;
  std::atomic<bool> closed{false};
  KeptAnswer kept;
};

/// What is known of a private key's public half.
struct KeyFacts {
  device::PublicKey public_key;
  Bytes info;                          ///< SubjectPublicKeyInfo
  std::optional<device::Point> point;  ///< of a P-256 key: signatures are checked with it
};

}  // namespace simroot::capi

struct simroot_options {
  simroot::device::CardOptions card;
  simroot_trace_function_t trace = nullptr;
  void* trace_context = nullptr;
};

struct simroot_card {
  std::shared_ptr<simroot::capi::CardState> state;
};

struct simroot_key {
  simroot_key(std::shared_ptr<simroot::capi::CardState> card, simroot::device::ObjectName private_key)
      : state(std::move(card)), name(std::move(private_key)) {}
  ~simroot_key() { delete facts.load(); }
  simroot_key(const simroot_key&) = delete;
  simroot_key& operator=(const simroot_key&) = delete;

  std::shared_ptr<simroot::capi::CardState> state;
  simroot::device::ObjectName name;
  std::atomic<const simroot::capi::KeyFacts*> facts{nullptr};  ///< set once; no mutex because of forks
  std::atomic<bool> has_no_public_half{false};                 ///< the card was asked, and has none that belongs to it
};

struct simroot_list {
  std::vector<simroot::iotsafe::ObjectInfo> objects;
};
