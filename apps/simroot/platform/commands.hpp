// SPDX-License-Identifier: Apache-2.0
/// The commands of `simroot platform` as plain functions over plain options.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace simroot::app {

struct PlatformInitArguments {
  std::string directory;
  std::string listen = "127.0.0.1:8443";
  std::vector<std::string> names;  ///< further DNS names and addresses of the server's certificate
  std::string tenant = "default";
  bool json = false;
};
int RunPlatformInit(const PlatformInitArguments& arguments);

struct PlatformServeArguments {
  std::string directory;
  std::string listen;  ///< empty: as platform.json says
};
int RunPlatformServe(const PlatformServeArguments& arguments);

struct PlatformBackupArguments {
  std::string directory;
  std::string out;  ///< a directory that does not exist yet
};
int RunPlatformBackup(const PlatformBackupArguments& arguments);

/// Where the platform is and how its answers are printed.
struct PlatformClientOptions {
  std::string directory;  ///< --dir; empty: SIMROOT_PLATFORM, SIMROOT_TOKEN, SIMROOT_PLATFORM_CA
  bool json = false;
};

/// One request whose answer is a list, in pages, or an object.
struct PlatformRequest {
  std::string method = "GET";
  std::string path = {};                                        ///< without query
  std::vector<std::pair<std::string, std::string>> query = {};  ///< empty values are left out
  std::string body = {};                                        ///< JSON; empty: none
  std::vector<std::string> columns = {};                        ///< of the table of a list; empty: an object
};
int RunPlatformRequest(const PlatformClientOptions& options, const PlatformRequest& request);

/// Writes what the path gives to `out` (empty: stdout).
int RunPlatformDownload(const PlatformClientOptions& options, const std::string& path, const std::string& out);

/// Changes the policy with this name, or makes it. @param changes what is given of it: a JSON object as the API has it.
int RunPlatformPutPolicy(const PlatformClientOptions& options, const std::string& tenant, const std::string& name,
                         const std::string& changes);

/// An issuing CA from elsewhere. @param certificates, key paths of PEM files.
int RunPlatformImportCa(const PlatformClientOptions& options, const std::string& tenant, const std::string& name,
                        const std::string& certificates, const std::string& key);

/// In batches, each all or nothing. @param tenant name.
int RunPlatformImport(const PlatformClientOptions& options, const std::string& file, const std::string& tenant);

}  // namespace simroot::app
