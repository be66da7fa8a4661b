// SPDX-License-Identifier: Apache-2.0
// Runs the properties with a fixed seed, said at the start: a failure repeats. RC_PARAMS in the environment replaces
// it, for example RC_PARAMS="seed=7 max_success=10000".
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (::setenv("RC_PARAMS", "seed=20191203 max_success=500 max_size=200", 0) != 0) {
    std::perror("property tests: RC_PARAMS cannot be set");
    return 1;
  }
  std::printf("property tests: RC_PARAMS=\"%s\"\n", std::getenv("RC_PARAMS"));
  return RUN_ALL_TESTS();
}
