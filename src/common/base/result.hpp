// SPDX-License-Identifier: Apache-2.0
/// Results: a value or an error, without exceptions. `tl::expected` stands behind it until the standard one can be
/// used. `value()` is forbidden in the core: without exceptions it is unchecked. Test the result, then use `*`.
#pragma once

#include <tl/expected.hpp>
#include <utility>

namespace simroot {

template <typename T, typename E>
using Expected = tl::expected<T, E>;

/// Makes the error side of an Expected.
template <typename E>
[[nodiscard]] constexpr auto Unexpected(E error) {
  return tl::unexpected<E>(std::move(error));
}

/// Why bytes could not be understood. Codecs used by both ends speak this; the card turns it into a status word and
/// the device into an Error, each in one place.
enum class ParseError : unsigned char {
  kTruncated,      ///< fewer bytes than announced
  kTrailingBytes,  ///< bytes after the end of a complete structure
  kBadLength,      ///< a length field that is not allowed here
  kUnexpectedTag,  ///< unknown tag, or one that does not belong here
  kDuplicateTag,   ///< a tag that may occur once occurs twice, or both an identifier and a label are present
  kMissingTag,     ///< a mandatory tag is absent
  kBadValue,       ///< a value outside its table
};

}  // namespace simroot

#define SR_CONCAT_INNER(a, b) a##b
#define SR_CONCAT(a, b) SR_CONCAT_INNER(a, b)
#define SR_TRY_INNER(temporary, declaration, expression)        \
  auto temporary = (expression);                                \
  if (!temporary) {                                             \
    return ::tl::make_unexpected(std::move(temporary).error()); \
  }                                                             \
  declaration = std::move(*temporary)

/// SR_TRY(const auto x, F()): binds the value of F(), or returns its error from the enclosing function.
#define SR_TRY(declaration, expression) SR_TRY_INNER(SR_CONCAT(sr_try_, __LINE__), declaration, expression)

/// SR_TRY_VOID(F()): returns the error of F() from the enclosing function, if there is one.
#define SR_TRY_VOID(expression)                                       \
  do {                                                                \
    if (auto sr_try_result = (expression); !sr_try_result) {          \
      return ::tl::make_unexpected(std::move(sr_try_result).error()); \
    }                                                                 \
  } while (false)
