// SPDX-License-Identifier: Apache-2.0
// Runs a fuzzer's function over the files of its corpus, so that every build checks them without libFuzzer.
// Usage: fuzz_x_replay FILE-OR-DIRECTORY...
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

/// The files named by the arguments, those inside directories included.
std::vector<fs::path> FilesOf(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  return files;
}

bool Replay(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    std::fprintf(stderr, "replay: %s cannot be read; check the path\n", path.c_str());
    return false;
  }
  // Memory of exactly this size, so that AddressSanitizer sees the first byte read behind it.
  const std::vector<std::uint8_t> input(content.begin(), content.end());
  std::printf("replay: %s, %zu bytes\n", path.filename().c_str(), input.size());
  std::fflush(stdout);  // the name of the file must be on the screen when the next line ends the program
  LLVMFuzzerTestOneInput(input.data(), input.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<fs::path> files = FilesOf(argc, argv);
  if (files.empty()) {
    std::fputs("replay: no files given; name a corpus directory or files\n", stderr);
    return 1;
  }
  bool ok = true;
  for (const fs::path& path : files) {
    ok = Replay(path) && ok;
  }
  std::printf("replay: %zu files\n", files.size());
  return ok ? 0 : 1;
}
