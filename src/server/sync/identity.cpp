// SPDX-License-Identifier: Apache-2.0
#include "server/sync/identity.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/host/file_io.hpp"
#include "common/host/unique_fd.hpp"
#include "server/sync/messages.hpp"
#include "server/sync/own_key.hpp"
#include "server/sync/platform_session.hpp"

namespace simroot::server {
namespace {

constexpr std::size_t kMaxFile = 256UL * 1024;
constexpr std::chrono::seconds kForRequest{30};
constexpr mode_t kSecret = 0600;
constexpr mode_t kPublic = 0644;

[[nodiscard]] bool Exists(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

/// What Enrol has made; taken away again unless it is kept.
class Traces {
 public:
  explicit Traces(const std::string& directory) : directory_(directory), made_directory_(!Exists(directory)) {}
  ~Traces() {
    if (kept_) {
      return;
    }
    for (const std::string& file : files_) {
      (void)::unlink(file.c_str());
    }
    if (made_directory_) {
      (void)::rmdir(directory_.c_str());
    }
  }
  Traces(const Traces&) = delete;
  Traces& operator=(const Traces&) = delete;

  [[nodiscard]] Result<void> Write(const std::string& path, ByteView bytes, mode_t mode) {
    files_.push_back(path);
    return WriteFileAtomically(path, bytes, mode);
  }
  void Keep() { kept_ = true; }

 private:
  std::string directory_;
  bool made_directory_;
  std::vector<std::string> files_;
  bool kept_ = false;
};

/// The text of a body that holds a secret, wiped.
class SecretText {
 public:
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  ~SecretText() { Wipe({reinterpret_cast<std::uint8_t*>(text_.data()), text_.size()}); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

[[nodiscard]] SecretBytes KeyAndChain(const SecretBytes& key, std::string_view chain) {
  const ByteView pem = key.Reveal(InsecureReveal::kForStore);
  const ByteView rest = AsBytes(chain);
  Bytes both;
  both.reserve(pem.size() + rest.size());  // what grows leaves copies behind
  both.insert(both.end(), pem.begin(), pem.end());
  both.insert(both.end(), rest.begin(), rest.end());
  SecretBytes joined(both);
  Wipe(both);
  return joined;
}

/// Spends the token. @returns what the platform gives for the request.
[[nodiscard]] Result<Enrolled> Ask(net::HttpClient& platform, const SecretBytes& token, const std::string& request) {
  constexpr int kConflict = 409;
  const SecretText body(EncodeTexts({{"token", AsText(token.Reveal(InsecureReveal::kForCrypto))}, {"csr", request}}));
  SR_TRY(const net::HttpReply reply, platform.Send("POST", "/v1/servers/enrol", body.text()));
  if (reply.status == 401 || reply.status == 403) {
    return Fail(ErrorDomain::kUsage,
                "the platform does not accept the one-time token: it was used, or its time is over",
                "ask an administrator for a new one: simroot platform server invite");
  }
  if (reply.status == kConflict) {
    return Fail(ErrorDomain::kUsage, "the platform refuses to enrol this server: " + ProblemSentence(reply.body));
  }
  SR_TRY_VOID(CheckAnswer(reply));
  return DecodeEnrolled(reply.body);
}

[[nodiscard]] tl::unexpected<Error> Damaged(const std::string& path, const std::string& why) {
  return Fail(ErrorDomain::kStore, path + " is damaged: " + why,
              "restore it from a backup, or have the server revoked and enrol it anew in another directory");
}

/// Nobody but its owner may read what has the private key in it.
[[nodiscard]] Result<Bytes> ReadSecretFile(const std::string& path, const std::string& directory) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    const int error = errno;
    if (error == ENOENT) {
      return Fail(ErrorDomain::kUsage, directory + " holds no identity of a server",
                  "make one: simroot server enrol --dir " + directory);
    }
    return tl::unexpected<Error>(FileError("look at", path, error));
  }
  if ((found.st_mode & 0077U) != 0) {
    return Fail(ErrorDomain::kStore, path + " can be read by others, and it holds the server's private key",
                "chmod 600 " + path + ", and have the server revoked if others may have read it");
  }
  return ReadWholeFile(path, kMaxFile);
}

/// Writes the identity as it is: where this works, another one of its size can be written.
[[nodiscard]] Result<void> TryToWrite(const std::string& directory) {
  const std::string path = IdentityFiles(directory).identity;
  SR_TRY(Bytes text, ReadSecretFile(path, directory));
  const auto written = WriteFileAtomically(path, text, kSecret);
  Wipe(text);
  return written;
}

}  // namespace

Result<void> Enrol(const EnrolOptions& options) {
  const IdentityFiles files(options.directory);
  if (Exists(files.identity)) {
    return Fail(ErrorDomain::kUsage, options.directory + " holds the identity of a server already",
                "choose another directory, or delete this one if the server was revoked");
  }
  net::HttpClientOptions http;
  http.url = options.platform_url;
  http.ca_file = options.ca_file;
  http.timeout = kForRequest;
  SR_TRY(const auto platform, net::HttpClient::Create(std::move(http)));
  SR_TRY(const Bytes ca, ReadWholeFile(options.ca_file, kMaxFile));
  Traces traces(options.directory);
  SR_TRY_VOID(MakePrivateDirectory(options.directory));
  SR_TRY_VOID(traces.Write(files.platform_ca, ca, kPublic));  // a disk that cannot be written spends no token
  SR_TRY(const SecretBytes key, MakeKey());
  SR_TRY(const std::string request, MakeRequest(key));
  SR_TRY(const Enrolled enrolled, Ask(*platform, options.token, request));
  SR_TRY_VOID(ReadOwnCertificate(enrolled.certificate_chain, key));
  const std::string settings = EncodeSettings({options.platform_url, enrolled.name, enrolled.tenant});
  SR_TRY_VOID(traces.Write(files.settings, AsBytes(settings), kPublic));
  const SecretBytes identity = KeyAndChain(key, enrolled.certificate_chain);
  SR_TRY_VOID(traces.Write(files.identity, identity.Reveal(InsecureReveal::kForStore), kSecret));
  traces.Keep();
  return {};
}

Result<Identity> LoadIdentity(const std::string& directory) {
  const IdentityFiles files(directory);
  SR_TRY(Bytes text, ReadSecretFile(files.identity, directory));
  Identity identity;
  identity.directory = directory;
  identity.private_key = FindKey(text);
  const std::size_t key_size = identity.private_key.size();
  auto own = key_size == 0 ? Fail(ErrorDomain::kStore, "it holds no private key")
                           : ReadOwnCertificate(AsText(text), identity.private_key);
  Wipe(text);
  if (!own) {
    return Damaged(files.identity, own.error().message);
  }
  identity.certificate = std::move(own->der);
  identity.not_before = own->not_before;
  identity.not_after = own->not_after;
  SR_TRY(const Bytes settings_text, ReadWholeFile(files.settings, kMaxFile));
  auto settings = DecodeSettings(AsText(settings_text));
  if (!settings) {
    return Damaged(files.settings, settings.error().message);
  }
  identity.platform_url = std::move(settings->platform_url);
  identity.name = std::move(settings->name);
  identity.tenant = std::move(settings->tenant);
  return identity;
}

bool NeedsRenewal(const Identity& identity, UnixTime now) {
  constexpr UnixTime kPart = 3;
  return now >= identity.not_after - (identity.not_after - identity.not_before) / kPart;
}

Result<void> RenewIdentity(const Identity& identity) {
  // One program at a time: it must not write the old certificate over another one's new.
  const UniqueFd lock(::open(identity.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return {};  // another program of this directory is just doing it
  }
  SR_TRY(const Identity stored, LoadIdentity(identity.directory));
  if (stored.not_after > identity.not_after) {
    return {};  // another program of this directory was first
  }
  SR_TRY(const auto platform, MakeClient(identity, kForRequest));
  SR_TRY(const std::string request, MakeRequest(identity.private_key));
  SR_TRY_VOID(TryToWrite(identity.directory));  // a disk that cannot be written costs no certificate
  auto reply = platform->Send("POST", "/v1/servers/renew", EncodeTexts({{"csr", request}}));
  const auto checked = reply ? CheckAnswer(*reply) : tl::make_unexpected(reply.error());
  if (!checked) {
    return tl::make_unexpected(Explain(identity, checked.error()));
  }
  SR_TRY(const Enrolled renewed, DecodeEnrolled(reply->body));
  SR_TRY_VOID(ReadOwnCertificate(renewed.certificate_chain, identity.private_key));
  const SecretBytes both = KeyAndChain(identity.private_key, renewed.certificate_chain);
  return WriteFileAtomically(IdentityFiles(identity.directory).identity, both.Reveal(InsecureReveal::kForStore),
                             kSecret);
}

}  // namespace simroot::server
