// SPDX-License-Identifier: Apache-2.0
/// DECODER: makes a card key of the PEM wrapper file, without a word to the card, in the two steps libcrypto knows: PEM
/// to DER, DER to key. PEM_read_bio_PrivateKey would be content with one step; the file: store, through which the
/// openssl program loads keys, takes PEM files apart by decoders to DER only.
///
/// The first step is called for every PEM object of every key file in the process, so it looks at the label and leaves
/// the rest alone.
#include <openssl/core_names.h>
#include <openssl/core_object.h>

#include "device/provider/ec_key.hpp"
#include "device/provider/tables.hpp"
#include "device/provider/wrapper.hpp"

namespace simroot::provider {
namespace {

/// A file in which no PEM object ends within so many bytes is not ours.
constexpr std::size_t kMaxRead = std::size_t{64} * 1024;

bool HasMarker(std::string_view line, std::string_view begin_or_end) {
  return line.starts_with("-----") && line.substr(5).starts_with(begin_or_end);
}

bool IsOurBegin(std::string_view line) {
  const std::size_t end = line.find_last_not_of(" \t\r\n");
  return line.substr(0, end + 1) == "-----BEGIN " + std::string(device::kWrapperLabel) + "-----";
}

/// Every PEM file of the process passes through here, software keys too: nothing of them may stay on the stack.
struct LineMemory {
  std::array<char, 256> bytes{};
  ~LineMemory() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

/// Reads one PEM object, to its end line and no further: the next object of the file is for the next call. The lines of
/// the body, if it is a wrapper; nothing for another label or no PEM object at all.
std::optional<std::string> ReadWrapper(const Core& core, OSSL_CORE_BIO* bio) {
  LineMemory memory;
  std::string body;
  bool begun = false;
  bool ours = false;
  bool at_line_start = true;
  for (std::size_t total = 0; total < kMaxRead;) {
    const std::string_view line = core.ReadLine(bio, memory.bytes);
    if (line.empty()) {
      break;
    }
    total += line.size();
    const bool starts = std::exchange(at_line_start, line.ends_with('\n'));
    if (starts && begun && HasMarker(line, "END ")) {
      return ours ? std::optional(std::move(body)) : std::nullopt;
    }
    if (starts && !begun && HasMarker(line, "BEGIN ")) {
      begun = true;
      ours = IsOurBegin(line);
    } else if (ours) {
      body += line;
    }
  }
  // Cut off before its end line: ours all the same, and the DER will say what is wrong with it.
  return ours ? std::optional(std::move(body)) : std::nullopt;
}

int PassDer(const Bytes& der, OSSL_CALLBACK* callback, void* argument) {
  int type = OSSL_OBJECT_PKEY;
  const std::array params{
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, const_cast<char*>("EC"), 0),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, const_cast<char*>("SimrootPrivateKey"), 0),
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, const_cast<std::uint8_t*>(der.data()), der.size()),
      OSSL_PARAM_construct_end()};
  return callback(params.data(), argument);
}

Result<std::unique_ptr<EcKey>> MakeKey(Context& context, const device::WrappedKey& wrapped) {
  SR_TRY(auto card, context.CardFor({}, wrapped.card));
  return MakeCardKey(context, std::move(card), wrapped.key, wrapped.public_key);
}

/// The decoder has no state of its own.
void* NewContext(void* provider) {
  return provider;
}
void FreeContext(void* /*decoder*/) {}

int DoesSelection(void* /*provider*/, int selection) {
  return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? 1 : 0;
}

int DecodePem(void* decoder, OSSL_CORE_BIO* bio, int /*selection*/, OSSL_CALLBACK* callback, void* argument,
              OSSL_PASSPHRASE_CALLBACK* /*passphrase*/, void* /*passphrase_argument*/) {
  auto& context = *static_cast<Context*>(decoder);
  return Guard(context.core(), [&]() -> int {
    const auto body = ReadWrapper(context.core(), bio);
    if (!body) {
      return 1;  // somebody else's
    }
    const auto der = device::DecodeWrapperBase64(*body);
    // Checked here already: a wrapper that is damaged must not be taken for another structure further on.
    const auto checked = der ? device::DecodeWrapper(*der) : Unexpected(der.error());
    if (!checked) {
      context.core().Raise(checked.error());
      return 0;
    }
    return PassDer(*der, callback, argument);
  });
}

int DecodeDer(void* decoder, OSSL_CORE_BIO* bio, int /*selection*/, OSSL_CALLBACK* callback, void* argument,
              OSSL_PASSPHRASE_CALLBACK* /*passphrase*/, void* /*passphrase_argument*/) {
  auto& context = *static_cast<Context*>(decoder);
  return Guard(context.core(), [&]() -> int {
    std::array<std::uint8_t, device::kMaxWrapperDer> memory{};
    const std::size_t size = context.core().Read(bio, memory);
    const auto wrapped = device::DecodeWrapper(ByteView(memory).first(size));
    if (!wrapped) {
      return 1;  // another structure: libcrypto asks here about every DER key
    }
    auto key = MakeKey(context, *wrapped);
    if (!key) {
      context.core().Raise(key.error());
      return 0;
    }
    return PassKey(std::move(*key), callback, argument);
  });
}

std::array<OSSL_DISPATCH, 5> Functions(OSSL_FUNC_decoder_decode_fn* decode) {
  return {Entry<OSSL_FUNC_decoder_newctx_fn>(OSSL_FUNC_DECODER_NEWCTX, NewContext),
          Entry<OSSL_FUNC_decoder_freectx_fn>(OSSL_FUNC_DECODER_FREECTX, FreeContext),
          Entry<OSSL_FUNC_decoder_does_selection_fn>(OSSL_FUNC_DECODER_DOES_SELECTION, DoesSelection),
          Entry<OSSL_FUNC_decoder_decode_fn>(OSSL_FUNC_DECODER_DECODE, decode), kDispatchEnd};
}

}  // namespace

const OSSL_DISPATCH* PemDecoderFunctions() {
  static const auto kFunctions = Functions(DecodePem);
  return kFunctions.data();
}

const OSSL_DISPATCH* DerDecoderFunctions() {
  static const auto kFunctions = Functions(DecodeDer);
  return kFunctions.data();
}

}  // namespace simroot::provider
