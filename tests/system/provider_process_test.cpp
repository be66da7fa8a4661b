// SPDX-License-Identifier: Apache-2.0
/// Threads, forks, and the openssl program itself.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "provider_fixture.hpp"

namespace simroot::provider_test {
namespace {

using testing::HasSubstr;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
constexpr const char* kWhySkipped =
    "the system's openssl program lacks the sanitizer that this build of the provider needs; the release build runs it";

class ProviderProcess : public OrderedProviderTest {
 protected:
  /// Runs the openssl program with the last configuration; its output and errors together.
  struct Outcome {
    int status;
    std::string output;
  };
  [[nodiscard]] Outcome Openssl(const std::string& arguments) const {
    const std::string output = directory_.File("output");
    const std::string command = "OPENSSL_CONF=" + directory_.File("openssl.cnf") + " " SIMROOT_OPENSSL_PROGRAM " " +
                                arguments + " >" + output + " 2>&1 </dev/null";
    const int status = std::system(command.c_str());
    std::ifstream file(output);
    return {status, std::string(std::istreambuf_iterator<char>(file), {})};
  }
  void WriteFile(const std::string& name, const std::string& text) const {
    std::ofstream(directory_.File(name)) << text;
  }
};
INSTANTIATE_FOR_BOTH_ORDERS(ProviderProcess);

/// Runs `body` in a child; its exit status.
template <typename Body>
int InChild(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(body() ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_P(ProviderProcess, EightThreadsShareAKey) {
  const PkeyPtr key = LoadKey(library_.get(), "iotsafe:01");
  ASSERT_NE(key, nullptr) << TakeErrors();
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int number = 0; number < 8; ++number) {
      threads.emplace_back([&, number] {
        for (int turn = 0; turn < 10; ++turn) {
          const std::string message = std::to_string(number) + " " + std::to_string(turn);
          const Bytes signature = SignMessage(library_.get(), key.get(), "SHA256", message);
          good += VerifiesByDefault(key.get(), "SHA256", message, signature) ? 1 : 0;
        }
        OPENSSL_thread_stop_ex(library_.get());
        OPENSSL_thread_stop();
      });
    }
  }
  EXPECT_EQ(good, 80);
}

TEST_P(ProviderProcess, ThreadsLoadAndFreeKeys) {
  const std::string pem = WrapperPem(card_uri_);
  // The error stack belongs to a thread, so each keeps its own.
  std::array<std::string, 8> errors;
  {
    std::vector<std::jthread> threads;
    for (std::string& error : errors) {
      threads.emplace_back([&] {
        for (int turn = 0; turn < 10; ++turn) {
          const PkeyPtr key = LoadPem(library_.get(), pem);
          if (key == nullptr || SignMessage(library_.get(), key.get(), "SHA256", "a message").empty()) {
            error += "turn " + std::to_string(turn) + " failed: " + TakeErrors();
          }
        }
        OPENSSL_thread_stop_ex(library_.get());
        OPENSSL_thread_stop();
      });
    }
  }
  EXPECT_THAT(errors, testing::Each(""));
}

/// As nginx does it: loaded in the launcher, used in the children of its child.
TEST_P(ProviderProcess, ChildrenUseAKeyLoadedBeforeTheFork) {
  const PkeyPtr key = LoadPem(library_.get(), WrapperPem(card_uri_));
  ASSERT_NE(key, nullptr) << TakeErrors();
  const auto sign = [&] {
    const Bytes signature = SignMessage(library_.get(), key.get(), "SHA256", "a message");
    return VerifiesByDefault(key.get(), "SHA256", "a message", signature);
  };
  EXPECT_EQ(InChild([&] { return InChild(sign) == 0 && sign(); }), 0);
  EXPECT_EQ(InChild(sign), 0);
  EXPECT_TRUE(sign()) << TakeErrors();
}

/// A virtual card in a file belongs to one process at a time; the child is told so, and the parent goes on.
TEST_P(ProviderProcess, ChildDoesNotDisturbTheParentsCard) {
  const LibraryPtr library = Load(GetParam(), "card = " + card_uri_ + "\ncache = off\ntimeout = 1\n");
  const PkeyPtr key = LoadKey(library.get(), "iotsafe:01");
  ASSERT_FALSE(SignMessage(library.get(), key.get(), "SHA256", "before").empty()) << TakeErrors();
  EXPECT_EQ(InChild([&] {
              const bool refused = SignMessage(library.get(), key.get(), "SHA256", "child").empty();
              return refused && TakeErrors().find("in use") != std::string::npos;
            }),
            0);
  const Bytes signature = SignMessage(library.get(), key.get(), "SHA256", "after");
  EXPECT_TRUE(VerifiesByDefault(key.get(), "SHA256", "after", signature)) << TakeErrors();
}

TEST_P(ProviderProcess, ContextsComeAndGo) {
  const std::string pem = WrapperPem(card_uri_);
  for (int turn = 0; turn < 3; ++turn) {
    const LibraryPtr library = Load(GetParam());
    const PkeyPtr key = LoadPem(library.get(), pem);
    EXPECT_FALSE(SignMessage(library.get(), key.get(), "SHA256", "a message").empty()) << TakeErrors();
  }
}

TEST_P(ProviderProcess, OpensslProgramUsesTheKey) {
  if (kSanitized) {
    GTEST_SKIP() << kWhySkipped;
  }
  WriteFile("key.pem", WrapperPem(card_uri_));
  WriteFile("message", "a message");
  const std::string message = directory_.File("message");
  const std::string signature = directory_.File("signature");
  const std::string public_key = directory_.File("public.pem");
  for (const std::string& key : {std::string("iotsafe:01"), directory_.File("key.pem")}) {
    EXPECT_EQ(Openssl("pkey -in " + key + " -pubout -out " + public_key).status, 0);
    EXPECT_EQ(Openssl("dgst -sha384 -sign " + key + " -out " + signature + " " + message).status, 0);
    EXPECT_THAT(Openssl("dgst -sha384 -verify " + public_key + " -signature " + signature + " " + message).output,
                HasSubstr("Verified OK"));
    EXPECT_THAT(Openssl("pkey -in " + key + " -noout -text").output, HasSubstr("never leaves the card"));
    const std::string request = directory_.File("request.pem");
    EXPECT_EQ(Openssl("req -new -subj /CN=device -key " + key + " -out " + request).status, 0);
    EXPECT_THAT(Openssl("req -verify -noout -in " + request).output, HasSubstr("verify OK"));
  }
}

TEST_P(ProviderProcess, OpensslProgramPrintsOurErrors) {
  if (kSanitized) {
    GTEST_SKIP() << kWhySkipped;
  }
  const Outcome missing = Openssl("pkey -noout -in iotsafe:77");
  EXPECT_NE(missing.status, 0);
  EXPECT_THAT(missing.output, HasSubstr("private key 77 does not exist"));
  EXPECT_THAT(missing.output, HasSubstr("simroot device list"));
  const Outcome exported = Openssl("pkey -in iotsafe:01");
  EXPECT_THAT(exported.output, HasSubstr("stays on the card and cannot be exported"));
  EXPECT_THAT(exported.output, testing::Not(HasSubstr("BEGIN")));
}

TEST_P(ProviderProcess, TraceGoesToStandardError) {
  if (kSanitized) {
    GTEST_SKIP() << kWhySkipped;
  }
  const std::string command = "pkey -noout -in iotsafe:01";
  ::setenv("SIMROOT_TRACE", "stderr", 1);
  const Outcome outcome = Openssl(command);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.output, HasSubstr("-> "));
  EXPECT_THAT(outcome.output, HasSubstr("READ PUBLIC KEY"));
}

}  // namespace
}  // namespace simroot::provider_test
