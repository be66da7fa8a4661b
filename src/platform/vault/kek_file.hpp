// SPDX-License-Identifier: Apache-2.0
/// Files of key encryption keys (docs/formats/vault.md): DIRECTORY/kek-N, one key each, for their owner only.
#pragma once

#include <list>

#include "platform/domain/failure.hpp"
#include "platform/vault/envelope.hpp"

namespace simroot::platform {

/// DIRECTORY/kek-N
[[nodiscard]] std::string KekPath(const std::string& directory, std::uint32_t number);

/// Makes a random key and its file; safe from loss of power when the function returns. kConflict if the file is there.
[[nodiscard]] Outcome<void> MakeKekFile(const std::string& directory, std::uint32_t number, Kek& out);

/// Reads one file. kInvalid if it is not a regular file of this user, others may read or write it, or it is damaged.
[[nodiscard]] Outcome<void> ReadKekFile(const std::string& directory, std::uint32_t number, Kek& out);

/// The numbers of the files in `directory`, rising; none if there is no such directory.
[[nodiscard]] Outcome<std::list<std::uint32_t>> ListKekFiles(const std::string& directory);

}  // namespace simroot::platform
