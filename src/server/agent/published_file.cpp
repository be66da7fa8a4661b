// SPDX-License-Identifier: Apache-2.0
#include "server/agent/published_file.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>

#include "common/base/secret.hpp"
#include "common/crypto/openssl/backend.hpp"
#include "common/host/file_io.hpp"

namespace simroot::server {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 30U;
constexpr mode_t kRights = S_IRWXU | S_IRWXG | S_IRWXO;

}  // namespace

Result<PublishedFile::Digest> PublishedFile::DigestOf(ByteView content) {
  Digest digest{};
  const crypto::Backend* const backend = crypto::Backend::Get();
  if (backend == nullptr || EVP_Digest(content.data(), content.size(), digest.data(), nullptr,
                                       backend->Digest(crypto::HashAlgorithm::kSha256), nullptr) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot make a hash", "check the installation of OpenSSL");
  }
  return digest;
}

bool PublishedFile::IsInPlace() const {
  struct stat status {};
  return ::lstat(path_.c_str(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & kRights) == mode_;
}

std::optional<PublishedFile::Digest> PublishedFile::DigestOnDisk() const {
  if (!IsInPlace()) {
    return std::nullopt;
  }
  auto content = ReadWholeFile(path_, kMaxFile);
  if (!content) {
    return std::nullopt;
  }
  const auto digest = DigestOf(*content);
  Wipe(*content);
  return digest ? std::optional(*digest) : std::nullopt;
}

Result<bool> PublishedFile::Publish(ByteView content) {
  SR_TRY(const Digest wanted, DigestOf(content));
  if (!published_) {
    published_ = DigestOnDisk();
  }
  if (published_ == wanted && IsInPlace()) {
    return false;
  }
  SR_TRY_VOID(WriteFileAtomically(path_, content, mode_));
  published_ = wanted;
  return true;
}

}  // namespace simroot::server
