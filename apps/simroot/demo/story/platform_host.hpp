// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/array.hpp>
#include <optional>

#include "demo/story/service.hpp"
#include "demo/story/stage.hpp"

namespace simroot::app {

/// The platform of the story, a process of its own on SQLite, and its operator, who uses `simroot platform`.
class PlatformHost {
 public:
  explicit PlatformHost(const Stage& stage) : stage_(stage), folder_(stage.Path("platform")) {}

  /// `simroot platform init` and `serve`.
  [[nodiscard]] Result<void> Start();
  /// Ends it as a loss of power does: nothing is written any more.
  void Kill() { server_->Kill(); }
  /// `serve` again, at the same address.
  [[nodiscard]] Result<void> StartAgain();
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::string Ca() const { return folder_ + "/ca.pem"; }
  [[nodiscard]] std::string DeviceCa() const { return folder_ + "/device-ca.pem"; }

  /// `simroot platform WORDS...`
  [[nodiscard]] Result<boost::json::value> Ask(std::vector<std::string> words) const;
  /// The credentials of a card, in this state if one is given.
  [[nodiscard]] Result<boost::json::array> Credentials(const std::string& iccid, const std::string& state = {}) const;
  /// The one active credential of a card. @returns kProtocol if there is none or more than one.
  [[nodiscard]] Result<boost::json::value> ActiveCredential(const std::string& iccid) const;
  /// Entries of the audit log with this action.
  [[nodiscard]] Result<std::size_t> CountAudited(const std::string& action) const;
  /// Waits until a credential is in `state`.
  [[nodiscard]] Result<void> WaitForState(const std::string& credential, const std::string& state) const;
  [[nodiscard]] bool Running() { return server_ && server_->Running(); }

 private:
  [[nodiscard]] Result<void> Serve(const std::string& listen);

  const Stage& stage_;
  std::string folder_;
  std::string url_;
  std::optional<Service> server_;
};

}  // namespace simroot::app
