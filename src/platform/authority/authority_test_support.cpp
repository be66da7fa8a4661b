// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/authority_test_support.hpp"

#include <openssl/rsa.h>

#include "common/host/file_io.hpp"
#include "platform/authority/pem.hpp"
#include "platform/authority/public_key.hpp"

namespace simroot::platform::testing {
namespace {

namespace fs = std::filesystem;

using StorePtr = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;
using StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  if (value.empty()) {
    return;
  }
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  SR_CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

}  // namespace

EvpPkey NewKey(const std::string& kind) {
  EvpPkey key;
  if (kind.starts_with("RSA:")) {
    key.reset(EVP_RSA_gen(static_cast<unsigned>(std::stoul(kind.substr(4)))));
  } else if (kind == "ED25519") {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  } else {
    key.reset(EVP_EC_gen(kind.c_str()));
  }
  SR_CHECK(key != nullptr);
  return key;
}

Bytes PublicKeyOf(EVP_PKEY* key) {
  return Must(ExportPublicKey(key));
}

Bytes PublicKeyInfoOf(EVP_PKEY* key) {
  return EncodeDer(key, i2d_PUBKEY);
}

Bytes MakeRequest(EVP_PKEY* key, const std::vector<std::string>& subject, const EVP_MD* digest) {
  const RequestPtr request(X509_REQ_new());
  X509_NAME* const name = X509_REQ_get_subject_name(request.get());
  for (auto part = subject.begin(); part != subject.end(); std::advance(part, 2)) {
    const std::string& value = *std::next(part);
    SR_CHECK(X509_NAME_add_entry_by_txt(name, part->c_str(), MBSTRING_UTF8,
                                        reinterpret_cast<const unsigned char*>(value.data()),
                                        static_cast<int>(value.size()), -1, 0) == 1);
  }
  SR_CHECK(X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
           X509_REQ_set_pubkey(request.get(), key) == 1 && X509_REQ_sign(request.get(), key, digest) > 0);
  return EncodeDer(request.get(), i2d_X509_REQ);
}

Bytes ForeignCa::KeyPem() const {
  const SecretBytes secret = Must(WritePemKey(key.get()));
  const ByteView pem = secret.Reveal(InsecureReveal::kForTest);
  return {pem.begin(), pem.end()};
}

ForeignCa MakeForeignCa(const ForeignFacts& facts, const ForeignCa* issuer) {
  ForeignCa ca;
  ca.key = NewKey(facts.kind);
  const X509Ptr certificate(X509_new());
  X509* const raw = certificate.get();
  const X509Ptr above = issuer != nullptr ? Must(ParseCertificate(issuer->certificate)) : nullptr;
  X509* const signer = above ? above.get() : raw;
  static long serial = 1000;
  SR_CHECK(X509_set_version(raw, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(raw), ++serial) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(raw), facts.not_before) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(raw), facts.not_after) != nullptr &&
           X509_set_pubkey(raw, ca.key.get()) == 1 &&
           X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(facts.name.c_str()), -1, -1, 0) == 1 &&
           X509_set_issuer_name(raw, X509_get_subject_name(signer)) == 1);
  AddExtension(raw, signer, NID_basic_constraints, facts.constraints);
  AddExtension(raw, signer, NID_key_usage, facts.usage);
  AddExtension(raw, signer, NID_subject_key_identifier, facts.key_identifier);
  AddExtension(raw, signer, NID_authority_key_identifier, issuer != nullptr ? "keyid" : "");
  EVP_PKEY* const signing = issuer != nullptr ? issuer->key.get() : ca.key.get();
  SR_CHECK(X509_sign(raw, signing, EVP_PKEY_get_base_id(signing) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256()) > 0);
  ca.certificate = EncodeDer(raw, i2d_X509);
  return ca;
}

