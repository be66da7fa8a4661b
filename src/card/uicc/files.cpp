// SPDX-License-Identifier: Apache-2.0
#include "card/uicc/files.hpp"

#include <string_view>

#include "common/base/check.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

using wire::PutBerTlv;
using wire::PutTlvU16;
using wire::PutTlvU8;

// ETSI TS 102 221 11.1.1.4.3: b7 shareable, b6..b4 type, b3..b1 structure; the data coding byte 21 follows.
constexpr std::uint8_t kDirectoryDescriptor = 0x78;
constexpr std::uint8_t kTransparentDescriptor = 0x41;
constexpr std::uint8_t kLinearFixedDescriptor = 0x42;
constexpr std::uint8_t kDataCoding = 0x21;

constexpr std::size_t kMaxFcpContent = 64;

// A5: UICC characteristics, clock stop allowed, supply voltage classes A to C.
constexpr std::array<std::uint8_t, 5> kUiccCharacteristics{0xA5, 0x03, 0x80, 0x01, 0x71};
// 8A: operational, activated.
constexpr std::array<std::uint8_t, 3> kActivated{0x8A, 0x01, 0x05};
// 8C, compact format: in a directory nothing may be created or deleted; an EF may be read, always, and nothing else.
constexpr std::array<std::uint8_t, 3> kDirectoryAccess{0x8C, 0x01, 0x00};
constexpr std::array<std::uint8_t, 4> kFileAccess{0x8C, 0x02, 0x01, 0x00};
// C6: PIN 1 (key reference 01) is disabled; the template is mandatory in MF and ADF.
constexpr std::array<std::uint8_t, 8> kPinStatus{0xC6, 0x06, 0x90, 0x01, 0x00, 0x83, 0x01, 0x01};

constexpr std::size_t kUsimRecord = 1;
constexpr std::string_view kUsimLabel = "USIM";
constexpr std::string_view kApplicationLabel = "IoT SAFE";

void PutDescriptor(std::uint8_t descriptor, ByteWriter& out) {
  PutTlvU16(0x82, static_cast<std::uint16_t>(descriptor << 8U | kDataCoding), out);
}

void PutDirectoryContent(const FileRow* file, ByteView aid, ByteWriter& out) {
  PutDescriptor(kDirectoryDescriptor, out);
  if (file != nullptr) {
    PutTlvU16(0x83, file->fid, out);
  }
  if (!aid.empty()) {
    PutBerTlv(0x84, aid, out);
  }
  out.PutBytes(kUiccCharacteristics);
  out.PutBytes(kActivated);
  out.PutBytes(kDirectoryAccess);
  out.PutBytes(kPinStatus);
}

void PutElementaryContent(const FileRow& file, const UiccIdentity& identity, const DirFile& dir, ByteWriter& out) {
  std::size_t size = 0;
  if (file.kind == FileKind::kTransparent) {
    size = file.content(identity).size();
    PutDescriptor(kTransparentDescriptor, out);
  } else {
    size = dir.RecordCount() * kDirRecordSize;
    out.PutU8(0x82);
    out.PutU8(5);
    out.PutU8(kLinearFixedDescriptor);
    out.PutU8(kDataCoding);
    out.PutU16(kDirRecordSize);
    out.PutU8(LowByte(dir.RecordCount()));
  }
  PutTlvU16(0x83, file.fid, out);
  out.PutBytes(kActivated);
  out.PutBytes(kFileAccess);
  PutTlvU16(0x80, static_cast<std::uint16_t>(size), out);
  if (file.sfi == 0) {
    PutBerTlv(0x88, {}, out);  // empty: has none; absent would mean the low five bits of the file identifier
  } else {
    PutTlvU8(0x88, LowByte(file.sfi << 3U), out);
  }
}

void PutTemplate(ByteView aid, std::string_view label, ByteWriter& out) {
  std::array<std::uint8_t, kDirRecordSize> memory{};
  ByteWriter content(memory);
  PutBerTlv(0x4F, aid, content);
  content.PutU8(0x50);
  content.PutU8(LowByte(label.size()));
  for (const char c : label) {
    content.PutU8(static_cast<std::uint8_t>(c));
  }
  SR_CHECK(content.ok());
  PutBerTlv(0x61, content.written(), out);
}

}  // namespace

const FileRow* FindChild(const FileRow& directory, std::uint16_t fid) {
  for (const FileRow& file : kFiles) {
    if (file.parent == directory.fid && file.fid == fid && !IsDirectory(file)) {
      return &file;
    }
  }
  return nullptr;
}

const FileRow* FindBySfi(const FileRow& directory, std::uint8_t sfi) {
  for (const FileRow& file : kFiles) {
    if (file.parent == directory.fid && file.sfi == sfi && sfi != 0) {
      return &file;
    }
  }
  return nullptr;
}

const FileRow& MasterFile() {
  constexpr const FileRow& kRow = kFiles[0];
  static_assert(kRow.fid == kMasterFileId);
  return kRow;
}

const FileRow& UsimDirectory() {
  constexpr const FileRow& kRow = kFiles[3];
  static_assert(kRow.fid == kActiveApplicationId);
  return kRow;
}

std::size_t DirFile::RecordCount() const {
  return kUsimRecord + static_cast<std::size_t>(std::ranges::count_if(applications_, &Application::IsListed));
}

void DirFile::PutRecord(std::size_t number, ByteWriter& out) const {
  SR_CHECK(number >= kUsimRecord && number <= RecordCount());
  std::array<std::uint8_t, kDirRecordSize> record{};
  record.fill(0xFF);
  ByteWriter content(record);
  if (number == kUsimRecord) {
    PutTemplate(kUsimAid, kUsimLabel, content);
  }
  std::size_t current = kUsimRecord;
  for (const Application* const application : applications_) {
    if (application->IsListed() && ++current == number) {
      PutTemplate(application->Aid(), kApplicationLabel, content);
    }
  }
  SR_CHECK(content.ok());
  out.PutBytes(record);
}

void PutFcp(const FileRow& file, const UiccIdentity& identity, const DirFile& dir, ByteWriter& out) {
  std::array<std::uint8_t, kMaxFcpContent> memory{};
  ByteWriter content(memory);
  if (IsDirectory(file)) {
    PutDirectoryContent(&file, file.kind == FileKind::kApplication ? ByteView(kUsimAid) : ByteView(), content);
  } else {
    PutElementaryContent(file, identity, dir, content);
  }
  SR_CHECK(content.ok());
  PutBerTlv(0x62, content.written(), out);
}

void PutApplicationFcp(ByteView aid, ByteWriter& out) {
  std::array<std::uint8_t, kMaxFcpContent> memory{};
  ByteWriter content(memory);
  PutDirectoryContent(nullptr, aid, content);
  SR_CHECK(content.ok());
  PutBerTlv(0x62, content.written(), out);
}

}  // namespace simroot::card
