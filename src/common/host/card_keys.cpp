// SPDX-License-Identifier: Apache-2.0
#include "common/host/card_keys.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "common/host/file_io.hpp"

namespace simroot {
namespace {

constexpr std::size_t kMaxFile = 64UL << 20U;
constexpr std::size_t kFields = 9;
constexpr std::string_view kNextStep = "see docs/formats/card-keys.md";

/// Text with secrets in it: wiped, whatever happens.
class SecretText {
 public:
  SecretText() = default;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { Wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}); }
  std::string text;
};

struct Algorithm {
  std::string_view name;
  std::size_t key_size;
};
constexpr std::array kAlgorithms{Algorithm{"aes-128", 16}, Algorithm{"aes-192", 24}, Algorithm{"aes-256", 32}};

template <std::size_t kCount>
[[nodiscard]] bool SplitLine(std::string_view line, std::array<std::string_view, kCount>& fields) {
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::size_t comma = line.find(',');
    if ((comma == std::string_view::npos) != (i == kCount - 1)) {
      return false;
    }
    fields[i] = line.substr(0, comma);
    line.remove_prefix(comma == std::string_view::npos ? line.size() : comma + 1);
  }
  return true;
}

[[nodiscard]] bool IsDigits(std::string_view text, std::size_t min, std::size_t max) {
  return text.size() >= min && text.size() <= max &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

[[nodiscard]] bool ReadKey(std::string_view hex, std::size_t size, SecretArray<32>& key) {
  if (hex.size() != 2 * size) {
    return false;
  }
  ByteWriter bytes(key.Prepare(size));
  return ParseHex(hex, bytes);
}

[[nodiscard]] Result<void> ParseFile(std::string_view text, const std::string& path, std::list<CardKeys>& out) {
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    ++number;
    if (number == 1 && line != kCardKeysHeader) {
      return Fail(ErrorDomain::kUsage, path + " is no file of card keys: its first line is not the header",
                  std::string(kNextStep));
    }
    if (number == 1 || line.empty()) {
      continue;
    }
    if (const std::string_view trouble = ReadCardKeysLine(line, out.emplace_back()); !trouble.empty()) {
      return Fail(ErrorDomain::kUsage, "line " + std::to_string(number) + " of " + path + " " + std::string(trouble),
                  std::string(kNextStep));
    }
  }
  if (number == 0) {
    return Fail(ErrorDomain::kUsage, path + " is empty, and no file of card keys", std::string(kNextStep));
  }
  return {};
}

[[nodiscard]] bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Lines are only added to what is a file of keys with nothing cut off at its end.
[[nodiscard]] Result<void> CheckExisting(int fd, const struct stat& status, const std::string& path) {
  SecretText start;
  start.text.resize(kCardKeysHeader.size() + 1);
  char last = 0;
  const bool read = ::pread(fd, start.text.data(), start.text.size(), 0) == static_cast<ssize_t>(start.text.size()) &&
                    ::pread(fd, &last, 1, status.st_size - 1) == 1;
  if (!read || start.text != std::string(kCardKeysHeader) + "\n" || last != '\n') {
    return Fail(ErrorDomain::kStore, path + " exists and is no file of card keys, or its last line is not complete",
                "name another file; nothing was written");
  }
  return {};
}

}  // namespace

std::string_view ReadCardKeysLine(std::string_view line, CardKeys& keys) {
  std::array<std::string_view, kFields> fields;
  if (!SplitLine(line, fields)) {
    return "has not 9 fields";
  }
  const auto& [iccid, imsi, profile, aid, version, algorithm, enc, mac, dek] = fields;
  if (!IsDigits(iccid, 18, 20) || !IsDigits(imsi, 0, 15)) {
    return "has an ICCID or IMSI that is not digits of the right number";
  }
  const auto aid_bytes = FromHex(aid);
  const auto version_byte = FromHex(version);
  if (!aid_bytes || aid_bytes->size() < 5 || aid_bytes->size() > 16 || !version_byte || version_byte->size() != 1) {
    return "has an AID or key version that is not hexadecimal of the right length";
  }
  const auto* const known = std::ranges::find(kAlgorithms, algorithm, &Algorithm::name);
  if (known == kAlgorithms.end()) {
    return "has an unknown algorithm";
  }
  if (!ReadKey(enc, known->key_size, keys.enc) || !ReadKey(mac, known->key_size, keys.mac) ||
      !ReadKey(dek, known->key_size, keys.dek)) {
    return "has a key that is not hexadecimal of the length of its algorithm";
  }
  keys.iccid = iccid;
  keys.imsi = imsi;
  keys.profile = profile;
  keys.aid = *aid_bytes;
  keys.version = version_byte->front();
  return {};
}

