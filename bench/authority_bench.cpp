// SPDX-License-Identifier: Apache-2.0
/// simroot_authority_bench: certificates per second of CPU time, beside the bare signature and verification that they
/// cannot do without, and the making of a long CRL.
#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>

#include "bench/rounds.hpp"
#include "common/host/hex.hpp"
#include "platform/authority/authority.hpp"
#include "platform/authority/certificate_request.hpp"
#include "platform/authority/certificate_x509.hpp"
#include "platform/authority/public_key.hpp"
#include "platform/authority/signing_key.hpp"
#include "platform/authority/subject.hpp"

namespace simroot::bench {
namespace {

using namespace platform;

constexpr UnixTime kNow = 1'790'000'000;
constexpr std::int64_t kYear = 365 * 86400;

[[noreturn]] void GiveUp(const std::string& why) {
  static_cast<void>(std::fprintf(stderr, "bench: %s\n", why.c_str()));
  std::exit(1);
}

template <typename T>
T Must(Outcome<T> outcome) {
  if (!outcome) {
    GiveUp(outcome.error().Text());
  }
  return std::move(*outcome);
}

/// CPU time of this thread in microseconds: what other programs take does not count.
double CpuMicroseconds() {
  timespec now{};
  if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0) {
    GiveUp("there is no clock of CPU time");
  }
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double CpuOfCall(const std::function<void()>& call, int calls) {
  const double start = CpuMicroseconds();
  for (int i = 0; i < calls; ++i) {
    call();
  }
  return (CpuMicroseconds() - start) / calls;
}

/// A folder with a vault, an authority and its CAs, removed at the end.
class Place {
 public:
  Place() {
    std::string name = (std::filesystem::temp_directory_path() / "simroot-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      GiveUp("cannot make a folder like " + name);
    }
    folder_ = name;
    vault = Must(Vault::Create(folder_ + "/vault"));
    authority = Must(Authority::Open(*vault, folder_ + "/authority"));
    root = Must(authority->MakeRoot("root", {"Bench root", "", ""}, kNow, 20 * kYear));
    issuing = Must(authority->MakeIssuing(root, "issuing-1", {"Bench issuing CA", "", "Example"}, kNow, 9 * kYear));
  }
  ~Place() {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  std::unique_ptr<Vault> vault;
  std::unique_ptr<Authority> authority;
  CertificateAuthority root;
  CertificateAuthority issuing;

 private:
  std::string folder_;
};

/// The least that a request and a certificate cost: one verification and one signature with prepared contexts.
class Bare {
 public:
  Bare() {
    std::size_t size = signature_.size();
    if (EVP_PKEY_sign_init(signer_.get()) != 1 || EVP_PKEY_verify_init(verifier_.get()) != 1 ||
        EVP_PKEY_sign(signer_.get(), signature_.data(), &size, digest_.data(), digest_.size()) != 1) {
      GiveUp("OpenSSL cannot sign");
    }
    signature_size_ = size;
  }
  void SignAndVerify() {
    std::array<unsigned char, 80> signature{};
    std::size_t size = signature.size();
    if (EVP_PKEY_sign(signer_.get(), signature.data(), &size, digest_.data(), digest_.size()) != 1 ||
        EVP_PKEY_verify(verifier_.get(), signature_.data(), signature_size_, digest_.data(), digest_.size()) != 1) {
      GiveUp("OpenSSL cannot sign or verify");
    }
  }

 private:
  EvpPkey key_ = Must(SigningKey::GenerateP256());
  EvpPkeyCtx signer_{EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr)};
  EvpPkeyCtx verifier_{EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr)};
  std::array<unsigned char, 32> digest_{0xAA};
  std::array<unsigned char, 80> signature_{};
  std::size_t signature_size_ = 0;
};

Bytes MakeRequest(EVP_PKEY* key) {
  const RequestPtr request(X509_REQ_new());
  if (X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>("meter-17"), -1, -1, 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), key) != 1 || X509_REQ_sign(request.get(), key, EVP_sha256()) <= 0) {
    GiveUp("OpenSSL cannot make a certificate request");
  }
  return EncodeDer(request.get(), i2d_X509_REQ);
}

IssueRequest RequestFor(ByteView key) {
  IssueRequest request;
  request.public_key = key;
  request.subject = {"meter-17", "89880000000000000011", "Example"};
  request.not_before = kNow;
  request.not_after = kNow + kYear;
  return request;
}

void Line(const char* what, double us) {
  std::printf("  %-58s %9.0f/s  %8.1f us\n", what, 1e6 / us, us);
}

