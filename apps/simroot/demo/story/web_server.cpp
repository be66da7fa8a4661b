// SPDX-License-Identifier: Apache-2.0
#include "demo/story/web_server.hpp"

#include <unistd.h>

#include "common/host/file_io.hpp"
#include "demo/story/broker.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kMaxLog = 16U << 20U;

}  // namespace

std::string WebServer::Configuration() const {
  const std::string folder = stage_.Path("nginx/");
  const std::string files = folder + "devices/";
  const std::string ca = stage_.workshop().root() + "/ca/";
  std::string text = ::geteuid() == 0 ? "user root;\n" : "";
  text += "daemon off;\nworker_processes 1;\npid " + folder + "pid;\nerror_log " + folder +
          "error.log info;\nevents { }\nhttp {\n  access_log off;\n";
  for (const char* const kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    text += "  " + std::string(kind) + "_temp_path " + folder + kind + ";\n";
  }
  return text + "  include " + files + "nginx-devices.conf;\n  server {\n    listen 127.0.0.1:" + port_ +
         " ssl;\n    ssl_certificate " + ca + "server.pem;\n    ssl_certificate_key " + ca +
         "server.key;\n    ssl_verify_client on;\n    ssl_verify_depth 3;\n    ssl_client_certificate " + files +
         "ca.pem;\n    ssl_crl " + files +
         "crl.pem;\n    location / {\n      if ($simroot_allowed = 0) { return 403; }\n"
         "      return 200 \"welcome $simroot_device, card $simroot_iccid\\n\";\n    }\n  }\n}\n";
}

Result<void> WebServer::Start() {
  SR_TRY(const std::string program, FindProgram("nginx", "nginx-light"));
  SR_TRY(port_, FreePort());
  const std::string folder = stage_.Path("nginx");
  const std::string identity = stage_.Path("agent-identity");
  SR_TRY_VOID(MakePrivateDirectory(folder));
  SR_TRY_VOID(EnrolServer(stage_, platform_, "web", identity));
  const std::vector<std::string> agent{"server",  "agent", "--dir", identity, "--output", folder + "/devices",
                                       "--no-psk"};
  std::vector<std::string> once = agent;
  once.emplace_back("--once");  // nginx does not start without its files
  SR_TRY_VOID(stage_.Ourselves(std::move(once)));
  const std::string file = folder + "/nginx.conf";
  SR_TRY_VOID(WriteFileAtomically(file, AsBytes(Configuration()), 0600));
  const std::vector<std::string> nginx{program, "-p", folder, "-e", "stderr", "-c", file};
  SR_TRY(nginx_, Service::Start("nginx", stage_.workshop().Elsewhere(nginx), stage_.Path("log/nginx.log")));
  SR_TRY_VOID(nginx_->WaitUntil(
      "its start", [&] { return ErrorLog().find("start worker process ") != std::string::npos; }, Stage::Soon(),
      stage_.stop_fd()));
  std::vector<std::string> words = agent;
  words.insert(words.begin(), kOurselves);
  words.insert(words.end(), {"--reload", program + " -p " + folder + " -e stderr -c " + file + " -s reload"});
  SR_TRY(agent_,
         Service::Start("simroot server agent", stage_.workshop().Elsewhere(words), stage_.Path("log/agent.log")));
  return {};
}

std::string WebServer::ErrorLog() const {
  const auto log = ReadWholeFile(stage_.Path("nginx/error.log"), kMaxLog);
  return log ? std::string(AsText(*log)) : std::string();
}

ProgramCall WebServer::Get(const StoryDevice& device) const {
  return device.Call({"curl", "--silent", "--show-error", "--fail", "--max-time", "15", "--noproxy", "*", "--cacert",
                      "server-ca.pem", "--cert", "key.pem", "--key", "key.pem", Url()});
}

}  // namespace simroot::app
