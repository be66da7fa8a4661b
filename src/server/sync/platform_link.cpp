// SPDX-License-Identifier: Apache-2.0
#include "server/sync/platform_link.hpp"

#include <algorithm>
#include <ctime>

#include "server/sync/messages.hpp"
#include "server/sync/platform_session.hpp"

namespace simroot::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr int kUnprocessable = 422;
constexpr int kTooMany = 429;
constexpr int kServerError = 500;
constexpr seconds kConnecting{10};
constexpr seconds kLongestWait{60};
constexpr seconds kForAnswer{30};  ///< besides what the platform waits

class Link final : public PlatformLink {
 public:
  Link(std::unique_ptr<net::HttpClient> http, crypto::CmsOpener opener, Identity identity)
      : http_(std::move(http)), opener_(std::move(opener)), identity_(std::move(identity)) {}

  Result<SnapshotPart> ReadSnapshot(std::int64_t after) override {
    SR_TRY(const std::string text, Get("/v1/feed/snapshot?limit=" + std::to_string(kMostItems) + After(after)));
    return DecodeSnapshot(text, after, opener_);
  }

  Result<FeedPart> ReadFeed(std::int64_t after, seconds wait) override {
    const auto asked = std::clamp(wait, seconds(0), kLongestWait).count();
    SR_TRY(const net::HttpReply reply, Send("GET", "/v1/feed?limit=" + std::to_string(kMostItems) +
                                                       "&wait=" + std::to_string(asked) + After(after)));
    if (reply.status == kConflict) {
      return FeedPart{.restored = true};
    }
    SR_TRY_VOID(Check(reply));
    return DecodeFeed(reply.body, after, opener_);
  }

  Result<std::string> ReadAuthorities() override {
    SR_TRY(const AuthorityPart all, ListAuthorities());
    return all.pem;
  }

  Result<void> ReportUse(const std::string& name) override {
    SR_TRY(const net::HttpReply reply, Send("POST", "/v1/feed/use", EncodeTexts({{"credential", name}})));
    if (reply.status == kNotFound || reply.status == kConflict || reply.status == kUnprocessable) {
      return Fail(ErrorDomain::kUsage,
                  "the platform takes no proof of use of credential " + name + ": " + ProblemSentence(reply.body));
    }
    return Check(reply);
  }

  Result<std::vector<Bytes>> ReadCrls() override {
    SR_TRY(const AuthorityPart all, ListAuthorities());
    std::vector<Bytes> crls;
    for (const std::int64_t id : all.ids) {
      SR_TRY(const net::HttpReply reply, Send("GET", "/v1/authorities/" + std::to_string(id) + "/crl"));
      if (reply.status == kNotFound || reply.status == kConflict || reply.status == kUnprocessable) {
        continue;
      }
      SR_TRY_VOID(Check(reply));
      const ByteView der = AsBytes(reply.body);
      crls.emplace_back(der.begin(), der.end());
    }
    return crls;
  }

  void Interrupt() override { http_->Interrupt(); }

 private:
  [[nodiscard]] static std::string After(std::int64_t number) { return "&after=" + std::to_string(number); }

  [[nodiscard]] Result<net::HttpReply> Send(const std::string& method, const std::string& target,
                                            const std::string& body = {}) {
    auto reply = http_->Send(method, target, body);
    if (!reply) {
      return tl::make_unexpected(Explain(identity_, std::move(reply).error()));
    }
    return reply;
  }
  [[nodiscard]] Result<void> Check(const net::HttpReply& reply) const {
    auto checked = CheckAnswer(reply);
    if (!checked) {
      return tl::make_unexpected(Explain(identity_, std::move(checked).error()));
    }
    return checked;
  }
  [[nodiscard]] Result<std::string> Get(const std::string& target) {
    SR_TRY(net::HttpReply reply, Send("GET", target));
    SR_TRY_VOID(Check(reply));
    return std::move(reply.body);
  }
  [[nodiscard]] Result<AuthorityPart> ListAuthorities() {
    AuthorityPart all;
    do {
      SR_TRY(const std::string text, Get("/v1/feed/authorities?limit=" + std::to_string(kMostItems) + After(all.next)));
      SR_TRY(AuthorityPart part, DecodeAuthorities(text, all.next));
      all.pem += part.pem;
      all.ids.insert(all.ids.end(), part.ids.begin(), part.ids.end());
      all.next = part.next;
    } while (all.next != 0);
    return all;
  }

  std::unique_ptr<net::HttpClient> http_;
  crypto::CmsOpener opener_;
  Identity identity_;  ///< without the private key
};

[[nodiscard]] std::string DateOf(UnixTime time) {
  const std::time_t seconds_since = time;
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&seconds_since, &parts) == nullptr) {
    return "?";
  }
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

}  // namespace

Result<std::unique_ptr<net::HttpClient>> MakeClient(const Identity& identity, milliseconds longest) {
  const IdentityFiles files(identity.directory);
  net::HttpClientOptions options;
  options.url = identity.platform_url;
  options.ca_file = files.platform_ca;
  options.client_certificate_file = files.identity;
  options.client_key_file = files.identity;
  options.timeout = longest;
  options.connecting = kConnecting;
  return net::HttpClient::Create(std::move(options));
}

Result<void> CheckAnswer(const net::HttpReply& reply) {
  if (reply.status < 400) {
    return {};
  }
  const std::string said = ProblemSentence(reply.body);
  const std::string sentence = said.empty() ? "HTTP status " + std::to_string(reply.status) : said;
  if (reply.status == kUnauthorized || reply.status == kForbidden) {
    return Fail(ErrorDomain::kCrypto, "the platform does not accept this server's certificate (any more): " + sentence,
                "ask the platform's administrator whether the server was revoked; if so, enrol it anew in another "
                "directory");
  }
  if (reply.status == kTooMany || reply.status >= kServerError) {
    return Fail(ErrorDomain::kTransport, "the platform cannot work now: " + sentence, "try again later");
  }
  return Fail(ErrorDomain::kProtocol, "the platform refuses the request: " + sentence,
              "check that platform and server are of versions that fit");
}

Error Explain(const Identity& identity, Error error) {
  if (error.domain == ErrorDomain::kCrypto && identity.not_after != 0 && std::time(nullptr) > identity.not_after) {
    error.message += "; the certificate of this server ended on " + DateOf(identity.not_after);
    error.next_step = "have the server revoked and invited again, then enrol it anew in another directory";
  }
  return error;
}

Result<std::unique_ptr<PlatformLink>> MakePlatformLink(const Identity& identity) {
  SR_TRY(auto http, MakeClient(identity, kLongestWait + kForAnswer));
  SR_TRY(auto opener,
         crypto::CmsOpener::Create(identity.certificate, identity.private_key.Reveal(InsecureReveal::kForCrypto)));
  Identity own;
  own.directory = identity.directory;
  own.not_after = identity.not_after;
  return std::make_unique<Link>(std::move(http), std::move(opener), std::move(own));
}

}  // namespace simroot::server