void RunCertificates(Place& place) {
  constexpr int kRounds = 9;
  constexpr int kCalls = 300;
  constexpr double kBudget = 3000;
  const EvpPkey key = Must(SigningKey::GenerateP256());
  const Bytes csr = MakeRequest(key.get());
  const Bytes point = Must(ExportPublicKey(key.get()));
  Bare bare;
  const auto check = [&] { static_cast<void>(Must(place.authority->CheckRequest(csr))); };
  const auto issue = [&] { static_cast<void>(Must(place.authority->Issue(place.issuing, RequestFor(point)))); };
  const auto both = [&] {
    const CheckedRequest checked = Must(place.authority->CheckRequest(csr));
    static_cast<void>(Must(place.authority->Issue(place.issuing, RequestFor(checked.public_key))));
  };
  std::vector<double> ratios;
  std::array<std::vector<double>, 4> times;
  const std::array<std::function<void()>, 4> works{[&] { bare.SignAndVerify(); }, check, issue, both};
  for (const auto& work : works) {
    static_cast<void>(CpuOfCall(work, kCalls));  // warm up
  }
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < works.size(); ++i) {
      times.at(i).push_back(CpuOfCall(works.at(i), kCalls));
    }
    ratios.push_back(times.front().back() / times.back().back());
  }
  std::printf("\nCertificates, P-256, one thread, per second of CPU time (budget: %.0f/s)\n", kBudget);
  Line("bare EVP_PKEY_sign + EVP_PKEY_verify", Median(times.at(0)));
  Line("request checked", Median(times.at(1)));
  Line("certificate issued", Median(times.at(2)));
  Line("request checked and certificate issued", Median(times.at(3)));
  std::printf("  of the bare rate: %.0f %%; certificate: %zu bytes\n", 100 * Median(ratios),
              Must(place.authority->Issue(place.issuing, RequestFor(point))).der.size());
}

void RunSlowWay(Place& place) {
  const EvpPkey key = Must(SigningKey::GenerateP256());
  const Bytes csr = MakeRequest(key.get());
  const Bytes point = Must(ExportPublicKey(key.get()));
  const X509Ptr issuer = Must(ParseCertificate(place.issuing.certificate));
  CertificateContent content;
  content.serial = Must(NewSerial());
  content.subject = Must(EncodeSubject({"meter-17", "89880000000000000011", "Example"}));
  content.not_before = kNow;
  content.not_after = kNow + kYear;
  content.public_key = point;
  ExtensionPlan plan;
  plan.client_auth = true;
  const EvpPkey signer = Must(SigningKey::GenerateP256());
  const double us = CpuOfCall(
      [&] {
        static_cast<void>(Must(CheckRequestWithOpenSsl(csr)));
        static_cast<void>(Must(MakeX509({issuer.get(), signer.get(), EVP_sha256()}, content, plan)));
      },
      200);
  Line("the same by OpenSSL's X509 functions alone", us);
}

void RunCrl(Place& place) {
  constexpr std::size_t kCount = 100'000;
  std::vector<RevokedEntry> entries(kCount);
  for (RevokedEntry& entry : entries) {
    entry = {ToHex(Must(NewSerial())), kNow - static_cast<UnixTime>(entries.size()), "superseded"};
  }
  std::vector<double> times;
  std::size_t size = 0;
  for (int round = 0; round < 5; ++round) {
    times.push_back(CpuOfCall(
        [&] { size = Must(place.authority->MakeCrl(place.issuing, entries, round + 1, kNow, 86400)).size(); }, 1));
  }
  std::printf("\nCRL of %zu entries: %.1f ms of CPU time, %.2f MB\n", kCount, Median(times) / 1e3,
              static_cast<double>(size) / 1e6);
}

void RunVault(Place& place) {
  const Bytes keys(48);
  const Bytes sealed = Must(place.vault->Seal(keys, "card-keys/89880000000000000011/48"));
  std::printf("\nVault, a key set of 48 bytes\n");
  Line("sealed", CpuOfCall([&] { static_cast<void>(Must(place.vault->Seal(keys, "card-keys/x/48"))); }, 20'000));
  Line("opened",
       CpuOfCall([&] { static_cast<void>(Must(place.vault->Unseal(sealed, "card-keys/89880000000000000011/48"))); },
                 20'000));
}

}  // namespace
}  // namespace simroot::bench

int main() {
  simroot::bench::Place place;
  simroot::bench::RunCertificates(place);
  simroot::bench::RunSlowWay(place);
  simroot::bench::RunCrl(place);
  simroot::bench::RunVault(place);
  return 0;
}
