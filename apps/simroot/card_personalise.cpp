// SPDX-License-Identifier: Apache-2.0
/// `simroot card personalise`: the issuer's hand over the real path, through the security domain.
#include "commands.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/card_keys.hpp"
#include "device/administration/admin_session.hpp"
#include "device/administration/personalisation_script.hpp"
#include "device/client/noted_transport.hpp"
#include "device_session.hpp"
#include "output.hpp"
#include "trace.hpp"

namespace simroot::app {
namespace {

using device::AdminAnswer;
using device::ScriptBlock;
using wire::StatusWord;

/// What a script did: as many answers as blocks were sent, the last of them perhaps a refusal.
struct ScriptResult {
  std::vector<AdminAnswer> answers;
  bool refused = false;
};

class Personalisation {
 public:
  explicit Personalisation(const DeviceOptions& options) : options_(options) {}

  [[nodiscard]] Result<void> Open(const CardPersonaliseArguments& arguments);
  [[nodiscard]] Result<ScriptResult> Run(const std::vector<ScriptBlock>& blocks);
  [[nodiscard]] const std::string& iccid() const { return iccid_; }

 private:
  [[nodiscard]] Deadline Soon() const { return Deadline::After(std::chrono::seconds(options_.timeout_s)); }
  [[nodiscard]] Result<void> OpenTransport();
  [[nodiscard]] Result<void> OpenSession(const CardKeys& keys, const Bytes& aid);

  const DeviceOptions& options_;
  StderrTrace trace_;
  std::string iccid_;
  // Each borrows from those before it.
  std::unique_ptr<crypto::OpenSslCrypto> crypto_;
  std::unique_ptr<device::Transport> transport_;
  std::unique_ptr<device::TransportAdminLink> link_;
  std::unique_ptr<device::AdminSession> session_;
};

/// The line of a card's key set for SCP03; the last one counts, lines are only ever added.
Result<const CardKeys*> FindKeys(const std::list<CardKeys>& sets, const std::string& iccid, const std::string& file) {
  constexpr std::uint8_t kFirstScp03 = 0x30;
  constexpr std::uint8_t kLastScp03 = 0x3F;
  const CardKeys* found = nullptr;
  for (const CardKeys& keys : sets) {
    if (keys.iccid == iccid && keys.version >= kFirstScp03 && keys.version <= kLastScp03) {
      found = &keys;
    }
  }
  if (found == nullptr) {
    return Fail(ErrorDomain::kUsage, file + " has no SCP03 keys of the card with ICCID " + iccid,
                "name the file that was given to `simroot card create --export-keys`");
  }
  return found;
}

Result<void> Personalisation::OpenTransport() {
  if (options_.card.empty()) {
    return Fail(ErrorDomain::kUsage, "no card is given",
                "add --card URI or set SIMROOT_CARD, for example at:/dev/ttyUSB2, pcsc: or sim:FILE");
  }
  const bool is_file = options_.card.find(':') == std::string::npos;
  SR_TRY(const device::CardUri uri, device::ParseCardUri(is_file ? "sim:" + options_.card : options_.card));
  SR_TRY(transport_, device::client::OpenNotedTransport(uri, Soon()));
  transport_->SetObserver(options_.trace ? &trace_ : nullptr);
  return {};
}

Result<void> Personalisation::Open(const CardPersonaliseArguments& arguments) {
  const auto aid = FromHex(arguments.aid);
  if (!aid || aid->size() < 5 || aid->size() > 16) {
    return Fail(ErrorDomain::kUsage, "the AID " + arguments.aid + " is not 5 to 16 bytes in hexadecimal",
                "that of the IoT SAFE applet is A0000005590010");
  }
  SR_TRY(const std::list<CardKeys> sets, ReadCardKeys(arguments.keys));
  crypto_ = crypto::OpenSslCrypto::Create();
  if (!crypto_) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot be used: its default provider does not load",
                "check that OpenSSL 3.0 or later is installed completely");
  }
  SR_TRY_VOID(OpenTransport());
  {
    SR_TRY(const auto lock, transport_->Lock(Soon()));
    SR_TRY(iccid_, transport_->ReadIccid(Soon()));
  }
  SR_TRY(const CardKeys* const keys, FindKeys(sets, iccid_, arguments.keys));
  return OpenSession(*keys, *aid);
}

