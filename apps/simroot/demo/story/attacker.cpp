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

Result<int> ReplayToPlatform(const PlatformHost& platform, const Recording& heard) {
  if (heard.messages.size() < 2) {
    return Fail(ErrorDomain::kProtocol, "too little was recorded to be replayed");
  }
  SR_TRY(const auto client, Connect(platform));
  const net::Headers headers{{"content-type", "application/json"}};
  SR_TRY(const net::HttpReply hello, client->Send("POST", kSessions, heard.messages.front().body, headers));
  SR_TRY(const device::RelayReply batch, device::DecodeReply(hello.body));
  SR_TRY(const net::HttpReply reply,
         client->Send("POST", std::string(kSessions) + "/" + batch.session, heard.messages.at(1).body, headers));
  return reply.status;
}

Result<CardReplay> ReplayToCard(const StoryDevice& device, const Recording& heard) {
  const std::vector<device::RelayReply> batches = BatchesOf(heard);
  if (batches.size() < 2) {
    return Fail(ErrorDomain::kProtocol, "too little was recorded to be replayed");
  }
  SR_TRY(const auto transport, OpenModem(device));
  SR_TRY(const auto link, device::TransportAdminLink::Open(*transport, batches.front().security_domain, Stage::Soon()));
  CardReplay replay;
  bool first = true;
  for (const device::RelayReply& batch : batches) {
    for (const Bytes& command : batch.commands) {
      SR_TRY(const device::AdminAnswer answer, link->Exchange(command, Stage::Soon()));
      if (std::exchange(first, false)) {
        continue;
      }
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
