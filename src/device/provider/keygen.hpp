// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "device/provider/ec_key.hpp"

namespace simroot::provider {

/// Makes software keys and domain parameters, as the key manager's gen functions ask for it. libcrypto gives settings
/// first and the template, if any, just before the generation.
class KeyGenerator {
 public:
  /// @returns nullptr if `params` are refused.
  [[nodiscard]] static std::unique_ptr<KeyGenerator> Create(Context& context, int selection, const OSSL_PARAM* params);

  [[nodiscard]] bool SetParams(const OSSL_PARAM* params);
  /// Takes the curve of `from`; other settings stay.
  [[nodiscard]] bool SetTemplate(const EcKey& from);
  /// @returns nullptr if the settings make no key; libcrypto's own errors say why.
  [[nodiscard]] std::unique_ptr<EcKey> Generate();

  [[nodiscard]] Context& context() const { return *context_; }

 private:
  KeyGenerator(Context& context, int selection) : context_(&context), selection_(selection) {}
  [[nodiscard]] bool Start(PkeyContextPtr generator);
  /// A pair on the card; null without an error if it is to be made in software.
  [[nodiscard]] Result<std::unique_ptr<EcKey>> GenerateOnCard() const;

  Context* context_;
  int selection_;
  std::string group_;  ///< as it was named last
  PkeyContextPtr generator_;
  std::vector<ParamsPtr> settings_;  ///< everything set so far, to be repeated on a template's generator
};

}  // namespace simroot::provider
