// SPDX-License-Identifier: Apache-2.0
/// `simroot server enrol`.
#include <iostream>

#include "common/base/secret.hpp"
#include "common/host/file_io.hpp"
#include "output.hpp"
#include "platform/home.hpp"
#include "server/commands.hpp"
#include "server/sync/identity.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kMaxToken = 4096;

/// The first line, without what is around it. `text` is wiped.
[[nodiscard]] SecretBytes FirstLine(ByteSpan text) {
  const std::string_view all = AsText(text);
  const std::string_view line = all.substr(0, all.find('\n'));
  const std::size_t begin = line.find_first_not_of(" \t\r");
  const std::size_t end = line.find_last_not_of(" \t\r");
  SecretBytes token =
      begin == std::string_view::npos ? SecretBytes() : SecretBytes(AsBytes(line.substr(begin, end - begin + 1)));
  Wipe(text);
  return token;
}

[[nodiscard]] Result<SecretBytes> ReadToken(const ServerEnrolArguments& arguments) {
  std::string text = arguments.token;
  if (arguments.token_file == "-") {
    text.reserve(kMaxToken);
    std::getline(std::cin, text);
  } else if (!arguments.token_file.empty()) {
    SR_TRY(Bytes content, ReadWholeFile(arguments.token_file, kMaxToken));
    text = AsText(content);
    Wipe(content);
  }
  SecretBytes token = FirstLine({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  if (token.size() == 0) {
    return Fail(
        ErrorDomain::kUsage, "there is no one-time token",
        "have the server invited (simroot platform server invite) and give its token with --token-file FILE, or "
        "--token-file - for standard input");
  }
  return token;
}

[[nodiscard]] Result<server::Identity> Enrol(const ServerEnrolArguments& arguments) {
  server::EnrolOptions options;
  options.directory = arguments.directory;
  options.platform_url = arguments.platform;
  options.ca_file = arguments.ca;
  SR_TRY(options.token, ReadToken(arguments));
  SR_TRY_VOID(server::Enrol(options));
  return server::LoadIdentity(arguments.directory);
}

}  // namespace

int RunServerEnrol(const ServerEnrolArguments& arguments) {
  HideMemory();
  const auto identity = Enrol(arguments);
  if (!identity) {
    return Report(identity.error());
  }
  if (arguments.json) {
    JsonWriter json;
    json.BeginObject().Text("name", identity->name).Text("tenant", identity->tenant);
    json.Text("platform", identity->platform_url).Text("directory", identity->directory);
    return PrintLine(json.EndObject().text()) ? kDone : kFailed;
  }
  const std::string text = FormatTable({{"server", identity->name},
                                        {"tenant", identity->tenant},
                                        {"platform", identity->platform_url},
                                        {"identity", identity->directory},
                                        {"next", "simroot server status --dir " + identity->directory}});
  return PrintLine(text) ? kDone : kFailed;
}

}  // namespace simroot::app
