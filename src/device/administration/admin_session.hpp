// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/secure/scp03_host.hpp"
#include "device/administration/admin_link.hpp"

namespace simroot::device {

/// The keys of a security domain as one who administers the card has them. Borrowed by the session while it is opened;
/// the data encryption key is copied.
struct AdminKeys {
  std::uint8_t version = 0;
  ByteView enc;
  ByteView mac;
  ByteView dek;
};

/// Three new AES keys for PUT KEY; borrowed.
using AdminKeySet = std::array<ByteView, 3>;

/// An SCP03 session with a card's security domain. After an error of Send the session is over; the caller opens a new
/// one. Link and crypto are borrowed and outlive it.
class AdminSession {
 public:
  /// Authenticates both ends. @returns kCard if the card refuses: 6A88 no such key version, 6982 wrong keys, 6983 and
  /// 6985 too many failures. kCrypto if the card does not prove that it has the keys. kProtocol, kTransport.
  [[nodiscard]] static Result<std::unique_ptr<AdminSession>> Open(AdminLink& link, crypto::Crypto& crypto,
                                                                  const AdminKeys& keys, secure::SecurityLevel level,
                                                                  Deadline deadline);

  /// Sends a plain command, secured on the way. Any status word is a result. @returns kUsage if its data does not fit,
  /// and the session stays open; kProtocol if the answer is not authentic, kTransport.
  [[nodiscard]] Result<AdminAnswer> Send(const wire::CommandApdu& plain, Deadline deadline);

  /// INSTALL [for personalization]. @returns kCard with 6A88 if the card has no such application.
  [[nodiscard]] Result<void> InstallForPersonalisation(ByteView aid, Deadline deadline);
  /// STORE DATA as a sequence of one block, at most secure::kMaxPlainCommand bytes. Any status word is a result.
  [[nodiscard]] Result<AdminAnswer> StoreData(ByteView block, Deadline deadline);
  /// PUT KEY of a whole set in place of `old_version` (0: none); the card's check values are compared.
  /// @returns kCard for a refusal, kCrypto if the card stored other keys.
  [[nodiscard]] Result<void> PutKeys(std::uint8_t old_version, std::uint8_t new_version, const AdminKeySet& keys,
                                     Deadline deadline);
  /// `clear` under the data encryption key, padded with zeros to whole blocks of 16 (AES-CBC with IV zero).
  [[nodiscard]] Result<Bytes> EncipherKey(ByteView clear);

 private:
  AdminSession(AdminLink& link, crypto::Crypto& crypto) : link_(link), crypto_(crypto), host_(crypto) {}
  [[nodiscard]] Result<void> Authenticate(const AdminKeys& keys, secure::SecurityLevel level, Deadline deadline);
  [[nodiscard]] Result<Bytes> PutKeyData(std::uint8_t version, const AdminKeySet& keys, Bytes& check_values);

  AdminLink& link_;
  crypto::Crypto& crypto_;
  secure::Scp03Host host_;
  SecretArray<secure::kMaxAesKeySize> dek_;
};

/// A kCard error for a status word of the security domain. @param what "the authentication", "INSTALL".
[[nodiscard]] Error AdminRefusal(wire::StatusWord sw, const std::string& what, const std::string& card);

}  // namespace simroot::device
