// SPDX-License-Identifier: Apache-2.0
// Which bytes a trace may show.
#include <optional>

#include "common/iotsafe/describe_parts.hpp"
#include "common/iotsafe/objects.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::iotsafe {
namespace {

struct ExposureRow {
  std::uint8_t ins;
  Exposure command;
  Exposure response;
};
/// Sorted. What is not listed: commands are shown, answers only if they are recognised as harmless.
constexpr std::array kExposures{
    ExposureRow{0x10, Exposure::kAll, Exposure::kAll},      // TERMINAL PROFILE
    ExposureRow{0x12, Exposure::kAll, Exposure::kAll},      // FETCH
    ExposureRow{0x14, Exposure::kAll, Exposure::kAll},      // TERMINAL RESPONSE
    ExposureRow{0x20, Exposure::kNothing, Exposure::kAll},  // VERIFY PIN
    ExposureRow{0x24, Exposure::kKnown, Exposure::kAll},    // PUT PUBLIC KEY INIT, but also CHANGE PIN
    ExposureRow{0x26, Exposure::kNothing, Exposure::kAll},  // DISABLE PIN
    ExposureRow{0x28, Exposure::kNothing, Exposure::kAll},  // ENABLE PIN
    ExposureRow{0x2A, Exposure::kKnown, Exposure::kAll},
    ExposureRow{0x2B, Exposure::kAllButSecret, Exposure::kAllButSecret},
    ExposureRow{0x2C, Exposure::kKnown, Exposure::kAll},  // VERIFY SIGNATURE INIT, but also UNBLOCK PIN
    ExposureRow{0x2D, Exposure::kAllButSecret, Exposure::kAll},
    ExposureRow{0x46, Exposure::kKnown, Exposure::kNothing},
    ExposureRow{0x48, Exposure::kKnown, Exposure::kNothing},
    ExposureRow{0x4A, Exposure::kKnown, Exposure::kNothing},
    ExposureRow{0x52, Exposure::kNothing, Exposure::kNothing},  // HASH: a text, or what derives a key
    ExposureRow{0x54, Exposure::kKnown, Exposure::kAllButSecret},
    ExposureRow{0x55, Exposure::kNothing, Exposure::kNothing},  // ENCRYPT UPDATE carries the text
    ExposureRow{0x56, Exposure::kKnown, Exposure::kAll},
    ExposureRow{0x57, Exposure::kNothing, Exposure::kNothing},  // DECRYPT UPDATE answers with the text
    ExposureRow{0x5E, Exposure::kKnown, Exposure::kNothing},    // PSK TLS 1.3 answers with a traffic secret
    ExposureRow{0x70, Exposure::kAll, Exposure::kAll},          // MANAGE CHANNEL
    ExposureRow{0x84, Exposure::kAll, Exposure::kNothing},      // GET RANDOM
    ExposureRow{0x88, Exposure::kAll, Exposure::kNothing},      // AUTHENTICATE answers network keys
    ExposureRow{0x89, Exposure::kAll, Exposure::kNothing},
    ExposureRow{0xA4, Exposure::kAll, Exposure::kAll},  // SELECT
    ExposureRow{0xB0, Exposure::kAllButSecret, Exposure::kAll},
    ExposureRow{0xB2, Exposure::kAll, Exposure::kAll},  // READ RECORD
    ExposureRow{0xB9, Exposure::kKnown, Exposure::kAllButSecret},
    ExposureRow{0xCB, Exposure::kAllButSecret, Exposure::kAllButSecret},
    ExposureRow{0xCD, Exposure::kKnown, Exposure::kAllButSecret},
    ExposureRow{0xD8, Exposure::kAllButSecret, Exposure::kAll},
    ExposureRow{0xE2, Exposure::kNothing, Exposure::kRecognised},  // STORE DATA carries credentials
    ExposureRow{0xF2, Exposure::kAll, Exposure::kAll},             // STATUS
};
static_assert(std::ranges::is_sorted(kExposures, {}, &ExposureRow::ins));

[[nodiscard]] const ExposureRow* FindExposure(std::uint8_t ins) {
  const auto* const row = std::ranges::lower_bound(kExposures, ins, {}, &ExposureRow::ins);
  return row != kExposures.end() && row->ins == ins ? row : nullptr;
}

[[nodiscard]] bool StartsWith(ByteView bytes, ByteView start) {
  ByteReader reader(bytes);
  ByteView head;
  return reader.ReadBytes(start.size(), head) && SameBytes(head, start);
}

/// 34 with a point of P-256 or P-384, or with an RSA-2048 key, which GET RESPONSE may deliver in two parts.
[[nodiscard]] bool BeginsWithPublicKey(ByteView data) {
  constexpr std::array<std::uint8_t, 6> kP256{0x34, 0x45, 0x49, 0x43, 0x86, 0x41};
  constexpr std::array<std::uint8_t, 6> kP384{0x34, 0x65, 0x49, 0x63, 0x86, 0x61};
  constexpr std::array<std::uint8_t, 12> kRsa{0x34, 0x82, 0x01, 0x0D, 0x49, 0x82, 0x01, 0x09, 0x81, 0x82, 0x01, 0x00};
  return StartsWith(data, kP256) || StartsWith(data, kP384) || StartsWith(data, kRsa);
}

[[nodiscard]] bool IsListOfObjects(ByteView data) {
  ByteReader reader(data);
  while (!reader.empty()) {
    std::uint8_t tag = 0;
    const bool wrapped = reader.PeekU8(tag) && tag >= Code(Tag::kPrivateKeyInfo) && tag <= Code(Tag::kSecretKeyInfo);
    if (!wrapped || !ReadObjectInfo(reader)) {
      return false;
    }
  }
  return true;
}

/// What SELECT and STATUS of a UICC answer: 62, and first in it the file descriptor (ETSI TS 102 221, 11.1.1.3).
[[nodiscard]] bool IsFileControlParameters(ByteView data) {
  constexpr std::uint8_t kTemplate = 0x62;
  constexpr std::uint8_t kFileDescriptor = 0x82;
  ByteReader reader(data);
  wire::Tlv outer;
  wire::Tlv descriptor;
  if (!wire::ReadBerTlv(reader, outer) || outer.tag != kTemplate || !reader.empty()) {
    return false;
  }
  ByteReader inner(outer.value);
  return wire::ReadBerTlv(inner, descriptor) && descriptor.tag == kFileDescriptor &&
         (descriptor.value.size() == 2 || descriptor.value.size() == 5);
}

/// Copies elements, values of those that may not be seen replaced by two dots.
void PutMaskedElements(ByteView bytes, std::uint8_t parent, const Visibility& visibility, std::size_t depth,
                       TextWriter& out) {
  ByteReader reader(bytes);
  while (!reader.empty()) {
    Element element;
    if (!ReadElement(reader, parent, visibility.coding, element)) {
      if (visibility.unknown) {
        out.PutHex(reader.rest());
      } else {
        out.Put("..");
      }
      return;
    }
    out.PutHex(element.head);
    if (HoldsElements(element, depth)) {
      PutMaskedElements(element.value, element.tag, visibility, depth + 1, out);
    } else if (element.value.empty() || IsShown(element, visibility)) {
      out.PutHex(element.value);
    } else {
      out.Put("..");
    }
  }
}

void PutExposed(ByteView data, Exposure exposure, TextWriter& out) {
  const bool hidden =
      exposure == Exposure::kNothing || (exposure == Exposure::kRecognised && !IsRecognisedAnswer(data));
  if (data.empty()) {
    return;
  }
  if (hidden) {
    out.Put("..");
  } else if (exposure == Exposure::kAll || exposure == Exposure::kRecognised) {
    out.PutHex(data);
  } else {
    PutMaskedElements(data, 0, VisibilityOf(exposure, Secrets::kHide), 0, out);
  }
}

[[nodiscard]] std::optional<std::uint8_t> InsOf(ByteView command) {
  ByteReader reader(command);
  std::uint8_t ins = 0;
  if (!reader.Skip(1) || !reader.ReadU8(ins)) {
    return std::nullopt;
  }
  return ins;
}

void PutCommandHex(ByteView command, TextWriter& out) {
  const auto ins = InsOf(command);
  const Exposure exposure = ins ? ExposureOfCommand(*ins) : Exposure::kAll;
  if (exposure == Exposure::kAll) {
    out.PutHex(command);
    return;
  }
  constexpr std::size_t kHeader = 4;
  ByteReader reader(command);
  ByteView head;
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  if (!parsed) {  // lengths make no sense, so nothing says where a secret ends
    static_cast<void>(reader.ReadBytes(std::min(kHeader + 1, command.size()), head));
    out.PutHex(head);
    out.Put(reader.empty() ? "" : "..");
    return;
  }
  const std::size_t lc_size = parsed->data.empty() ? 0 : parsed->extended ? 3 : 1;
  if (!reader.ReadBytes(kHeader + lc_size, head) || !reader.Skip(parsed->data.size())) {
    return;
  }
  out.PutHex(head);
  PutExposed(parsed->data, exposure, out);
  // After the data stands Le, perhaps with the 00 too many of Orange's library. More than that is part of the data of a
  // command whose Lc is wrong.
  const bool only_le = reader.remaining() <= 2 && (reader.remaining() < 2 || reader.rest().front() == 0);
  if (only_le) {
    out.PutHex(reader.rest());
  } else {
    out.Put("..");
  }
}

}  // namespace

