// SPDX-License-Identifier: Apache-2.0
#include "card/host/ram_nvm.hpp"

#include <gtest/gtest.h>

#include "common/host/hex.hpp"

namespace simroot::card {
namespace {

TEST(RamNvm, KeepsWhatWasWritten) {
  Bytes memory(16, 0xFF);
  RamNvm nvm(memory);
  Bytes read(4);
  ASSERT_EQ(nvm.Size(), 16U);
  ASSERT_TRUE(nvm.Write(12, Bytes{1, 2, 3, 4}));
  ASSERT_TRUE(nvm.Sync());
  ASSERT_TRUE(nvm.Read(12, read));
  EXPECT_EQ(read, (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(nvm.writes(), 1U);
  RamNvm again(memory);
  ASSERT_TRUE(again.Read(12, read));
  EXPECT_EQ(read, (Bytes{1, 2, 3, 4}));
}

TEST(RamNvm, RefusesWhatIsOutside) {
  Bytes memory(16, 0xAA);
  RamNvm nvm(memory);
  Bytes four(4, 1);
  EXPECT_FALSE(nvm.Write(13, four));
  EXPECT_FALSE(nvm.Write(17, {}));
  EXPECT_FALSE(nvm.Write(static_cast<std::size_t>(-2), four));
  EXPECT_FALSE(nvm.Read(13, four));
  EXPECT_FALSE(nvm.Read(static_cast<std::size_t>(-2), four));
  EXPECT_TRUE(nvm.Write(16, {}));
  EXPECT_EQ(memory, Bytes(16, 0xAA));
}

TEST(RamNvm, PowerFailsInTheMiddleOfTheGivenWrite) {
  for (unsigned cut = 0; cut < 4; ++cut) {
    Bytes memory(16, 0);
    RamNvm nvm(memory, cut);
    for (unsigned i = 0; i < 4; ++i) {
      EXPECT_EQ(nvm.Write(std::size_t{4} * i, Bytes(4, 7)), i < cut);
    }
    Bytes expected(std::size_t{4} * cut + 2, 7);
    expected.resize(16);
    EXPECT_EQ(memory, expected) << cut;
    EXPECT_FALSE(nvm.has_power());
    EXPECT_EQ(nvm.writes(), cut + 1);
    Bytes read(1);
    EXPECT_FALSE(nvm.Read(0, read));
    EXPECT_FALSE(nvm.Sync());
    EXPECT_FALSE(nvm.Write(0, read));
    EXPECT_EQ(memory, expected);
  }
}

TEST(RamNvm, CutOfASingleByteWritesNothing) {
  Bytes memory(1, 0);
  RamNvm nvm(memory, 0);
  EXPECT_FALSE(nvm.Write(0, Bytes{7}));
  EXPECT_EQ(memory, Bytes{0});
}

}  // namespace
}  // namespace simroot::card
