// SPDX-License-Identifier: Apache-2.0
#include "device/administration/personalisation_script.hpp"

#include "common/secure/scp03.hpp"

namespace simroot::device {

Result<std::vector<ScriptBlock>> ParsePersonalisationScript(std::string_view text, const std::string& name) {
  std::vector<ScriptBlock> blocks;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line = line.substr(0, line.find('#'));
    auto data = FromHex(line);
    const std::string where = "line " + std::to_string(number) + " of " + name;
    if (!data) {
      return Fail(ErrorDomain::kUsage, where + " is not hexadecimal",
                  "write one block of STORE DATA a line; # begins a comment");
    }
    if (data->size() > secure::kMaxPlainCommand) {
      return Fail(ErrorDomain::kUsage,
                  where + " has " + std::to_string(data->size()) + " bytes, and a block takes " +
                      std::to_string(secure::kMaxPlainCommand),
                  "send long values in pieces (docs/formats/personalisation.md)");
    }
    if (!data->empty()) {
      blocks.push_back({number, *std::move(data)});
    }
  }
  if (blocks.empty()) {
    return Fail(ErrorDomain::kUsage, name + " has no block in it", "write one block of STORE DATA a line");
  }
  return blocks;
}

}  // namespace simroot::device
