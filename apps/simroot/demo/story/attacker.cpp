// SPDX-License-Identifier: Apache-2.0
#include "demo/story/attacker.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "common/host/file_io.hpp"
#include "device/administration/admin_link.hpp"
#include "device/relay/relay_client.hpp"
#include "device/relay/relay_messages.hpp"
#include "device_session.hpp"

namespace simroot::app {
namespace {

constexpr const char* kSessions = "/v1/relay/sessions";

/// A client that lets everything through and keeps a copy.
class ListeningClient final : public net::HttpClient {
 public:
  ListeningClient(net::HttpClient& client, Recording& heard) : client_(client), heard_(heard) {}

  [[nodiscard]] Result<net::HttpReply> Send(const std::string& method, const std::string& target,
                                            const std::string& body, const net::Headers& headers) override {
    auto reply = client_.Send(method, target, body, headers);
    if (reply) {
      heard_.messages.push_back({target, body, reply->status, reply->body});
    }
    return reply;
  }
  [[nodiscard]] Result<net::HttpReply> Stream(const std::string& target, const net::Headers& headers,
                                              std::chrono::milliseconds silence,
                                              const std::function<bool(std::string_view)>& line) override {
    return client_.Stream(target, headers, silence, line);
  }
  void Interrupt() override { client_.Interrupt(); }

