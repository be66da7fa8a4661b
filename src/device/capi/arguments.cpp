// SPDX-License-Identifier: Apache-2.0
#include "device/capi/arguments.hpp"

namespace simroot::capi {
namespace {

[[nodiscard]] tl::unexpected<Failure> Usage(std::string text) {
  return Refuse(SIMROOT_ERROR_USAGE, std::move(text));
}

[[nodiscard]] Outcome<device::Card*> OpenCard(const CardState& state) {
  if (state.closed.load()) {
    return Usage("the card of this key has been closed; close a card after the last use of its keys");
  }
  return state.card.get();
}

}  // namespace

Outcome<void> NotNull(const void* pointer, const char* name) {
  if (pointer == nullptr) {
    return Usage(std::string("the argument ") + name + " is NULL");
  }
  return {};
}

Outcome<ByteView> Input(const std::uint8_t* bytes, std::size_t size, const char* name) {
  if (size != 0) {
    SR_TRY_VOID(NotNull(bytes, name));
  }
  return ByteView(bytes, size);
}

Outcome<ByteSpan> Place(std::uint8_t* bytes, std::size_t size, const char* name) {
  SR_TRY_VOID(NotNull(bytes, name));
  return ByteSpan(bytes, size);
}

Outcome<device::ObjectName> Name(iotsafe::ObjectClass object_class, const char* text) {
  SR_TRY_VOID(NotNull(text, "for the object's name"));
  SR_TRY(device::ObjectName name, device::ParseObjectName(object_class, text));
  return name;
}

Outcome<iotsafe::HashAlgorithm> HashOf(std::uint32_t hash) {
  switch (hash) {
    case SIMROOT_SHA256:
      return iotsafe::HashAlgorithm::kSha256;
    case SIMROOT_SHA384:
      return iotsafe::HashAlgorithm::kSha384;
    case SIMROOT_SHA512:
      return iotsafe::HashAlgorithm::kSha512;
    default:
      return Usage("hash " + std::to_string(hash) + " is none of SIMROOT_SHA256, SIMROOT_SHA384, SIMROOT_SHA512");
  }
}

Outcome<Form> FormOf(std::uint32_t form) {
  switch (form) {
    case SIMROOT_ECDSA_DER:
      return Form{device::SignatureScheme::kEcdsa, true};
    case SIMROOT_ECDSA_RAW:
      return Form{device::SignatureScheme::kEcdsa, false};
    case SIMROOT_RSA_PKCS1:
      return Form{device::SignatureScheme::kRsaPkcs1, false};
    case SIMROOT_RSA_PSS:
      return Form{device::SignatureScheme::kRsaPss, false};
    default:
      return Usage("signature form " + std::to_string(form) + " is none of SIMROOT_ECDSA_... and SIMROOT_RSA_...");
  }
}

Outcome<bool> IsPublicKeyInfo(std::uint32_t form) {
  if (form != SIMROOT_PUBLIC_SPKI && form != SIMROOT_PUBLIC_RAW) {
    return Usage("public key form " + std::to_string(form) + " is neither SIMROOT_PUBLIC_SPKI nor SIMROOT_PUBLIC_RAW");
  }
  return form == SIMROOT_PUBLIC_SPKI;
}

Outcome<device::Card*> CardOf(const simroot_card* handle) {
  SR_TRY_VOID(NotNull(handle, "card"));
  return OpenCard(*handle->state);
}

Outcome<device::Card*> CardOf(const simroot_key* handle) {
  SR_TRY_VOID(NotNull(handle, "key"));
  return OpenCard(*handle->state);
}

Outcome<Output> Output::From(void* out, std::size_t* size) {
  SR_TRY_VOID(NotNull(size, "size"));
  if (*size != 0) {
    SR_TRY_VOID(NotNull(out, "out"));
  }
  return Output(static_cast<std::uint8_t*>(out), size);
}

Outcome<void> Output::Need(std::size_t needed) const {
  const std::size_t room = *size_;
  if (room < needed || out_ == nullptr) {
    *size_ = needed;
    return Refuse(SIMROOT_ERROR_BUFFER, "the buffer has room for " + std::to_string(room) + " bytes and " +
                                            std::to_string(needed) + " are needed");
  }
  return {};
}

Outcome<void> Output::Deliver(ByteView content) const {
  SR_TRY_VOID(Need(content.size()));
  std::ranges::copy(content, out_);
  *size_ = content.size();
  return {};
}

}  // namespace simroot::capi
