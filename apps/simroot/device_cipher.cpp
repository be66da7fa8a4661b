// SPDX-License-Identifier: Apache-2.0
/// `simroot device encrypt`, `decrypt`, `hash` and `mac`: services of the card beyond IoT.05.
#include "common/base/secret.hpp"
#include "common/host/file_io.hpp"
#include "common/host/hex.hpp"
#include "device_session.hpp"
#include "output.hpp"
#include "sealed_file.hpp"

namespace simroot::app {
namespace {

using iotsafe::CipherMode;
using iotsafe::ObjectClass;

/// Nothing for an empty name.
Result<std::optional<CipherMode>> ModeByName(const std::string& name) {
  if (name.empty()) {
    return std::nullopt;
  }
  const auto* const row = std::ranges::find(iotsafe::kCipherModes, name, &iotsafe::CipherModeRow::name);
  if (row == iotsafe::kCipherModes.end()) {
    return Fail(ErrorDomain::kUsage, "unknown mode " + name, "use gcm, ctr, cbc or oaep");
  }
  return row->mode;
}

Result<Bytes> EncryptInput(const DeviceOptions& options, const CipherArguments& arguments) {
  SR_TRY(auto session, DeviceSession::Open(options));
  SR_TRY(const auto mode, ModeByName(arguments.mode));
  SR_TRY(const auto key, device::ParseObjectName(ObjectClass::kSecretKey, arguments.ref));
  SR_TRY(Bytes text, ReadInput(arguments.input));
  auto sealed = Seal(session.card(), key, mode.value_or(CipherMode::kGcm), text, AsBytes(arguments.aad));
  Wipe(text);
  return sealed;
}

Result<Bytes> DecryptInput(const DeviceOptions& options, const CipherArguments& arguments) {
  SR_TRY(auto session, DeviceSession::Open(options));
  SR_TRY(const auto mode, ModeByName(arguments.mode));
  const bool oaep = mode == CipherMode::kOaep;
  SR_TRY(const auto key,
         device::ParseObjectName(oaep ? ObjectClass::kPrivateKey : ObjectClass::kSecretKey, arguments.ref));
  SR_TRY(const Bytes input, ReadInput(arguments.input));
  if (oaep) {
    return session.card().Decrypt(key, {CipherMode::kOaep, {}, input, {}}, AsBytes(arguments.aad));
  }
  return Unseal(session.card(), key, mode, input, AsBytes(arguments.aad));
}

Result<Bytes> HashInput(const DeviceOptions& options, const CipherArguments& arguments) {
  SR_TRY(auto session, DeviceSession::Open(options));
  SR_TRY(const auto hash, HashByName(arguments.hash));
  SR_TRY(const Bytes input, ReadInput(arguments.input));
  return session.card().Hash(hash, input);
}

Result<Bytes> MacInput(const DeviceOptions& options, const CipherArguments& arguments) {
  SR_TRY(auto session, DeviceSession::Open(options));
  SR_TRY(const auto key, device::ParseObjectName(ObjectClass::kSecretKey, arguments.ref));
  SR_TRY(const Bytes input, ReadInput(arguments.input));
  return session.card().Mac(key, input);
}

/// Prints as hexadecimal text, or as one field of JSON.
int PrintHex(const DeviceOptions& options, const char* field, const Result<Bytes>& result) {
  if (!result) {
    return Report(result.error());
  }
  const std::string hex = ToHex(*result);
  return PrintLine(options.json ? JsonWriter().BeginObject().Text(field, hex).EndObject().text() : hex) ? kDone
                                                                                                        : kFailed;
}

/// Writes bytes to --out or stdout, or prints them as a field of JSON. A file is readable for its owner alone.
int WriteBytes(const DeviceOptions& options, const CipherArguments& arguments, const char* field,
               const Result<Bytes>& result) {
  constexpr unsigned kOwnerOnly = 0600;
  if (!result || (options.json && arguments.out.empty())) {
    return PrintHex(options, field, result);
  }
  const auto written = arguments.out.empty() ? WriteOutput(arguments.out, *result)
                                             : WriteFileAtomically(arguments.out, *result, kOwnerOnly);
  return written ? kDone : Report(written.error());
}

}  // namespace

int RunDeviceEncrypt(const DeviceOptions& options, const CipherArguments& arguments) {
  return WriteBytes(options, arguments, "encrypted", EncryptInput(options, arguments));
}

int RunDeviceDecrypt(const DeviceOptions& options, const CipherArguments& arguments) {
  auto text = DecryptInput(options, arguments);
  const int status = WriteBytes(options, arguments, "decrypted", text);
  if (text) {
    Wipe(*text);
  }
  return status;
}

int RunDeviceHash(const DeviceOptions& options, const CipherArguments& arguments) {
  return PrintHex(options, "digest", HashInput(options, arguments));
}

int RunDeviceMac(const DeviceOptions& options, const CipherArguments& arguments) {
  return PrintHex(options, "mac", MacInput(options, arguments));
}

}  // namespace simroot::app
