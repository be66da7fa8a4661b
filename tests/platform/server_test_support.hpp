// SPDX-License-Identifier: Apache-2.0
/// Application servers of a platform in a test, with keys of their own.
#pragma once

#include "common/crypto/openssl/cms_opener.hpp"
#include "common/host/test_hex.hpp"
#include "service_test_support.hpp"

namespace simroot::platform {

[[nodiscard]] inline Bytes AsVector(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

/// A P-256 key, and the actor that it becomes.
struct TestServer {
  [[nodiscard]] Bytes Request() const {
    const crypto::RequestPtr request(X509_REQ_new());
    EXPECT_EQ(X509_REQ_set_pubkey(request.get(), key.get()), 1);
    EXPECT_GT(X509_REQ_sign(request.get(), key.get(), EVP_sha256()), 0);
    const crypto::BioPtr memory(BIO_new(BIO_s_mem()));
    EXPECT_EQ(i2d_X509_REQ_bio(memory.get(), request.get()), 1);
    return Content(memory.get());
  }
  [[nodiscard]] Result<SecretBytes> Open(ByteView sealed) const {
    const crypto::BioPtr memory(BIO_new(BIO_s_mem()));
    EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    SR_TRY(const auto opener, crypto::CmsOpener::Create(actor.certificate, Content(memory.get())));
    return opener.Open(sealed);
  }
  static Bytes Content(BIO* memory) {
    char* start = nullptr;
    const long size = BIO_get_mem_data(memory, &start);
    return AsVector({reinterpret_cast<const std::uint8_t*>(start), static_cast<std::size_t>(size)});
  }

  crypto::EvpPkey key{EVP_EC_gen("P-256")};
  Actor actor{};
};

class ServerTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    platform_ca_ =
        Take(authority_->MakeRoot("platform", {.common_name = "platform", .serial_number = {}, .organization = {}},
                                  clock_.now, 20LL * 365 * 86400));
    platform_ca_.created = clock_.now;
    Write([&](StoreWriter& writer) -> Outcome<void> {
      SR_TRY(platform_ca_.id, writer.InsertAuthority(platform_ca_));
      return {};
    });
  }

  TestServer Enrol(const std::string& tenant, const std::string& name) {
    TestServer server;
    const NewToken token = Take(service_->InviteServer(admin_, tenant, name, 60));
    const EnrolledServer enrolled =
        Take(service_->EnrolServer(AsText(token.text.Reveal(InsecureReveal::kForTest)), server.Request()));
    server.actor = Take(service_->AuthenticateServer(enrolled.identity.certificate));
    return server;
  }

  /// An active pre-shared key, sealed as the engine does it.
  Credential AddPsk(const Card& card, const std::string& identity, ByteView psk) {
    Credential credential = Active(card, identity, CredentialKind::kPsk);
    credential.sealed_psk = Take(vault_->Seal(psk, "psk/" + identity));
    Write([&](StoreWriter& writer) { return writer.UpdateCredential(credential); });
    return credential;
  }

  void Move(Id credential, CredentialState from, CredentialState to) {
    Write([&](StoreWriter& writer) { return writer.TransitionCredential(credential, from, to, "", clock_.now); });
  }

  CertificateAuthority platform_ca_;  ///< of its server and the application servers
};

}  // namespace simroot::platform
