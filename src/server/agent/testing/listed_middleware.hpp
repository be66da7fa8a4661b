// SPDX-License-Identifier: Apache-2.0
/// A middleware whose credentials, CAs and CRLs the test sets.
#pragma once

#include <map>
#include <mutex>

#include "server/middleware/middleware.hpp"

namespace simroot::server::testing {

[[nodiscard]] inline Credential Copy(const Credential& from) {
  Credential to;
  to.id = from.id;
  to.kind = from.kind;
  to.state = from.state;
  to.name = from.name;
  to.iccid = from.iccid;
  to.device = from.device;
  to.fingerprint = from.fingerprint;
  to.not_before = from.not_before;
  to.not_after = from.not_after;
  to.psk = SecretBytes(from.psk.Reveal(InsecureReveal::kForTest));
  return to;
}

[[nodiscard]] inline Found FoundOf(const Credential& credential) {
  Found found;
  found.id = credential.id;
  found.kind = credential.kind;
  found.state = credential.state;
  found.not_after = credential.not_after;
  credential.iccid.copy(found.iccid.data(), kMaxIccid);
  credential.device.copy(found.device.data(), kMaxDevice);
  credential.name.copy(found.name.data(), kMaxName);
  return found;
}

class ListedDirectory final : public Directory {
 public:
  [[nodiscard]] std::optional<Found> FindCertificate(const Fingerprint& /*fingerprint*/) const override { return {}; }
  [[nodiscard]] std::optional<Found> FindPsk(std::string_view /*identity*/) const override { return {}; }
  [[nodiscard]] std::optional<Found> FindById(CredentialId id) const override {
    const std::lock_guard lock(mutex_);
    const auto found = credentials_.find(id);
    return found == credentials_.end() ? std::nullopt : std::optional(FoundOf(found->second));
  }
  [[nodiscard]] Result<SecretBytes> OpenPsk(CredentialId /*id*/) const override {
    return Fail(ErrorDomain::kUsage, "not here");
  }
  [[nodiscard]] SecretBytes DecoyPsk(std::string_view /*identity*/) const override { return {}; }
  [[nodiscard]] DirectorySize size() const override { return {}; }
  [[nodiscard]] Result<void> Put(const Credential& credential) override {
    const std::lock_guard lock(mutex_);
    credentials_.insert_or_assign(credential.id, Copy(credential));
    return {};
  }
  void Rename(std::string_view /*iccid*/, std::string_view /*device*/) override {}
  std::size_t ForgetEndedBefore(UnixTime /*before*/) override { return 0; }
  void Clear() override {}
  void Reserve(std::size_t /*credentials*/) override {}
  void ForEach(const std::function<void(const Credential&)>& visit) const override {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, credential] : credentials_) {
      visit(credential);
    }
  }

 private:
  mutable std::recursive_mutex mutex_;  // a verdict is asked for while all are visited
  std::map<CredentialId, Credential> credentials_;
};

class ListedMiddleware final : public Middleware {
 public:
  [[nodiscard]] Verdict JudgeCertificate(const Fingerprint& /*fingerprint*/, bool /*chain*/) const override {
    return {};
  }
  [[nodiscard]] Verdict JudgePsk(std::string_view /*identity*/) const override { return {}; }
  [[nodiscard]] Verdict JudgeAgain(CredentialId id) const override {
    const auto found = directory_.FindById(id);
    if (!found) {
      return {Refusal::kUnknownCertificate, {}};
    }
    const std::lock_guard lock(mutex_);
    if (stale_) {
      return {Refusal::kStale, *found};
    }
    switch (found->state) {
      case CredentialState::kActive:
      case CredentialState::kSuperseded:
        return {Refusal::kNone, *found};
      case CredentialState::kSuspended:
        return {Refusal::kSuspended, *found};
      case CredentialState::kPending:
        return {Refusal::kPending, *found};
      default:
        return {Refusal::kRevoked, *found};
    }
  }
  [[nodiscard]] SecretBytes PskFor(const Verdict& /*verdict*/, std::string_view /*identity*/) const override {
    return {};
  }
  void Note(const Verdict& /*verdict*/, std::string_view /*peer*/) override {}
  [[nodiscard]] std::shared_ptr<const std::string> Authorities() const override {
    const std::lock_guard lock(mutex_);
    return authorities_;
  }
  [[nodiscard]] const Directory& directory() const override { return directory_; }
  [[nodiscard]] Result<std::vector<Bytes>> ReadCrls() override {
    const std::lock_guard lock(mutex_);
    ++crl_questions_;
    if (crls_.empty()) {
      return Fail(ErrorDomain::kTransport, "the platform is away");
    }
    return crls_;
  }
  [[nodiscard]] std::shared_ptr<void> Listen(Listener listener) override {
    const std::lock_guard lock(mutex_);
    listener_ = std::make_shared<Listener>(std::move(listener));
    return {listener_.get(), [this](void*) {
              const std::lock_guard again(mutex_);
              listener_ = nullptr;
            }};
  }
  [[nodiscard]] MiddlewareStatus status() const override {
    const std::lock_guard lock(mutex_);
    MiddlewareStatus status;
    status.stale = stale_;
    return status;
  }
  [[nodiscard]] std::string Metrics() const override { return {}; }

  // ---- for the test ----
  void Set(const Credential& credential) {
    static_cast<void>(directory_.Put(credential));
    const bool refused = !JudgeAgain(credential.id).accepted();
    const std::lock_guard lock(mutex_);
    if (listener_ != nullptr) {
      (*listener_)({FoundOf(credential), refused});
    }
  }
  void SetAuthorities(const std::string& pem) {
    const std::lock_guard lock(mutex_);
    authorities_ = std::make_shared<const std::string>(pem);
  }
  void SetCrls(std::vector<Bytes> crls) {
    const std::lock_guard lock(mutex_);
    crls_ = std::move(crls);
  }
  void SetStale(bool stale) {
    const std::lock_guard lock(mutex_);
    stale_ = stale;
  }
  [[nodiscard]] int crl_questions() const {
    const std::lock_guard lock(mutex_);
    return crl_questions_;
  }

 private:
  mutable std::recursive_mutex mutex_;
  ListedDirectory directory_;
  std::shared_ptr<const std::string> authorities_ = std::make_shared<const std::string>();
  std::vector<Bytes> crls_;
  std::shared_ptr<Listener> listener_;
  bool stale_ = false;
  int crl_questions_ = 0;
};

}  // namespace simroot::server::testing
