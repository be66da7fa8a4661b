// SPDX-License-Identifier: Apache-2.0
/// What a run came to, for people and for programs.
#pragma once

#include <string>

#include "conformance/judge.hpp"

namespace simroot::conformance {

/// "conforms", "deviates, known clients cope", "fails".
[[nodiscard]] std::string GradeText(const RunReport& report);

/// A table of the chapters, then every failure and deviation with its bytes in words, then the reasons why cases were
/// skipped, then the grade. Lines end with LF, the last one too.
[[nodiscard]] std::string ToText(const RunReport& report);

/// JUnit XML: one test suite per chapter. Failures and deviations are <failure> with type "failed" and "deviates".
[[nodiscard]] std::string ToJUnit(const RunReport& report);

/// One HTML file that needs nothing but itself: figures, filter, every case with its bytes.
[[nodiscard]] std::string ToHtml(const RunReport& report);

/// `text` with & < > " ' and what XML forbids replaced; fits into elements and attributes of XML and HTML.
[[nodiscard]] std::string EscapeXml(std::string_view text);

}  // namespace simroot::conformance
