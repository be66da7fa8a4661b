// SPDX-License-Identifier: Apache-2.0
#include "device_session.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/host/file_io.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kMaxInput = 64UL << 20U;

Result<Bytes> ReadStdin() {
  Bytes content;
  std::array<std::uint8_t, 65536> block{};
  std::size_t count = 0;
  while ((count = std::fread(block.data(), 1, block.size(), stdin)) > 0) {
    if (content.size() + count > kMaxInput) {
      return Fail(ErrorDomain::kUsage, "the input is longer than 64 MiB", "hash it outside, or sign a smaller file");
    }
    content.insert(content.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count));
  }
  if (std::ferror(stdin) != 0) {
    return Fail(ErrorDomain::kStore, std::string("cannot read stdin: ") + std::strerror(errno));
  }
  return content;
}

}  // namespace

Result<DeviceSession> DeviceSession::Open(const DeviceOptions& options) {
  if (options.card.empty()) {
    return Fail(ErrorDomain::kUsage, "no card is given",
                "add --card URI or set SIMROOT_CARD, for example at:/dev/ttyUSB2, pcsc: or sim:FILE");
  }
  device::CardOptions card_options;
  SR_TRY(card_options.uri, device::ParseCardUri(options.card));
  card_options.pin_file = options.pin_file;
  card_options.timeout = std::chrono::seconds(options.timeout_s);
  DeviceSession session;
  if (options.trace) {
    session.trace_ = std::make_unique<StderrTrace>();
    card_options.observer = session.trace_.get();
  }
  session.card_ = device::Card::Create(std::move(card_options));
  return session;
}

Result<Bytes> ReadInput(const std::string& file) {
  if (file.empty() || file == "-") {
    return ReadStdin();
  }
  return ReadWholeFile(file, kMaxInput);
}

Result<void> WriteOutput(const std::string& file, ByteView content) {
  if (!file.empty()) {
    return WriteFileAtomically(file, content, 0644);
  }
  if (std::fwrite(content.data(), 1, content.size(), stdout) != content.size() || std::fflush(stdout) != 0) {
    return Fail(ErrorDomain::kStore, std::string("cannot write to stdout: ") + std::strerror(errno));
  }
  return {};
}

Result<iotsafe::HashAlgorithm> HashByName(const std::string& name) {
  if (name == "sha256") {
    return iotsafe::HashAlgorithm::kSha256;
  }
  if (name == "sha384") {
    return iotsafe::HashAlgorithm::kSha384;
  }
  if (name == "sha512") {
    return iotsafe::HashAlgorithm::kSha512;
  }
  return Fail(ErrorDomain::kUsage, "unknown hash algorithm " + name, "use sha256, sha384 or sha512");
}

Result<Bytes> Digest(iotsafe::HashAlgorithm hash, ByteView data) {
  const EVP_MD* const md = hash == iotsafe::HashAlgorithm::kSha256   ? EVP_sha256()
                           : hash == iotsafe::HashAlgorithm::kSha384 ? EVP_sha384()
                                                                     : EVP_sha512();
  Bytes digest(DigestSize(hash));
  if (EVP_Digest(data.data(), data.size(), digest.data(), nullptr, md, nullptr) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot hash", "check the OpenSSL configuration");
  }
  return digest;
}

Bytes EncodeSpki(const device::Point& point) {
  // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING point }: all but the point is constant.
  static constexpr std::array<std::uint8_t, 26> kPrefix{0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
                                                        0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                                        0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
  Bytes der(kPrefix.begin(), kPrefix.end());
  der.insert(der.end(), point.begin(), point.end());
  return der;
}

std::string ToPem(std::string_view label, ByteView der) {
  const std::string name(label);
  BIO* const bio = BIO_new(BIO_s_mem());
  std::string pem;
  if (bio != nullptr && PEM_write_bio(bio, name.c_str(), "", der.data(), static_cast<long>(der.size())) > 0) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    pem.assign(text, static_cast<std::size_t>(size));
  }
  BIO_free(bio);
  return pem;
}

}  // namespace simroot::app
