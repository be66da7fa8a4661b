// SPDX-License-Identifier: Apache-2.0
#include "platform/store/audit_chain.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::platform {
namespace {

constexpr AuditHash kNothing{};

/// The entries of docs/formats/audit-log.md.
AuditEntry FirstEntry() {
  return {.number = 1,
          .time = 1'800'000'000,
          .tenant = 1,
          .actor = "token fleet",
          .action = "card.suspend",
          .object = "card 8988211000000000011",
          .detail = R"({"reason":"stolen"})"};
}
AuditEntry SecondEntry() {
  return {.number = 2, .time = 1'800'000'000, .actor = "platform", .action = "platform.start", .detail = "{}"};
}

class AuditChain : public ::testing::Test {
 protected:
  std::string Chain(ByteView previous, const AuditEntry& entry) {
    const auto hash = ChainAuditEntry(*crypto_, previous, entry);
    return hash ? ToHex(*hash) : "none";
  }
  std::unique_ptr<crypto::OpenSslCrypto> crypto_ = crypto::OpenSslCrypto::Create();
};

TEST_F(AuditChain, IsAsDocumented) {
  const std::string first = Chain(kNothing, FirstEntry());
  EXPECT_EQ(first, "EEE6A14135F2C82A3FF86CF768273A112054E700823EA9693B0C2DBC09B62610");
  EXPECT_EQ(Chain(Hex(first), SecondEntry()), "20AF82C947452309B5E89A72F6713F36B9509DF35915BBEF77A726D1C6586F2A");
}

TEST_F(AuditChain, EveryFieldCounts) {
  const std::string right = Chain(kNothing, FirstEntry());
  const std::vector<std::function<void(AuditEntry&)>> changes{
      [](AuditEntry& e) { e.number = 2; },           [](AuditEntry& e) { e.time += 1; },
      [](AuditEntry& e) { e.tenant = 0; },           [](AuditEntry& e) { e.actor += " "; },
      [](AuditEntry& e) { e.action = "card.susp"; }, [](AuditEntry& e) { e.object.clear(); },
      [](AuditEntry& e) { e.detail.back() = ' '; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    AuditEntry entry = FirstEntry();
    changes.at(i)(entry);
    EXPECT_NE(Chain(kNothing, entry), right) << "change " << i;
  }
  AuditHash previous = kNothing;
  previous.back() = 1;
  EXPECT_NE(Chain(previous, FirstEntry()), right);
}

TEST_F(AuditChain, TextCannotMoveFromOneFieldToTheNext) {
  AuditEntry moved = FirstEntry();
  moved.action += moved.object;
  moved.object.clear();
  EXPECT_NE(Chain(kNothing, moved), Chain(kNothing, FirstEntry()));
}

TEST_F(AuditChain, HashOfTheEntryItselfDoesNotCount) {
  AuditEntry entry = FirstEntry();
  entry.hash = Counting(32);
  EXPECT_EQ(Chain(kNothing, entry), Chain(kNothing, FirstEntry()));
}

}  // namespace
}  // namespace simroot::platform