std::string FormatCardKeys(const CardKeys& keys) {
  constexpr std::size_t kMaxKeyText = 3 * 65;
  std::string line;
  // One allocation: a string that grows leaves copies of secrets behind.
  line.reserve(keys.iccid.size() + keys.imsi.size() + keys.profile.size() + 2 * keys.aid.size() + kMaxKeyText + 32);
  const auto* const algorithm = std::ranges::find(kAlgorithms, keys.enc.size(), &Algorithm::key_size);
  line += keys.iccid + ",";
  line += keys.imsi + ",";
  line += keys.profile + ",";
  line += ToHex(keys.aid) + ",";
  line += ToHex(ByteView(&keys.version, 1)) + ",";
  line += algorithm == kAlgorithms.end() ? std::string_view() : algorithm->name;
  for (const SecretArray<32>* const key : {&keys.enc, &keys.mac, &keys.dek}) {
    std::array<char, 64> memory{};
    TextWriter hex(memory);
    hex.PutHex(key->Reveal(InsecureReveal::kForStore));
    line += ',';
    line += hex.text();
    Wipe({reinterpret_cast<std::uint8_t*>(memory.data()), memory.size()});
  }
  line += '\n';
  return line;
}

Result<std::list<CardKeys>> ReadCardKeys(const std::string& path) {
  SR_TRY(Bytes content, ReadWholeFile(path, kMaxFile));
  std::list<CardKeys> sets;
  const auto parsed = ParseFile(AsText(content), path, sets);
  Wipe(content);
  if (!parsed) {
    return tl::make_unexpected(parsed.error());
  }
  return sets;
}

Result<CardKeysFile> CardKeysFile::Open(const std::string& path) {
  constexpr mode_t kPrivate = 0600;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kPrivate));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return tl::make_unexpected(FileError("open", path, errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorDomain::kStore, path + " is not a regular file", "name another file");
  }
  if ((status.st_mode & 077U) != 0) {
    return Fail(ErrorDomain::kStore, path + " may be read or written by other users, and is to hold keys",
                "say `chmod 600 " + path + "` first, or name another file");
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(ErrorDomain::kStore, "another program is adding keys to " + path, "try again when it has finished");
  }
  if (::fstat(fd.get(), &status) != 0) {
    return tl::make_unexpected(FileError("read", path, errno));
  }
  if (status.st_size == 0) {
    if (!WriteAll(fd.get(), std::string(kCardKeysHeader) + "\n")) {
      return tl::make_unexpected(FileError("write", path, errno));
    }
  } else {
    SR_TRY_VOID(CheckExisting(fd.get(), status, path));
  }
  return CardKeysFile(path, std::move(fd));
}

Result<void> CardKeysFile::Append(const std::list<CardKeys>& sets) {
  struct stat before {};
  if (::fstat(fd_.get(), &before) != 0) {
    return tl::make_unexpected(FileError("read", path_, errno));
  }
  for (const CardKeys& keys : sets) {
    SecretText line;
    line.text = FormatCardKeys(keys);
    if (!WriteAll(fd_.get(), line.text)) {
      const int why = errno;
      if (::ftruncate(fd_.get(), before.st_size) != 0) {
        return Fail(ErrorDomain::kStore, "cannot write " + path_ + " and cannot take back the half-written line",
                    "remove its last line, then check the free space of the disk");
      }
      return tl::make_unexpected(FileError("write", path_, why));
    }
  }
  if (::fsync(fd_.get()) != 0) {
    return tl::make_unexpected(FileError("write", path_, errno));
  }
  return SyncDirectoryOf(path_);
}

}  // namespace simroot
