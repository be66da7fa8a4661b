// SPDX-License-Identifier: Apache-2.0
/// `simroot device csr`: a PKCS #10 request (RFC 2986) whose signature comes from the card, without any provider.
#include "device/x509/certificate_request.hpp"
#include "device_session.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

Result<void> MakeCsr(const DeviceOptions& options, const std::string& ref, const std::string& subject,
                     const std::string& out) {
  SR_TRY(auto session, DeviceSession::Open(options));
  SR_TRY(const auto name, device::ParseObjectName(iotsafe::ObjectClass::kPrivateKey, ref));
  SR_TRY(const device::PublicKey public_half, device::Key(session.shared_card(), name).AnyPublicKey());
  SR_TRY(const Bytes der, device::x509::MakeCertificateRequest(session.card(), name, public_half, subject));
  const std::string pem = ToPem("CERTIFICATE REQUEST", der);
  return WriteOutput(
      out, AsBytes(options.json ? JsonWriter().BeginObject().Text("csr", pem).EndObject().text() + "\n" : pem));
}

}  // namespace

int RunDeviceCsr(const DeviceOptions& options, const std::string& ref, const std::string& subject,
                 const std::string& out) {
  const auto done = MakeCsr(options, ref, subject, out);
  return done ? kDone : Report(done.error());
}

}  // namespace simroot::app
