// SPDX-License-Identifier: Apache-2.0
/// `simroot conformance`: judges the IoT SAFE applet of any card.
#include <memory>

#include "commands.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/file_io.hpp"
#include "conformance/report.hpp"
#include "device/client/pin_file.hpp"
#include "device/transport/in_process.hpp"
#include "device/transport/transport.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

using conformance::CaseReport;
using conformance::RunReport;

/// A virtual card in this process: it can be reset, and is never out of reach.
class InProcessLink final : public conformance::CardLink {
 public:
  explicit InProcessLink(std::unique_ptr<device::InProcessCard> card) : card_(std::move(card)) {}

  void Reset() override { card_->Endpoint().Reset(); }
  [[nodiscard]] ByteView Atr() const override { return card_->Endpoint().Atr(); }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override {
    return card_->Endpoint().Transmit(command, response);
  }
  [[nodiscard]] bool CanReset() const override { return true; }
  [[nodiscard]] bool CarriesFragments() const override { return true; }
  [[nodiscard]] std::string Broken() const override { return {}; }

 private:
  std::unique_ptr<device::InProcessCard> card_;
};

/// A card behind a modem or in a reader. Nothing there resets a card that other programs use too.
class TransportLink final : public conformance::CardLink {
 public:
  TransportLink(std::unique_ptr<device::Transport> transport, std::chrono::seconds timeout)
      : transport_(std::move(transport)), timeout_(timeout) {}

  [[nodiscard]] Result<void> Lock() {
    SR_TRY(lock_, transport_->Lock(Deadline::After(timeout_)));
    return {};
  }

  void Reset() override {}
  [[nodiscard]] ByteView Atr() const override { return {}; }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override {
    if (!broken_.empty()) {
      return 0;
    }
    const auto answer = transport_->Transmit(device::Channel{}, command, Deadline::After(timeout_));
    if (!answer) {
      broken_ = answer.error().Text();
      return 0;
    }
    return CopyBytes(answer->bytes(), response) ? answer->bytes().size() : 0;
  }
  [[nodiscard]] bool CanReset() const override { return false; }
  [[nodiscard]] bool CarriesFragments() const override { return false; }
  [[nodiscard]] std::string Broken() const override { return broken_; }

 private:
  std::unique_ptr<device::Transport> transport_;
  std::unique_ptr<device::TransportLock> lock_;
  std::chrono::seconds timeout_;
  std::string broken_;
};

Result<std::unique_ptr<conformance::CardLink>> OpenLink(const ConformanceArguments& arguments) {
  if (arguments.device.card.empty()) {
    return Fail(ErrorDomain::kUsage, "no card is given",
                "add --card URI or set SIMROOT_CARD, for example at:/dev/ttyUSB2, pcsc: or sim:FILE");
  }
  SR_TRY(const device::CardUri uri, device::ParseCardUri(arguments.device.card));
  if (uri.mode == device::CardUri::AtMode::kCgla) {
    return Fail(ErrorDomain::kUsage, "the cases choose logical channels themselves, which AT+CGLA does not let them",
                "use mode=csim");
  }
  if (uri.scheme == "sim") {
    SR_TRY(auto card, device::OpenInProcessCard(uri.path));
    return std::make_unique<InProcessLink>(std::move(card));
  }
  const auto timeout = std::chrono::seconds(arguments.device.timeout_s);
  SR_TRY(auto transport, device::OpenTransport(uri, Deadline::After(timeout)));
  auto link = std::make_unique<TransportLink>(std::move(transport), timeout);
  SR_TRY_VOID(link->Lock());
  return link;
}

void AddCase(JsonWriter& json, const CaseReport& one) {
  json.BeginObject().Text("chapter", one.chapter).Text("case", one.number).Text("title", one.title);
  json.Text("clause", one.clause).Text("verdict", conformance::NameOf(one.verdict));
  const bool differs = one.verdict == conformance::Verdict::kFailed || one.verdict == conformance::Verdict::kDeviates;
  if (one.verdict != conformance::Verdict::kPassed) {
    json.Text("reason", one.reason);
  }
  if (differs) {
    json.Text("script", one.script).Text("sent", one.sent).Text("sent_words", one.sent_words);
    json.Text("expected", one.expected).Text("got", one.got).Text("got_words", one.got_words);
    json.BeginArray("cope");
    for (const std::string& client : one.cope) {
      json.Text({}, client);
    }
    json.EndArray();
  }
  json.EndObject();
}

