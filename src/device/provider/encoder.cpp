// SPDX-License-Identifier: Apache-2.0
/// ENCODER to text, for `openssl pkey -text`: the public half, and where the private one is. Other output of a private
/// key has no encoder here, so that it fails with the words of the key manager's export.
#include <openssl/core_names.h>

#include "device/provider/ec_key.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {
namespace {

/// What libcrypto prints of a key of the own context, as lines of text.
std::optional<std::string> PrintSoftware(const EcKey& key, int selection) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (out == nullptr || key.software == nullptr) {
    return std::nullopt;
  }
  const bool with_private = !key.OnCard() && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
  const bool with_public = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
  const auto print = with_private  ? EVP_PKEY_print_private
                     : with_public ? EVP_PKEY_print_public
                                   : EVP_PKEY_print_params;
  if (print(out.get(), key.software.get(), 0, nullptr) != 1) {
    return std::nullopt;
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

/// The encoder has no state of its own.
void* NewContext(void* provider) {
  return provider;
}
void FreeContext(void* /*encoder*/) {}

int DoesSelection(void* /*provider*/, int /*selection*/) {
  return 1;
}

int Encode(void* encoder, OSSL_CORE_BIO* out, const void* object, const OSSL_PARAM* /*abstract*/, int selection,
           OSSL_PASSPHRASE_CALLBACK* /*passphrase*/, void* /*passphrase_argument*/) {
  const auto& context = *static_cast<Context*>(encoder);
  return Guard(context.core(), [&]() -> int {
    if (object == nullptr) {
      return 0;
    }
    const EcKey& key = *static_cast<const EcKey*>(object);
    auto text = PrintSoftware(key, selection);
    if (!text) {
      return 0;
    }
    if (key.OnCard() && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) {
      text->insert(0, "Private-Key: " + key.CardText() + ", never leaves the card\n");
    }
    return context.core().Write(out, *text) ? 1 : 0;
  });
}

}  // namespace

const OSSL_DISPATCH* EncoderFunctions() {
  static const std::array kFunctions{
      Entry<OSSL_FUNC_encoder_newctx_fn>(OSSL_FUNC_ENCODER_NEWCTX, NewContext),
      Entry<OSSL_FUNC_encoder_freectx_fn>(OSSL_FUNC_ENCODER_FREECTX, FreeContext),
      Entry<OSSL_FUNC_encoder_does_selection_fn>(OSSL_FUNC_ENCODER_DOES_SELECTION, DoesSelection),
      Entry<OSSL_FUNC_encoder_encode_fn>(OSSL_FUNC_ENCODER_ENCODE, Encode),
      kDispatchEnd,
  };
  return kFunctions.data();
}

}  // namespace simroot::provider
