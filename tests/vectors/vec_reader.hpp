// SPDX-License-Identifier: Apache-2.0
/// Reads the vector files of this folder: text with `[case name]` lines, each followed by `Field = HEX` lines, or
/// `Field = "text"`. Empty lines and lines beginning with # are skipped; the first line of a file names its source.
#pragma once

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/host/hex.hpp"

namespace simroot::testing {

/// One case: its name and its fields.
class VecCase {
 public:
  explicit VecCase(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool Has(const std::string& field) const { return fields_.contains(field); }
  /// The bytes of a field; none if the case has no such field (ask Has where that matters).
  [[nodiscard]] Bytes Get(const std::string& field) const {
    const auto found = fields_.find(field);
    return found == fields_.end() ? Bytes{} : found->second;
  }
  /// False if the field was there before.
  [[nodiscard]] bool Add(const std::string& field, Bytes value) {
    return fields_.emplace(field, std::move(value)).second;
  }

 private:
  std::string name_;
  std::map<std::string, Bytes> fields_;
};

/// Bytes of hex, or of the text between the first and the last quote.
[[nodiscard]] inline std::optional<Bytes> ParseVecValue(std::string_view value) {
  constexpr std::string_view kQuote = " \"";
  if (!value.starts_with(kQuote)) {
    return FromHex(value);
  }
  value.remove_prefix(kQuote.size());
  if (!value.ends_with('"')) {
    return std::nullopt;
  }
  value.remove_suffix(1);
  const ByteView text = AsBytes(value);
  return Bytes(text.begin(), text.end());
}

/// All cases of a file, or nothing if the file cannot be read, does not begin with a line that says `# Source`, or has
/// a line that is not understood. A test checks that with ASSERT_TRUE, so that a broken file never passes as an empty
/// one.
[[nodiscard]] inline std::optional<std::vector<VecCase>> ReadVecFile(const std::string& path) {
  constexpr std::string_view kAssign = " =";
  std::ifstream file(path);
  std::vector<VecCase> cases;
  std::string line;
  if (!std::getline(file, line) || !line.starts_with("# Source")) {
    return std::nullopt;
  }
  while (std::getline(file, line)) {
    if (line.empty() || line.front() == '#') {
      continue;
    }
    if (line.front() == '[' && line.back() == ']') {
      cases.emplace_back(line.substr(1, line.size() - 2));
      continue;
    }
    const std::size_t assign = line.find(kAssign);
    if (cases.empty() || assign == std::string::npos) {
      return std::nullopt;
    }
    const std::optional<Bytes> value = ParseVecValue(std::string_view(line).substr(assign + kAssign.size()));
    if (!value || !cases.back().Add(line.substr(0, assign), *value)) {
      return std::nullopt;
    }
  }
  return cases.empty() ? std::nullopt : std::optional(std::move(cases));
}

}  // namespace simroot::testing