std::string ToJson(const RunReport& report) {
  JsonWriter json;
  json.BeginObject().Text("card", report.card).Text("profile", report.profile);
  json.Text("grade", conformance::GradeText(report));
  json.BeginObject("counts");
  for (const auto verdict : {conformance::Verdict::kPassed, conformance::Verdict::kDeviates,
                             conformance::Verdict::kFailed, conformance::Verdict::kSkipped}) {
    json.Number(conformance::NameOf(verdict), report.Count().Of(verdict));
  }
  json.EndObject().BeginObject("card_has");
  for (const conformance::Fact& fact : report.facts) {
    json.Text(fact.name, fact.text);
  }
  json.EndObject().BeginArray("cases");
  for (const CaseReport& one : report.cases) {
    AddCase(json, one);
  }
  return json.EndArray().EndObject().text();
}

std::string NeedsText(const conformance::CaseOptions& options) {
  if (!options.portable) {
    return "our own test card '" + options.store + "'";
  }
  std::string text;
  for (const std::string& need : options.needs) {
    text += (text.empty() ? "" : ", ") + need;
  }
  return text;
}

/// `--list`: every case, and what it needs.
int List(const ConformanceArguments& arguments, std::span<const conformance::Script> scripts) {
  const auto cases = conformance::SelectCases(scripts, arguments.only);
  if (!cases) {
    return Report(cases.error());
  }
  JsonWriter json;
  json.BeginObject().BeginArray("cases");
  std::vector<std::vector<std::string>> rows{{"case", "title", "clause", "needs"}};
  for (const auto& [script, one] : *cases) {
    rows.push_back({one->clause, one->title, one->options.clause, NeedsText(one->options)});
    json.BeginObject().Text("chapter", script->chapter).Text("case", one->clause).Text("title", one->title);
    json.Text("clause", one->options.clause).Text("needs", NeedsText(one->options)).EndObject();
  }
  std::string text = FormatTable(rows) + "\n\nneeds:\n";
  std::vector<std::vector<std::string>> meanings;
  json.EndArray().BeginObject("needs");
  for (const conformance::Need& need : conformance::Needs()) {
    meanings.push_back({"  " + std::string(need.name), std::string(need.meaning)});
    json.Text(need.name, need.meaning);
  }
  json.EndObject().EndObject();
  return PrintLine(arguments.device.json ? json.text() : text + FormatTable(meanings)) ? kDone : kFailed;
}

Result<void> WriteReport(const std::string& path, const std::string& text) {
  return path.empty() ? Result<void>() : WriteFileAtomically(path, AsBytes(text), 0644);
}

Result<RunReport> RunAll(const ConformanceArguments& arguments, std::span<const conformance::Script> scripts) {
  device::client::UserPin pin;
  if (!arguments.device.pin_file.empty()) {
    SR_TRY_VOID(device::client::ReadPinFile(arguments.device.pin_file, pin));
  }
  SR_TRY(const auto link, OpenLink(arguments));
  const auto crypto = crypto::OpenSslCrypto::Create();
  if (crypto == nullptr) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot be used", "check the OpenSSL configuration");
  }
  const conformance::JudgeOptions options{.card = arguments.device.card,
                                          .profile = arguments.profile,
                                          .only = arguments.only,
                                          .may_change = arguments.allow_write,
                                          .pin = pin.Reveal(InsecureReveal::kForCrypto),
                                          .progress = {}};
  SR_TRY(RunReport report, conformance::Judge(*link, *crypto, scripts, options));
  SR_TRY_VOID(WriteReport(arguments.junit, conformance::ToJUnit(report)));
  SR_TRY_VOID(WriteReport(arguments.html, conformance::ToHtml(report)));
  return report;
}

}  // namespace

int RunConformance(const ConformanceArguments& arguments) {
  const auto scripts = conformance::LoadEmbeddedScripts();
  if (!scripts) {
    return Report(scripts.error());
  }
  if (arguments.list) {
    return List(arguments, *scripts);
  }
  const auto report = RunAll(arguments, *scripts);
  if (!report) {
    return Report(report.error());
  }
  std::string text = arguments.device.json ? ToJson(*report) + "\n" : conformance::ToText(*report);
  text.pop_back();
  const bool good =
      report->Overall() == conformance::Grade::kConforms || report->Overall() == conformance::Grade::kDeviates;
  return PrintLine(text) && good ? kDone : kFailed;
}

}  // namespace simroot::app
