// SPDX-License-Identifier: Apache-2.0
// Properties of the server's side: the directory is as a map would be, and whatever happens to processes, copies and
// connections, who has read the feed to its end has the platform's state.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "common/host/file_io.hpp"
#include "server/middleware/follower.hpp"
#include "server/middleware/testing/fake_platform.hpp"

namespace simroot::server {
namespace {

using testing::CertificateOf;
using testing::CopyOf;
using testing::FakePlatform;
using testing::FingerprintOf;
using testing::IccidOf;
using testing::PskOf;
using testing::TextOf;

constexpr CredentialId kIds = 12;  ///< few, so that they meet again

/// A credential whose fields come out of small sets.
Credential AnyCredential() {
  const auto id = *rc::gen::inRange<CredentialId>(1, kIds + 1);
  const auto state = static_cast<CredentialState>(*rc::gen::inRange(0, 7));
  Credential credential = id % 2 == 0 ? PskOf(id, state) : CertificateOf(id, state);
  credential.iccid = IccidOf(*rc::gen::inRange(1, 5));
  credential.device = std::string(*rc::gen::inRange<std::size_t>(0, kMaxDevice + 1), 'd');
  credential.first_used = *rc::gen::element<UnixTime>(0, 1'750'000'000);
  credential.not_after = *rc::gen::element<UnixTime>(0, 1'700'000'100, 1'900'000'000);
  if (id % 2 == 0) {
    credential.name += *rc::gen::element<std::string>("", "A1", "a1", std::string(60, 'z'));
    if (*rc::gen::inRange(0, 4) == 0) {
      credential.psk = {};
    }
  } else {
    credential.fingerprint =
        *rc::gen::inRange(0, 5) == 0 ? Fingerprint{} : FingerprintOf(id, *rc::gen::inRange<std::uint8_t>(0, 2));
  }
  return credential;
}

/// What a directory must do, as simply as can be.
class Model {
 public:
  void Put(const Credential& credential) {
    const bool psk = credential.kind == CredentialKind::kPsk;
    if (credential.state == CredentialState::kDeleted && (psk || credential.fingerprint == Fingerprint{})) {
      all_.erase(credential.id);
      return;
    }
    Credential now = CopyOf(credential);
    if (const auto before = all_.find(now.id);
        psk && now.psk.size() == 0 && before != all_.end() && before->second.name == now.name) {
      now.psk = SecretBytes(before->second.psk.Reveal(InsecureReveal::kForTest));
    }
    all_.insert_or_assign(now.id, std::move(now));
  }
  void Rename(const std::string& iccid, const std::string& device) {
    for (auto& [id, credential] : all_) {
      credential.device = credential.iccid == iccid ? device : credential.device;
    }
  }
  std::size_t Forget(UnixTime before) {
    return std::erase_if(all_, [before](const auto& entry) {
      const Credential& c = entry.second;
      return c.not_after != 0 && c.not_after < before &&
             (c.state == CredentialState::kRevoked || c.state == CredentialState::kExpired ||
              c.state == CredentialState::kDeleted);
    });
  }
  void Clear() { all_.clear(); }
  void Compare(const Directory& directory) const {
    std::string text;
    std::set<std::string> iccids;
    for (const auto& [id, credential] : all_) {
      text += TextOf(credential) + "\n";
      iccids.insert(credential.iccid);
      const auto by_id = directory.FindById(id);
      RC_ASSERT(by_id.has_value() && by_id->id == id && by_id->state == credential.state);
      if (credential.kind == CredentialKind::kPsk) {
        const auto found = directory.FindPsk(credential.name);
        RC_ASSERT(found.has_value() && found->id == id && found->iccid.data() == credential.iccid);
      } else if (credential.fingerprint != Fingerprint{}) {
        const auto found = directory.FindCertificate(credential.fingerprint);
        RC_ASSERT(found.has_value() && found->id == id && found->device.data() == credential.device);
      }
    }
    RC_ASSERT(TextOf(directory) == text);
    RC_ASSERT(directory.size().credentials == all_.size());
    RC_ASSERT(directory.size().devices == iccids.size());
    for (CredentialId id = 1; id <= kIds; ++id) {
      RC_ASSERT(directory.FindById(id).has_value() == all_.contains(id));
    }
  }

 private:
  std::map<CredentialId, Credential> all_;
};

RC_GTEST_PROP(DirectoryProperty, IsAsAMapWouldBe, ()) {
  const auto directory = std::move(*Directory::Create());
  Model model;
  const int steps = *rc::gen::inRange(1, 120);
  for (int i = 0; i < steps; ++i) {
    const int what = *rc::gen::inRange(0, 30);
    if (what == 0) {
      directory->Clear();
      model.Clear();
    } else if (what == 1) {
      directory->Reserve(*rc::gen::inRange<std::size_t>(0, 500));
    } else if (what <= 3) {
      const auto before = *rc::gen::element<UnixTime>(1'700'000'100, 1'700'000'101, 1'900'000'001);
      RC_ASSERT(directory->ForgetEndedBefore(before) == model.Forget(before));
    } else if (what <= 6) {
      const std::string iccid = IccidOf(*rc::gen::inRange(1, 6));
      const std::string device(*rc::gen::inRange<std::size_t>(0, kMaxDevice + 1), 'r');
      directory->Rename(iccid, device);
      model.Rename(iccid, device);
    } else {
      const Credential credential = AnyCredential();
      RC_ASSERT(directory->Put(credential).has_value());
      model.Put(credential);
    }
  }
  model.Compare(*directory);
}

/// One life of the program: a directory from the copy, and a follower.
class Life {
 public:
  Life(FakePlatform& platform, const std::string& file) : link_(platform.MakeLink()) {
    copy_ = std::move(*LocalCopy::Open(file, SecretBytes(AsBytes("key"))));
    follower_ = std::make_unique<Follower>(Follower::Parts{*directory_, copy_.get(), freshness_, [](const Change&) {},
                                                           [](LogLevel, const std::string&) {}});
    follower_->LoadCopy();
  }
  [[nodiscard]] bool Step() {
    now_ += *rc::gen::element(0, 1, 61, 601);
    return follower_->Step(*link_, std::chrono::seconds(0)).has_value();
  }
  void LookAgain() { follower_->LookAgain(); }
  [[nodiscard]] bool IsAt(std::int64_t number) const {
    return follower_->IsWhole() && follower_->feed_number() == number;
  }
  [[nodiscard]] std::string Text() const { return TextOf(*directory_); }

 private:
  std::int64_t now_ = 1'650'000'000;  // before every end: nothing is forgotten
  std::unique_ptr<Directory> directory_ = std::move(*Directory::Create());
  std::unique_ptr<LocalCopy> copy_;
  Freshness freshness_{Clocks::Complete([this] { return now_; }, {}), std::chrono::seconds(0)};
  std::unique_ptr<PlatformLink> link_;
  std::unique_ptr<Follower> follower_;
};

/// What a torn disk leaves: the file is cut somewhere.
void CutSomewhere(const std::string& file) {
  std::error_code none;
  const auto size = std::filesystem::file_size(file, none);
  if (!none) {
    std::filesystem::resize_file(file, *rc::gen::inRange<std::uintmax_t>(0, size + 1));
  }
}

/// With its key always, or never there: what a server was told once it keeps, another one has not.
Credential AnyToldCredential() {
  Credential credential = AnyCredential();
  if (credential.kind == CredentialKind::kPsk) {
    credential.psk = SecretBytes(PskOf(credential.id).psk.Reveal(InsecureReveal::kForTest));
  } else if (credential.fingerprint == Fingerprint{}) {
    credential.fingerprint = FingerprintOf(credential.id);
  }
  return credential;
}

RC_GTEST_PROP(FollowerProperty, WhoReadsTheFeedToItsEndHasThePlatformsState, ()) {
  std::string name = (std::filesystem::temp_directory_path() / "simroot-follower-XXXXXX").string();
  RC_ASSERT(::mkdtemp(name.data()) != nullptr);
  const std::string file = name + "/devices.copy";
  FakePlatform platform;
  platform.SetPartSize(*rc::gen::inRange<std::size_t>(1, 6));
  auto life = std::make_unique<Life>(platform, file);
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::inRange(0, 10)) {
      case 0:
        life.reset();
        if (*rc::gen::arbitrary<bool>()) {
          CutSomewhere(file);
        }
        life = std::make_unique<Life>(platform, file);
        break;
      case 1:
        platform.GoAway();
        RC_ASSERT(!life->Step());
        life->LookAgain();  // as the middleware does after an error
        platform.GoAway(false);
        break;
      case 2:
      case 3:
      case 4:
        (void)life->Step();
        break;
      default:
        platform.Set(AnyToldCredential());
    }
  }
  for (int i = 0; i < 500 && !life->IsAt(platform.last_number()); ++i) {
    (void)life->Step();
  }
  RC_ASSERT(life->IsAt(platform.last_number()));
  RC_ASSERT(life->Text() == platform.Text());
  life.reset();
  const Life next(platform, file);  // and so does the copy, without a word from the platform
  RC_ASSERT(next.Text() == platform.Text());
  std::filesystem::remove_all(name);
}

}  // namespace
}  // namespace simroot::server
