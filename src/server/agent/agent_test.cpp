// SPDX-License-Identifier: Apache-2.0
#include "server/agent/agent.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/host/deadline.hpp"
#include "common/host/file_io.hpp"
#include "common/host/test_hex.hpp"
#include "server/agent/testing/listed_middleware.hpp"
#include "server/agent/testing/test_authority.hpp"

namespace simroot::server {
namespace {

using ::testing::HasSubstr;
using testing::ListedMiddleware;
using ::testing::Not;
using testing::TestAuthority;
using namespace std::chrono_literals;

constexpr auto kPatience = 20s;
const std::atomic<bool> kGoOn = false;

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    folder_ = (std::filesystem::temp_directory_path() / "simroot-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    options_.out = folder_ + "/out";
    options_.reload = {{"sh", "-c", "echo x >> " + folder_ + "/reloads"}};
    options_.quiet = 5ms;
    options_.longest = 50ms;
    options_.log = [this](LogLevel level, const std::string& line) {
      const std::lock_guard lock(mutex_);
      log_ += (level >= LogLevel::kWarning ? "! " : "  ") + line + "\n";
    };
    middleware_.SetAuthorities(authority_.Pem());
    middleware_.SetCrls({authority_.Crl({})});
    middleware_.Set(Device("4A01"));
    Credential psk;
    psk.id = 2;
    psk.kind = CredentialKind::kPsk;
    psk.state = CredentialState::kActive;
    psk.name = "pump-2";
    psk.iccid = "89880000000000000029";
    psk.psk = SecretBytes(Hex("0102AB00000000000000000000000000"));
    middleware_.Set(psk);
  }
  ~AgentTest() override {
    agent_.reset();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] static Credential Device(const std::string& serial, CredentialState state = CredentialState::kActive) {
    Credential credential;
    credential.id = 1;
    credential.state = state;
    credential.name = serial;
    credential.iccid = "89880000000000000011";
    credential.device = "meter-17";
    return credential;
  }
  [[nodiscard]] std::string Read(const std::string& name) const {
    const auto bytes = ReadWholeFile(folder_ + "/" + name, 1 << 20);
    return bytes ? std::string(AsText(*bytes)) : "absent";
  }
  [[nodiscard]] unsigned Mode(const std::string& name) const {
    struct stat status {};
    return ::stat((folder_ + "/" + name).c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
  }
  [[nodiscard]] std::string log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  void Create() {
    auto agent = Agent::Create(middleware_, options_);
    ASSERT_TRUE(agent) << agent.error().Text();
    agent_ = std::move(*agent);
  }
  void Start() {
    Create();
    agent_->Start();
  }
  /// Waits until it holds; the test fails if it never does.
  void Until(const std::function<bool()>& holds) {
    const Deadline deadline = Deadline::After(kPatience);
    while (!holds()) {
      ASSERT_FALSE(deadline.Passed()) << log();
      std::this_thread::sleep_for(2ms);
    }
  }
  [[nodiscard]] bool Has(const std::string& name, const std::string& text) const {
    return Read(name).find(text) != std::string::npos;
  }

  std::string folder_;
  TestAuthority authority_{"tenant"};
  ListedMiddleware middleware_;
  AgentOptions options_;
  std::mutex mutex_;
  std::string log_;
  std::unique_ptr<Agent> agent_;
};

TEST_F(AgentTest, WritesOnceAndReloadsOnlyForAChange) {
  Create();
  ASSERT_TRUE(agent_->WriteOnce(kGoOn));
  EXPECT_EQ(Read("out/ca.pem"), authority_.Pem());
  EXPECT_THAT(Read("out/crl.pem"), HasSubstr("BEGIN X509 CRL"));
  EXPECT_EQ(Read("out/psk.txt"), "pump-2:0102AB00000000000000000000000000\n");
  EXPECT_THAT(Read("out/nginx-devices.conf"), HasSubstr("4A01 \"active 89880000000000000011 meter-17\";"));
  EXPECT_THAT(Read("out/haproxy-devices.map"), HasSubstr(" active 89880000000000000011 meter-17\n"));
  EXPECT_EQ(Mode("out/psk.txt"), 0600U);
  for (const char* const name : {"out/ca.pem", "out/crl.pem", "out/nginx-devices.conf", "out/haproxy-devices.map"}) {
    EXPECT_EQ(Mode(name), 0644U) << name;
  }
  EXPECT_EQ(Read("reloads"), "x\n");
  ASSERT_TRUE(agent_->WriteOnce(kGoOn));
  EXPECT_EQ(Read("reloads"), "x\n");
  EXPECT_THAT(log(), Not(HasSubstr("0102AB")));
}

TEST_F(AgentTest, OnceFailsWithoutCrlsButNotWithOldOnes) {
  middleware_.SetCrls({});
  Create();
  EXPECT_FALSE(agent_->WriteOnce(kGoOn));
  EXPECT_THAT(Read("out/nginx-devices.conf"), HasSubstr("4A01")) << "the rest is written all the same";
  middleware_.SetCrls({authority_.Crl({})});
  EXPECT_TRUE(agent_->WriteOnce(kGoOn));
  const std::string before = Read("out/crl.pem");
  middleware_.SetCrls({});
  EXPECT_TRUE(agent_->WriteOnce(kGoOn));
  EXPECT_EQ(Read("out/crl.pem"), before);
  EXPECT_THAT(log(), HasSubstr("! the CRLs stay as they are: the platform is away"));
}

TEST_F(AgentTest, OnceSaysThatACommandFailed) {
  options_.reload = {{"false"}, options_.reload.front()};
  Create();
  EXPECT_FALSE(agent_->WriteOnce(kGoOn));
  EXPECT_EQ(Read("reloads"), "x\n") << "the others run";
}

TEST_F(AgentTest, WritesNeitherKeysNorCrlsIfToldSo) {
  options_.psk = false;
  options_.crl = false;
  Create();
  ASSERT_TRUE(agent_->WriteOnce(kGoOn));
  EXPECT_EQ(Read("out/psk.txt"), "absent");
  EXPECT_EQ(Read("out/crl.pem"), "absent");
  EXPECT_EQ(middleware_.crl_questions(), 0);
}

TEST_F(AgentTest, FollowsChanges) {
  Start();
  Until([&] { return Has("out/nginx-devices.conf", "4A01 \"active") && Has("out/crl.pem", "CRL"); });
  const std::string before = Read("out/crl.pem");
  middleware_.SetCrls({authority_.Crl({"4A01"})});
  middleware_.Set(Device("4A01", CredentialState::kSuspended));
  Until([&] { return Has("out/nginx-devices.conf", "4A01 \"suspended") && Read("out/crl.pem") != before; });
  const std::string held = Read("out/crl.pem");
  middleware_.SetCrls({authority_.Crl({})});
  middleware_.Set(Device("4A01"));
  Until([&] { return Has("out/nginx-devices.conf", "4A01 \"active") && Read("out/crl.pem") != held; });
  Until([&] { return Has("reloads", "x\nx\nx\n"); });
}

TEST_F(AgentTest, AsksAgainUntilTheCrlShowsTheChange) {
  Start();
  Until([&] { return Has("out/crl.pem", "CRL"); });
  const std::string before = Read("out/crl.pem");
  middleware_.Set(Device("4A01", CredentialState::kRevoked));
  Until([&] { return middleware_.crl_questions() >= 3; });
  EXPECT_EQ(Read("out/crl.pem"), before);
  middleware_.SetCrls({authority_.Crl({"4A01"})});
  Until([&] { return Read("out/crl.pem") != before; });
  const int questions = middleware_.crl_questions();
  middleware_.Set(Device("4A02"));  // a new one: nothing that a CRL would show
  Until([&] { return Has("out/nginx-devices.conf", "4A02"); });
  EXPECT_EQ(middleware_.crl_questions(), questions);
}

TEST_F(AgentTest, KeepsTheOldCrlWhileThePlatformIsAway) {
  Start();
  Until([&] { return Has("out/crl.pem", "CRL"); });
  const std::string before = Read("out/crl.pem");
  middleware_.SetCrls({});
  middleware_.Set(Device("4A01", CredentialState::kRevoked));
  Until([&] { return Has("out/nginx-devices.conf", "4A01 \"revoked"); });
  Until([&] { return log().find("the CRLs stay as they are") != std::string::npos; });
  EXPECT_EQ(Read("out/crl.pem"), before);
  middleware_.SetCrls({authority_.Crl({"4A01"})});
  Until([&] { return Read("out/crl.pem") != before; });
  EXPECT_THAT(log(), HasSubstr("the platform gives CRLs again"));
}

TEST_F(AgentTest, AnEndedCrlIsSaidInTheLog) {
  middleware_.SetCrls({authority_.Crl({}, -600, 300)});
  Start();
  Until([&] { return log().find("! the CRLs have ended") != std::string::npos; });
}

TEST_F(AgentTest, StaleShutsEverybodyOutAndBackIn) {
  Start();
  Until([&] { return Has("out/nginx-devices.conf", "4A01 \"active"); });
  middleware_.SetStale(true);
  Until([&] { return Has("out/nginx-devices.conf", "4A01 \"stale") && Has("out/psk.txt", "simroot-nobody:"); });
  middleware_.SetStale(false);
  Until([&] { return Has("out/nginx-devices.conf", "4A01 \"active") && Has("out/psk.txt", "pump-2:"); });
}

TEST_F(AgentTest, TheKeyThatNobodyHasStaysTheSame) {
  middleware_.SetStale(true);
  Create();
  ASSERT_TRUE(agent_->WriteOnce(kGoOn));
  const std::string before = Read("out/psk.txt");
  EXPECT_EQ(before.size(), std::string("simroot-nobody:\n").size() + 64);
  agent_.reset();
  Create();
  ASSERT_TRUE(agent_->WriteOnce(kGoOn));
  EXPECT_EQ(Read("out/psk.txt"), before);
  EXPECT_EQ(Read("reloads"), "x\n");
  agent_.reset();
  std::ofstream(options_.out + "/psk.txt") << "simroot-nobody:00\n";
  Create();
  ASSERT_TRUE(agent_->WriteOnce(kGoOn));
  EXPECT_EQ(Read("out/psk.txt").size(), before.size());
}

TEST_F(AgentTest, NewAuthoritiesAreWritten) {
  Start();
  Until([&] { return Has("out/ca.pem", "BEGIN") && Has("out/crl.pem", "CRL"); });
  const std::string before = Read("out/crl.pem");
  const TestAuthority second("second");
  middleware_.SetCrls({authority_.Crl({}), second.Crl({})});
  middleware_.SetAuthorities(authority_.Pem() + second.Pem());
  Until([&] { return Read("out/ca.pem") == authority_.Pem() + second.Pem() && Read("out/crl.pem") != before; });
}

TEST_F(AgentTest, ManyChangesAreFewWrites) {
  options_.quiet = 50ms;
  options_.longest = 10s;
  Start();
  for (int i = 0; i < 200; ++i) {
    middleware_.Set(Device("4A" + std::to_string(10 + i % 80)));
  }
  middleware_.Set(Device("4AFF"));
  Until([&] { return Has("out/nginx-devices.conf", "4AFF"); });
  Until([&] { return Has("reloads", "x"); });
  const std::string written = log();
  std::size_t count = 0;
  for (std::size_t at = written.find("nginx-devices.conf"); at != std::string::npos;
       at = written.find("nginx-devices.conf", at + 1)) {
    ++count;
  }
  EXPECT_LT(count, 20U) << written;
}

TEST_F(AgentTest, AFailingCommandIsTriedAgain) {
  options_.reload = {{"sh", "-c", "test -e " + folder_ + "/works && echo x >> " + folder_ + "/reloads"}};
  Start();
  Until([&] { return log().find("ended with status 1") != std::string::npos; });
  EXPECT_THAT(log(), HasSubstr("; again in 1 s"));
  std::ofstream(folder_ + "/works") << "";
  Until([&] { return Has("reloads", "x"); });
}

TEST_F(AgentTest, AHangingCommandDoesNotKeepFilesFromBeingWritten) {
  options_.reload = {{"sh", "-c", "echo x >> " + folder_ + "/reloads; sleep 1000"}};
  options_.command_limit = 1000s;
  Start();
  Until([&] { return Has("reloads", "x"); });
  middleware_.Set(Device("4A77"));
  Until([&] { return Has("out/nginx-devices.conf", "4A77"); });
  EXPECT_EQ(Read("reloads"), "x\n") << "never two at once";
  agent_.reset();  // kills it
}

TEST_F(AgentTest, WhatCannotBeWrittenIsTriedAgain) {
  Start();
  Until([&] { return Has("out/nginx-devices.conf", "4A01"); });
  // A directory in the file's place: the rename fails, as it does for other reasons on other days.
  std::filesystem::remove(folder_ + "/out/nginx-devices.conf");
  std::filesystem::create_directories(folder_ + "/out/nginx-devices.conf/x");
  middleware_.Set(Device("4A02"));
  Until([&] { return log().find("; trying again") != std::string::npos; });
  Until([&] { return Has("out/haproxy-devices.map", "meter-17"); });
  std::filesystem::remove_all(folder_ + "/out/nginx-devices.conf");
  Until([&] { return Has("out/nginx-devices.conf", "4A02"); });
  Until([&] { return log().find("the files are written again") != std::string::npos; });
}

TEST_F(AgentTest, OneAgentForADirectory) {
  Create();
  const auto second = Agent::Create(middleware_, options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().domain, ErrorDomain::kUsage);
  agent_.reset();
  EXPECT_TRUE(Agent::Create(middleware_, options_));
}

TEST_F(AgentTest, ADirectoryThatOthersMayWriteIsRefused) {
  std::filesystem::create_directory(options_.out);
  std::filesystem::permissions(options_.out, std::filesystem::perms(0777));
  EXPECT_FALSE(Agent::Create(middleware_, options_));
  std::filesystem::permissions(options_.out, std::filesystem::perms(0750));
  EXPECT_TRUE(Agent::Create(middleware_, options_));
  options_.out = folder_ + "/no/such";
  EXPECT_FALSE(Agent::Create(middleware_, options_));
  std::ofstream(folder_ + "/file") << "";
  options_.out = folder_ + "/file";
  EXPECT_FALSE(Agent::Create(middleware_, options_));
}

TEST_F(AgentTest, RemovesWhatAKilledOneLeftBehindAndNothingElse) {
  std::filesystem::create_directory(options_.out);
  for (const char* const name : {"psk.txt.AbC123", "crl.pem.xxxxxx", "psk.txt", "psk.txt.bak", "notes.AbC123"}) {
    std::ofstream(options_.out + "/" + name) << "x";
  }
  Create();
  EXPECT_EQ(Read("out/psk.txt.AbC123"), "absent");
  EXPECT_EQ(Read("out/crl.pem.xxxxxx"), "absent");
  EXPECT_EQ(Read("out/psk.txt"), "x");
  EXPECT_EQ(Read("out/psk.txt.bak"), "x");
  EXPECT_EQ(Read("out/notes.AbC123"), "x");
}

}  // namespace
}  // namespace simroot::server
