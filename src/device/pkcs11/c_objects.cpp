// SPDX-License-Identifier: Apache-2.0
/// Objects, their attributes, and the search for them.
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

namespace {

/// Objects are changed by the issuer, not by applications.
[[nodiscard]] Outcome RefuseChange(Module& module, Session& session, CK_OBJECT_HANDLE handle) {
  SR_TRY(const ObjectPtr object, module.FindObject(session, handle));
  return Refuse(object == nullptr ? CKR_OBJECT_HANDLE_INVALID : CKR_ACTION_PROHIBITED);
}

/// One attribute by the rules of C_GetAttributeValue (PKCS#11 5.7.5). @returns CKR_OK or what became of it.
[[nodiscard]] RvOr<CK_RV> GiveAttribute(Session& session, const Object& object, CK_ATTRIBUTE& wanted) {
  const Attribute* attribute = object.Find(wanted.type);
  Attribute from_card;
  CK_RV rv = CKR_OK;
  if (object.IsSensitive(wanted.type)) {
    rv = CKR_ATTRIBUTE_SENSITIVE;
  } else if (attribute == nullptr && object.value_on_demand && wanted.type == CKA_VALUE) {
    SR_TRY(from_card.value, session.slot->Run([&](device::Card& card) { return card.ReadFile(object.name); }));
    attribute = &from_card;
  } else if (attribute == nullptr) {
    rv = CKR_ATTRIBUTE_TYPE_INVALID;
  }
  if (rv == CKR_OK && wanted.pValue != nullptr && wanted.ulValueLen < attribute->value.size()) {
    rv = CKR_BUFFER_TOO_SMALL;
  }
  if (rv != CKR_OK) {
    wanted.ulValueLen = CK_UNAVAILABLE_INFORMATION;
    return rv;
  }
  wanted.ulValueLen = attribute->value.size();
  if (wanted.pValue != nullptr) {
    std::ranges::copy(attribute->value, static_cast<CK_BYTE*>(wanted.pValue));
  }
  return rv;
}

}  // namespace

extern "C" {

CK_RV C_CreateObject(CK_SESSION_HANDLE handle, CK_ATTRIBUTE_PTR attributes, CK_ULONG count,
                     CK_OBJECT_HANDLE_PTR object) {
  return WithSession(handle, [&](Module& /*module*/, Session& /*session*/) -> Outcome {
    SR_TRY_VOID(CopyTemplate(attributes, count));
    return Refuse(object == nullptr ? CKR_ARGUMENTS_BAD : CKR_FUNCTION_NOT_SUPPORTED);
  });
}

CK_RV C_CopyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR attributes, CK_ULONG count,
                   CK_OBJECT_HANDLE_PTR copy) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    SR_TRY_VOID(CopyTemplate(attributes, count));
    return copy == nullptr ? Refuse(CKR_ARGUMENTS_BAD) : RefuseChange(module, session, object);
  });
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object_handle) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    SR_TRY(const ObjectPtr object, module.FindObject(session, object_handle));
    if (object == nullptr) {
      return Refuse(CKR_OBJECT_HANDLE_INVALID);
    }
    return object->owner == CK_INVALID_HANDLE ? Refuse(CKR_ACTION_PROHIBITED) : module.RemoveObject(object_handle);
  });
}

CK_RV C_GetObjectSize(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object_handle, CK_ULONG_PTR size) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    if (size == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    SR_TRY(const ObjectPtr object, module.FindObject(session, object_handle));
    if (object == nullptr) {
      return Refuse(CKR_OBJECT_HANDLE_INVALID);
    }
    *size = object->Size();
    return {};
  });
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object_handle, CK_ATTRIBUTE_PTR attributes,
                          CK_ULONG count) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    if (attributes == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    SR_TRY(const ObjectPtr object, module.FindObject(session, object_handle));
    if (object == nullptr) {
      return Refuse(CKR_OBJECT_HANDLE_INVALID);
    }
    CK_RV worst = CKR_OK;
    for (CK_ATTRIBUTE& wanted : std::span(attributes, count)) {
      SR_TRY(const CK_RV rv, GiveAttribute(session, *object, wanted));
      worst = rv == CKR_OK ? worst : rv;
    }
    return worst == CKR_OK ? Outcome() : Refuse(worst);
  });
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR attributes,
                          CK_ULONG count) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    SR_TRY_VOID(CopyTemplate(attributes, count));
    return RefuseChange(module, session, object);
  });
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE_PTR attributes, CK_ULONG count) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    if (session.search != nullptr) {
      return Refuse(CKR_OPERATION_ACTIVE);
    }
    SR_TRY(const Template wanted, CopyTemplate(attributes, count));
    SR_TRY(const TokenPtr token, session.slot->Token(Freshness::kNow));
    auto search = std::make_unique<Search>();
    const bool open = session.slot->IsOpen(*token);
    for (const ObjectPtr& object : token->objects) {
      if ((open || !object->is_private) && Matches(*object, wanted)) {
        search->found.push_back(object->handle);
      }
    }
    for (const ObjectPtr& object : module.SessionObjects(*session.slot)) {
      if (Matches(*object, wanted)) {
        search->found.push_back(object->handle);
      }
    }
    session.search = std::move(search);
    return {};
  });
}

CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE_PTR objects, CK_ULONG max, CK_ULONG_PTR count) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.search == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    if (count == nullptr || (objects == nullptr && max != 0)) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    auto& found = session.search->found;
    *count = std::min<CK_ULONG>(max, found.size());
    for (CK_OBJECT_HANDLE& out : std::span(objects, *count)) {
      out = found.front();
      found.pop_front();
    }
    return {};
  });
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle) {
  return WithSession(handle, [](Module& /*module*/, Session& session) -> Outcome {
    if (session.search == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    session.search.reset();
    return {};
  });
}

}  // extern "C"
}  // namespace simroot::pkcs11
