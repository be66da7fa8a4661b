// SPDX-License-Identifier: Apache-2.0
/// What the tests of the AT transport share: a scripted modem and a transport on it.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "device/transport/testing/scripted_modem.hpp"
#include "device/transport/transport.hpp"

namespace simroot::device {

inline const Bytes kAid{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10};
inline const std::string kOpenCommand = "AT+CSIM=10,\"0070000001\"";
inline const std::string kSelectCommand = "AT+CSIM=24,\"01A4040007A0000005590010\"";
inline const std::string kCloseCommand = "AT+CSIM=10,\"0070800100\"";
inline const std::string kCchoCommand = "AT+CCHO=\"A0000005590010\"";
inline const Bytes kRandom{0x81, 0x84, 0x00, 0x00, 0x02};
inline const std::string kRandomCommand = "AT+CSIM=10,\"8184000002\"";

/// Long enough for a busy machine: a test that waits for it has failed.
inline Deadline Enough() {
  return Deadline::After(std::chrono::seconds(20));
}
/// For answers that never come; what comes before them must fit in, on a busy machine too.
inline Deadline Soon() {
  return Deadline::After(std::chrono::milliseconds(1000));
}

class AtTransportTest : public testing::Test {
 protected:
  void TearDown() override {
    transport_.reset();
    EXPECT_THAT(modem_.Finish(), testing::IsEmpty());
  }

  /// The first exchange of a transport is preceded by ATE0.
  void ExpectFirstAt() { modem_.Expect("ATE0", ScriptedModem::Ok()); }

  Transport& Open(const std::string& options = "?mode=csim") {
    modem_.Start();
    auto uri = ParseCardUri(modem_.Uri(options));
    EXPECT_TRUE(uri);
    auto transport = OpenTransport(*uri, Enough());
    EXPECT_TRUE(transport) << transport.error().Text();
    transport_ = *std::move(transport);
    return *transport_;
  }

  /// What AT+CSIM of GET RANDOM gives when the modem answers `pieces`.
  Result<CardResponse> Random(ScriptedModem::Pieces pieces) {
    ExpectFirstAt();
    modem_.Expect(kRandomCommand, std::move(pieces));
    return Open().Transmit(Channel{.number = 1, .session = -1}, kRandom, Enough());
  }

  ScriptedModem modem_;
  std::unique_ptr<Transport> transport_;
};

template <typename T>
Error ErrorOf(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Error{} : result.error();
}

inline void ExpectAnswer(const Result<CardResponse>& response, const std::string& hex) {
  ASSERT_TRUE(response) << response.error().Text();
  EXPECT_EQ(ToHex(response->bytes()), hex);
}

}  // namespace simroot::device
