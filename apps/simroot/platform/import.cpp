// SPDX-License-Identifier: Apache-2.0
/// `simroot platform card import`: a factory's file of any length, in batches.
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <fstream>

#include "common/host/card_keys.hpp"
#include "output.hpp"
#include "platform/client.hpp"
#include "platform/commands.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kBatchBytes = 2UL << 20U;

/// A line on stderr that is written over; nothing if stderr is no terminal.
class Progress {
 public:
  explicit Progress(std::uint64_t whole) : whole_(whole), shown_(::isatty(STDERR_FILENO) == 1 && whole > 0) {}
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(std::uint64_t done, const std::string& what) const {
    constexpr std::uint64_t kWidth = 40;
    if (shown_) {
      const auto filled = static_cast<std::size_t>(std::min(done, whole_) * kWidth / whole_);
      const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
      static_cast<void>(std::fprintf(stderr, "\r[%s] %s", bar.c_str(), what.c_str()));
    }
  }
  void Clear() const {
    if (shown_) {
      static_cast<void>(std::fprintf(stderr, "\r\033[K"));
    }
  }

 private:
  std::uint64_t whole_;
  bool shown_;
};

/// Reads the file batch by batch; lines of one card, which stand together, are never torn apart.
class Batches {
 public:
  explicit Batches(std::ifstream& file) : file_(file) {}
  ~Batches() { Wipe(AsWritable(kept_)); }
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  /// The header and the next lines; empty at the end.
  [[nodiscard]] std::string Next() {
    std::string batch;
    std::string line = std::move(kept_);
    kept_.clear();
    first_line_ = next_line_;
    while (!line.empty() || std::getline(file_, line)) {
      const std::string iccid = line.substr(0, line.find(','));
      if (batch.size() > kBatchBytes && iccid != last_iccid_) {
        kept_ = std::move(line);
        break;
      }
      last_iccid_ = iccid;
      batch += line + "\n";
      ++next_line_;
      Wipe(AsWritable(line));
      line.clear();
    }
    return batch.empty() ? batch : std::string(kCardKeysHeader) + "\n" + batch;
  }
  /// What must be added to a line number of the batch to get that of the file.
  [[nodiscard]] std::size_t offset() const { return first_line_ - 2; }

 private:
  static ByteSpan AsWritable(std::string& text) { return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}; }

  std::ifstream& file_;
  std::string kept_;
  std::string last_iccid_;
  std::size_t first_line_ = 2;
  std::size_t next_line_ = 2;
};

[[nodiscard]] std::uint64_t NumberOf(const boost::json::value& value, std::string_view name) {
  const auto* const object = value.if_object();
  const auto* const member = object != nullptr ? object->if_contains(name) : nullptr;
  return member != nullptr && member->is_int64() ? static_cast<std::uint64_t>(member->as_int64()) : 0;
}

/// The lines that a refused batch names, as one sentence.
[[nodiscard]] Error BadLines(const boost::json::value& problem, std::size_t offset, const std::string& file,
                             std::uint64_t imported) {
  std::string text;
  const auto* const object = problem.if_object();
  const auto* const bad = object != nullptr ? object->if_contains("bad") : nullptr;
  if (bad != nullptr && bad->is_array()) {
    for (const auto& entry : bad->as_array()) {
      const auto* const message = entry.is_object() ? entry.as_object().if_contains("message") : nullptr;
      text += (text.empty() ? "line " : ", line ") + std::to_string(NumberOf(entry, "line") + offset) + " " +
              (message != nullptr ? Plain(*message) : std::string("is wrong"));
    }
  }
  return {ErrorDomain::kUsage,
          "of " + file + ": " + text + "; nothing of this batch was imported, " + std::to_string(imported) +
              " cards before it were",
          "mend or remove these lines and import the rest"};
}

[[nodiscard]] Result<std::uint64_t> Import(const PlatformClientOptions& options, const std::string& path,
                                           const std::string& tenant) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) {
    return Fail(ErrorDomain::kUsage, "cannot read " + path, "check the path and your rights");
  }
  const auto size = static_cast<std::uint64_t>(file.tellg());
  file.seekg(0);
  std::string header;
  std::getline(file, header);
  if (header.ends_with('\r')) {
    header.pop_back();
  }
  if (header != kCardKeysHeader) {
    return Fail(ErrorDomain::kUsage, path + " is no file of card keys: its first line is not the header",
                "see docs/formats/card-keys.md");
  }
  SR_TRY(PlatformClient client, PlatformClient::Create(options));
  const Progress progress(size);
  Batches batches(file);
  std::uint64_t cards = 0;
  std::uint64_t sent = header.size();
  for (std::string batch = batches.Next(); !batch.empty(); batch = batches.Next()) {
    const std::string target = TargetOf("/v1/tenants/" + tenant + "/cards/import", {});
    auto reply = client.SendAnyStatus("POST", target, batch, "text/csv");
    sent += batch.size();
    Wipe({reinterpret_cast<std::uint8_t*>(batch.data()), batch.size()});
    SR_TRY(const net::HttpReply answer, std::move(reply));
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(answer.body, error);
    if (answer.status == 422 && !error) {
      return tl::make_unexpected(BadLines(value, batches.offset(), path, cards));
    }
    SR_TRY_VOID(PlatformClient::Check(answer));
    cards += NumberOf(value, "cards");
    progress.Show(sent, std::to_string(cards) + " cards");
  }
  return cards;
}

}  // namespace

int RunPlatformImport(const PlatformClientOptions& options, const std::string& file, const std::string& tenant) {
  const auto cards = Import(options, file, tenant);
  if (!cards) {
    return Report(cards.error());
  }
  if (options.json) {
    JsonWriter json;
    return PrintLine(json.BeginObject().Number("cards", *cards).EndObject().text()) ? kDone : kFailed;
  }
  return PrintLine(std::to_string(*cards) + (*cards == 1 ? " card" : " cards") + " imported") ? kDone : kFailed;
}

}  // namespace simroot::app
