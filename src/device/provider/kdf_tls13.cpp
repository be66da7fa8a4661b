// SPDX-License-Identifier: Apache-2.0
/// TLS13-KDF: the first step of an external PSK is done by the card; with `psk = deep` also the two others that would
/// make a constant. Everything else is done by the default provider.
#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "common/host/secret_bytes.hpp"
#include "device/provider/kdf_functions.hpp"
#include "device/provider/param_reader.hpp"

namespace simroot::provider {
namespace {

enum class Mode : std::uint8_t { kNone, kExtract, kExpand };

/// What was set since the last reset.
struct ScheduleInputs {
  Mode mode = Mode::kNone;
  const HostHash* hash = nullptr;
  std::optional<device::PskReference> psk;  ///< the key is a handle
  std::optional<Token> key_token;           ///< the key is a token
  std::optional<Token> salt_token;          ///< the salt is one
  Bytes salt_bytes;                         ///< that token
  bool has_salt = false;
  SecretBytes key;  ///< a key exchange, with psk = deep
  std::string label;
};

struct Schedule : ScheduleInputs {
  explicit Schedule(Context& owner) : context(&owner), software(EVP_KDF_CTX_new(Software(owner))) {}

  Context* context;
  KdfContextPtr software;

  [[nodiscard]] const Core& core() const { return context->core(); }
  [[nodiscard]] static EVP_KDF* Software(const Context& context) { return context.software_tls13_kdf(); }
  void Clear() { static_cast<ScheduleInputs&>(*this) = ScheduleInputs(); }
  [[nodiscard]] bool OnCard() const { return psk || key_token || salt_token; }
  [[nodiscard]] bool SetParams(const OSSL_PARAM* params);
  void TakeKeys(const OSSL_PARAM* params);
  [[nodiscard]] Result<void> Derive(ByteSpan out) const;
  [[nodiscard]] Result<void> StartPsk(ByteSpan out) const;
  [[nodiscard]] Result<void> Expand(ByteSpan out) const;
  [[nodiscard]] Result<void> HandshakeSecret(ByteSpan out) const;
};

[[nodiscard]] Mode FindMode(const OSSL_PARAM* params, Mode otherwise) {
  const OSSL_PARAM* const row = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_MODE);
  if (row == nullptr) {
    return otherwise;
  }
  int number = -1;
  const char* const text = FindText(params, OSSL_KDF_PARAM_MODE);
  const std::string_view name = text != nullptr ? text : "";
  if (name == "EXTRACT_ONLY" ||
      (text == nullptr && OSSL_PARAM_get_int(row, &number) == 1 && number == EVP_KDF_HKDF_MODE_EXTRACT_ONLY)) {
    return Mode::kExtract;
  }
  return name == "EXPAND_ONLY" || number == EVP_KDF_HKDF_MODE_EXPAND_ONLY ? Mode::kExpand : Mode::kNone;
}

void Schedule::TakeKeys(const OSSL_PARAM* params) {
  const bool deep = context->deep_psk();
  if (const auto value = FindOctets(params, OSSL_KDF_PARAM_KEY)) {
    psk = device::ParsePskHandle(*value);
    key_token = deep ? context->tokens().Find(*value) : std::nullopt;
    key = SecretBytes(deep && !psk && !key_token ? *value : ByteView());
  }
  if (const auto value = FindOctets(params, OSSL_KDF_PARAM_SALT)) {
    has_salt = !value->empty();
    salt_token = deep ? context->tokens().Find(*value) : std::nullopt;
    salt_bytes = salt_token ? Bytes(value->begin(), value->end()) : Bytes();
  }
}

bool Schedule::SetParams(const OSSL_PARAM* params) {
  if (params == nullptr) {
    return true;
  }
  TakeKeys(params);
  mode = FindMode(params, mode);
  if (const char* const digest = FindText(params, OSSL_KDF_PARAM_DIGEST); digest != nullptr) {
    hash = context->FindHash(digest);
  }
  if (const auto value = FindOctets(params, OSSL_KDF_PARAM_LABEL)) {
    label.assign(value->begin(), value->end());
  }
  if (!OnCard()) {
    return EVP_KDF_CTX_set_params(software.get(), params) == 1;
  }
  const std::vector<OSSL_PARAM> rest = Without(params, {OSSL_KDF_PARAM_KEY, OSSL_KDF_PARAM_SALT});
  return EVP_KDF_CTX_set_params(software.get(), rest.data()) == 1;
}

/// HKDF-Extract(0, PSK).
Result<void> Schedule::StartPsk(ByteSpan out) const {
  if (mode != Mode::kExtract || has_salt) {
    return Fail(ErrorDomain::kUsage,
                "a PSK handle of simroot stands where no PSK of TLS 1.3 is; it is no key, and nothing is derived");
  }
  SR_TRY(const PskKey found, context->FindPsk(*psk));
  if (!context->deep_psk()) {
    return found.card->ComputeEarlySecret(found.name, hash->algorithm, out);
  }
  return context->tokens().Issue({found.card, found.name, hash->algorithm, TokenStage::kEarlySecret},
                                 context->software(), out);
}

/// The way from the early secret to the key of the binder, in tokens.
Result<void> Schedule::Expand(ByteSpan out) const {
  Token next = *key_token;
  if (mode == Mode::kExpand && next.stage == TokenStage::kEarlySecret && label == "ext binder") {
    next.stage = TokenStage::kBinderKey;
  } else if (mode == Mode::kExpand && next.stage == TokenStage::kBinderKey && label == "finished") {
    next.stage = TokenStage::kFinishedKey;
  } else {
    return Fail(ErrorDomain::kUsage,
                "with psk = deep the card does not derive `" + label + "` from " + next.name.Text() +
                    ": early data and its exporter would need a secret that never leaves the card",
                "send no early data, or write psk = standard");
  }
  return context->tokens().Issue(std::move(next), context->software(), out);
}

/// HKDF-Extract(Derive-Secret(early secret, "derived", ""), (EC)DHE).
Result<void> Schedule::HandshakeSecret(ByteSpan out) const {
  if (mode != Mode::kExtract || salt_token->stage != TokenStage::kEarlySecret || salt_token->hash != hash->algorithm ||
      key_token || psk) {
    return Fail(ErrorDomain::kUsage, "a token of a PSK handshake stands where no early secret of TLS 1.3 is");
  }
  const auto done = salt_token->card->ComputePskHandshakeSecret(salt_token->name, hash->algorithm,
                                                                key.Reveal(InsecureReveal::kForCrypto), out);
  context->tokens().Forget(salt_bytes);
  return done;
}

Result<void> Schedule::Derive(ByteSpan out) const {
  if (hash == nullptr || out.size() != iotsafe::DigestSize(hash->algorithm)) {
    return Fail(ErrorDomain::kUsage, "a PSK on a card is used with SHA-256 or SHA-384, and for one digest at a time");
  }
  return salt_token ? HandshakeSecret(out) : key_token ? Expand(out) : StartPsk(out);
}

}  // namespace

const OSSL_DISPATCH* Tls13KdfFunctions() {
  return KdfFunctions<Schedule>::Table();
}

}  // namespace simroot::provider
