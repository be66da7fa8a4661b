// SPDX-License-Identifier: Apache-2.0
#include "device/transport/pcsc_transport.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>

#include "device/transport/bounded_worker.hpp"

namespace simroot::device {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const Bytes kAid{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10};
const Bytes kRandom{0x81, 0x84, 0x00, 0x00, 0x02};

Deadline Enough() {
  return Deadline::After(std::chrono::seconds(20));
}
Deadline Soon() {
  return Deadline::After(std::chrono::milliseconds(150));
}

/// A PC/SC service that does what the test tells it, and notes what it was asked.
class FakePcsc final : public PcscApi {
 public:
  LONG EstablishContext(SCARDCONTEXT& context) override {
    context = 7;
    Note("establish");
    return establish;
  }
  void ReleaseContext(SCARDCONTEXT /*context*/) override { Note("release"); }
  LONG ListReaders(SCARDCONTEXT /*context*/, std::vector<std::string>& names) override {
    for (const PcscReader& reader : readers) {
      names.push_back(reader.name);
    }
    return list;
  }
  LONG GetStatusChange(SCARDCONTEXT /*context*/, DWORD timeout_ms, std::vector<PcscReader>& states) override {
    LONG rv = status;
    for (PcscReader& state : states) {
      for (const PcscReader& reader : readers) {
        if (reader.name == state.name && rv == SCARD_S_SUCCESS) {
          rv = state.state == reader.state ? SCARD_E_TIMEOUT : SCARD_S_SUCCESS;
          state.state = reader.state;
        }
      }
    }
    if (rv == SCARD_E_TIMEOUT) {
      std::unique_lock<std::mutex> lock(mutex_);
      (void)changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return released_; });
    }
    return rv;
  }
  LONG Connect(SCARDCONTEXT /*context*/, const std::string& reader, SCARDHANDLE& card, DWORD& used) override {
    Note("connect " + reader);
    card = 9;
    used = protocol;
    return shared_after-- > 0 ? SCARD_E_SHARING_VIOLATION : connect;
  }
  void Disconnect(SCARDHANDLE /*card*/) override { Note("disconnect"); }
  LONG BeginTransaction(SCARDHANDLE /*card*/) override {
    HangIf(hang_in_begin);
    Note("begin");
    return begin;
  }
  LONG EndTransaction(SCARDHANDLE /*card*/) override {
    Note("end");
    return SCARD_S_SUCCESS;
  }
  LONG Transmit(SCARDHANDLE /*card*/, DWORD /*protocol*/, ByteView command, ByteSpan response,
                std::size_t& received) override {
    HangIf(hang_in_transmit);
    Note(ToHex(command));
    EXPECT_TRUE(CopyBytes(answer, response));
    received = answer.size();
    return transmit;
  }

  /// Lets calls that hang go on, and waits until the context is released.
  void LetGoAndWaitForRelease() {
    std::unique_lock<std::mutex> lock(mutex_);
    released_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !notes_.empty() && notes_.back() == "release"; });
  }
  std::vector<std::string> Notes() {
    const std::lock_guard<std::mutex> guard(mutex_);
    return notes_;
  }

  LONG establish = SCARD_S_SUCCESS;
  LONG list = SCARD_S_SUCCESS;
  LONG status = SCARD_S_SUCCESS;
  LONG connect = SCARD_S_SUCCESS;
  LONG begin = SCARD_S_SUCCESS;
  LONG transmit = SCARD_S_SUCCESS;
  int shared_after = 0;  ///< attempts to connect that meet another program's exclusive use
  DWORD protocol = SCARD_PROTOCOL_T1;
  std::vector<PcscReader> readers{{.name = "Reader A", .state = SCARD_STATE_PRESENT}};
  Bytes answer{0x90, 0x00};
  std::atomic<bool> hang_in_begin = false;
  std::atomic<bool> hang_in_transmit = false;

 private:
  void Note(std::string what) {
    const std::lock_guard<std::mutex> guard(mutex_);
    notes_.push_back(std::move(what));
    changed_.notify_all();
  }
  void HangIf(bool hang) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this, hang] { return !hang || released_; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
  std::vector<std::string> notes_;
};

class PcscTransportTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Transport>> Open(const std::string& uri = "pcsc:", Deadline deadline = Enough()) {
    return OpenPcscTransport(*ParseCardUri(uri), deadline, pcsc_);
  }
  std::string OpenError(const std::string& uri = "pcsc:", Deadline deadline = Enough()) {
    const auto transport = Open(uri, deadline);
    EXPECT_FALSE(transport);
    if (transport) {
      return {};
    }
    EXPECT_EQ(transport.error().domain, ErrorDomain::kTransport);
    return transport.error().Text();
  }
  /// What Transmit of GET RANDOM says when the service answers `rv`.
  Error TransmitError(LONG rv) {
    pcsc_->transmit = rv;
    auto transport = Open();
    EXPECT_TRUE(transport);
    const auto sent = (*transport)->Transmit({}, kRandom, Enough());
    EXPECT_FALSE(sent);
    return sent ? Error{} : sent.error();
  }

  std::shared_ptr<FakePcsc> pcsc_ = std::make_shared<FakePcsc>();
};

TEST_F(PcscTransportTest, CarriesAnApduAndGivesEverythingBack) {
  pcsc_->answer = {0xAB, 0xCD, 0x90, 0x00};
  {
    auto transport = Open();
    ASSERT_TRUE(transport) << transport.error().Text();
    auto lock = (*transport)->Lock(Enough());
    ASSERT_TRUE(lock);
    const auto random = (*transport)->Transmit({.number = 1}, kRandom, Enough());
    ASSERT_TRUE(random);
    EXPECT_EQ(ToHex(random->bytes()), "ABCD9000");
    EXPECT_EQ((*transport)->Counters().exchanges, 1U);
    EXPECT_EQ((*transport)->Counters().bytes_sent, 5U);
    EXPECT_EQ((*transport)->Counters().bytes_received, 4U);
  }
  EXPECT_THAT(pcsc_->Notes(),
              ElementsAre("establish", "connect Reader A", "begin", "8184000002", "end", "disconnect", "release"));
}

TEST_F(PcscTransportTest, OpensAChannel) {
  pcsc_->answer = {0x01, 0x90, 0x00};  // SELECT, too, answers this, and 9000 is all that counts there
  auto transport = Open();
  ASSERT_TRUE(transport);
  const auto channel = (*transport)->OpenChannel(kAid, Enough());
  ASSERT_TRUE(channel);
  EXPECT_EQ(channel->number, 1);
  EXPECT_THAT(pcsc_->Notes(), ElementsAre("establish", "connect Reader A", "0070000001", "01A4040007A0000005590010"));
}

TEST_F(PcscTransportTest, SendsTheT0FormOfEachCase) {
  pcsc_->protocol = SCARD_PROTOCOL_T0;
  auto transport = Open();
  ASSERT_TRUE(transport);
  for (const char* const command :
       {"812A0101", "8184000002", "81B0000003830102", "81B000000383010200", "81B00000000003830102"}) {
    EXPECT_TRUE((*transport)->Transmit({}, *FromHex(command), Enough()));
  }
  EXPECT_THAT(pcsc_->Notes(), ElementsAre("establish", "connect Reader A", "812A010100", "8184000002",
                                          "81B0000003830102", "81B0000003830102", "81B00000000003830102"));
}

TEST_F(PcscTransportTest, LeavesApdusAloneWithT1) {
  auto transport = Open();
  ASSERT_TRUE(transport);
  for (const char* const command : {"812A0101", "81B000000383010200"}) {
    EXPECT_TRUE((*transport)->Transmit({}, *FromHex(command), Enough()));
  }
  EXPECT_THAT(pcsc_->Notes(), ElementsAre("establish", "connect Reader A", "812A0101", "81B000000383010200"));
}

// --- Choice of the reader.

TEST_F(PcscTransportTest, NoReader) {
  pcsc_->readers.clear();
  pcsc_->list = SCARD_E_NO_READERS_AVAILABLE;
  EXPECT_THAT(OpenError(), HasSubstr("there is no card reader"));
  EXPECT_THAT(pcsc_->Notes(), ElementsAre("establish", "release"));
}

TEST_F(PcscTransportTest, NoReaderOfThatNameListsAll) {
  pcsc_->readers = {{.name = "Reader A"}, {.name = "Reader B"}};
  EXPECT_THAT(OpenError("pcsc:Gemalto"), AllOf(HasSubstr("pcsc:Gemalto"), HasSubstr("\"Reader A\", \"Reader B\"")));
}

TEST_F(PcscTransportTest, SeveralReadersWithACardAreListed) {
  pcsc_->readers = {{.name = "Reader A", .state = SCARD_STATE_PRESENT},
                    {.name = "Reader B", .state = SCARD_STATE_PRESENT}};
  EXPECT_THAT(OpenError("pcsc:Reader"), AllOf(HasSubstr("several readers"), HasSubstr("\"Reader A\", \"Reader B\"")));
}

