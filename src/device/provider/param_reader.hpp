// SPDX-License-Identifier: Apache-2.0
/// Reading what libcrypto passes in OSSL_PARAM arrays.
#pragma once

#include <openssl/params.h>

#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/bytes.hpp"

namespace simroot::provider {

/// The bytes of an octet string, borrowed; nothing if it is absent or of another type.
[[nodiscard]] inline std::optional<ByteView> FindOctets(const OSSL_PARAM* params, const char* name) {
  const OSSL_PARAM* const row = params != nullptr ? OSSL_PARAM_locate_const(params, name) : nullptr;
  if (row == nullptr || row->data_type != OSSL_PARAM_OCTET_STRING || (row->data == nullptr && row->data_size != 0)) {
    return std::nullopt;
  }
  return ByteView(static_cast<const std::uint8_t*>(row->data), row->data_size);
}

/// A text, borrowed; nullptr if it is absent or of another type.
[[nodiscard]] inline const char* FindText(const OSSL_PARAM* params, const char* name) {
  const OSSL_PARAM* const row = params != nullptr ? OSSL_PARAM_locate_const(params, name) : nullptr;
  const char* text = nullptr;
  return row != nullptr && OSSL_PARAM_get_utf8_string_ptr(row, &text) == 1 ? text : nullptr;
}

/// The same array without some of its rows. The values are borrowed.
[[nodiscard]] inline std::vector<OSSL_PARAM> Without(const OSSL_PARAM* params,
                                                     std::initializer_list<std::string_view> names) {
  std::vector<OSSL_PARAM> kept;
  for (const OSSL_PARAM* row = params; row != nullptr && row->key != nullptr; ++row) {
    if (std::ranges::find(names, std::string_view(row->key)) == names.end()) {
      kept.push_back(*row);
    }
  }
  kept.push_back(OSSL_PARAM_construct_end());
  return kept;
}

}  // namespace simroot::provider
