// SPDX-License-Identifier: Apache-2.0
/// Everything of this folder that is JSON: what the platform answers (docs/api.md), what it is asked, and server.json.
/// Members that are not known are skipped, so that a newer platform is understood; a known one that is wrong or missing
/// is a kProtocol that names the item; of an item that names its credential only this is told (`not_understood`), so
/// that it holds nothing back.
#pragma once

#include "common/crypto/openssl/cms_opener.hpp"
#include "server/sync/platform_link.hpp"

namespace simroot::server {

/// @param after what was asked for: a part that does not lead on would be read for ever.
[[nodiscard]] Result<SnapshotPart> DecodeSnapshot(std::string_view text, std::int64_t after,
                                                  const crypto::CmsOpener& opener);
[[nodiscard]] Result<FeedPart> DecodeFeed(std::string_view text, std::int64_t after, const crypto::CmsOpener& opener);

struct AuthorityPart {
  std::string pem;                ///< those that are not retired
  std::vector<std::int64_t> ids;  ///< of these, in the same order
  std::int64_t next = 0;          ///< `after` of the next part; 0: this was the last
};
[[nodiscard]] Result<AuthorityPart> DecodeAuthorities(std::string_view text, std::int64_t after);

struct Enrolled {
  std::string name;
  std::string tenant;
  std::string certificate_chain;  ///< PEM, its own first
};
[[nodiscard]] Result<Enrolled> DecodeEnrolled(std::string_view text);

/// The sentence of an RFC 9457 problem; empty: it is none.
[[nodiscard]] std::string ProblemSentence(std::string_view text);

/// A JSON object of text members.
[[nodiscard]] std::string EncodeTexts(std::initializer_list<std::pair<std::string_view, std::string_view>> members);

/// What server.json holds.
struct ServerSettings {
  std::string platform_url;
  std::string name;
  std::string tenant;
};
[[nodiscard]] std::string EncodeSettings(const ServerSettings& settings);
[[nodiscard]] Result<ServerSettings> DecodeSettings(std::string_view text);

}  // namespace simroot::server
