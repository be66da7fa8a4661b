// SPDX-License-Identifier: Apache-2.0
#include "server/sync/local_copy.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/host/file_io.hpp"
#include "common/host/unique_fd.hpp"
#include "server/sync/copy_record.hpp"
#include "server/sync/record_chain.hpp"

namespace simroot::server {
namespace {

using crypto::OpenSslCrypto;

constexpr ::mode_t kOwnerOnly = S_IRUSR | S_IWUSR;
constexpr std::size_t kLongAnyway = 64 * 1024;  ///< bytes of changes that a small snapshot may have behind it

/// All of `bytes` at `offset`; 0 or the reason.
int WriteAt(int fd, ByteView bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<::off_t>(offset));
    if (written < 0 && errno != EINTR) {
      return errno;
    }
    const std::size_t count = written < 0 ? 0 : static_cast<std::size_t>(written);
    bytes = bytes.subspan(count);
    offset += count;
  }
  return 0;
}

bool ReadAt(int fd, ByteSpan bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<::off_t>(offset));
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return false;
    }
    const std::size_t count = got < 0 ? 0 : static_cast<std::size_t>(got);
    bytes = bytes.subspan(count);
    offset += count;
  }
  return true;
}

/// An open file and how far its chain goes.
struct OpenCopy {
  UniqueFd fd;
  RecordChain chain;
  std::size_t end = 0;           ///< of the last good record
  std::size_t snapshot_end = 0;  ///< of the record that ends the snapshot; 0: there is none
  std::string authorities;       ///< as the file has them last
};

class FileCopy final : public LocalCopy {
 public:
  FileCopy(std::string file, ByteView secret, std::unique_ptr<OpenSslCrypto> crypto)
      : file_(std::move(file)), secret_(secret), crypto_(std::move(crypto)) {}

  [[nodiscard]] Result<void> TakeLock();

  [[nodiscard]] Result<SyncPoint> Load(const std::function<void(Credential&&)>& visit, std::string& why) override;
  [[nodiscard]] Result<void> Append(const std::vector<Credential>& changes, const SyncPoint& point) override;
  [[nodiscard]] Result<void> Rewrite(const std::function<void(const Visit&)>& all, const SyncPoint& point) override;
  [[nodiscard]] std::string WhyReadOnly() const override {
    return lock_ ? std::string() : FileError("write", file_ + ".lock", lock_error_).Text();
  }
  [[nodiscard]] bool IsLong() const override {
    return taken_over_ || (open_ != nullptr && open_->end - open_->snapshot_end > open_->snapshot_end + kLongAnyway);
  }

 private:
  void OpenLock();
  [[nodiscard]] bool Own();
  [[nodiscard]] std::string Start(OpenCopy& copy) const;
  [[nodiscard]] bool ReadNext(OpenCopy& copy, std::size_t size, const std::function<void(Credential&&)>& visit,
                              std::optional<RecordPoint>& point) const;
  /// Seals what is in `record`, writes it behind the end, empties it.
  [[nodiscard]] Result<void> Write(OpenCopy& copy, RecordWriter& record) const;
  [[nodiscard]] Result<void> WriteAll(OpenCopy& copy, const std::function<void(const Visit&)>& all,
                                      const SyncPoint& point) const;
  [[nodiscard]] tl::unexpected<Error> CannotWrite(int reason) const {
    return tl::unexpected<Error>(FileError("write", file_, reason));
  }

  std::string file_;
  SecretBytes secret_;
  std::unique_ptr<OpenSslCrypto> crypto_;
  UniqueFd lock_;  ///< none: the directory cannot be written
  int lock_error_ = 0;
  bool owns_ = false;
  bool taken_over_ = false;         ///< another process wrote the file until now: only a new one is right
  std::unique_ptr<OpenCopy> open_;  ///< nullptr: nothing can be appended
};

