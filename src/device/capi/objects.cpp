// SPDX-License-Identifier: Apache-2.0
#include "device/capi/arguments.hpp"
#include "device/x509/certificate.hpp"
#include "device/x509/public_key_info.hpp"

using simroot::Bytes;
using simroot::ByteView;
using simroot::Error;
using simroot::ErrorDomain;
using simroot::capi::CardOf;
using simroot::capi::CheckStruct;
using simroot::capi::Failure;
using simroot::capi::FillStruct;
using simroot::capi::Guard;
using simroot::capi::Input;
using simroot::capi::Name;
using simroot::capi::NotNull;
using simroot::capi::Outcome;
using simroot::capi::Output;
using simroot::capi::Refuse;
using simroot::device::Card;
using simroot::device::ObjectName;
using simroot::iotsafe::ObjectClass;
using simroot::iotsafe::ObjectInfo;
using simroot::wire::StatusWord;

namespace {

/// The result of a function that reads an object: there, these status words mean that it does not exist.
template <typename T>
Outcome<T> NotFoundIfUnknown(simroot::Result<T> result) {
  if (result) {
    return *std::move(result);
  }
  const Error& error = result.error();
  Failure failure(error);
  if (error.domain == ErrorDomain::kCard &&
      (error.sw == StatusWord::kIncorrectData || error.sw == StatusWord::kFileNotFound ||
       error.sw == StatusWord::kRecordNotFound || error.sw == StatusWord::kReferencedDataNotFound)) {
    failure.result = SIMROOT_ERROR_NOT_FOUND;
  }
  return tl::unexpected<Failure>(std::move(failure));
}

template <std::size_t kSize>
void CopyText(std::string_view text, char (&out)[kSize]) {
  const std::string_view kept = text.substr(0, kSize - 1);
  *std::ranges::copy(kept, std::begin(out)).out = '\0';
}

simroot_object_t ObjectOf(const ObjectInfo& info) {
  simroot_object_t object = SIMROOT_OBJECT_INIT;
  const std::string label(simroot::AsText(info.label.view()));
  CopyText(info.id.empty() ? "label=" + label : "id=" + simroot::ToHex(info.id.view()), object.reference);
  CopyText(label, object.label);
  std::ranges::copy(info.id.view(), object.id);
  object.id_size = static_cast<std::uint32_t>(info.id.size());
  object.object_class = static_cast<std::uint32_t>(info.object_class);
  object.active = info.state == simroot::iotsafe::ObjectState::kActivated ? 1 : 0;
  object.access = info.access;
  if (info.object_class == ObjectClass::kFile) {
    object.file_usage = static_cast<std::uint32_t>(info.file_usage);
    object.file_size = info.file_size;
    return object;
  }
  object.key_type = static_cast<std::uint32_t>(info.key_type);
  object.key_usage = info.object_class == ObjectClass::kSecretKey ? 0 : static_cast<std::uint32_t>(info.key_usage);
  object.functions = info.functions;
  object.hash_algorithms = info.hash_algorithms;
  object.signature_algorithms = info.signature_algorithms;
  object.key_agreement = info.key_agreement;
  object.key_derivation = info.key_derivation;
  return object;
}

Outcome<ObjectClass> ClassOf(std::uint32_t object_class) {
  if (object_class > SIMROOT_SECRET_KEY) {
    return Refuse(SIMROOT_ERROR_USAGE, "there is no object class " + std::to_string(object_class));
  }
  return static_cast<ObjectClass>(object_class);
}

/// Content of a file, from the call before if its buffer was too small. @param reader names what is done with it.
template <typename Convert>
Outcome<void> ReadFile(const simroot_card* handle, const Output& out, const char* file, const char* reader,
                       Convert convert) {
  SR_TRY(Card* const card, CardOf(handle));
  SR_TRY(const ObjectName name, Name(ObjectClass::kFile, file));
  const std::string question = std::string(reader) + " " + name.Text();
  std::optional<Bytes> content = handle->state->kept.Take(question);
  if (!content) {
    SR_TRY(const Bytes fresh, NotFoundIfUnknown(card->ReadFile(name)));
    SR_TRY(content, convert(fresh, name));
  }
  const Outcome<void> delivered = out.Deliver(*content);
  if (!delivered) {
    handle->state->kept.Put(question, *std::move(content));
  }
  return delivered;
}

Outcome<void> ReadPublicKey(const simroot_card* handle, std::uint8_t* out, std::size_t* size, const char* public_key,
                            std::uint32_t form) {
  SR_TRY(Card* const card, CardOf(handle));
  SR_TRY(const Output output, Output::From(out, size));
  SR_TRY(const ObjectName name, Name(ObjectClass::kPublicKey, public_key));
  SR_TRY(const bool as_info, simroot::capi::IsPublicKeyInfo(form));
  const std::string question = (as_info ? "info of " : "value of ") + name.Text();
  std::optional<Bytes> content = handle->state->kept.Take(question);
  if (!content) {
    SR_TRY(const simroot::device::PublicKey key, NotFoundIfUnknown(card->ReadAnyPublicKey(name)));
    content = as_info ? simroot::device::x509::EncodePublicKeyInfo(key) : key.point.empty() ? key.modulus : key.point;
    if (content->empty()) {
      return Refuse(SIMROOT_ERROR_PROTOCOL, name.Text() + " does not have the size of its type");
    }
  }
  const Outcome<void> delivered = output.Deliver(*content);
  if (!delivered) {
    handle->state->kept.Put(question, *std::move(content));
  }
  return delivered;
}

}  // namespace

