// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "common/base/secret.hpp"
#include "device/capi/arguments.hpp"

using simroot::Bytes;
using simroot::ByteSpan;
using simroot::ByteView;
using simroot::capi::CardOf;
using simroot::capi::CardState;
using simroot::capi::CheckStruct;
using simroot::capi::FillStruct;
using simroot::capi::Guard;
using simroot::capi::Input;
using simroot::capi::NotNull;
using simroot::capi::Outcome;
using simroot::capi::Place;
using simroot::capi::Refuse;
using simroot::device::Card;

namespace {

/// The URI a program gives, or that of the environment.
Outcome<std::string> UriOf(const char* uri) {
  const char* const text = uri != nullptr ? uri : ::secure_getenv("SIMROOT_CARD");
  if (text == nullptr || *text == '\0') {
    return Refuse(SIMROOT_ERROR_USAGE,
                  "no card is given; name one like at:/dev/ttyUSB2, or set SIMROOT_CARD in the environment");
  }
  return std::string(text);
}

Outcome<std::shared_ptr<CardState>> MakeCard(const char* uri, const simroot_options_t* options) {
  auto state = std::make_shared<CardState>();
  simroot::device::CardOptions card = options != nullptr ? options->card : simroot::device::CardOptions{};
  SR_TRY(const std::string text, UriOf(uri));
  SR_TRY(card.uri, simroot::device::ParseCardUri(text));
  if (options != nullptr && options->trace != nullptr) {
    state->trace = std::make_unique<simroot::capi::Trace>(options->trace, options->trace_context);
    card.observer = state->trace.get();
  }
  state->card = Card::Create(std::move(card));
  return state;
}

simroot_info_t InfoOf(const simroot::iotsafe::ApplicationInfo& application, const std::string& iccid) {
  simroot_info_t info = SIMROOT_INFO_INIT;
  const std::string_view kept = std::string_view(iccid).substr(0, sizeof(info.iccid) - 1);
  std::ranges::copy(kept, info.iccid);
  info.applet_version = application.version;
  info.functions = application.functions;
  info.hash_algorithms = application.hash_algorithms;
  info.signature_algorithms = application.signature_algorithms;
  info.key_agreement = application.key_agreement;
  info.key_derivation = application.key_derivation;
  const ByteView identifier = application.proprietary_identifier.view();
  if (const auto ours = simroot::iotsafe::ParseIdentifier(identifier)) {
    info.services = ours->extensions;
    info.change_counter = ours->change_counter;
  }
  info.max_files = application.max_files;
  info.max_private_keys = application.max_private_keys;
  info.max_public_keys = application.max_public_keys;
  info.max_secret_keys = application.max_secret_keys;
  info.max_sessions = application.max_sessions;
  std::ranges::copy(identifier, info.identifier);
  info.identifier_size = static_cast<std::uint32_t>(identifier.size());
  return info;
}

simroot_pin_t PinOf(const simroot::device::UserPinState& state) {
  simroot_pin_t pin = SIMROOT_PIN_INIT;
  pin.exists = state.exists ? 1 : 0;
  pin.verified = state.verified ? 1 : 0;
  pin.tries_left = state.tries_left;
  return pin;
}

Outcome<void> VerifyPin(const simroot_card* handle, simroot_pin_t* out, const std::uint8_t* pin, std::size_t size) {
  SR_TRY(Card* const card, CardOf(handle));
  if (out != nullptr) {
    SR_TRY_VOID(CheckStruct(out, sizeof(simroot_pin_t), "state"));
  }
  SR_TRY(const ByteView given, Input(pin, size, "pin"));
  SR_TRY(const simroot::device::UserPinState state, card->VerifyUserPin(given));
  if (out != nullptr) {
    FillStruct(out, PinOf(state));
  }
  if (!state.verified) {
    return Refuse(SIMROOT_ERROR_PIN, state.exists ? "the PIN is wrong, tries left: " + std::to_string(state.tries_left)
                                                  : std::string("this card has no user PIN; its keys need none"));
  }
  return {};
}

}  // namespace

extern "C" {

simroot_result_t simroot_card_open(simroot_card_t** card, const char* uri, const simroot_options_t* options) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(card, "card"));
    SR_TRY(auto state, MakeCard(uri, options));
    *card = new simroot_card{std::move(state)};
    return {};
  });
}

void simroot_card_close(simroot_card_t* card) {
  if (card == nullptr) {
    return;
  }
  const std::unique_ptr<simroot_card> owned(card);
  card->state->closed.store(true);
  simroot::capi::GuardQuietly([&] { card->state->card->Close(); });
}

simroot_result_t simroot_card_disconnect(simroot_card_t* card) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    card->state->kept.Drop();  // another SIM may be there next
    open->Close();
    return {};
  });
}

simroot_result_t simroot_card_info(simroot_card_t* card, simroot_info_t* info) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY_VOID(CheckStruct(info, sizeof(simroot_info_t), "info"));
    SR_TRY(const auto application, open->Application());
    FillStruct(info, InfoOf(application, open->Iccid().value_or("")));
    return {};
  });
}

simroot_result_t simroot_card_counters(simroot_card_t* card, simroot_counters_t* counters) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY_VOID(CheckStruct(counters, sizeof(simroot_counters_t), "counters"));
    const auto counted = open->Counters();
    FillStruct(counters, simroot_counters_t{0, counted.exchanges, counted.bytes_sent, counted.bytes_received,
                                            counted.characters_sent, counted.characters_received});
    return {};
  });
}

simroot_result_t simroot_card_random(simroot_card_t* card, uint8_t* out, size_t size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY(const ByteSpan place, Place(out, size, "out"));
    SR_TRY(Bytes random, open->Random(size));
    std::ranges::copy(random, place.begin());
    simroot::Wipe(random);
    return {};
  });
}

simroot_result_t simroot_card_pin(simroot_card_t* card, simroot_pin_t* pin) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY_VOID(CheckStruct(pin, sizeof(simroot_pin_t), "pin"));
    SR_TRY(const auto state, open->UserPin());
    FillStruct(pin, PinOf(state));
    return {};
  });
}

simroot_result_t simroot_card_verify_pin(simroot_card_t* card, simroot_pin_t* state, const uint8_t* pin,
                                         size_t pin_size) {
  return Guard([&]() -> Outcome<void> { return VerifyPin(card, state, pin, pin_size); });
}

}  // extern "C"
