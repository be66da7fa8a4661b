// SPDX-License-Identifier: Apache-2.0
/// Slots and what is in them.
#include "common/base/crc32.hpp"
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

namespace {

constexpr std::size_t kSerialSize = 16;
constexpr CK_ULONG kMinPinSize = 4;

/// Sixteen characters that stay the same for a card: the end of its ICCID, or for a card that does not tell it, of the
/// URI's checksum.
[[nodiscard]] std::string SerialOf(const TokenContent& token, const Slot& slot) {
  if (token.iccid.size() >= kSerialSize) {
    return token.iccid.substr(token.iccid.size() - kSerialSize);
  }
  std::array<std::uint8_t, 8> memory{};
  ByteWriter out(memory);
  out.PutU32(0);
  out.PutU32(Crc32Of(AsBytes(slot.uri().text)));
  return ToHex(out.written());
}

[[nodiscard]] CK_FLAGS PinFlags(const device::UserPinState& pin) {
  if (!pin.exists) {
    return 0;
  }
  CK_FLAGS flags = CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
  if (!pin.verified) {
    flags |= pin.tries_left == 0 ? CKF_USER_PIN_LOCKED : 0;
    flags |= pin.tries_left == 1 ? CKF_USER_PIN_FINAL_TRY : 0;
    flags |= pin.tries_left < 3 ? CKF_USER_PIN_COUNT_LOW : 0;
  }
  return flags;
}

[[nodiscard]] Outcome FillTokenInfo(Module& module, const SlotPtr& slot, CK_TOKEN_INFO& info) {
  SR_TRY(const TokenPtr token, slot->Token(Freshness::kNow));
  device::UserPinState pin;
  if (token->has_pin) {
    SR_TRY(pin, slot->PinState());
  }
  const Module::SessionCount count = module.Count(*slot);
  info = CK_TOKEN_INFO{};
  PutText(token->iccid.empty() ? "IoT SAFE" : "IoT SAFE " + token->iccid, info.label);
  PutText("simroot", info.manufacturerID);
  PutText("IoT SAFE", info.model);
  PutText(SerialOf(*token, *slot), info.serialNumber);
  PutText("", info.utcTime);
  info.flags = CKF_RNG | CKF_TOKEN_INITIALIZED | PinFlags(pin);
  info.ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
  info.ulSessionCount = count.all;
  info.ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
  info.ulRwSessionCount = count.read_write;
  info.ulMaxPinLen = token->has_pin ? device::kMaxUserPinSize : 0;
  info.ulMinPinLen = token->has_pin ? kMinPinSize : 0;
  info.ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION;
  info.ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
  info.ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION;
  info.ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
  info.hardwareVersion = {1, 0};
  info.firmwareVersion = {LowByte(token->application.version >> 4U), LowByte(token->application.version & 0x0FU)};
  return {};
}

/// Copies a list out as GiveBack does bytes.
template <typename T>
[[nodiscard]] Outcome GiveList(const std::vector<T>& list, T* out, CK_ULONG* count) {
  const CK_ULONG room = *count;
  *count = list.size();
  if (out == nullptr) {
    return {};
  }
  if (room < list.size()) {
    return Refuse(CKR_BUFFER_TOO_SMALL);
  }
  std::ranges::copy(list, out);
  return {};
}

[[nodiscard]] Outcome NotSupported(Module& /*module*/, const SlotPtr& /*slot*/) {
  return Refuse(CKR_FUNCTION_NOT_SUPPORTED);
}

}  // namespace

extern "C" {

CK_RV C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count) {
  return WithModule([&](Module& module) -> Outcome {
    if (count == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    module.Look();
    std::vector<CK_SLOT_ID> ids;
    for (const SlotPtr& slot : module.Slots()) {
      if (token_present == CK_FALSE || slot->IsPortPresent()) {
        ids.push_back(slot->id());
      }
    }
    return GiveList(ids, list, count);
  });
}

CK_RV C_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO_PTR info) {
  return WithSlot(id, [&](Module& module, const SlotPtr& slot) -> Outcome {
    if (info == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    module.Look();
    *info = CK_SLOT_INFO{};
    PutText(slot->uri().text, info->slotDescription);
    PutText("simroot", info->manufacturerID);
    const bool is_virtual = slot->uri().scheme == "sim";
    info->flags =
        CKF_REMOVABLE_DEVICE | (is_virtual ? 0 : CKF_HW_SLOT) | (slot->IsPortPresent() ? CKF_TOKEN_PRESENT : 0);
    info->hardwareVersion = {1, 0};
    info->firmwareVersion = {1, 0};
    return {};
  });
}

CK_RV C_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO_PTR info) {
  return WithSlot(id, [&](Module& module, const SlotPtr& slot) -> Outcome {
    return info == nullptr ? Refuse(CKR_ARGUMENTS_BAD) : FillTokenInfo(module, slot, *info);
  });
}

CK_RV C_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR count) {
  return WithSlot(id, [&](Module& /*module*/, const SlotPtr& slot) -> Outcome {
    if (count == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    SR_TRY(const TokenPtr token, slot->Token(Freshness::kKnown));
    std::vector<CK_MECHANISM_TYPE> types;
    for (const MechanismRow& row : AllMechanisms()) {
      if (IsOffered(row, *token)) {
        types.push_back(row.type);
      }
    }
    return GiveList(types, list, count);
  });
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info) {
  return WithSlot(id, [&](Module& /*module*/, const SlotPtr& slot) -> Outcome {
    if (info == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    SR_TRY(const TokenPtr token, slot->Token(Freshness::kKnown));
    const auto row = std::ranges::find(AllMechanisms(), type, &MechanismRow::type);
    if (row == AllMechanisms().end() || !IsOffered(*row, *token)) {
      return Refuse(CKR_MECHANISM_INVALID);
    }
    *info = {row->min_key_size, row->max_key_size, row->flags};
    return {};
  });
}

CK_RV C_InitToken(CK_SLOT_ID id, CK_UTF8CHAR_PTR /*pin*/, CK_ULONG /*pin_size*/, CK_UTF8CHAR_PTR /*label*/) {
  return WithSlot(id, NotSupported);  // the issuer's affair, over the air
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID_PTR id, CK_VOID_PTR reserved) {
  return WithModule([&](Module& module) -> Outcome {
    if (id == nullptr || reserved != nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    SR_TRY(*id, module.NextEvent((flags & CKF_DONT_BLOCK) == 0));
    return {};
  });
}

}  // extern "C"
}  // namespace simroot::pkcs11
