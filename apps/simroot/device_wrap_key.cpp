// SPDX-License-Identifier: Apache-2.0
/// `simroot device wrap-key`: the PEM file that a program takes in place of a private key.
#include <unistd.h>

#include "common/host/file_io.hpp"
#include "device/provider/wrapper.hpp"
#include "device_session.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

/// The public half of a key that a wrapper can stand for.
Result<device::Point> ReadP256(device::Key key, const device::ObjectName& name) {
  SR_TRY(const device::PublicKey read, key.AnyPublicKey());
  device::Point point{};
  const bool p256 = read.type == iotsafe::KeyType::kP256Persistent || read.type == iotsafe::KeyType::kP256Volatile;
  if (!p256 || !CopyBytes(read.point, point)) {
    return Fail(ErrorDomain::kUsage, name.Text() + " is no key on P-256, which is what OpenSSL's programs can use",
                "choose a P-256 key; keys of other kinds are used through PKCS#11 and the C API");
  }
  return point;
}

Result<std::string> MakeWrapper(const DeviceOptions& options, const WrapKeyArguments& arguments) {
  SR_TRY(auto session, DeviceSession::Open(options));
  SR_TRY(const auto name, device::ParseObjectName(iotsafe::ObjectClass::kPrivateKey, arguments.ref));
  SR_TRY(const device::Point point, ReadP256(device::Key(session.shared_card(), name), name));
  std::string pem = device::EncodeWrapper({name, point, options.card});
  if (!arguments.certificate.empty()) {
    SR_TRY(const auto file, device::ParseObjectName(iotsafe::ObjectClass::kFile, arguments.certificate));
    SR_TRY(const Bytes certificate, session.card().ReadFile(file));
    pem += ToPem("CERTIFICATE", certificate);
  }
  return pem;
}

}  // namespace

/// A file that holds anything else than a wrapper is not replaced: it may be the key that the SIM's is to take the
/// place of, or the SIM itself.
Result<void> CheckReplaceable(const std::string& path) {
  constexpr std::size_t kMax = 1UL << 20U;
  if (::access(path.c_str(), F_OK) != 0) {
    return {};
  }
  const auto content = ReadWholeFile(path, kMax);
  const std::string begin = "-----BEGIN " + std::string(device::kWrapperLabel) + "-----";
  if (content && (content->empty() || AsText(*content).starts_with(begin))) {
    return {};
  }
  return Fail(ErrorDomain::kUsage, path + " exists and is no wrapper file", "choose another name, or remove it first");
}

int RunDeviceWrapKey(const DeviceOptions& options, const WrapKeyArguments& arguments) {
  if (options.card.size() > device::kMaxWrapperCard || options.card.find(' ') != std::string::npos) {
    return Report({ErrorDomain::kUsage, "the card URI has a space or more than 255 characters",
                   "make a symbolic link with a short name and use that"});
  }
  if (const auto free = CheckReplaceable(arguments.out); !free) {
    return Report(free.error());
  }
  const auto pem = MakeWrapper(options, arguments);
  if (!pem) {
    return Report(pem.error());
  }
  const auto written = WriteFileAtomically(arguments.out, AsBytes(*pem), 0644);
  if (!written) {
    return Report(written.error());
  }
  return PrintLine("wrote " + arguments.out + ": use it wherever a program asks for a private key file") ? kDone
                                                                                                         : kFailed;
}

}  // namespace simroot::app
