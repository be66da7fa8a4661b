// SPDX-License-Identifier: Apache-2.0
#include "platform/vault/kek_file.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>

#include "common/base/crc32.hpp"
#include "common/host/file_io.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::platform {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::uint8_t, 12> kMark{'s', 'i', 'm', 'r', 'o', 'o', 't', ' ', 'K', 'E', 'K', 1};
constexpr std::size_t kFileSize = kMark.size() + 4 + kVaultKeySize + 4;
constexpr std::string_view kNamePrefix = "kek-";

tl::unexpected<Failure> Damaged(const std::string& path) {
  return Refuse(FailureKind::kInvalid, path + " is damaged, or it is not a key encryption key",
                "put the file back from a backup of the vault's directory");
}

/// The number in "kek-17"; nothing for any other name, "kek-017" and temporary files included.
std::optional<std::uint32_t> NumberIn(std::string_view name) {
  if (!name.starts_with(kNamePrefix)) {
    return std::nullopt;
  }
  name.remove_prefix(kNamePrefix.size());
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || name.front() == '0') {
    return std::nullopt;
  }
  return number;
}

Outcome<void> CheckRights(const std::string& path, int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    return tl::unexpected<Failure>(FileError("read", path, errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return Refuse(FailureKind::kInvalid, path + " is not a regular file", "put the key encryption key back there");
  }
  if (status.st_uid != ::geteuid()) {
    return Refuse(
        FailureKind::kInvalid,
        path + " belongs to user " + std::to_string(status.st_uid) + ", not to user " + std::to_string(::geteuid()),
        "run the platform as the owner of its directory");
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Refuse(FailureKind::kInvalid, "other users may read or write the key encryption key " + path,
                  "chmod 600 " + path + ", and add a new key if they may have read it");
  }
  return {};
}

/// Reads up to `memory.size()` bytes. @returns how many there were, or nothing if the system refuses.
std::optional<std::size_t> ReadUpTo(int fd, ByteSpan memory) {
  std::size_t total = 0;
  while (total < memory.size()) {
    const ByteSpan rest = memory.subspan(total);
    const ssize_t got = ::read(fd, rest.data(), rest.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return std::nullopt;
    }
    if (got == 0) {
      break;
    }
    total += static_cast<std::size_t>(got);
  }
  return total;
}

}  // namespace

std::string KekPath(const std::string& directory, std::uint32_t number) {
  return directory + "/" + std::string(kNamePrefix) + std::to_string(number);
}

Outcome<void> MakeKekFile(const std::string& directory, std::uint32_t number, Kek& out) {
  out.number = number;
  const ByteSpan key = out.key.Prepare(kVaultKeySize);
  if (RAND_priv_bytes(key.data(), static_cast<int>(key.size())) != 1) {
    return Refuse(FailureKind::kInternal, "OpenSSL gives no random bytes for a key encryption key");
  }
  SecretArray<kFileSize> content;
  ByteWriter writer(content.Prepare(kFileSize));
  writer.PutBytes(kMark);
  writer.PutU32(number);
  writer.PutBytes(key);
  writer.PutU32(Crc32Of(writer.written()));

  // A link never replaces: of two processes that add the same number at once, one is told so and no key is lost.
  const std::string path = KekPath(directory, number);
  const std::string fresh = path + ".new-" + std::to_string(::getpid());
  SR_TRY_VOID(WriteFileAtomically(fresh, content.Reveal(InsecureReveal::kForStore), S_IRUSR | S_IWUSR));
  const int linked = ::link(fresh.c_str(), path.c_str());
  const int reason = errno;
  ::unlink(fresh.c_str());
  if (linked != 0 && reason == EEXIST) {
    return Refuse(FailureKind::kConflict, "there is a key encryption key " + path + " already",
                  "restart the platform so that it reads it");
  }
  if (linked != 0) {
    return tl::unexpected<Failure>(FileError("write", path, reason));
  }
  SR_TRY_VOID(SyncDirectoryOf(path));
  return {};
}

Outcome<void> ReadKekFile(const std::string& directory, std::uint32_t number, Kek& out) {
  const std::string path = KekPath(directory, number);
  // O_NONBLOCK: opening a pipe must not wait before it is refused.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK));
  if (!fd && (errno == ENOENT || errno == ELOOP)) {
    return Refuse(FailureKind::kInvalid, "there is no key encryption key " + path + ", or it is a symbolic link",
                  "put the file back from a backup of the vault's directory");
  }
  if (!fd) {
    return tl::unexpected<Failure>(FileError("read", path, errno));
  }
  SR_TRY_VOID(CheckRights(path, fd.get()));
  SecretArray<kFileSize + 1> content;
  const ByteSpan memory = content.Prepare(kFileSize + 1);
  const auto size = ReadUpTo(fd.get(), memory);
  if (!size) {
    return tl::unexpected<Failure>(FileError("read", path, errno));
  }
  if (*size != kFileSize) {
    return Damaged(path);
  }
  ByteReader reader(memory.first(kFileSize));
  const ByteView covered = reader.rest().first(kFileSize - 4);
  ByteView mark;
  ByteView key;
  std::uint32_t named = 0;
  std::uint32_t checksum = 0;
  if (!reader.ReadBytes(kMark.size(), mark) || !SameBytes(mark, kMark) || !reader.ReadU32(named) || named != number ||
      !reader.ReadBytes(kVaultKeySize, key) || !reader.ReadU32(checksum) || checksum != Crc32Of(covered) ||
      !out.key.Assign(key)) {
    return Damaged(path);
  }
  out.number = number;
  return {};
}

Outcome<std::list<std::uint32_t>> ListKekFiles(const std::string& directory) {
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  std::list<std::uint32_t> numbers;
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    if (const auto number = NumberIn(entries->path().filename().string())) {
      numbers.push_back(*number);
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return tl::unexpected<Failure>(FileError("read the directory", directory, error.value()));
  }
  numbers.sort();
  return numbers;
}

}  // namespace simroot::platform
