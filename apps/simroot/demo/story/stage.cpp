// SPDX-License-Identifier: Apache-2.0
#include "demo/story/stage.hpp"

#include <boost/json.hpp>

#include "platform/client.hpp"

namespace simroot::app {

Result<std::string> Stage::Ourselves(std::vector<std::string> words) const {
  words.insert(words.begin(), kOurselves);
  return RunChecked(workshop_.Elsewhere(std::move(words)), stop_.fd());
}

Result<boost::json::value> Stage::AskOurselves(std::vector<std::string> words) const {
  words.emplace_back("--json");
  SR_TRY(const std::string text, Ourselves(std::move(words)));
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (error) {
    return Fail(ErrorDomain::kProtocol, "simroot --json printed something else: " + text);
  }
  return value;
}

std::string TextOf(const boost::json::value& object, std::string_view member) {
  const boost::json::object* const members = object.if_object();
  const boost::json::value* const found = members != nullptr ? members->if_contains(member) : nullptr;
  return found != nullptr ? Plain(*found) : std::string();
}

}  // namespace simroot::app
