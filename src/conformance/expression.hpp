// SPDX-License-Identifier: Apache-2.0
/// Bytes and patterns as the conformance scripts write them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/host/hex.hpp"

namespace simroot::conformance {

/// Named bytes of one run of a case.
using Variables = std::map<std::string, Bytes, std::less<>>;

/// What is wrong, in words.
template <typename T>
using OrReason = Expected<T, std::string>;

/// The bytes that `text` describes: hex pairs, `HH*N` (a byte N times), `"text"`, `{name}`, `{name:from:count}`, and
/// `( ... )`, which puts the number of bytes inside, as one byte, in front of them. White space is skipped.
[[nodiscard]] OrReason<Bytes> Evaluate(std::string_view text, const Variables& variables);

/// Compares an answer (data and status word) with a pattern: hex pairs, `..` any byte, `{name:count}` takes bytes into
/// a variable, `{name:*}` and `*` take the rest of the data, `{name}` is compared with a variable; the last word is the
/// status word, or several with | between them, in which a dot stands for any digit. Variables are set only on success.
/// @returns why the answer does not match, or what cannot be understood in the pattern.
[[nodiscard]] OrReason<void> Match(std::string_view pattern, ByteView answer, Variables& variables);

}  // namespace simroot::conformance
