// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "bench/sections.hpp"
#include "card/host/virtual_card.hpp"

namespace simroot::bench {

void GiveUp(const std::string& why) {
  static_cast<void>(std::fprintf(stderr, "bench: %s\n", why.c_str()));
  std::exit(1);
}

BenchCard::BenchCard() {
  std::string name = (std::filesystem::temp_directory_path() / "simroot-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    GiveUp("cannot make a folder like " + name);
  }
  folder_ = name;
  if (const auto created = card::CreateCard(file(), {}); !created) {
    GiveUp(created.error().Text());
  }
}

BenchCard::~BenchCard() {
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
}

}  // namespace simroot::bench

int main() {
  const std::filesystem::path libraries =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "lib";
  const std::string provider_folder = (libraries / "ossl-modules").string();
  std::printf("Ratios are medians of rounds taken in turn; compare figures of one run only.\n");
  simroot::bench::RunCardSection();
  simroot::bench::RunProviderSection(provider_folder);
  simroot::bench::RunPkcs11Section((libraries / "libsimroot-pkcs11.so").string());
  simroot::bench::RunHandshakeSection(provider_folder);
  simroot::bench::RunReaderSection();
  simroot::bench::RunPacketSection();
  return 0;
}
