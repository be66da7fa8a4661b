// SPDX-License-Identifier: Apache-2.0
#include "server/directory/siphash.hpp"

#include <gtest/gtest.h>

#include "common/host/hex.hpp"

namespace simroot::server {
namespace {

// Vectors of the authors' reference implementation (vectors.h, SipHash-2-4, 64 bits): key 00..0F, message 00, 01, ...
TEST(SipHash, IsThatOfItsAuthors) {
  const SipHash hash(0x0706050403020100U, 0x0F0E0D0C0B0A0908U);
  Bytes message;
  const auto next = [&] { message.push_back(LowByte(message.size())); };
  EXPECT_EQ(hash(message), 0x726FDB47DD0E0E31U);
  next();
  EXPECT_EQ(hash(message), 0x74F839C593DC67FDU);
  while (message.size() < 7) {
    next();
  }
  EXPECT_EQ(hash(message), 0xAB0200F58B01D137U);
  next();
  EXPECT_EQ(hash(message), 0x93F5F5799A932462U);
  while (message.size() < 15) {
    next();
  }
  EXPECT_EQ(hash(message), 0xA129CA6149BE45E5U);  // also in the paper, appendix A
}

TEST(SipHash, DependsOnTheKey) {
  const Bytes message{1, 2, 3};
  EXPECT_NE(SipHash(1, 2)(message), SipHash(1, 3)(message));
  EXPECT_NE(SipHash(1, 2)(message), SipHash(2, 2)(message));
}

}  // namespace
}  // namespace simroot::server
