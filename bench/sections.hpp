// SPDX-License-Identifier: Apache-2.0
/// The parts of `make bench`. Each prints its figures beside the budget of the design and throws nothing; a part that
/// cannot run on this machine says why.
#pragma once

#include <string>

namespace simroot::bench {

/// A folder with a new virtual card of the demo profile, removed at the end.
class BenchCard {
 public:
  BenchCard();
  ~BenchCard();
  BenchCard(const BenchCard&) = delete;
  BenchCard& operator=(const BenchCard&) = delete;
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string file() const { return folder_ + "/sim.card"; }

 private:
  std::string folder_;
};

/// ECDSA through the whole APDU path, in process, against raw EVP_PKEY_sign.
void RunCardSection();
/// A signature through provider, client and card against direct EVP; the provider's own share.
void RunProviderSection(const std::string& provider_folder);
/// C_Sign of the PKCS#11 module `module` against SoftHSM2's.
void RunPkcs11Section(const std::string& module);
/// Exchanges and characters of handshakes of every kind over the emulated modem.
void RunHandshakeSection(const std::string& provider_folder);
/// APDU/s through pcscd and vpcd.
void RunReaderSection();

/// SCP80: a command made and its answer checked, against the same AES with EVP alone.
void RunPacketSection();

/// Ends the program with a sentence: a benchmark whose preparation fails has nothing to print.
[[noreturn]] void GiveUp(const std::string& why);

}  // namespace simroot::bench
