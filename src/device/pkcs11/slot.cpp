// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/slot.hpp"

#include <unistd.h>

#include "device/transport/pcsc_api.hpp"

namespace simroot::pkcs11 {
namespace {

constexpr std::chrono::seconds kTrustedFor{1};

[[nodiscard]] std::shared_ptr<device::Card> MakeCard(const device::CardUri& uri, const Settings& settings) {
  device::CardOptions options;
  options.uri = uri;
  options.timeout = settings.timeout;
  options.use_cache = settings.use_cache;
  options.cache_directory = settings.cache_directory;
  return device::Card::Create(std::move(options));
}

}  // namespace

CK_OBJECT_HANDLE NextObjectHandle() {
  static std::atomic<CK_OBJECT_HANDLE> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::vector<Reader> ListReaders() {
  const auto api = device::SystemPcsc();
  SCARDCONTEXT context = 0;
  if (api->EstablishContext(context) != SCARD_S_SUCCESS) {
    return {};
  }
  std::vector<Reader> readers;
  std::vector<std::string> names;
  if (api->ListReaders(context, names) == SCARD_S_SUCCESS && !names.empty()) {
    std::vector<device::PcscReader> states;
    states.reserve(names.size());
    for (const std::string& name : names) {
      states.push_back({.name = name});
    }
    static_cast<void>(api->GetStatusChange(context, 0, states));  // what could not be asked holds no card
    readers.reserve(states.size());
    for (const device::PcscReader& state : states) {
      readers.push_back({state.name, state.HasCard()});
    }
  }
  api->ReleaseContext(context);
  return readers;
}

Slot::Slot(CK_SLOT_ID id, device::CardUri uri, const Settings& settings)
    : id_(id), uri_(std::move(uri)), card_(MakeCard(uri_, settings)) {}

bool Slot::LookAtFile() const {
  return uri_.scheme == "pcsc" || ::access(uri_.path.c_str(), F_OK) == 0;
}

bool Slot::Look(const std::vector<std::string>& readers) {
  const bool present =
      uri_.scheme == "pcsc"
          ? std::ranges::any_of(readers,
                                [&](const std::string& name) { return name.find(uri_.path) != std::string::npos; })
          : LookAtFile();
  port_present_ = present;
  if (!present) {
    Forget();
    const std::lock_guard lock(mutex_);
    ForgetPin();
  }
  return present;
}

bool Slot::LookAgain() {
  std::vector<std::string> with_card;
  if (uri_.scheme == "pcsc") {
    for (const Reader& reader : ListReaders()) {
      if (reader.has_card) {
        with_card.push_back(reader.name);
      }
    }
  }
  return Look(with_card);
}

bool Slot::TakeEvent() {
  const bool now = port_present_.load();
  return event_port_present_.exchange(now) != now;
}

bool Slot::IsCurrent() {
  TokenPtr token;
  {
    const std::lock_guard lock(mutex_);
    if (token_ == nullptr || Deadline::Clock::now() - token_checked_ < kTrustedFor) {
      return token_ != nullptr;
    }
    token = token_;
  }
  const auto age = token->Age();
  const auto application = card_->Application();
  if (!age || !application || TokenContent::AgeOf(*application) != age) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  token_checked_ = Deadline::Clock::now();
  return token_ == token;
}

RvOr<TokenPtr> Slot::Token(Freshness freshness) {
  if (freshness == Freshness::kKnown) {
    const std::lock_guard lock(mutex_);
    if (token_ != nullptr) {
      return token_;
    }
  }
  // Readers are looked for again only where none was seen with a card: that is a question to a service.
  if (!LookAtFile() || (!IsPortPresent() && !LookAgain())) {
    return Refuse(CKR_TOKEN_NOT_PRESENT);
  }
  const std::lock_guard reading(reading_mutex_);
  if (IsCurrent()) {
    const std::lock_guard lock(mutex_);
    if (token_ != nullptr) {
      return token_;
    }
  }
  std::set<Bytes> generated;
  {
    const std::lock_guard lock(mutex_);
    generated = generated_;
  }
  auto read = ReadToken(
      *card_, [this](const std::string& identity) { return HandleOf(identity); }, generated);
  if (!read) {
    Report(read.error());
    Forget();
    const bool no_applet =
        read.error().domain == ErrorDomain::kCard && read.error().sw == wire::StatusWord::kFileNotFound;
    return Refuse(no_applet ? CKR_TOKEN_NOT_RECOGNIZED : ToRv(read.error()));
  }
  const std::lock_guard lock(mutex_);
  token_ = *std::move(read);
  token_checked_ = Deadline::Clock::now();
  return token_;
}

void Slot::Forget() {
  const std::lock_guard lock(mutex_);
  token_.reset();
}

void Slot::NoteGenerated(const Bytes& private_id) {
  const std::lock_guard lock(mutex_);
  generated_.insert(private_id);
  token_.reset();
}

CK_OBJECT_HANDLE Slot::HandleOf(const std::string& identity) {
  const std::lock_guard lock(mutex_);
  CK_OBJECT_HANDLE& handle = handles_[identity];
  if (handle == CK_INVALID_HANDLE) {
    handle = NextObjectHandle();
  }
  return handle;
}

RvOr<device::UserPinState> Slot::PinState() {
  return FromCard(card_->UserPin());
}

Outcome Slot::Login(ByteView pin) {
  SR_TRY(const TokenPtr token, Token(Freshness::kKnown));
  if (!token->has_pin) {
    return Refuse(CKR_USER_PIN_NOT_INITIALIZED);
  }
  if (IsLoggedIn()) {
    return Refuse(CKR_USER_ALREADY_LOGGED_IN);
  }
  if (pin.empty() || pin.size() > device::kMaxUserPinSize) {
    return Refuse(CKR_PIN_LEN_RANGE);
  }
  // Asked before the PIN is given: whichever card takes it, it is not given to any other later.
  std::string iccid = card_->Iccid().value_or("");
  SR_TRY(const device::UserPinState state, FromCard(card_->VerifyUserPin(pin)));
  if (!state.verified) {
    return Refuse(!state.exists           ? CKR_USER_PIN_NOT_INITIALIZED
                  : state.tries_left == 0 ? CKR_PIN_LOCKED
                                          : CKR_PIN_INCORRECT);
  }
  const std::lock_guard lock(mutex_);
  static_cast<void>(pin_.Assign(pin));  // its size was checked
  login_iccid_ = std::move(iccid);
  logged_in_ = true;
  return {};
}

Outcome Slot::Logout() {
  const std::lock_guard lock(mutex_);
  if (!IsLoggedIn()) {
    return Refuse(CKR_USER_NOT_LOGGED_IN);
  }
  ForgetPin();
  return {};
}

void Slot::ForgetPin() {
  logged_in_ = false;
  login_iccid_.clear();
  pin_.Clear();
}

bool Slot::GivePinAgain() {
  SecretArray<device::kMaxUserPinSize> pin;
  std::string iccid;
  {
    const std::lock_guard lock(mutex_);
    if (!IsLoggedIn() || !pin.Assign(pin_.Reveal(InsecureReveal::kForCrypto))) {
      return false;
    }
    iccid = login_iccid_;
  }
  // Another card must not get this one's PIN: it would lose a try, or learn it.
  const auto present = card_->Iccid();
  if (!iccid.empty() && present && *present == iccid) {
    const auto state = card_->VerifyUserPin(pin.Reveal(InsecureReveal::kForCrypto));
    if (state && state->verified) {
      return true;
    }
  }
  // It is another card, or the PIN was changed: a second wrong try must not follow.
  const std::lock_guard lock(mutex_);
  ForgetPin();
  return false;
}

void Slot::NoteError(const Error& error) {
  const bool gone = error.domain == ErrorDomain::kTransport || error.domain == ErrorDomain::kProtocol ||
                    (error.domain == ErrorDomain::kCard && ToRv(error) == CKR_KEY_CHANGED);
  if (gone) {
    Forget();
  }
}

}  // namespace simroot::pkcs11
