// SPDX-License-Identifier: Apache-2.0
#include "device/administration/admin_session.hpp"

namespace simroot::device {
namespace {

using secure::Scp03Error;
using wire::StatusWord;

constexpr std::size_t kChallengeSize = 8;
constexpr std::size_t kAnyLength = 256;
constexpr std::uint8_t kAesKeyType = 0x88;

[[nodiscard]] tl::unexpected<Error> ChannelError(Scp03Error error, const std::string& card) {
  switch (error) {
    case Scp03Error::kNotAuthentic:
      return Fail(ErrorDomain::kCrypto, "the answer of the card on " + card + " is not authentic",
                  "check that the keys belong to this card; somebody may be changing what is sent");
    case Scp03Error::kUnsupported:
      return Fail(ErrorDomain::kProtocol,
                  "the card on " + card + " offers no SCP03 with what this security level needs",
                  "check the card's key version and its parameter i with GET DATA 0066");
    case Scp03Error::kLength:
      return Fail(ErrorDomain::kUsage, "the command does not fit a secured APDU",
                  "send at most " + std::to_string(secure::kMaxPlainCommand) + " bytes of data at once");
    case Scp03Error::kMalformed:
      return Fail(ErrorDomain::kProtocol, "the card on " + card + " answers INITIALIZE UPDATE with something else",
                  "check that the AID is that of a security domain");
    case Scp03Error::kCrypto:
      return Fail(ErrorDomain::kCrypto, "the crypto library cannot derive the session keys",
                  "check that the keys are AES keys of 16, 24 or 32 bytes");
    default:
      return Fail(ErrorDomain::kUsage, "the secured session with the card on " + card + " is over", "open a new one");
  }
}

struct SwAdvice {
  StatusWord sw;
  std::string_view advice;
};
constexpr std::array kAdvice{
    SwAdvice{StatusWord::kSecurityNotSatisfied, "check that the keys belong to this card and its key version"},
    SwAdvice{StatusWord::kAuthenticationBlocked, "this key version has failed too often; use another one"},
    SwAdvice{StatusWord::kConditionsNotSatisfied,
             "after many failures a key version gets one attempt per reset: reset "
             "the card and try again"},
    SwAdvice{StatusWord::kInsufficientMemory, "delete what is not needed on the card"},
    SwAdvice{StatusWord::kReferencedDataNotFound, "check the key version and the AID"},
    SwAdvice{StatusWord::kFileNotFound, "the card has no such security domain or application; check the AID"},
};

}  // namespace

Error AdminRefusal(StatusWord sw, const std::string& what, const std::string& card) {
  const std::array<std::uint8_t, 2> bytes{wire::Sw1(sw), wire::Sw2(sw)};
  const auto* const row = std::ranges::find(kAdvice, sw, &SwAdvice::sw);
  return {ErrorDomain::kCard,
          "the card on " + card + " refuses " + what + ": " + ToHex(bytes) + ", " + std::string(wire::Describe(sw)),
          row == kAdvice.end() ? std::string() : std::string(row->advice), sw};
}

Result<std::unique_ptr<AdminSession>> AdminSession::Open(AdminLink& link, crypto::Crypto& crypto, const AdminKeys& keys,
                                                         secure::SecurityLevel level, Deadline deadline) {
  auto session = std::unique_ptr<AdminSession>(new AdminSession(link, crypto));
  SR_TRY_VOID(session->Authenticate(keys, level, deadline));
  return session;
}

Result<void> AdminSession::Authenticate(const AdminKeys& keys, secure::SecurityLevel level, Deadline deadline) {
  std::array<std::uint8_t, kChallengeSize> challenge{};
  if (!crypto_.Random(challenge) || !dek_.Assign(keys.dek)) {
    return ChannelError(Scp03Error::kCrypto, link_.Name());
  }
  std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
  ByteWriter initialize(memory);
  if (const auto begun = host_.Begin(keys.version, challenge, initialize); !begun) {
    return ChannelError(begun.error(), link_.Name());
  }
  SR_TRY(const AdminAnswer offer, link_.Exchange(initialize.written(), deadline));
  if (offer.sw != StatusWord::kOk) {
    return tl::make_unexpected(AdminRefusal(offer.sw, "INITIALIZE UPDATE", link_.Name()));
  }
  ByteWriter authenticate(memory);
  if (const auto judged = host_.Authenticate({keys.enc, keys.mac}, offer.data, level, authenticate); !judged) {
    return ChannelError(judged.error(), link_.Name());
  }
  SR_TRY(const AdminAnswer accepted, link_.Exchange(authenticate.written(), deadline));
  if (accepted.sw != StatusWord::kOk) {
    host_.End();
    return tl::make_unexpected(AdminRefusal(accepted.sw, "the authentication", link_.Name()));
  }
  return {};
}

Result<AdminAnswer> AdminSession::Send(const wire::CommandApdu& plain, Deadline deadline) {
  std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
  ByteWriter command(memory);
  if (const auto wrapped = host_.Wrap(plain, command); !wrapped) {
    return ChannelError(wrapped.error(), link_.Name());
  }
  auto answer = link_.Exchange(command.written(), deadline);
  if (!answer) {
    host_.End();  // nobody knows whether the card has seen the command
    return answer;
  }
  std::array<std::uint8_t, kAnyLength> space{};
  const auto data = host_.Unwrap(answer->data, answer->sw, space);
  if (!data) {
    return ChannelError(data.error(), link_.Name());
  }
  AdminAnswer result{{data->begin(), data->end()}, answer->sw};
  Wipe(space);
  return result;
}

Result<void> AdminSession::InstallForPersonalisation(ByteView aid, Deadline deadline) {
  constexpr std::uint8_t kInstall = 0xE6;
  constexpr std::uint8_t kForPersonalisation = 0x20;
  std::array<std::uint8_t, 32> memory{};
  ByteWriter data(memory);
  data.PutU16(0x0000);  // no load file, no module
  data.PutU8(LowByte(aid.size()));
  data.PutBytes(aid);
  data.PutU16(0x0000);  // no privileges, no parameters
  data.PutU8(0x00);     // no token
  if (!data.ok()) {
    return Fail(ErrorDomain::kUsage, "an AID has 5 to 16 bytes", "check the AID of the application");
  }
  SR_TRY(const AdminAnswer answer, Send({.cla = secure::kProprietaryClass,
                                         .ins = kInstall,
                                         .p1 = kForPersonalisation,
                                         .data = data.written(),
                                         .le = kAnyLength},
                                        deadline));
  if (answer.sw != StatusWord::kOk) {
    return tl::make_unexpected(AdminRefusal(answer.sw, "INSTALL [for personalization]", link_.Name()));
  }
  return {};
}

Result<AdminAnswer> AdminSession::StoreData(ByteView block, Deadline deadline) {
  constexpr std::uint8_t kStoreData = 0xE2;
  constexpr std::uint8_t kLastWithAnswer = 0x81;
  return Send(
      {.cla = secure::kProprietaryClass, .ins = kStoreData, .p1 = kLastWithAnswer, .data = block, .le = kAnyLength},
      deadline);
}

Result<Bytes> AdminSession::EncipherKey(ByteView clear) {
  Bytes block(clear.begin(), clear.end());
  block.reserve(clear.size() + crypto::kAesBlockSize);
  block.resize((clear.size() + crypto::kAesBlockSize - 1) / crypto::kAesBlockSize * crypto::kAesBlockSize);
  const std::array<std::uint8_t, crypto::kAesBlockSize> zero_iv{};
  if (block.empty() ||
      !crypto_.AesCbc(crypto::Direction::kEncrypt, dek_.Reveal(InsecureReveal::kForCrypto), zero_iv, block, block)) {
    Wipe(block);
    return Fail(ErrorDomain::kCrypto, "the key cannot be enciphered under the data encryption key",
                "check that the keys of the card are AES keys");
  }
  return block;
}

/// Version, then `88 length {length in clear, key under the DEK} 03 check value` for each key (Amendment D, 7.2).
Result<Bytes> AdminSession::PutKeyData(std::uint8_t version, const AdminKeySet& keys, Bytes& check_values) {
  Bytes data{version};
  for (const ByteView key : keys) {
    const auto check_value = secure::KeyCheckValue(crypto_, key);
    if (!check_value) {
      return Fail(ErrorDomain::kUsage, "a new key is no AES key", "keys have 16, 24 or 32 bytes");
    }
    SR_TRY(const Bytes enciphered, EncipherKey(key));
    data.insert(data.end(), {kAesKeyType, LowByte(enciphered.size() + 1), LowByte(key.size())});
    data.insert(data.end(), enciphered.begin(), enciphered.end());
    data.push_back(LowByte(check_value->size()));
    data.insert(data.end(), check_value->begin(), check_value->end());
    check_values.insert(check_values.end(), check_value->begin(), check_value->end());
  }
  return data;
}

Result<void> AdminSession::PutKeys(std::uint8_t old_version, std::uint8_t new_version, const AdminKeySet& keys,
                                   Deadline deadline) {
  constexpr std::uint8_t kPutKey = 0xD8;
  constexpr std::uint8_t kSeveralFromFirst = 0x81;
  Bytes expected{new_version};
  SR_TRY(const Bytes data, PutKeyData(new_version, keys, expected));
  SR_TRY(const AdminAnswer answer, Send({.cla = secure::kProprietaryClass,
                                         .ins = kPutKey,
                                         .p1 = old_version,
                                         .p2 = kSeveralFromFirst,
                                         .data = data,
                                         .le = kAnyLength},
                                        deadline));
  if (answer.sw != StatusWord::kOk) {
    return tl::make_unexpected(AdminRefusal(answer.sw, "PUT KEY", link_.Name()));
  }
  if (answer.data != expected) {
    return Fail(ErrorDomain::kCrypto, "the card on " + link_.Name() + " confirms other keys than were sent",
                "open a session with the new keys, and with the old ones, to find out what it has");
  }
  return {};
}

}  // namespace simroot::device
