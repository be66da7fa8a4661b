// SPDX-License-Identifier: Apache-2.0
// Values and results that are longer than one command or answer. WRITE FILE is nothing but its pieces.
#include "card/applet/administration.hpp"

namespace simroot::card {
namespace {

using iotsafe::AdminField;
using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

}  // namespace

StatusWord Administration::WriteFile(const Call& call) {
  const auto object = FindObject(call, {ObjectClass::kFile});
  if (!object) {
    return object.error();
  }
  const auto content = call.data.Find(AdminField::kContent);
  if (!content || !call.data.HasOnly({Code(Tag::kFileId), Code(Tag::kFileLabel), Code(AdminField::kOffset),
                                      Code(AdminField::kTotalSize), Code(AdminField::kContent)})) {
    return Sw::kIncorrectData;
  }
  const auto complete = TakePiece(call, **object, *content, ObjectStore::kMaxValueSize);
  return complete ? Sw::kOk : complete.error();
}

// Without offset and total size the piece is the whole.
Expected<bool, StatusWord> Administration::TakePiece(const Call& call, const StoredObject& object, ByteView piece,
                                                     std::size_t max_total) {
  const std::size_t offset = call.data.FindU16(Code(AdminField::kOffset)).value_or(0);
  const auto announced = call.data.FindU16(Code(AdminField::kTotalSize));
  const std::size_t total = announced ? std::size_t{*announced} : piece.size();
  if (offset == 0 && total > max_total) {
    return Unexpected(Sw::kIncorrectData);
  }
  if (offset == 0) {  // makes a file that the device has half written give way
    const StatusWord sw = Stage(object, {});
    if (sw != Sw::kOk) {
      return Unexpected(sw);
    }
  }
  return transfer_.Take(
      object, {Code(call.command), offset, offset == 0 || announced ? std::optional(total) : std::nullopt, piece});
}

// Pieces are whole blocks, each enciphered for itself; what the last one has beyond the total is zero.
Expected<bool, StatusWord> Administration::TakeEncipheredPiece(const Call& call, const StoredObject& object,
                                                               std::size_t max_total) {
  const auto enciphered = call.data.Find(AdminField::kEncipheredKey);
  const auto announced = call.data.FindU16(Code(AdminField::kTotalSize));
  SecretArray<iotsafe::kMaxEncipheredPiece> memory;
  if (!enciphered || enciphered->size() % crypto::kAesBlockSize != 0 || (!announced && !transfer_.IsRunning())) {
    return Unexpected(Sw::kIncorrectData);
  }
  if (!call.keys.Unwrap(*enciphered, memory.Prepare(enciphered->size()))) {
    return Unexpected(Sw::kConditionsNotSatisfied);
  }
  const ByteView clear = memory.Reveal(InsecureReveal::kForStore);
  const std::size_t left = announced ? std::size_t{*announced} : transfer_.left();
  const ByteView piece = clear.first(std::min(clear.size(), left));
  const ByteView padding = clear.subspan(piece.size());
  if (left == 0 || padding.size() >= crypto::kAesBlockSize ||
      std::ranges::any_of(padding, [](std::uint8_t byte) { return byte != 0; })) {
    return Unexpected(Sw::kIncorrectData);
  }
  return TakePiece(call, object, piece, max_total);
}

StatusWord Administration::PutPiece(const Call& call, const Document& document) const {
  // Heads of the answer and of the piece, and the total size.
  constexpr std::size_t kOverhead = 4 + 4 + 4;
  const std::size_t total = SizeOf(document);
  const std::size_t offset = call.data.FindU16(Code(AdminField::kOffset)).value_or(0);
  if (offset > total || total > 0xFFFF) {
    return Sw::kIncorrectData;
  }
  if (call.response.free() <= kOverhead) {
    return Sw::kInsufficientMemory;
  }
  const std::size_t size = std::min(total - offset, call.response.free() - kOverhead);
  constexpr std::size_t kTotalSizeElement = 4;
  call.response.PutU8(Code(call.command));
  wire::PutBerLength(kTotalSizeElement + 1 + wire::BerLengthSize(size) + size, call.response);
  wire::PutTlvU16(Code(AdminField::kTotalSize), static_cast<std::uint16_t>(total), call.response);
  call.response.PutU8(Code(AdminField::kContent));
  wire::PutBerLength(size, call.response);
  WindowSink window(offset, call.response.Reserve(size));
  document.Write(window);
  return Sw::kOk;
}

}  // namespace simroot::card
