// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/judge.hpp"

#include <gtest/gtest.h>

namespace simroot::server {
namespace {

constexpr UnixTime kBegin = 1'000;
constexpr UnixTime kEnd = 2'000;

Refusal At(CredentialState state, UnixTime now, UnixTime not_after = kEnd) {
  return Judge({.state = state, .not_before = kBegin, .not_after = not_after}, now);
}

TEST(Judge, StateDecidesAndThenTime) {
  EXPECT_EQ(At(CredentialState::kActive, 1'500), Refusal::kNone);
  EXPECT_EQ(At(CredentialState::kSuperseded, 1'500), Refusal::kNone);
  EXPECT_EQ(At(CredentialState::kPending, 1'500), Refusal::kPending);
  EXPECT_EQ(At(CredentialState::kSuspended, 1'500), Refusal::kSuspended);
  EXPECT_EQ(At(CredentialState::kRevoked, 1'500), Refusal::kRevoked);
  EXPECT_EQ(At(CredentialState::kDeleted, 1'500), Refusal::kRevoked);
  EXPECT_EQ(At(CredentialState::kExpired, 1'500), Refusal::kExpired);
  EXPECT_EQ(At(CredentialState::kRevoked, 5'000), Refusal::kRevoked);
  EXPECT_EQ(At(CredentialState::kSuspended, 5'000), Refusal::kSuspended);
}

TEST(Judge, BothEndsOfTheTimeBelongToIt) {
  EXPECT_EQ(At(CredentialState::kActive, kBegin - 1), Refusal::kNotYetValid);
  EXPECT_EQ(At(CredentialState::kActive, kBegin), Refusal::kNone);
  EXPECT_EQ(At(CredentialState::kActive, kEnd), Refusal::kNone);
  EXPECT_EQ(At(CredentialState::kActive, kEnd + 1), Refusal::kExpired);
  EXPECT_EQ(At(CredentialState::kActive, UnixTime{1} << 50U, 0), Refusal::kNone) << "0 is no end";
}

}  // namespace
}  // namespace simroot::server
