// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "demo/sim_in_modem.hpp"
#include "demo/story/stage.hpp"

namespace simroot::app {

/// A device of the story: a folder with its configuration, and a virtual SIM in an emulated modem of its own.
class StoryDevice {
 public:
  enum class Kind : std::uint8_t { kCertificate, kPsk };

  StoryDevice(const Stage& stage, std::string name, std::string iccid, Kind kind)
      : stage_(stage), name_(std::move(name)), iccid_(std::move(iccid)), kind_(kind), folder_(stage.Path(name_)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& iccid() const { return iccid_; }
  [[nodiscard]] bool HasCertificate() const { return kind_ == Kind::kCertificate; }
  [[nodiscard]] std::string CardFile() const { return stage_.Path("card/" + name_ + ".card"); }
  [[nodiscard]] std::string CardUri() const { return "at:" + folder_ + "/modem"; }
  [[nodiscard]] std::string Path(const std::string& file) const { return folder_ + "/" + file; }

  /// The factory: a blank SIM, whose keys are added to the file `keys`.
  [[nodiscard]] Result<void> MakeCard(const std::string& keys) const;
  /// Puts the SIM into its modem and configures OpenSSL for it.
  [[nodiscard]] Result<void> PowerUp();
  void PowerDown() { sim_.reset(); }
  /// What went to the SIM since the last call.
  [[nodiscard]] LineTraffic TakeTraffic() { return sim_->TakeTraffic(); }

  /// Asks the SIM for what programs are given: key.pem (a file that stands for the key, and the certificate), or handle
  /// and identity of the pre-shared key. To be called again after a rotation. Any thread.
  [[nodiscard]] Result<void> ReadCredential();
  /// Identity of the pre-shared key; empty with a certificate.
  [[nodiscard]] const std::string& psk_identity() const { return psk_identity_; }
  [[nodiscard]] const std::string& psk_handle() const { return psk_handle_; }

  /// A call of a program as the device runs it: with its configuration, in its folder.
  [[nodiscard]] ProgramCall Call(std::vector<std::string> arguments) const;
  /// `simroot WORDS... --card ...`. @returns what it printed.
  [[nodiscard]] Result<std::string> Simroot(std::vector<std::string> words) const;
  /// Options of mosquitto_pub and mosquitto_sub with the credential in the SIM.
  [[nodiscard]] std::vector<std::string> MqttOptions() const;

 private:
  const Stage& stage_;
  std::string name_;
  std::string iccid_;
  Kind kind_;
  std::string folder_;
  std::string psk_handle_;
  std::string psk_identity_;
  std::unique_ptr<SimInModem> sim_;
};

}  // namespace simroot::app
