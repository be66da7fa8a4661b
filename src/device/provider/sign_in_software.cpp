// SPDX-License-Identifier: Apache-2.0
#include "device/provider/sign_operation.hpp"

namespace simroot::provider {
namespace {

/// Works on a digest: EVP_PKEY_sign and EVP_PKEY_verify.
class DigestOperation final : public SignOperation {
 public:
  explicit DigestOperation(PkeyContextPtr context) : context_(std::move(context)) {}

  [[nodiscard]] bool Sign(const SignatureOutput& out, ByteView digest) override {
    *out.length = out.room;
    return EVP_PKEY_sign(context_.get(), out.data, out.length, digest.data(), digest.size()) == 1;
  }
  [[nodiscard]] bool Verify(ByteView signature, ByteView digest) override {
    return EVP_PKEY_verify(context_.get(), signature.data(), signature.size(), digest.data(), digest.size()) == 1;
  }
  [[nodiscard]] bool Update(ByteView /*data*/) override { return false; }
  [[nodiscard]] bool SignFinal(const SignatureOutput& /*out*/) override { return false; }
  [[nodiscard]] bool VerifyFinal(ByteView /*signature*/) override { return false; }
  [[nodiscard]] bool GetParams(OSSL_PARAM* params) override {
    return EVP_PKEY_CTX_get_params(context_.get(), params) == 1;
  }
  [[nodiscard]] bool SetParams(const OSSL_PARAM* params) override {
    return EVP_PKEY_CTX_set_params(context_.get(), params) == 1;
  }
  [[nodiscard]] std::unique_ptr<SignOperation> Clone() const override {
    PkeyContextPtr copy(EVP_PKEY_CTX_dup(context_.get()));
    return copy != nullptr ? std::make_unique<DigestOperation>(std::move(copy)) : nullptr;
  }

 private:
  PkeyContextPtr context_;
};

/// Works on a message: EVP_DigestSign and EVP_DigestVerify.
class MessageOperation final : public SignOperation {
 public:
  MessageOperation(DigestContextPtr context, EVP_PKEY_CTX* settings)
      : context_(std::move(context)), settings_(settings) {}

  [[nodiscard]] bool Sign(const SignatureOutput& /*out*/, ByteView /*digest*/) override { return false; }
  [[nodiscard]] bool Verify(ByteView /*signature*/, ByteView /*digest*/) override { return false; }
  [[nodiscard]] bool Update(ByteView data) override {
    return (verifies_ ? EVP_DigestVerifyUpdate : EVP_DigestSignUpdate)(context_.get(), data.data(), data.size()) == 1;
  }
  [[nodiscard]] bool SignFinal(const SignatureOutput& out) override {
    *out.length = out.room;
    return EVP_DigestSignFinal(context_.get(), out.data, out.length) == 1;
  }
  [[nodiscard]] bool VerifyFinal(ByteView signature) override {
    return EVP_DigestVerifyFinal(context_.get(), signature.data(), signature.size()) == 1;
  }
  [[nodiscard]] bool GetParams(OSSL_PARAM* params) override { return EVP_PKEY_CTX_get_params(settings_, params) == 1; }
  [[nodiscard]] bool SetParams(const OSSL_PARAM* params) override {
    return EVP_PKEY_CTX_set_params(settings_, params) == 1;
  }
  [[nodiscard]] std::unique_ptr<SignOperation> Clone() const override {
    DigestContextPtr copy(EVP_MD_CTX_new());
    if (copy == nullptr || EVP_MD_CTX_copy_ex(copy.get(), context_.get()) != 1) {
      return nullptr;
    }
    EVP_PKEY_CTX* const settings = EVP_MD_CTX_get_pkey_ctx(copy.get());
    auto operation = std::make_unique<MessageOperation>(std::move(copy), settings);
    operation->verifies_ = verifies_;
    return operation;
  }
  void set_verifies(bool verifies) { verifies_ = verifies; }

 private:
  DigestContextPtr context_;
  EVP_PKEY_CTX* settings_;  ///< owned by context_
  bool verifies_ = false;
};

std::unique_ptr<SignOperation> StartMessage(const SignRequest& request, EVP_PKEY* key) {
  DigestContextPtr context(EVP_MD_CTX_new());
  if (context == nullptr) {
    return nullptr;
  }
  const bool verifies = request.purpose == Purpose::kDigestVerify;
  // libcrypto outside copies the context before it asks for the signature; a second copy here would be wasted.
  EVP_MD_CTX_set_flags(context.get(), EVP_MD_CTX_FLAG_FINALISE);
  const bool named = request.digest_name != nullptr && *request.digest_name != '\0';
  EVP_PKEY_CTX* settings = nullptr;
  const auto start = verifies ? EVP_DigestVerifyInit_ex : EVP_DigestSignInit_ex;
  if (start(context.get(), &settings, named ? request.digest_name : nullptr, request.context->software(), nullptr, key,
            request.params) != 1) {
    return nullptr;
  }
  auto operation = std::make_unique<MessageOperation>(std::move(context), settings);
  operation->set_verifies(verifies);
  return operation;
}

}  // namespace

std::unique_ptr<SignOperation> StartInSoftware(const SignRequest& request, const PkeyPtr& key) {
  if (request.purpose == Purpose::kDigestSign || request.purpose == Purpose::kDigestVerify) {
    return StartMessage(request, key.get());
  }
  PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(request.context->software(), key.get(), nullptr));
  const auto start = request.purpose == Purpose::kSign ? EVP_PKEY_sign_init_ex : EVP_PKEY_verify_init_ex;
  if (context == nullptr || start(context.get(), request.params) != 1) {
    return nullptr;
  }
  return std::make_unique<DigestOperation>(std::move(context));
}

}  // namespace simroot::provider
