// SPDX-License-Identifier: Apache-2.0
#include "device/client/channel_ledger.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/base/crc32.hpp"
#include "device/client/private_files.hpp"

namespace simroot::device::client {
namespace {

constexpr std::string_view kFirstLine = "simroot-channels 1";
constexpr std::size_t kMaxFileSize = 16 * 1024;
constexpr std::size_t kMaxEntries = 64;  ///< more are no use, and make the file too large in the end
constexpr int kMaxChannelNumber = 19;    ///< ETSI TS 102 221
constexpr std::uint64_t kGivenUp = 0;    ///< no process is that old
constexpr int kMaxGivenUp = 3;           ///< a modem without a SIM fails again and again, and opens nothing
constexpr int kStartTimeAfterComm = 20;  ///< field 22 of /proc/PID/stat; field 3 is the first after the name

/// "channels-ttyUSB2-1A2B3C4D": readable, and unique by the checksum.
[[nodiscard]] std::string LedgerFileName(const std::string& identity) {
  std::string name = identity.substr(identity.find_last_of("/:") + 1).substr(0, 40);
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  std::array<std::uint8_t, 4> crc{};
  ByteWriter out(crc);
  out.PutU32(Crc32Of(AsBytes(identity)));
  return "channels-" + name + "-" + ToHex(crc);
}

[[nodiscard]] std::optional<LedgerEntry> ParseLine(const std::string& line) {
  std::istringstream in(line);
  int number = -1;
  LedgerEntry entry;
  if (!(in >> number >> entry.channel.session >> entry.pid >> entry.start_time) || !(in >> std::ws).eof() ||
      number < 0 || number > kMaxChannelNumber || entry.channel.session < -1 || entry.pid <= 0) {
    return std::nullopt;
  }
  entry.channel.number = static_cast<std::uint8_t>(number);
  return entry;
}

/// What this process has announced and not noted yet.
[[nodiscard]] std::vector<LedgerEntry>::iterator FindOwnIntent(std::vector<LedgerEntry>& entries) {
  const auto start_time = ProcessStartTime(::getpid());
  return std::ranges::find_if(entries, [&](const LedgerEntry& entry) {
    return entry.IsIntent() && entry.pid == ::getpid() && entry.start_time == start_time;
  });
}

/// Takes out what killed processes have left, the oldest first, where there is too much of it.
void Limit(std::vector<LedgerEntry>& entries) {
  for (auto entry = entries.begin(); entries.size() > kMaxEntries && entry != entries.end();) {
    entry = IsAlive(*entry) ? entry + 1 : entries.erase(entry);
  }
}

}  // namespace

bool OutlivesItsUsers(const CardUri& uri) {
  return uri.scheme != "sim" && uri.scheme != "unix";
}

std::string PortIdentity(const CardUri& port) {
  if (char* const real = ::realpath(port.path.c_str(), nullptr)) {
    std::string identity = port.scheme + ":" + real;
    std::free(real);
    return identity;
  }
  return port.scheme + ":" + port.path;
}

std::optional<std::uint64_t> ProcessStartTime(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text, '\0');
  // The name of the program is in parentheses and may itself hold blanks and parentheses.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 0; i < kStartTimeAfterComm && fields >> field; ++i) {
    if (i == 0 && (field == "Z" || field == "X")) {
      return std::nullopt;  // a zombie holds nothing any more
    }
  }
  std::istringstream number(field);
  std::uint64_t start_time = 0;
  if (!fields || !(number >> start_time)) {
    return std::nullopt;
  }
  return start_time;
}

bool IsAlive(const LedgerEntry& entry) {
  return ProcessStartTime(entry.pid) == entry.start_time;
}

std::string DefaultRuntimeDirectory(const std::string& cache_directory) {
  const char* const runtime = ::secure_getenv("XDG_RUNTIME_DIR");
  return runtime != nullptr && *runtime == '/' ? std::string(runtime) + "/simroot" : cache_directory;
}

ChannelLedger::ChannelLedger(std::string directory, const CardUri& port)
    : directory_(std::move(directory)), file_name_(LedgerFileName(PortIdentity(port))) {}

std::vector<LedgerEntry> ChannelLedger::Entries() const {
  const auto content = PrivateDirectory(directory_, IfMissing::kFail).Read(file_name_, kMaxFileSize);
  if (!content) {
    return {};
  }
  std::istringstream lines{std::string(AsText(*content))};
  std::string line;
  if (!std::getline(lines, line) || line != kFirstLine) {
    return {};
  }
  std::vector<LedgerEntry> entries;
  while (std::getline(lines, line)) {
    if (const auto entry = ParseLine(line)) {
      entries.push_back(*entry);
    }
  }
  return entries;
}

void ChannelLedger::Write(const std::vector<LedgerEntry>& entries) const {
  std::ostringstream text;
  text << kFirstLine << '\n';
  for (const LedgerEntry& entry : entries) {
    text << int{entry.channel.number} << ' ' << entry.channel.session << ' ' << entry.pid << ' ' << entry.start_time
         << '\n';
  }
  PrivateDirectory(directory_, IfMissing::kCreate).Replace(file_name_, AsBytes(text.str()));
}

void ChannelLedger::Announce() const {
  const auto start_time = ProcessStartTime(::getpid());
  if (directory_.empty() || !start_time) {
    return;
  }
  auto entries = Entries();
  entries.push_back({Channel{}, ::getpid(), *start_time});
  Limit(entries);
  Write(entries);
}

void ChannelLedger::NoteFailure(const Error& error) const {
  auto entries = Entries();
  const auto intent = FindOwnIntent(entries);
  if (intent == entries.end()) {
    return;
  }
  const auto given_up =
      std::ranges::count_if(entries, [](const LedgerEntry& e) { return e.IsIntent() && e.start_time == kGivenUp; });
  const bool nothing_is_open = error.domain == ErrorDomain::kCard || error.domain == ErrorDomain::kUsage;
  if (nothing_is_open || given_up >= kMaxGivenUp) {
    entries.erase(intent);
  } else {
    intent->start_time = kGivenUp;
  }
  Write(entries);
}

void ChannelLedger::RemoveDeadIntents(std::size_t count) const {
  auto entries = Entries();
  const auto removed = std::erase_if(entries, [&count](const LedgerEntry& entry) {
    if (count == 0 || !entry.IsIntent() || IsAlive(entry)) {
      return false;
    }
    --count;
    return true;
  });
  if (removed > 0) {
    Write(entries);
  }
}

void ChannelLedger::Add(const Channel& channel) const {
  const auto start_time = ProcessStartTime(::getpid());
  if (directory_.empty() || !start_time) {
    return;
  }
  auto entries = Entries();
  if (const auto intent = FindOwnIntent(entries); intent != entries.end()) {
    entries.erase(intent);
  }
  std::erase_if(entries, [&](const LedgerEntry& entry) { return entry.channel == channel; });
  entries.push_back({channel, ::getpid(), *start_time});
  Write(entries);
}

void ChannelLedger::Remove(const Channel& channel, pid_t pid) const {
  auto entries = Entries();
  if (std::erase_if(entries, [&](const LedgerEntry& e) { return e.channel == channel && e.pid == pid; }) > 0) {
    Write(entries);
  }
}

bool ChannelLedger::MayClose(const Channel& channel) const {
  const auto entries = Entries();
  return std::ranges::none_of(entries, [&](const LedgerEntry& entry) {
    return entry.channel == channel && entry.pid != ::getpid() && IsAlive(entry);
  });
}

}  // namespace simroot::device::client