int VerifyChain(ByteView certificate, const std::vector<Bytes>& roots, const std::vector<Bytes>& issuing, UnixTime at,
                int purpose, const std::vector<Bytes>& crls) {
  const StorePtr store(X509_STORE_new());
  for (const Bytes& root : roots) {
    SR_CHECK(X509_STORE_add_cert(store.get(), Must(ParseCertificate(root)).get()) == 1);
  }
  for (const Bytes& crl : crls) {
    SR_CHECK(X509_STORE_add_crl(store.get(), DecodeDer<CrlPtr>(crl, d2i_X509_CRL).get()) == 1);
  }
  STACK_OF(X509)* const between = sk_X509_new_null();
  for (const Bytes& ca : issuing) {
    SR_CHECK(X509_add_cert(between, Must(ParseCertificate(ca)).get(), X509_ADD_FLAG_UP_REF) == 1);
  }
  const X509Ptr leaf = Must(ParseCertificate(certificate));
  const StoreCtxPtr context(X509_STORE_CTX_new());
  SR_CHECK(X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), between) == 1 &&
           X509_STORE_CTX_set_purpose(context.get(), purpose) == 1);
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, at);
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT | (crls.empty() ? 0 : X509_V_FLAG_CRL_CHECK));
  static_cast<void>(X509_verify_cert(context.get()));
  const int result = X509_STORE_CTX_get_error(context.get());
  sk_X509_pop_free(between, X509_free);
  return result;
}

std::string ExtensionText(ByteView certificate, int nid) {
  const X509Ptr parsed = Must(ParseCertificate(certificate));
  const int place = X509_get_ext_by_NID(parsed.get(), nid, -1);
  if (place < 0) {
    return {};
  }
  X509_EXTENSION* const extension = X509_get_ext(parsed.get(), place);
  const BioPtr memory(BIO_new(BIO_s_mem()));
  SR_CHECK(X509V3_EXT_print(memory.get(), extension, 0, 0) == 1);
  return (X509_EXTENSION_get_critical(extension) == 1 ? "critical " : "") +
         std::string(AsText(WrittenTo(memory.get())));
}

std::string SubjectText(ByteView certificate) {
  const X509Ptr parsed = Must(ParseCertificate(certificate));
  const BioPtr memory(BIO_new(BIO_s_mem()));
  SR_CHECK(X509_NAME_print_ex(memory.get(), X509_get_subject_name(parsed.get()), 0,
                              XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0);
  return std::string(AsText(WrittenTo(memory.get())));
}

Folder::Folder() {
  std::string pattern = (fs::temp_directory_path() / "simroot-authority-XXXXXX").string();
  SR_CHECK(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

AuthorityFixture::AuthorityFixture()
    : vault_(Must(Vault::Create(folder_.path() + "/vault"))),
      authority_(Must(Authority::Open(*vault_, AuthorityFolder()))),
      root_(Must(authority_->MakeRoot("root", {"Test root", "", "Example"}, kNow, 20 * kYear))),
      issuing_(Must(authority_->MakeIssuing(root_, "issuing-1", {"Test issuing CA", "", "Example"}, kNow, 5 * kYear))) {
}

IssueRequest AuthorityFixture::RequestFor(ByteView public_key) const {
  IssueRequest request;
  request.public_key = public_key;
  request.subject = {"meter-17", "89880000000000000011", "Example"};
  request.not_before = kNow;
  request.not_after = kNow + kYear;
  return request;
}

void AuthorityFixture::Restart() {
  authority_ = Must(Authority::Open(*vault_, AuthorityFolder()));
}

void AuthorityFixture::WriteProfile(const std::string& name, std::string_view json) const {
  SR_CHECK(MakePrivateDirectory(AuthorityFolder() + "/profiles").has_value());
  SR_CHECK(WriteFileAtomically(AuthorityFolder() + "/profiles/" + name + ".json", AsBytes(json), 0600).has_value());
}

}  // namespace simroot::platform::testing