 private:
  net::HttpClient& client_;
  Recording& heard_;
};

Result<std::unique_ptr<net::HttpClient>> Connect(const PlatformHost& platform) {
  net::HttpClientOptions options;
  options.url = platform.url();
  options.ca_file = platform.Ca();
  return net::HttpClient::Create(options);
}

Result<std::unique_ptr<device::Transport>> OpenModem(const StoryDevice& device) {
  SR_TRY(const device::CardUri uri, device::ParseCardUri(device.CardUri()));
  return device::OpenTransport(uri, Stage::Soon());
}

/// The replies of the platform that were batches of commands.
std::vector<device::RelayReply> BatchesOf(const Recording& heard) {
  std::vector<device::RelayReply> batches;
  for (const HeardMessage& message : heard.messages) {
    auto reply = device::DecodeReply(message.reply);
    if (reply && !reply->done) {
      batches.push_back(std::move(*reply));
    }
  }
  return batches;
}

/// The session that the device has begun with its SIM.
struct Opening {
  Bytes security_domain;
  Bytes command;  ///< INITIALIZE UPDATE
  Bytes answer;
};

Result<Opening> OpeningOf(const Recording& heard) {
  const std::string hello = heard.messages.empty() ? std::string() : heard.messages.front().body;
  const auto member = [&](const std::string& name) {
    const std::string mark = "\"" + name + "\":\"";
    const std::size_t begin = hello.find(mark, hello.find("\"opening\""));
    const std::size_t end = begin == std::string::npos ? begin : hello.find('"', begin + mark.size());
    return end == std::string::npos
               ? Bytes()
               : FromHex(hello.substr(begin + mark.size(), end - begin - mark.size())).value_or(Bytes());
  };
  Opening opening{member("security_domain"), {0x80, 0x50, 0x00, 0x00, 0x08}, member("answer")};
  const Bytes challenge = member("challenge");
  if (opening.security_domain.empty() || challenge.size() != opening.command.back() || opening.answer.empty() ||
      BatchesOf(heard).empty()) {
    return Fail(ErrorDomain::kProtocol, "too little was recorded to be replayed");
  }
  opening.command.insert(opening.command.end(), challenge.begin(), challenge.end());
  opening.command.push_back(0x00);
  return opening;
}

}  // namespace

std::size_t Recording::Size() const {
  return Text().size();
}

std::string Recording::Text() const {
  std::string text;
  for (const HeardMessage& message : messages) {
    text += message.target + "\n" + message.body + "\n" + message.reply + "\n";
  }
  return text;
}

Result<SwitchedOn> SwitchOnAndListen(const Stage& stage, const PlatformHost& platform, const StoryDevice& device,
                                     Recording& heard) {
  SR_TRY(const auto client, Connect(platform));
  ListeningClient listening(*client, heard);
  SR_TRY(const auto transport, OpenModem(device));
  const auto pause = [&stage](std::chrono::seconds) { return PauseBriefly(stage.stop_fd()).has_value(); };
  SR_TRY(const device::RelayResult result, device::RunRelay(*transport, listening, {}, nullptr, pause));
  if (!result.provisioned) {
    return Fail(ErrorDomain::kProtocol, "the platform has not finished with " + device.name() + ": " + result.message);
  }
  return SwitchedOn{result.message, result.commands, result.round_trips};
}

Result<PlatformReplay> ReplayToPlatform(const PlatformHost& platform, const std::string& iccid,
                                        const Recording& heard) {
  SR_TRY(const Opening opening, OpeningOf(heard));
  SR_TRY(const auto client, Connect(platform));
  const net::Headers headers{{"content-type", "application/json"}};
  PlatformReplay replay;
  SR_TRY(const net::HttpReply again, client->Send("POST", kSessions, heard.messages.front().body, headers));
  replay.hello = again.status;
  const device::CardIntroduction card{.iccid = iccid, .application_id = {}, .application_info = {}, .objects = {}};
  SR_TRY(const net::HttpReply hello, client->Send("POST", kSessions, device::EncodeHello(card, std::nullopt), headers));
  SR_TRY(const device::RelayReply batch, device::DecodeReply(hello.body));
  SR_TRY(const net::HttpReply answered, client->Send("POST", std::string(kSessions) + "/" + batch.session,
                                                     device::EncodeAnswers(batch.step, {opening.answer}), headers));
  replay.answer = answered.status;
  return replay;
}

Result<CardReplay> ReplayToCard(const StoryDevice& device, const Recording& heard) {
  SR_TRY(const Opening opening, OpeningOf(heard));
  SR_TRY(const auto transport, OpenModem(device));
  SR_TRY(const auto link, device::TransportAdminLink::Open(*transport, opening.security_domain, Stage::Soon()));
  SR_TRY(const device::AdminAnswer begun, link->Exchange(opening.command, Stage::Soon()));
  if (begun.sw != wire::StatusWord::kOk) {
    return Fail(ErrorDomain::kProtocol, "the SIM does not begin a session");
  }
  CardReplay replay;
  for (const device::RelayReply& batch : BatchesOf(heard)) {
    for (const Bytes& command : batch.commands) {
      SR_TRY(const device::AdminAnswer answer, link->Exchange(command, Stage::Soon()));
      ++replay.sent;
      if (answer.sw != wire::StatusWord::kOk) {
        ++replay.refused;
        if (replay.first_refusal.empty()) {
          replay.first_refusal = ToHex(ByteView(command).first(2)) + " answered " +
                                 ToHex(Bytes{wire::Sw1(answer.sw), wire::Sw2(answer.sw)});
        }
      }
    }
  }
  return replay;
}

Result<void> ForgeKeyFor(const std::string& certificate, const std::string& out) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(certificate.c_str(), "r"), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> parsed(
      file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
  constexpr std::size_t kPointSize = 65;
  constexpr std::size_t kScalarSize = 32;
  Bytes point(kPointSize);
  std::size_t size = 0;
  if (!parsed ||
      EVP_PKEY_get_octet_string_param(X509_get0_pubkey(parsed.get()), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                      point.size(), &size) != 1 ||
      size != point.size()) {
    return Fail(ErrorDomain::kCrypto, "cannot read the public key of the certificate in " + certificate);
  }
  Bytes scalar(kScalarSize);
  if (RAND_bytes(scalar.data(), static_cast<int>(scalar.size())) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL gave no random bytes");
  }
  scalar.front() = 0x42;  // below the order of the curve
  // ECPrivateKey of RFC 5915 for prime256v1, with a public key that is not the private one's.
  Bytes der = *FromHex("30770201010420");
  der.insert(der.end(), scalar.begin(), scalar.end());
  const Bytes middle = *FromHex("A00A06082A8648CE3D030107A144034200");
  der.insert(der.end(), middle.begin(), middle.end());
  der.insert(der.end(), point.begin(), point.end());
  return WriteFileAtomically(out, AsBytes(ToPem("EC PRIVATE KEY", der)), 0600);
}

}  // namespace simroot::app
