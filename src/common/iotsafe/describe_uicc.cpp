// SPDX-License-Identifier: Apache-2.0
// Commands of the UICC around the applet: ISO/IEC 7816-4, ETSI TS 102 221, GlobalPlatform.
#include "common/iotsafe/describe_parts.hpp"

namespace simroot::iotsafe {
namespace {

struct UiccName {
  std::uint8_t ins;
  std::string_view name;
};
constexpr std::array kUiccNames{
    UiccName{0x04, "DEACTIVATE FILE"},
    UiccName{0x10, "TERMINAL PROFILE"},
    UiccName{0x12, "FETCH"},
    UiccName{0x14, "TERMINAL RESPONSE"},
    UiccName{0x20, "VERIFY PIN"},
    UiccName{0x26, "DISABLE PIN"},
    UiccName{0x28, "ENABLE PIN"},
    UiccName{0x44, "ACTIVATE FILE"},
    UiccName{0x50, "INITIALIZE UPDATE"},
    UiccName{0x70, "MANAGE CHANNEL"},
    UiccName{0x82, "EXTERNAL AUTHENTICATE"},
    UiccName{0x88, "AUTHENTICATE"},
    UiccName{0xA2, "SEARCH RECORD"},
    UiccName{0xA4, "SELECT"},
    UiccName{0xAA, "TERMINAL CAPABILITY"},
    UiccName{0xB0, "READ BINARY"},
    UiccName{0xB2, "READ RECORD"},
    UiccName{0xC0, "GET RESPONSE"},
    UiccName{0xC2, "ENVELOPE"},
    UiccName{0xCA, "GET DATA"},
    UiccName{0xD6, "UPDATE BINARY"},
    UiccName{0xDC, "UPDATE RECORD"},
    UiccName{0xE2, "STORE DATA"},
    UiccName{0xE4, "DELETE"},
    UiccName{0xE6, "INSTALL"},
    UiccName{0xF2, "STATUS"},
};
static_assert(std::ranges::is_sorted(kUiccNames, {}, &UiccName::ins));

struct FileName {
  std::uint16_t fid;
  std::string_view name;
};
constexpr std::array kFileNames{
    FileName{0x2F00, "EF.DIR"},  FileName{0x2FE2, "EF.ICCID"},    FileName{0x3F00, "MF"},
    FileName{0x6F07, "EF.IMSI"}, FileName{0x7FFF, "current ADF"},
};

/// Registered identifier and application code of every USIM (ETSI TS 101 220).
constexpr std::array<std::uint8_t, 7> kUsimAid{0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};

constexpr std::uint8_t kSelectByAid = 0x04;
constexpr std::uint8_t kSelectByPathFromMf = 0x08;
constexpr std::uint8_t kSelectByPathFromDf = 0x09;
constexpr std::uint8_t kCloseChannel = 0x80;

[[nodiscard]] bool StartsWith(ByteView bytes, ByteView start) {
  ByteReader reader(bytes);
  ByteView head;
  return reader.ReadBytes(start.size(), head) && SameBytes(head, start);
}

void PutApplication(ByteView aid, TextWriter& out) {
  for (const AidEntry& entry : kAids) {
    if (StartsWith(aid, entry.view())) {
      out.Put("IoT SAFE (");
      out.Put(entry.who);
      out.Put(") ");
    }
  }
  if (StartsWith(aid, kUsimAid)) {
    out.Put("USIM ");
  }
  out.PutHex(aid);
}

void PutFile(std::uint16_t fid, TextWriter& out) {
  const auto* const row = std::ranges::find(kFileNames, fid, &FileName::fid);
  if (row != kFileNames.end()) {
    out.Put(row->name);
    out.Put(' ');
  }
  out.PutHexByte(LowByte(fid >> 8U));
  out.PutHexByte(LowByte(fid));
}

/// File identifiers one after another; an odd byte at the end is shown as it is.
void PutPath(ByteView path, TextWriter& out) {
  ByteReader reader(path);
  bool first = true;
  std::uint16_t fid = 0;
  while (reader.ReadU16(fid)) {
    out.Put(first ? "" : " / ");
    first = false;
    PutFile(fid, out);
  }
  if (!reader.empty()) {
    out.Put(first ? "" : " / ");
    out.PutHex(reader.rest());
  }
}

void PutSelect(const wire::CommandApdu& command, TextWriter& out) {
  if (command.p1 == kSelectByAid) {
    out.Put("application ");
    PutApplication(command.data, out);
  } else if (command.data.empty()) {
    out.Put("MF");
  } else {
    const bool is_path = command.p1 == kSelectByPathFromMf || command.p1 == kSelectByPathFromDf;
    out.Put(is_path ? "path " : "file ");
    PutPath(command.data, out);
  }
}

void PutManageChannel(const wire::CommandApdu& command, TextWriter& out) {
  if (command.p1 == kCloseChannel) {
    out.Put("close channel ");
    out.PutDecimal(command.p2);
    return;
  }
  out.Put("open ");
  if (command.p2 == 0) {
    out.Put("the next free channel");
  } else {
    out.Put("channel ");
    out.PutDecimal(command.p2);
  }
}

/// P1 and P2 name an offset, or a short file identifier (b8 of P1) and an offset below 256.
void PutReadBinary(const wire::CommandApdu& command, TextWriter& out) {
  std::size_t offset = command.p2;
  if ((command.p1 & 0x80U) != 0) {
    out.Put("short file identifier ");
    out.PutDecimal(command.p1 & 0x1FU);
    out.Put(' ');
  } else {
    offset += std::size_t{command.p1} * 0x100;
  }
  out.Put("offset ");
  out.PutDecimal(offset);
}

void PutReadRecord(const wire::CommandApdu& command, TextWriter& out) {
  constexpr std::uint8_t kAbsolute = 0x04;
  const std::uint8_t mode = command.p2 & 0x07U;
  if (const auto sfi = command.p2 >> 3U; sfi != 0) {
    out.Put("short file identifier ");
    out.PutDecimal(static_cast<std::size_t>(sfi));
    out.Put(' ');
  }
  if (mode == kAbsolute && command.p1 == 0) {
    out.Put("current record");
  } else if (mode == kAbsolute) {
    out.Put("record ");
    out.PutDecimal(command.p1);
  } else {
    out.Put(mode == 0x02 ? "next record" : mode == 0x03 ? "previous record" : "record of unknown mode");
  }
}

void PutParameters(const wire::CommandApdu& command, Secrets secrets, TextWriter& out) {
  out.Put("P1=");
  out.PutHexByte(command.p1);
  out.Put(" P2=");
  out.PutHexByte(command.p2);
  if (!command.data.empty()) {
    const bool show = secrets == Secrets::kShow || ExposureOfCommand(command.ins) != Exposure::kNothing;
    out.Put(": ");
    PutBytesOrCount(command.data, show, out);
  }
}

void PutLe(const wire::CommandApdu& command, TextWriter& out) {
  if (command.le) {
    out.Put(", up to ");
    PutCount(*command.le, out);
  }
}

}  // namespace

void DescribeUiccCommand(const wire::CommandApdu& command, Secrets secrets, TextWriter& out) {
  const auto* const row = std::ranges::lower_bound(kUiccNames, command.ins, {}, &UiccName::ins);
  if (row != kUiccNames.end() && row->ins == command.ins) {
    out.Put(row->name);
  } else {
    out.Put("unknown instruction ");
    out.PutHexByte(command.ins);
  }
  if (command.ins != 0xC0) {
    out.Put(' ');
  }
  switch (command.ins) {
    case 0xA4:
      PutSelect(command, out);
      break;
    case 0x70:
      PutManageChannel(command, out);
      break;
    case 0xB0:
      PutReadBinary(command, out);
      PutLe(command, out);
      break;
    case 0xB2:
      PutReadRecord(command, out);
      PutLe(command, out);
      break;
    case 0xC0:
      PutLe(command, out);
      break;
    case 0xE2:
      if (secrets == Secrets::kShow && IsPersonalisation(command.data)) {
        DescribePersonalisation(command.data, out);
        break;
      }
      [[fallthrough]];
    default:
      PutParameters(command, secrets, out);
      break;
  }
}

}  // namespace simroot::iotsafe