extern "C" {

simroot_result_t simroot_card_list(simroot_card_t* card, simroot_list_t** list) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY_VOID(NotNull(list, "list"));
    SR_TRY(auto objects, open->List());
    *list = new simroot_list{std::move(objects)};
    return {};
  });
}

size_t simroot_list_count(const simroot_list_t* list) {
  return list == nullptr ? 0 : list->objects.size();
}

simroot_result_t simroot_list_get(const simroot_list_t* list, simroot_object_t* object, size_t index) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(list, "list"));
    SR_TRY_VOID(CheckStruct(object, sizeof(simroot_object_t), "object"));
    if (index >= list->objects.size()) {
      return Refuse(SIMROOT_ERROR_USAGE, "the list has " + std::to_string(list->objects.size()) +
                                             " objects, counted from 0, and " + std::to_string(index) + " was asked");
    }
    FillStruct(object, ObjectOf(list->objects[index]));
    return {};
  });
}

void simroot_list_free(simroot_list_t* list) {
  delete list;
}

simroot_result_t simroot_card_object(simroot_card_t* card, simroot_object_t* object, uint32_t object_class,
                                     const char* reference) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY_VOID(CheckStruct(object, sizeof(simroot_object_t), "object"));
    SR_TRY(const ObjectClass wanted, ClassOf(object_class));
    SR_TRY(const ObjectName name, Name(wanted, reference));
    SR_TRY(const ObjectInfo info, NotFoundIfUnknown(open->Info(name)));
    FillStruct(object, ObjectOf(info));
    return {};
  });
}

simroot_result_t simroot_card_read_file(simroot_card_t* card, uint8_t* out, size_t* size, const char* file) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(const Output output, Output::From(out, size));
    return ReadFile(card, output, file, "content of",
                    [](const Bytes& content, const ObjectName&) -> Outcome<Bytes> { return content; });
  });
}

simroot_result_t simroot_card_read_certificate(simroot_card_t* card, uint8_t* out, size_t* size, const char* file) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(const Output output, Output::From(out, size));
    return ReadFile(card, output, file, "certificate in",
                    [](const Bytes& content, const ObjectName& name) -> Outcome<Bytes> {
                      SR_TRY(Bytes der, simroot::device::x509::CertificateIn(content, name.Text()));
                      return der;
                    });
  });
}

simroot_result_t simroot_card_read_public_key(simroot_card_t* card, uint8_t* out, size_t* size, const char* public_key,
                                              uint32_t form) {
  return Guard([&]() -> Outcome<void> { return ReadPublicKey(card, out, size, public_key, form); });
}

simroot_result_t simroot_card_put_public_key(simroot_card_t* card, const char* public_key, const uint8_t* value,
                                             size_t value_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY(const ObjectName name, Name(ObjectClass::kPublicKey, public_key));
    SR_TRY(const ByteView given, Input(value, value_size, "value"));
    const ByteView point = simroot::device::x509::PointInPublicKeyInfo(given).value_or(given);
    card->state->kept.Drop();  // it may be the key that is replaced
    SR_TRY_VOID(open->PutPublicPoint(name, point));
    return {};
  });
}

}  // extern "C"
