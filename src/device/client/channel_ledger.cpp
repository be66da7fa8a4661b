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
constexpr int kMaxChannelNumber = 19;    ///< ETSI TS 102 221
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

}  // namespace

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

void ChannelLedger::Add(const Channel& channel) const {
  const auto start_time = ProcessStartTime(::getpid());
  if (directory_.empty() || !start_time) {
    return;
  }
  auto entries = Entries();
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
