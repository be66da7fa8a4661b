// SPDX-License-Identifier: Apache-2.0
/// `simroot platform backup`: everything of a platform at one moment, while it runs or not.
#include <filesystem>

#include "common/host/file_io.hpp"
#include "output.hpp"
#include "platform/commands.hpp"
#include "platform/home.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::app {
namespace {

namespace fs = std::filesystem;

[[nodiscard]] Result<void> CopyTree(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks, error);
  if (error) {
    return tl::make_unexpected(FileError("copy", from, error.value()));
  }
  return {};
}

[[nodiscard]] Result<void> Fill(const PlatformHome& from, const PlatformHome& to) {
  // The vault first: what the database refers to must be able to be opened.
  SR_TRY_VOID(CopyTree(from.Vault(), to.Vault()));
  SR_TRY_VOID(CopyTree(from.Authorities(), to.Authorities()));
  for (const auto& [source, target] :
       {std::pair(from.Settings(), to.Settings()), std::pair(from.PlatformCa(), to.PlatformCa())}) {
    SR_TRY_VOID(CopyTree(source, target));
  }
  SR_TRY_VOID(FromOutcome(platform::BackUpSqliteStore(from.Database(), to.Database())));
  if (fs::exists(from.AdminToken())) {
    SR_TRY_VOID(CopyTree(from.AdminToken(), to.AdminToken()));
  }
  return CopyTree(from.DeviceCa(), to.DeviceCa());  // last, as when it is made: a directory with it is complete
}

[[nodiscard]] Result<void> Backup(const PlatformBackupArguments& arguments) {
  const PlatformHome from(arguments.directory);
  const PlatformHome to(arguments.out);
  SR_TRY_VOID(from.CheckPresent());
  if (fs::exists(to.directory())) {
    return Fail(ErrorDomain::kUsage, to.directory() + " exists already", "give a directory that does not exist yet");
  }
  SR_TRY_VOID(MakePrivateDirectory(to.directory()));
  auto filled = Fill(from, to);
  if (!filled) {
    std::error_code ignored;
    fs::remove_all(to.directory(), ignored);  // half a copy would be taken for a whole one
  }
  return filled;
}

}  // namespace

int RunPlatformBackup(const PlatformBackupArguments& arguments) {
  if (const auto done = Backup(arguments); !done) {
    return Report(done.error());
  }
  return PrintLine("backed up to " + arguments.out + ", which is as secret as the platform itself") ? kDone : kFailed;
}

}  // namespace simroot::app
