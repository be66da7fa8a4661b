// SPDX-License-Identifier: Apache-2.0
/// The file system of the virtual UICC as a table: what a modem and a card reader look at besides the applications
/// (ETSI TS 102 221 clause 13, 3GPP TS 31.102 4.2). Read only; every content comes from UiccIdentity or is made up of
/// the list of applications.
#pragma once

#include <array>

#include "card/uicc/application.hpp"
#include "common/base/bytes.hpp"

namespace simroot::card {

/// Who the card is, in the coding of the files.
struct UiccIdentity {
  std::array<std::uint8_t, 10> iccid{};  ///< EF.ICCID: two BCD digits a byte, low nibble first, padded with F
  std::array<std::uint8_t, 9> imsi{};    ///< EF.IMSI: length 08, parity nibble and digits (3GPP TS 31.102 4.2.2)
  std::array<std::uint8_t, 4> administrative_data{0x00, 0x00, 0x00,
                                                  0x02};  ///< EF.AD: normal operation, MNC of 2 digits
  /// EF.SPN: display condition, then 16 characters padded with FF.
  std::array<std::uint8_t, 17> service_provider{0x00, 's',  'i',  'm',  'r',  'o',  'o',  't', 0xFF,
                                                0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
};

enum class FileKind : std::uint8_t {
  kDirectory,    ///< MF
  kApplication,  ///< ADF: reached by AID, or as 7FFF while it is the active application of the channel
  kTransparent,
  kLinearFixed,
};

/// One file.
struct FileRow {
  std::uint16_t fid;
  std::uint16_t parent;  ///< file identifier of the directory it lies in; the MF lies in itself
  FileKind kind;
  std::uint8_t sfi;                          ///< short file identifier 01 to 1E; 00: none
  ByteView (*content)(const UiccIdentity&);  ///< transparent files only
};

inline constexpr std::uint16_t kMasterFileId = 0x3F00;
inline constexpr std::uint16_t kActiveApplicationId = 0x7FFF;
inline constexpr std::uint16_t kDirFileId = 0x2F00;

/// Directories come before what lies in them.
inline constexpr std::array kFiles{
    FileRow{kMasterFileId, kMasterFileId, FileKind::kDirectory, 0, nullptr},
    FileRow{kDirFileId, kMasterFileId, FileKind::kLinearFixed, 0x1E, nullptr},
    FileRow{0x2FE2, kMasterFileId, FileKind::kTransparent, 0x02,
            [](const UiccIdentity& who) { return ByteView(who.iccid); }},
    FileRow{kActiveApplicationId, kMasterFileId, FileKind::kApplication, 0, nullptr},
    FileRow{0x6F07, kActiveApplicationId, FileKind::kTransparent, 0x07,
            [](const UiccIdentity& who) { return ByteView(who.imsi); }},
    FileRow{0x6FAD, kActiveApplicationId, FileKind::kTransparent, 0x03,
            [](const UiccIdentity& who) { return ByteView(who.administrative_data); }},
    FileRow{0x6F46, kActiveApplicationId, FileKind::kTransparent, 0,
            [](const UiccIdentity& who) { return ByteView(who.service_provider); }},
};

/// True for what can be a current directory.
[[nodiscard]] constexpr bool IsDirectory(const FileRow& file) {
  return file.kind == FileKind::kDirectory || file.kind == FileKind::kApplication;
}

/// The file directly in `directory` with identifier `fid`; nullptr if there is none. Never an ADF.
[[nodiscard]] const FileRow* FindChild(const FileRow& directory, std::uint16_t fid);
/// The EF directly in `directory` with short identifier `sfi`; nullptr if there is none.
[[nodiscard]] const FileRow* FindBySfi(const FileRow& directory, std::uint8_t sfi);
[[nodiscard]] const FileRow& MasterFile();
[[nodiscard]] const FileRow& UsimDirectory();

/// AID of ADF.USIM (ETSI TS 101 220: 3GPP RID and USIM, no country or provider code).
inline constexpr std::array<std::uint8_t, 16> kUsimAid{0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02, 0xFF,
                                                       0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x01, 0x00};

inline constexpr std::size_t kDirRecordSize = 32;  ///< bytes of an EF.DIR record; templates need up to 30
inline constexpr std::size_t kMaxDirRecords = 16;

/// EF.DIR: record 1 is the USIM, the others are the listed applications in the order of the card's list. Each is the
/// template `61 { 4F aid, 50 label }`, padded with FF (ETSI TS 102 221 13.1).
class DirFile {
 public:
  /// `applications` is borrowed for the life of the object; its AIDs are 5 to 16 bytes.
  explicit DirFile(std::span<Application* const> applications) : applications_(applications) {}

  [[nodiscard]] std::size_t RecordCount() const;
  /// Writes record `number`, 1 to RecordCount(), kDirRecordSize bytes.
  void PutRecord(std::size_t number, ByteWriter& out) const;

 private:
  std::span<Application* const> applications_;
};

/// Writes the file control parameters `62 ...` of `file` (ETSI TS 102 221 11.1.1.3).
void PutFcp(const FileRow& file, const UiccIdentity& identity, const DirFile& dir, ByteWriter& out);
/// Writes the file control parameters of an application that is no file: an ADF named `aid`.
void PutApplicationFcp(ByteView aid, ByteWriter& out);

}  // namespace simroot::card