void FileCopy::OpenLock() {
  lock_ = UniqueFd(::open((file_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
  lock_error_ = lock_ ? 0 : errno;
}

Result<void> FileCopy::TakeLock() {
  OpenLock();
  // What is there can be read all the same, and devices be served.
  const bool read_only =
      lock_error_ == EROFS || lock_error_ == EACCES || lock_error_ == ENOSPC || lock_error_ == EDQUOT;
  if (!lock_ && !read_only) {
    return tl::unexpected<Error>(FileError("write", file_ + ".lock", lock_error_));
  }
  if (Own()) {
    (void)::unlink((file_ + ".new").c_str());  // left by a process that died
  }
  taken_over_ = false;  // nothing was missed: it is loaded only now
  return {};
}

bool FileCopy::Own() {
  if (!lock_) {
    OpenLock();
  }
  if (!owns_ && lock_ && ::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) {
    owns_ = true;
    taken_over_ = true;
    open_.reset();
  }
  return owns_;
}

/// Reads the header. Why it cannot be used, or nothing.
std::string FileCopy::Start(OpenCopy& copy) const {
  struct stat status {};
  if (!copy.fd) {
    return errno == ENOENT ? "there is none yet" : FileError("read", file_, errno).message;
  }
  std::array<std::uint8_t, kCopyHeader> header{};
  if (::fstat(copy.fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return file_ + " is not a regular file";
  }
  if (!ReadAt(copy.fd.get(), header, 0) || !SameBytes(ByteView(header).first(kCopyMark.size()), kCopyMark)) {
    return file_ + " is no local copy, or of another version";
  }
  RecordChain::Salt salt{};
  (void)CopyBytes(ByteView(header).last(kCopySalt), salt);
  if (!copy.chain.Start(*crypto_, secret_, salt)) {
    return "OpenSSL failed";
  }
  copy.end = kCopyHeader;
  return {};
}

/// Opens the record behind the end, if there is a good one, and moves the end.
bool FileCopy::ReadNext(OpenCopy& copy, std::size_t size, const std::function<void(Credential&&)>& visit,
                        std::optional<RecordPoint>& point) const {
  std::array<std::uint8_t, kRecordHead> head{};
  if (size - copy.end < kRecordHead + kRecordTag || !ReadAt(copy.fd.get(), head, copy.end)) {
    return false;
  }
  std::uint32_t body_size = 0;
  (void)ByteReader(head).ReadU32(body_size);
  if (body_size > RecordWriter::kLongest || body_size > size - copy.end - kRecordHead - kRecordTag) {
    return false;
  }
  Bytes record(kRecordHead + body_size + kRecordTag);
  Bytes body;
  const bool good = ReadAt(copy.fd.get(), record, copy.end) && copy.chain.Open(*crypto_, record, body) &&
                    ReadRecord(body, visit, point);
  Wipe(body);
  copy.end += good ? record.size() : 0;
  return good;
}

Result<SyncPoint> FileCopy::Load(const std::function<void(Credential&&)>& visit, std::string& why) {
  open_.reset();
  auto copy = std::make_unique<OpenCopy>();
  copy->fd = UniqueFd(::open(file_.c_str(), (owns_ ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  SyncPoint last;
  why = Start(*copy);
  if (!why.empty()) {
    return last;
  }
  struct stat status {};
  (void)::fstat(copy->fd.get(), &status);
  const auto size = static_cast<std::size_t>(status.st_size);
  std::optional<RecordPoint> point;
  while (ReadNext(*copy, size, visit, point)) {
    if (point) {
      last.feed_number = point->feed_number;
      last.contact = point->contact;
      last.authorities = point->authorities ? *point->authorities : last.authorities;
      copy->snapshot_end = copy->snapshot_end == 0 ? copy->end : copy->snapshot_end;
      point.reset();
    }
  }
  if (copy->snapshot_end == 0) {
    why = copy->end == kCopyHeader ? file_ + " is of another identity, or damaged" : "its snapshot is torn or damaged";
    return SyncPoint{};
  }
  if (copy->end < size) {
    why = std::to_string(size - copy->end) + " bytes at its end are torn or damaged";
  }
  copy->authorities = last.authorities;
  if (owns_) {
    open_ = std::move(copy);
  }
  return last;
}

Result<void> FileCopy::Write(OpenCopy& copy, RecordWriter& record) const {
  if (record.bytes().size() > RecordWriter::kLongest) {
    return Fail(ErrorDomain::kStore, "cannot write " + file_ + ": a record is too long",
                "the platform tells too many authorities");
  }
  const auto sealed = copy.chain.Seal(*crypto_, record.bytes());
  if (!sealed) {
    return Fail(ErrorDomain::kCrypto, "the local copy cannot be enciphered: OpenSSL failed", "free some memory");
  }
  if (const int reason = WriteAt(copy.fd.get(), *sealed, copy.end); reason != 0) {
    return CannotWrite(reason);
  }
  copy.chain.Commit();
  copy.end += sealed->size();
  record.Clear();
  return {};
}

Result<void> FileCopy::Append(const std::vector<Credential>& changes, const SyncPoint& point) {
  if (!Own() || taken_over_) {
    return {};
  }
  if (open_ == nullptr) {
    return Fail(ErrorDomain::kStore, "cannot add to " + file_ + ": it has to be written anew first");
  }
  OpenCopy& copy = *open_;
  // What is behind the end is torn or damaged, or was not acknowledged.
  if (::ftruncate(copy.fd.get(), static_cast<::off_t>(copy.end)) != 0) {
    return CannotWrite(errno);
  }
  RecordWriter record;
  const std::size_t end = copy.end;
  const auto written = [&]() -> Result<void> {
    for (const Credential& credential : changes) {
      record.Put(credential);
      if (record.IsFull()) {
        SR_TRY_VOID(Write(copy, record));
      }
    }
    RecordPoint last{point.feed_number, point.contact, std::nullopt};
    if (point.authorities != copy.authorities) {
      last.authorities = point.authorities;
    }
    record.Put(last);
    SR_TRY_VOID(Write(copy, record));
    return ::fdatasync(copy.fd.get()) == 0 ? Result<void>() : CannotWrite(errno);
  }();
  if (!written) {
    (void)!::ftruncate(copy.fd.get(), static_cast<::off_t>(end));
    open_.reset();  // nobody knows what is on the disk: it is written anew
    return written;
  }
  copy.authorities = point.authorities;
  return {};
}

Result<void> FileCopy::WriteAll(OpenCopy& copy, const std::function<void(const Visit&)>& all,
                                const SyncPoint& point) const {
  if (const int reason = WriteAt(copy.fd.get(), copy.chain.header(), 0); reason != 0) {
    return CannotWrite(reason);
  }
  copy.end = kCopyHeader;
  RecordWriter record;
  Result<void> result;
  all([&](const Credential& credential) {
    record.Put(credential);
    if (result && record.IsFull()) {
      result = Write(copy, record);
    }
    if (!result) {
      record.Clear();
    }
  });
  SR_TRY_VOID(result);
  if (record.IsFull() || record.bytes().size() + point.authorities.size() > RecordWriter::kFull) {
    SR_TRY_VOID(Write(copy, record));
  }
  record.Put(RecordPoint{point.feed_number, point.contact, point.authorities});
  SR_TRY_VOID(Write(copy, record));
  copy.snapshot_end = copy.end;
  copy.authorities = point.authorities;
  return ::fsync(copy.fd.get()) == 0 ? Result<void>() : CannotWrite(errno);
}

Result<void> FileCopy::Rewrite(const std::function<void(const Visit&)>& all, const SyncPoint& point) {
  if (!Own()) {
    return {};
  }
  const std::string temporary = file_ + ".new";
  auto copy = std::make_unique<OpenCopy>();
  (void)::unlink(temporary.c_str());
  copy->fd = UniqueFd(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
  if (!copy->fd || ::fchmod(copy->fd.get(), kOwnerOnly) != 0) {  // whatever the umask says
    return CannotWrite(errno);
  }
  RecordChain::Salt salt{};
  const auto written = crypto_->Random(salt) && copy->chain.Start(*crypto_, secret_, salt)
                           ? WriteAll(*copy, all, point)
                           : Result<void>(Fail(ErrorDomain::kCrypto, "OpenSSL failed", "free some memory"));
  if (!written) {
    (void)::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), file_.c_str()) != 0) {
    const int reason = errno;
    (void)::unlink(temporary.c_str());
    return CannotWrite(reason);
  }
  open_ = std::move(copy);
  taken_over_ = false;
  return SyncDirectoryOf(file_);
}

}  // namespace

Result<std::unique_ptr<LocalCopy>> LocalCopy::Open(const std::string& file, const SecretBytes& secret) {
  auto crypto = OpenSslCrypto::Create();
  if (crypto == nullptr) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot be used", "check that its default provider is there");
  }
  auto copy = std::make_unique<FileCopy>(file, secret.Reveal(InsecureReveal::kForCrypto), std::move(crypto));
  SR_TRY_VOID(copy->TakeLock());
  return std::unique_ptr<LocalCopy>(std::move(copy));
}

}  // namespace simroot::server