Exposure ExposureOfCommand(std::uint8_t ins) {
  const auto* const row = FindExposure(ins);
  return row == nullptr ? Exposure::kAll : row->command;
}

Exposure ExposureOfResponse(ByteView command) {
  const auto ins = InsOf(command);
  const auto* const row = ins ? FindExposure(*ins) : nullptr;
  return row == nullptr ? Exposure::kRecognised : row->response;
}

bool IsRecognisedAnswer(ByteView data) {
  constexpr std::array<std::uint8_t, 5> kApplicationStart{0x10, 0x01, 0x10, 0x11, 0x20};
  constexpr std::array<std::uint8_t, 3> kRsaSignatureStart{0x33, 0x01, 0x00};
  if (data.empty() || BeginsWithPublicKey(data) || StartsWith(data, kApplicationStart)) {
    return true;
  }
  if (data.size() >= wire::kMaxShortResponse - 2 && StartsWith(data, kRsaSignatureStart)) {
    return true;
  }
  if (const auto pair = ParseGeneratedKeyPair(data); pair && (!pair->point.empty() || !pair->modulus.empty())) {
    return true;
  }
  return ParseSignature(data).has_value() || IsListOfObjects(data) || IsFileControlParameters(data);
}

Visibility VisibilityOf(Exposure exposure, Secrets secrets) {
  if (secrets == Secrets::kShow) {
    return Visibility{true, true, ElementCoding::kAnyKnown};
  }
  switch (exposure) {
    case Exposure::kAll:
    case Exposure::kRecognised:
    case Exposure::kAllButSecret:
      return Visibility{false, true, ElementCoding::kAnyKnown};
    case Exposure::kKnown:
    case Exposure::kNothing:
      break;
  }
  return Visibility{false, false, ElementCoding::kPlain};
}

void PutTraceHex(ByteView command, ByteView response, bool is_response, TextWriter& out) {
  if (!is_response) {
    PutCommandHex(command, out);
    return;
  }
  if (response.size() < 2) {
    out.PutHex(response);
    return;
  }
  PutExposed(response.first(response.size() - 2), ExposureOfResponse(command), out);
  out.PutHex(response.last(2));
}

}  // namespace simroot::iotsafe
