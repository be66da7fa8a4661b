// SPDX-License-Identifier: Apache-2.0
#include "server/agent/command.hpp"

#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

namespace simroot::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

const std::atomic<bool> kGoOn = false;

TEST(SplitCommand, TakesWordsApart) {
  EXPECT_THAT(*SplitCommand("systemctl reload nginx"), ElementsAre("systemctl", "reload", "nginx"));
  EXPECT_THAT(*SplitCommand("  a\t b  "), ElementsAre("a", "b"));
  EXPECT_THAT(*SplitCommand(R"(a "b c" 'd "e' f\ g "h\"i" '')"), ElementsAre("a", "b c", "d \"e", "f g", "h\"i", ""));
  EXPECT_THAT(*SplitCommand(R"(a'b'"c"d)"), ElementsAre("abcd"));
}

TEST(SplitCommand, GivesShellCharactersNoMeaning) {
  EXPECT_THAT(*SplitCommand("a;b $(c) `d` >e &"), ElementsAre("a;b", "$(c)", "`d`", ">e", "&"));
  EXPECT_THAT(*SplitCommand(R"('a\b')"), ElementsAre("a\\b"));
}

TEST(SplitCommand, RefusesWhatIsNoCommand) {
  for (const char* const line : {"", "   ", "\"\"", "a \"b", "a 'b", "a\\", "'"}) {
    const auto command = SplitCommand(line);
    ASSERT_FALSE(command) << line;
    EXPECT_EQ(command.error().domain, ErrorDomain::kUsage) << line;
  }
}

TEST(RunCommand, RunsToTheEnd) {
  EXPECT_TRUE(RunCommand({"true"}, 30s, kGoOn));
}

TEST(RunCommand, SaysHowItFailed) {
  const auto failed = RunCommand({"sh", "-c", "echo first; echo 'no\tsuch unit' >&2; exit 3"}, 30s, kGoOn);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("ended with status 3"));
  EXPECT_EQ(failed.error().next_step, "it printed: no such unit");
  const auto killed = RunCommand({"sh", "-c", "kill -9 $$"}, 30s, kGoOn);
  ASSERT_FALSE(killed);
  EXPECT_THAT(killed.error().message, HasSubstr("signal 9"));
  const auto absent = RunCommand({"/no/such/program"}, 30s, kGoOn);
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().message, HasSubstr("cannot start /no/such/program"));
}

TEST(RunCommand, KillsWhatHangs) {
  const auto hung = RunCommand({"sh", "-c", "sleep 1000 & sleep 1000"}, 50ms, kGoOn);
  ASSERT_FALSE(hung);
  EXPECT_THAT(hung.error().message, HasSubstr("did not end in time"));
  const std::atomic<bool> stop = true;
  const auto stopped = RunCommand({"sleep", "1000"}, 1000s, stop);
  ASSERT_FALSE(stopped);
  EXPECT_THAT(stopped.error().message, HasSubstr("was stopped"));
}

TEST(RunCommand, DoesNotWaitForADaemonThatKeepsTheOutputOpen) {
  EXPECT_TRUE(RunCommand({"sh", "-c", "sleep 2 & exit 0"}, 1000s, kGoOn));
}

TEST(RunCommand, EmptiesAFloodedPipe) {
  const auto flooded = RunCommand({"sh", "-c", "head -c 1000000 /dev/zero; echo; echo end; exit 1"}, 30s, kGoOn);
  ASSERT_FALSE(flooded);
  EXPECT_EQ(flooded.error().next_step, "it printed: end");
}

/// In a sandbox that does not know pidfd_open. 0: all is as without.
int RunWithoutPidfd() {
  std::array<sock_filter, 4> filter{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
                                     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                                     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog program{filter.size(), filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    return 1;
  }
  if (::syscall(SYS_pidfd_open, ::getpid(), 0) != -1 || !RunCommand({"sh", "-c", "sleep 0.3"}, 30s, kGoOn)) {
    return 2;
  }
  const auto failed = RunCommand({"sh", "-c", "echo so; exit 3"}, 30s, kGoOn);
  return !failed && failed.error().next_step == "it printed: so" ? 0 : 3;
}

TEST(RunCommand, WorksWithoutPidfd) {
  EXPECT_EXIT(std::exit(RunWithoutPidfd()), ::testing::ExitedWithCode(0), "");
}

TEST(RunCommand, InputIsEmpty) {
  EXPECT_TRUE(RunCommand({"sh", "-c", "! read line"}, 30s, kGoOn));
}

}  // namespace
}  // namespace simroot::server
