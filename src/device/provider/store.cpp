// SPDX-License-Identifier: Apache-2.0
/// STORE "iotsafe": keys and certificates of the card by URI.
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/store.h>

#include <deque>

#include "device/provider/ec_key.hpp"
#include "device/provider/store_uri.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {
namespace {

using iotsafe::ObjectClass;

/// What one load gives: exactly one of the two.
struct Found {
  std::unique_ptr<EcKey> key;
  Bytes certificate;
};

struct Store {
  Context* context = nullptr;
  StoreUri uri;
  int expected = 0;  ///< OSSL_STORE_INFO_ number; 0: anything
  bool searched = false;
  std::deque<Found> found;
};

bool DoesNotExist(const Error& error) {
  return error.domain == ErrorDomain::kCard &&
         (error.sw == wire::StatusWord::kIncorrectData || error.sw == wire::StatusWord::kFileNotFound ||
          error.sw == wire::StatusWord::kRecordNotFound);
}

/// The private key, its public half read from the card or the cache. The private key itself is used first when it
/// signs.
Result<Found> FindPrivateKey(Store& store, const std::shared_ptr<device::Card>& card) {
  const device::ObjectName name = store.uri.Object(ObjectClass::kPrivateKey);
  const auto point = device::Key(card, name).PublicKey();
  if (!point) {
    // If it is the private key that is missing, that is what the user wants to hear.
    const auto info = card->Info(name);
    return Unexpected(!info && DoesNotExist(info.error()) ? info.error() : point.error());
  }
  Found found;
  SR_TRY(found.key, MakeCardKey(*store.context, card, name, *point));
  return found;
}

Result<Found> FindPublicKey(Store& store, const std::shared_ptr<device::Card>& card) {
  auto point = card->ReadPublicKey(store.uri.Object(ObjectClass::kPublicKey));
  if (!point && DoesNotExist(point.error())) {
    // The public half of a private key may be filed under another name.
    auto half = device::Key(card, store.uri.Object(ObjectClass::kPrivateKey)).PublicKey();
    if (half) {
      point = std::move(half);
    }
  }
  if (!point) {
    return Unexpected(point.error());
  }
  Found found;
  SR_TRY(found.key, MakePublicKey(*store.context, *point));
  return found;
}

Result<Found> FindCertificate(const Store& store, const std::shared_ptr<device::Card>& card) {
  const device::ObjectName name = store.uri.Object(ObjectClass::kFile);
  Found found;
  SR_TRY(found.certificate, card->ReadFile(name));
  if (found.certificate.empty()) {
    return Fail(ErrorDomain::kUsage, name.Text() + " on " + card->uri().text + " is empty",
                "have a certificate written to it first: simroot device switch-on, or simroot card put-file");
  }
  return found;
}

/// Key first, then the certificate of the same name; what is not there is left out.
Result<void> FindAnything(Store& store, const std::shared_ptr<device::Card>& card) {
  auto key = FindPrivateKey(store, card);
  auto certificate = FindCertificate(store, card);
  if (!key && !certificate) {
    return Unexpected(key.error());
  }
  for (auto* const result : {&key, &certificate}) {
    if (*result) {
      store.found.push_back(std::move(**result));
    }
  }
  return {};
}

Result<void> Search(Store& store) {
  using Finder = Result<Found> (*)(Store&, const std::shared_ptr<device::Card>&);
  const auto find_certificate = [](Store& s, const std::shared_ptr<device::Card>& card) {
    return FindCertificate(s, card);
  };
  struct Row {
    int expected;
    UriType type;
    Finder find;
  };
  const std::array rows{Row{OSSL_STORE_INFO_PKEY, UriType::kPrivateKey, FindPrivateKey},
                        Row{OSSL_STORE_INFO_PUBKEY, UriType::kPublicKey, FindPublicKey},
                        Row{OSSL_STORE_INFO_CERT, UriType::kCertificate, find_certificate}};
  const auto wanted = std::ranges::find_if(rows, [&](const Row& row) {
    return store.uri.type != UriType::kAny ? row.type == store.uri.type : row.expected == store.expected;
  });
  if (wanted == rows.end()) {
    if (store.expected != 0) {
      return {};  // names, parameters and revocation lists are not kept on a card
    }
  } else if (store.expected != 0 && wanted->expected != store.expected &&
             !(wanted->type == UriType::kPrivateKey && store.expected == OSSL_STORE_INFO_PUBKEY)) {
    return {};  // the URI names another kind of object than the caller wants
  }
  SR_TRY(const auto card, store.context->CardFor(store.uri.card, {}));
  if (wanted == rows.end()) {
    return FindAnything(store, card);
  }
  // Of a private key only the public half can be handed out as a public key.
  const auto find = store.expected == OSSL_STORE_INFO_PUBKEY ? FindPublicKey : wanted->find;
  SR_TRY(auto found, find(store, card));
  store.found.push_back(std::move(found));
  return {};
}

int PassCertificate(const Bytes& certificate, OSSL_CALLBACK* callback, void* argument) {
  int type = OSSL_OBJECT_CERT;
  const std::array params{
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, const_cast<std::uint8_t*>(certificate.data()),
                                        certificate.size()),
      OSSL_PARAM_construct_end()};
  return callback(params.data(), argument);
}

