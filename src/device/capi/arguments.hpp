// SPDX-License-Identifier: Apache-2.0
/// Arguments of the C API, checked before anything else happens.
#pragma once

#include <cstring>

#include "device/capi/handles.hpp"

namespace simroot::capi {

/// SIMROOT_ERROR_USAGE if `pointer` is NULL.
[[nodiscard]] Outcome<void> NotNull(const void* pointer, const char* name);

/// Bytes to read. NULL is allowed for no bytes.
[[nodiscard]] Outcome<ByteView> Input(const std::uint8_t* bytes, std::size_t size, const char* name);

/// Bytes to fill, exactly `size` of them.
[[nodiscard]] Outcome<ByteSpan> Place(std::uint8_t* bytes, std::size_t size, const char* name);

/// An object's name.
[[nodiscard]] Outcome<device::ObjectName> Name(iotsafe::ObjectClass object_class, const char* text);

[[nodiscard]] Outcome<iotsafe::HashAlgorithm> HashOf(std::uint32_t hash);

/// A form of signature.
struct Form {
  device::SignatureScheme scheme = device::SignatureScheme::kEcdsa;
  bool der = false;
};
[[nodiscard]] Outcome<Form> FormOf(std::uint32_t form);

/// SIMROOT_PUBLIC_SPKI is true.
[[nodiscard]] Outcome<bool> IsPublicKeyInfo(std::uint32_t form);

/// The card behind a handle, open; borrowed.
[[nodiscard]] Outcome<device::Card*> CardOf(const simroot_card* handle);
[[nodiscard]] Outcome<device::Card*> CardOf(const simroot_key* handle);

/// Output of variable length: `*size` is the room, then the bytes written.
class Output {
 public:
  [[nodiscard]] static Outcome<Output> From(void* out, std::size_t* size);

  /// SIMROOT_ERROR_BUFFER, and `needed` in `*size`, if there is less room.
  [[nodiscard]] Outcome<void> Need(std::size_t needed) const;
  /// Copies all of `content`, or fails as Need.
  [[nodiscard]] Outcome<void> Deliver(ByteView content) const;

 private:
  Output(std::uint8_t* out, std::size_t* size) : out_(out), size_(size) {}
  std::uint8_t* out_;
  std::size_t* size_;
};

/// A structure of the API, in the size that the caller knows: less than all of it is filled for a program of an earlier
/// version, and what this library does not know is zero for one of a later version.
/// @param first_size the size it had in the first version of the library.
template <typename Struct>
[[nodiscard]] Outcome<void> CheckStruct(const Struct* out, std::size_t first_size, const char* name) {
  SR_TRY_VOID(NotNull(out, name));
  if (out->struct_size < first_size) {
    return Refuse(SIMROOT_ERROR_USAGE, std::string("struct_size of ") + name +
                                           " is too small; set it to sizeof, or initialise with SIMROOT_..._INIT");
  }
  return {};
}
template <typename Struct>
void FillStruct(Struct* out, Struct value) {
  value.struct_size = out->struct_size;
  std::memset(out, 0, value.struct_size);
  std::memcpy(out, &value, std::min(value.struct_size, sizeof(Struct)));
}

}  // namespace simroot::capi
