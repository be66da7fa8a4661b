// SPDX-License-Identifier: Apache-2.0
#include <openssl/core_names.h>

#include "device/provider/sign_operation.hpp"

namespace simroot::provider {
namespace {

class CardOperation final : public SignOperation {
 public:
  CardOperation(Context& context, std::shared_ptr<CardKey> key, bool hashes)
      : context_(&context), key_(std::move(key)), hashes_(hashes) {}

  [[nodiscard]] bool Start(const char* digest_name, const OSSL_PARAM* params) {
    if (hashes_ && (digest_name == nullptr || *digest_name == '\0')) {
      digest_name = "SHA256";
    }
    return (digest_name == nullptr || *digest_name == '\0' || SetDigest(digest_name)) && SetParams(params);
  }

  [[nodiscard]] bool Sign(const SignatureOutput& out, ByteView digest) override {
    if (out.data == nullptr) {
      *out.length = kMaxSignatureSize;
      return true;
    }
    // Without a named digest its length says which one it is.
    const HostHash* const hash = hash_ != nullptr ? hash_ : context_->FindHash(digest.size());
    if (hash == nullptr || digest.size() != iotsafe::DigestSize(hash->algorithm)) {
      return Refuse("the card signs digests of 32, 48 or 64 bytes (SHA-256, SHA-384, SHA-512), this one has " +
                    std::to_string(digest.size()) + " bytes");
    }
    if (out.room < kMaxSignatureSize) {
      return Refuse("the room for the signature has " + std::to_string(out.room) + " bytes, 72 are needed");
    }
    const auto signature = key_->Sign(hash->algorithm, digest);
    if (!signature) {
      context_->core().Raise(signature.error());
      return false;
    }
    std::ranges::copy(signature->view(), out.data);
    *out.length = signature->size();
    return true;
  }

  [[nodiscard]] bool Update(ByteView data) override {
    return hasher_ != nullptr && EVP_DigestUpdate(hasher_.get(), data.data(), data.size()) == 1;
  }

  [[nodiscard]] bool SignFinal(const SignatureOutput& out) override {
    if (out.data == nullptr) {
      return Sign(out, {});
    }
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    return hasher_ != nullptr && EVP_DigestFinal_ex(hasher_.get(), digest.data(), &size) == 1 &&
           Sign(out, ByteView(digest).first(size));
  }

  [[nodiscard]] bool Verify(ByteView /*signature*/, ByteView /*digest*/) override { return false; }
  [[nodiscard]] bool VerifyFinal(ByteView /*signature*/) override { return false; }

  [[nodiscard]] bool GetParams(OSSL_PARAM* params) override {
    OSSL_PARAM* const identifier = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    OSSL_PARAM* const size = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE);
    OSSL_PARAM* const name = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
    const ByteView id = hash_ != nullptr ? hash_->algorithm_id : ByteView();
    return (identifier == nullptr || OSSL_PARAM_set_octet_string(identifier, id.data(), id.size()) == 1) &&
           (size == nullptr ||
            OSSL_PARAM_set_size_t(size, hash_ != nullptr ? iotsafe::DigestSize(hash_->algorithm) : 0) == 1) &&
           (name == nullptr ||
            OSSL_PARAM_set_utf8_string(name, hash_ != nullptr ? EVP_MD_get0_name(hash_->digest.get()) : "") == 1);
  }

  [[nodiscard]] bool SetParams(const OSSL_PARAM* params) override {
    if (params == nullptr) {
      return true;
    }
    if (const OSSL_PARAM* const digest = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST)) {
      const char* name = nullptr;
      if (OSSL_PARAM_get_utf8_string_ptr(digest, &name) != 1 || !SetDigest(name)) {
        return false;
      }
    }
    if (const OSSL_PARAM* const digest_size = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE)) {
      std::size_t size = 0;
      if (OSSL_PARAM_get_size_t(digest_size, &size) != 1 ||
          (hash_ != nullptr && size != iotsafe::DigestSize(hash_->algorithm))) {
        return Refuse("the size of the digest does not fit the digest that was chosen");
      }
    }
    return true;
  }

  [[nodiscard]] std::unique_ptr<SignOperation> Clone() const override {
    auto copy = std::make_unique<CardOperation>(*context_, key_, hashes_);
    copy->hash_ = hash_;
    if (hasher_ != nullptr) {
      copy->hasher_.reset(EVP_MD_CTX_new());
      if (copy->hasher_ == nullptr || EVP_MD_CTX_copy_ex(copy->hasher_.get(), hasher_.get()) != 1) {
        return nullptr;
      }
    }
    return copy;
  }

 private:
  [[nodiscard]] bool SetDigest(const char* name) {
    const HostHash* const hash = context_->FindHash(name);
    if (hash == nullptr) {
      return Refuse("the digest " + std::string(name) + " is not one the card signs");
    }
    if (hashes_ && hash_ != nullptr && hash != hash_) {
      return Refuse("the digest cannot be changed in the middle of a signature");
    }
    if (hashes_ && hasher_ == nullptr) {
      hasher_.reset(EVP_MD_CTX_new());
      if (hasher_ == nullptr || EVP_DigestInit_ex2(hasher_.get(), hash->digest.get(), nullptr) != 1) {
        return false;
      }
    }
    hash_ = hash;
    return true;
  }

  [[nodiscard]] bool Refuse(std::string message) const {
    context_->core().Raise(Error{ErrorDomain::kUsage, std::move(message), "use SHA-256, SHA-384 or SHA-512"});
    return false;
  }

  Context* context_;
  std::shared_ptr<CardKey> key_;
  bool hashes_;  ///< the message comes through Update; otherwise its digest comes with Sign
  const HostHash* hash_ = nullptr;
  DigestContextPtr hasher_;
};

}  // namespace

std::unique_ptr<SignOperation> StartOnCard(const SignRequest& request, std::shared_ptr<CardKey> key) {
  auto operation =
      std::make_unique<CardOperation>(*request.context, std::move(key), request.purpose == Purpose::kDigestSign);
  if (!operation->Start(request.digest_name, request.params)) {
    return nullptr;
  }
  return operation;
}

}  // namespace simroot::provider