Result<void> Personalisation::OpenSession(const CardKeys& keys, const Bytes& aid) {
  const auto value = [](const SecretArray<32>& key) { return key.Reveal(InsecureReveal::kForCrypto); };
  SR_TRY(link_, device::TransportAdminLink::Open(*transport_, keys.aid, Soon()));
  SR_TRY(session_,
         device::AdminSession::Open(*link_, *crypto_, {keys.version, value(keys.enc), value(keys.mac), value(keys.dek)},
                                    secure::SecurityLevel::kFull, Soon()));
  return session_->InstallForPersonalisation(aid, Soon());
}

Result<ScriptResult> Personalisation::Run(const std::vector<ScriptBlock>& blocks) {
  ScriptResult result;
  for (const ScriptBlock& block : blocks) {
    SR_TRY(AdminAnswer answer, session_->StoreData(block.data, Soon()));
    result.refused = answer.sw != StatusWord::kOk;
    result.answers.push_back(std::move(answer));
    if (result.refused) {
      break;
    }
  }
  SR_TRY_VOID(link_->Close(Soon()));
  return result;
}

std::string SwText(StatusWord sw) {
  return ToHex(std::array{wire::Sw1(sw), wire::Sw2(sw)});
}

bool PrintResult(const ScriptResult& result, const std::vector<ScriptBlock>& blocks, const std::string& iccid,
                 bool json) {
  JsonWriter writer;
  writer.BeginObject().Text("iccid", iccid).Bool("done", !result.refused).BeginArray("blocks");
  std::vector<std::vector<std::string>> rows{{"line", "answer", "meaning", "data"}};
  auto block = blocks.begin();
  for (const AdminAnswer& answer : result.answers) {
    const std::string meaning(wire::Describe(answer.sw));
    writer.BeginObject()
        .Number("line", block->line)
        .Text("sw", SwText(answer.sw))
        .Text("meaning", meaning)
        .Text("data", ToHex(answer.data))
        .EndObject();
    rows.push_back({std::to_string(block->line), SwText(answer.sw), meaning, ToHex(answer.data)});
    ++block;
  }
  writer.EndArray().EndObject();
  std::string table = FormatTable(rows);
  if (table.ends_with('\n')) {
    table.pop_back();
  }
  return PrintLine(json ? writer.text() : table);
}

}  // namespace

int RunCardPersonalise(const DeviceOptions& options, const CardPersonaliseArguments& arguments) {
  const auto text = ReadInput(arguments.script);
  if (!text) {
    return Report(text.error());
  }
  const auto blocks = device::ParsePersonalisationScript(AsText(*text), arguments.script);
  if (!blocks) {
    return Report(blocks.error());
  }
  Personalisation personalisation(options);
  if (const auto opened = personalisation.Open(arguments); !opened) {
    return Report(opened.error());
  }
  const auto result = personalisation.Run(*blocks);
  if (!result) {
    return Report(result.error());
  }
  if (!PrintResult(*result, *blocks, personalisation.iccid(), options.json)) {
    return kFailed;
  }
  if (result->refused) {
    const std::size_t line = blocks->at(result->answers.size() - 1).line;
    return Report({ErrorDomain::kCard,
                   "the card refuses line " + std::to_string(line) + " of " + arguments.script + ": " +
                       SwText(result->answers.back().sw) + ", " +
                       std::string(wire::Describe(result->answers.back().sw)),
                   "nothing that was not committed before has been kept", result->answers.back().sw});
  }
  return kDone;
}

}  // namespace simroot::app
