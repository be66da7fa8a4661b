// SPDX-License-Identifier: Apache-2.0
#include "demo/story/platform_host.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include "common/host/file_io.hpp"

namespace simroot::app {

Result<void> PlatformHost::Start() {
  SR_TRY_VOID(stage_.Ourselves({"platform", "init", "--dir", folder_}));
  return Serve("127.0.0.1:0");
}

Result<void> PlatformHost::StartAgain() {
  return Serve(url_.substr(url_.rfind('/') + 1));
}

Result<void> PlatformHost::Serve(const std::string& listen) {
  const std::string address = folder_ + "/address";
  static_cast<void>(::unlink(address.c_str()));  // of one that was killed
  SR_TRY(server_, Service::Start("the platform",
                                 stage_.workshop().Elsewhere(
                                     {kOurselves, "platform", "serve", "--dir", folder_, "--listen", listen}),
                                 stage_.Path("log/platform.log")));
  std::string url;
  SR_TRY_VOID(server_->WaitUntil(
      "its address",
      [&] {
        constexpr std::size_t kMaxUrl = 200;
        const auto text = ReadWholeFile(address, kMaxUrl);
        url = text ? std::string(AsText(*text)) : std::string();
        return !url.empty();
      },
      Stage::Soon(), stage_.stop_fd()));
  url_ = url.substr(0, url.find('\n'));
  return {};
}

Result<boost::json::value> PlatformHost::Ask(std::vector<std::string> words) const {
  words.insert(words.begin(), "platform");
  words.insert(words.end(), {"--dir", folder_});
  return stage_.AskOurselves(std::move(words));
}

Result<boost::json::array> PlatformHost::Credentials(const std::string& iccid, const std::string& state) const {
  std::vector<std::string> words{"credential", "list", "--iccid", iccid};
  if (!state.empty()) {
    words.insert(words.end(), {"--state", state});
  }
  SR_TRY(const boost::json::value list, Ask(std::move(words)));
  return list.is_array() ? list.get_array() : boost::json::array();
}

Result<boost::json::value> PlatformHost::ActiveCredential(const std::string& iccid) const {
  SR_TRY(const boost::json::array active, Credentials(iccid, "active"));
  if (active.size() != 1) {
    return Fail(ErrorDomain::kProtocol,
                "card " + iccid + " has " + std::to_string(active.size()) + " active credentials, not one");
  }
  return active.front();
}

Result<std::size_t> PlatformHost::CountAudited(const std::string& action) const {
  SR_TRY(const boost::json::value list, Ask({"audit", "list"}));
  std::size_t count = 0;
  for (const boost::json::value& entry : list.is_array() ? list.get_array() : boost::json::array()) {
    count += TextOf(entry, "action") == action ? 1U : 0U;
  }
  return count;
}

Result<void> PlatformHost::WaitForState(const std::string& credential, const std::string& state) const {
  const Deadline deadline = Stage::Soon();
  for (;;) {
    SR_TRY(const boost::json::value now, Ask({"credential", "show", credential}));
    if (TextOf(now, "state") == state) {
      return {};
    }
    if (deadline.Passed()) {
      return Fail(ErrorDomain::kProtocol,
                  "credential " + credential + " is " + TextOf(now, "state") + " and not " + state);
    }
    SR_TRY_VOID(PauseBriefly(stage_.stop_fd()));
  }
}

}  // namespace simroot::app