TEST_F(PcscTransportTest, TakesTheOnlyReaderWithACard) {
  pcsc_->readers = {{.name = "Virtual PCD 00 00", .state = SCARD_STATE_EMPTY},
                    {.name = "Virtual PCD 00 01", .state = SCARD_STATE_PRESENT}};
  EXPECT_TRUE(Open("pcsc:Virtual"));
  EXPECT_THAT(pcsc_->Notes(), testing::Contains("connect Virtual PCD 00 01"));
}

TEST_F(PcscTransportTest, AWholeNameIsNotAPart) {
  pcsc_->readers = {{.name = "Reader A", .state = SCARD_STATE_PRESENT},
                    {.name = "Reader A B", .state = SCARD_STATE_PRESENT}};
  EXPECT_TRUE(Open("pcsc:Reader A"));
  EXPECT_THAT(pcsc_->Notes(), testing::Contains("connect Reader A"));
}

TEST_F(PcscTransportTest, NoCardWithinTheDeadline) {
  pcsc_->readers = {{.name = "Reader A", .state = SCARD_STATE_EMPTY}};
  EXPECT_THAT(OpenError("pcsc:", Soon()),
              AllOf(StartsWith("no card for pcsc: within "), HasSubstr("insert it into \"Reader A\"")));
}

// --- Errors, one test each.

TEST_F(PcscTransportTest, NoService) {
  pcsc_->establish = SCARD_E_NO_SERVICE;
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("PC/SC service is not running"), HasSubstr("systemctl start pcscd")));
  EXPECT_THAT(pcsc_->Notes(), ElementsAre("establish"));
}

TEST_F(PcscTransportTest, ServiceStopsWhileWaiting) {
  pcsc_->status = SCARD_E_SERVICE_STOPPED;
  EXPECT_THAT(OpenError(), HasSubstr("PC/SC service has stopped"));
}

TEST_F(PcscTransportTest, MuteCard) {
  pcsc_->connect = SCARD_W_UNRESPONSIVE_CARD;
  EXPECT_THAT(OpenError(), HasSubstr("does not answer to reset"));
}

TEST_F(PcscTransportTest, WaitsForTheEndOfExclusiveUse) {
  pcsc_->shared_after = 3;
  EXPECT_TRUE(Open());
}

TEST_F(PcscTransportTest, ExclusiveUseThatDoesNotEnd) {
  pcsc_->connect = SCARD_E_SHARING_VIOLATION;
  EXPECT_THAT(OpenError("pcsc:", Soon()), HasSubstr("used exclusively by another program"));
}

TEST_F(PcscTransportTest, CardWasReset) {
  const Error error = TransmitError(SCARD_W_RESET_CARD);
  EXPECT_EQ(error.domain, ErrorDomain::kTransport);
  EXPECT_EQ(error.Text(), "pcsc: was lost because another program has reset the card; open the card again");
}

TEST_F(PcscTransportTest, CardWasResetBeforeTheLock) {
  pcsc_->begin = SCARD_W_RESET_CARD;
  auto transport = Open();
  ASSERT_TRUE(transport);
  const auto lock = (*transport)->Lock(Enough());
  ASSERT_FALSE(lock);
  EXPECT_THAT(lock.error().message, HasSubstr("has reset the card"));
  const auto later = (*transport)->Transmit({}, kRandom, Enough());
  ASSERT_FALSE(later);
  EXPECT_THAT(later.error().message, HasSubstr("given up"));
}

TEST_F(PcscTransportTest, CardWasTakenOut) {
  EXPECT_THAT(TransmitError(SCARD_W_REMOVED_CARD).message, HasSubstr("taken out"));
}

TEST_F(PcscTransportTest, ReaderWasUnplugged) {
  EXPECT_THAT(TransmitError(SCARD_E_READER_UNAVAILABLE).message, HasSubstr("reader was unplugged"));
}

TEST_F(PcscTransportTest, UserIsNotAllowed) {
  pcsc_->establish = SCARD_W_SECURITY_VIOLATION;
  EXPECT_THAT(OpenError(), HasSubstr("not allowed for this user"));
}

TEST_F(PcscTransportTest, AnErrorWithoutSentenceOfItsOwnShowsItsNumber) {
  EXPECT_THAT(TransmitError(SCARD_F_INTERNAL_ERROR).message, HasSubstr("80100001"));
}