Store& AsStore(void* store) {
  return *static_cast<Store*>(store);
}

void* Open(void* provider, const char* uri) {
  auto& context = *static_cast<Context*>(provider);
  return Guard(context.core(), [&]() -> void* {
    auto parsed = ParseStoreUri(uri);
    if (!parsed) {
      context.core().Raise(parsed.error());
      return nullptr;
    }
    auto store = std::make_unique<Store>();
    store->context = &context;
    store->uri = std::move(*parsed);
    return store.release();
  });
}

const OSSL_PARAM* SettableParams(void* /*provider*/) {
  static const std::array kParams{ParamRow(OSSL_STORE_PARAM_EXPECT, OSSL_PARAM_INTEGER, sizeof(int)),
                                  ParamRow(OSSL_STORE_PARAM_PROPERTIES, OSSL_PARAM_UTF8_STRING), kParamEnd};
  return kParams.data();
}

/// Properties are taken and of no consequence: everything this store gives comes from this provider.
int SetParams(void* store, const OSSL_PARAM* params) {
  const OSSL_PARAM* const expect =
      params != nullptr ? OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT) : nullptr;
  return expect == nullptr ? 1 : OSSL_PARAM_get_int(expect, &AsStore(store).expected);
}

int Load(void* store, OSSL_CALLBACK* callback, void* argument, OSSL_PASSPHRASE_CALLBACK* /*passphrase*/,
         void* /*passphrase_argument*/) {
  Store& self = AsStore(store);
  return Guard(self.context->core(), [&]() -> int {
    if (!self.searched) {
      self.searched = true;  // also after a failure: callers loop until the end is reached
      if (const auto searched = Search(self); !searched) {
        self.context->core().Raise(searched.error());
        return 0;
      }
    }
    if (self.found.empty()) {
      return 1;
    }
    Found found = std::move(self.found.front());
    self.found.pop_front();
    return found.key != nullptr ? PassKey(std::move(found.key), callback, argument)
                                : PassCertificate(found.certificate, callback, argument);
  });
}

int Eof(void* store) {
  return AsStore(store).searched && AsStore(store).found.empty() ? 1 : 0;
}

int Close(void* store) {
  delete static_cast<Store*>(store);
  return 1;
}

}  // namespace

const OSSL_DISPATCH* StoreFunctions() {
  static const std::array kFunctions{
      Entry<OSSL_FUNC_store_open_fn>(OSSL_FUNC_STORE_OPEN, Open),
      Entry<OSSL_FUNC_store_settable_ctx_params_fn>(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, SettableParams),
      Entry<OSSL_FUNC_store_set_ctx_params_fn>(OSSL_FUNC_STORE_SET_CTX_PARAMS, SetParams),
      Entry<OSSL_FUNC_store_load_fn>(OSSL_FUNC_STORE_LOAD, Load),
      Entry<OSSL_FUNC_store_eof_fn>(OSSL_FUNC_STORE_EOF, Eof),
      Entry<OSSL_FUNC_store_close_fn>(OSSL_FUNC_STORE_CLOSE, Close),
      kDispatchEnd,
  };
  return kFunctions.data();
}

}  // namespace simroot::provider
