// SPDX-License-Identifier: Apache-2.0
/// `simroot device sign` and `verify`.
#include <sys/stat.h>

#include "common/host/file_io.hpp"
#include "common/host/hex.hpp"
#include "device_session.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kMaxSignatureFile = 1024;

/// A file of that name, which may hold hexadecimal text, or that text itself; raw r||s or DER.
Result<device::RawSignature> ReadSignature(const std::string& argument) {
  struct stat status {};
  Bytes bytes;
  if (::stat(argument.c_str(), &status) == 0) {
    SR_TRY(bytes, ReadWholeFile(argument, kMaxSignatureFile));
    if (auto hex = FromHex(AsText(bytes)); hex && !hex->empty()) {  // what `sign` prints, saved
      bytes = *std::move(hex);
    }
  } else if (const auto hex = FromHex(argument)) {
    bytes = *hex;
  } else {
    return Fail(ErrorDomain::kUsage, argument + " is neither a file nor hexadecimal text",
                "give the signature as `simroot device sign` prints it");
  }
  device::RawSignature signature{};
  if (bytes.size() == signature.size()) {
    std::ranges::copy(bytes, signature.begin());
    return signature;
  }
  const auto raw = iotsafe::DerSignatureToRaw(bytes);
  if (!raw) {
    return Fail(ErrorDomain::kUsage, "the signature is neither 64 bytes r||s nor a DER ECDSA signature",
                "give the signature as `simroot device sign` prints it");
  }
  std::ranges::copy(raw->view(), signature.begin());
  return signature;
}

Result<Bytes> SignInput(const DeviceOptions& options, const SignArguments& arguments) {
  SR_TRY(auto session, DeviceSession::Open(options));
  SR_TRY(const auto name, device::ParseObjectName(iotsafe::ObjectClass::kPrivateKey, arguments.ref));
  SR_TRY(const auto hash, HashByName(arguments.hash));
  SR_TRY(const Bytes input, ReadInput(arguments.input));
  SR_TRY(const Bytes digest, Digest(hash, input));
  SR_TRY(const device::RawSignature signature, session.card().Sign(name, hash, digest));
  if (arguments.raw) {
    return Bytes(signature.begin(), signature.end());
  }
  const auto der = iotsafe::RawSignatureToDer(signature);
  return Bytes(der.view().begin(), der.view().end());
}

Result<bool> VerifyInput(const DeviceOptions& options, const VerifyArguments& arguments) {
  SR_TRY(auto session, DeviceSession::Open(options));
  SR_TRY(const auto name, device::ParseObjectName(iotsafe::ObjectClass::kPublicKey, arguments.ref));
  SR_TRY(const auto hash, HashByName(arguments.hash));
  SR_TRY(const device::RawSignature signature, ReadSignature(arguments.signature));
  SR_TRY(const Bytes input, ReadInput(arguments.input));
  SR_TRY(const Bytes digest, Digest(hash, input));
  return session.card().Verify(name, hash, digest, signature);
}

}  // namespace

int RunDeviceSign(const DeviceOptions& options, const SignArguments& arguments) {
  const auto signature = SignInput(options, arguments);
  if (!signature) {
    return Report(signature.error());
  }
  if (!arguments.out.empty()) {
    const auto written = WriteOutput(arguments.out, *signature);
    return written ? kDone : Report(written.error());
  }
  const std::string hex = ToHex(*signature);
  return PrintLine(options.json ? JsonWriter()
                                      .BeginObject()
                                      .Text("format", arguments.raw ? "raw" : "der")
                                      .Text("signature", hex)
                                      .EndObject()
                                      .text()
                                : hex)
             ? kDone
             : kFailed;
}

int RunDeviceVerify(const DeviceOptions& options, const VerifyArguments& arguments) {
  const auto valid = VerifyInput(options, arguments);
  if (!valid) {
    return Report(valid.error());
  }
  const bool printed = PrintLine(options.json ? JsonWriter().BeginObject().Bool("valid", *valid).EndObject().text()
                                 : *valid     ? "the signature is valid"
                                              : "the signature does not match");
  return printed && *valid ? kDone : kFailed;
}

}  // namespace simroot::app
