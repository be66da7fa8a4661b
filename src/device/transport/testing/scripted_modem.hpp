// SPDX-License-Identifier: Apache-2.0
/// A modem for tests: a real pseudo terminal, and a thread that plays a script on it.
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/host/unique_fd.hpp"

namespace simroot::device {

/// Expects exact command lines and answers each with exact characters, in pieces. The next piece is sent only when the
/// port's user has read the one before (or has not for 2 s), so that it really sees them one by one.
///
///     ScriptedModem modem;
///     modem.Expect("AT", ScriptedModem::Ok());
///     modem.Expect("AT+CSIM=10,\"0070000001\"", ScriptedModem::Csim("019000"));
///     modem.Start();
///     ... open modem.Uri() and use it ...
///     EXPECT_THAT(modem.Finish(), IsEmpty());
class ScriptedModem {
 public:
  using Pieces = std::vector<std::string>;

  /// Opens the pseudo terminal; the script is written before Start.
  ScriptedModem();
  ScriptedModem(const ScriptedModem&) = delete;
  ScriptedModem& operator=(const ScriptedModem&) = delete;
  ~ScriptedModem();

  /// The port, for example /dev/pts/3, and the card URI of it. @param options for example "?mode=csim".
  [[nodiscard]] const std::string& Port() const { return port_; }
  [[nodiscard]] std::string Uri(const std::string& options = {}) const { return "at:" + port_ + options; }

  /// Every command line is sent back before its answer, as after ATE1.
  void EchoOn() { echo_ = true; }

  /// The next command line must be `line`, without its CR; it is answered with `pieces`. None: the modem stays silent.
  void Expect(std::string line, Pieces pieces);
  void Expect(std::string line, std::string answer) { Expect(std::move(line), Pieces{std::move(answer)}); }
  /// As Expect, then the modem is unplugged.
  void ExpectAndHangUp(std::string line, Pieces pieces);
  /// As Expect, then sends `text` again and again until Finish.
  void ExpectAndNeverStop(std::string line, std::string text);

  /// Begins to play. A line that was not expected is noted, and the modem is unplugged.
  void Start();
  /// Stops. @returns what did not go as written: lines that were not expected, steps that were not reached.
  [[nodiscard]] std::vector<std::string> Finish();

  /// Sends `text` unasked, and waits until all of it lies in the port. Only between exchanges, while nobody reads.
  /// False if it does not get there within 20 s.
  [[nodiscard]] bool SendUnasked(const std::string& text);

  /// "\r\nOK\r\n".
  [[nodiscard]] static std::string Ok();
  /// "\r\nERROR\r\n".
  [[nodiscard]] static std::string Error();
  /// "\r\n`line`\r\n\r\nOK\r\n".
  [[nodiscard]] static std::string Line(const std::string& line);
  /// The answer to AT+CSIM with `hex` as the card's response.
  [[nodiscard]] static std::string Csim(const std::string& hex);
  /// The answer to AT+CGLA.
  [[nodiscard]] static std::string Cgla(const std::string& hex);
  /// `text` one character at a time.
  [[nodiscard]] static Pieces OneByOne(const std::string& text);

 private:
  enum class Then : std::uint8_t { kGoOn, kHangUp, kNeverStop };
  struct Step {
    std::string line;
    Pieces pieces;
    Then then = Then::kGoOn;
  };

  void Play();
  [[nodiscard]] bool PlayStep(const Step& step);
  [[nodiscard]] bool ReadLine(std::string& line);
  [[nodiscard]] bool Write(const std::string& text);
  void WaitUntilRead();
  [[nodiscard]] bool WaitFor(short events);
  void Note(std::string what);

  UniqueFd master_;
  UniqueFd slave_;  // keeps the terminal alive while nobody has it open
  UniqueFd stop_;   // eventfd
  std::string port_;
  bool echo_ = false;
  std::vector<Step> steps_;
  std::string received_;
  std::mutex mutex_;
  std::vector<std::string> notes_;
  std::size_t played_ = 0;
  std::thread thread_;
};

}  // namespace simroot::device