TEST_F(PcscTransportTest, AnswerShorterThanAStatusWord) {
  pcsc_->answer = {0x90};
  EXPECT_EQ(TransmitError(SCARD_S_SUCCESS).domain, ErrorDomain::kProtocol);
}

TEST_F(PcscTransportTest, CommandsThatAreNoApdu) {
  auto transport = Open();
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->Transmit({}, Bytes(3), Enough()).error().domain, ErrorDomain::kUsage);
}

// --- Calls that hang.

TEST_F(PcscTransportTest, ATransmitThatHangsIsLeftBehindAndGivenBackLater) {
  auto transport = Open();
  ASSERT_TRUE(transport);
  auto lock = (*transport)->Lock(Enough());
  ASSERT_TRUE(lock);
  pcsc_->hang_in_transmit = true;
  const auto sent = (*transport)->Transmit({}, kRandom, Soon());
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(sent.error().message, StartsWith("the card's answer did not come from pcsc: within "));
  EXPECT_THAT((*transport)->Transmit({}, kRandom, Enough()).error().message, HasSubstr("given up"));
  lock->reset();
  transport->reset();
  EXPECT_THAT(pcsc_->Notes(), ElementsAre("establish", "connect Reader A", "begin"));
  pcsc_->LetGoAndWaitForRelease();
  EXPECT_THAT(pcsc_->Notes(),
              ElementsAre("establish", "connect Reader A", "begin", "8184000002", "end", "disconnect", "release"));
}

TEST_F(PcscTransportTest, ALockThatHangsIsGivenBackLater) {
  pcsc_->hang_in_begin = true;
  auto transport = Open();
  ASSERT_TRUE(transport);
  const auto lock = (*transport)->Lock(Soon());
  ASSERT_FALSE(lock);
  EXPECT_THAT(lock.error().message, StartsWith("the lock on the card did not come from pcsc:"));
  transport->reset();
  pcsc_->LetGoAndWaitForRelease();
  EXPECT_THAT(pcsc_->Notes(), ElementsAre("establish", "connect Reader A", "begin", "end", "disconnect", "release"));
}

// --- Fork.

TEST_F(PcscTransportTest, AChildMayNotUseItAndGivesNothingBack) {
  auto transport = Open();
  ASSERT_TRUE(transport);
  auto lock = (*transport)->Lock(Enough());
  ASSERT_TRUE(lock);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto sent = (*transport)->Transmit({}, kRandom, Enough());
    const bool refused = !sent && sent.error().domain == ErrorDomain::kTransport;
    lock->reset();
    transport->reset();
    ::_exit(refused && pcsc_->Notes().back() == "begin" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// --- The real library, without its service.

TEST(SystemPcsc, SaysThatTheServiceIsNotRunning) {
  ASSERT_EQ(::setenv("PCSCLITE_CSOCK_NAME", "/nonexistent/simroot-pcscd.comm", 1), 0);
  const auto transport = OpenTransport(*ParseCardUri("pcsc:Reader"), Enough());
  ASSERT_FALSE(transport);
  EXPECT_EQ(transport.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(transport.error().message, AllOf(HasSubstr("pcsc:Reader"), HasSubstr("PC/SC service is not running")));
}

// --- The thread.

TEST(BoundedWorker, RunsJobsInOrderOnOneThread) {
  BoundedWorker worker;
  std::vector<std::thread::id> threads;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(worker.Run([&threads] { threads.push_back(std::this_thread::get_id()); }, Enough()));
  }
  ASSERT_EQ(threads.size(), 3U);
  EXPECT_NE(threads.front(), std::this_thread::get_id());
  EXPECT_EQ(threads.front(), threads.back());
}

TEST(BoundedWorker, DestroysAJobBeforeItReturns) {
  BoundedWorker worker;
  auto owned = std::make_shared<int>(1);
  EXPECT_TRUE(worker.Run([owned] {}, Enough()));
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(BoundedWorker, LeavesAJobBehindThatOutlastsItsDeadline) {
  std::promise<void> go_on;
  const auto signal = go_on.get_future().share();
  auto done = std::make_shared<std::promise<void>>();
  auto ended = done->get_future();
  {
    BoundedWorker worker;
    EXPECT_FALSE(worker.Run(
        [signal, done] {
          signal.wait();
          done->set_value();
        },
        Soon()));
    EXPECT_FALSE(worker.Run([] {}, Enough()));
  }
  go_on.set_value();
  ended.get();
}

}  // namespace
}  // namespace simroot::device
