// SPDX-License-Identifier: Apache-2.0
/// Services beyond IoT.05 (docs/formats/extensions.md): hashing, AES-CMAC, encryption and decryption.
#include "common/base/check.hpp"
#include "common/wire/tlv.hpp"
#include "device/client/operations.hpp"
#include "device/client/refusal.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::CipherMode;
using iotsafe::Extension;
using iotsafe::Ins;
using iotsafe::Tag;
using wire::StatusWord;

constexpr std::uint8_t kLast = 0x80;
constexpr std::size_t kMaxPieceData = 3 + iotsafe::kCipherPieceSize;
constexpr std::size_t kMaxInit = 255;

struct ServiceName {
  Extension extension;
  std::string_view name;
};
constexpr std::array kServiceNames{
    ServiceName{Extension::kHash, "hashing"},
    ServiceName{Extension::kAesCbc, "AES-CBC"},
    ServiceName{Extension::kAesCtr, "AES-CTR"},
    ServiceName{Extension::kAesGcm, "AES-GCM"},
    ServiceName{Extension::kCmac, "AES-CMAC"},
    ServiceName{Extension::kRsaOaep, "RSA-OAEP decryption"},
    ServiceName{Extension::kPskTls13, "TLS 1.3 steps of a pre-shared key (PSK TLS 1.3)"},
    ServiceName{Extension::kPrfSha384, "the TLS 1.2 PRF with SHA-384"},
};

/// What the card has said of itself: it does not change while the channel is open.
[[nodiscard]] Result<iotsafe::ApplicationInfo> KnownApplication(Transaction& transaction) {
  const auto& opening = transaction.session().opening();
  if (opening && opening->application) {
    return *opening->application;
  }
  return ReadApplication(transaction);
}

/// The commands of one text after the first.
struct TextCommands {
  Ins update;
  std::uint8_t first_p1 = 0;  ///< bits of P1 in the first command only
  std::uint8_t p2 = 0;
  Tag tag = Tag::kData;
  bool plain_length = false;  ///< one byte, as Thales' client codes tag 9F
};

/// Sends a text piece by piece and joins the answers. A status word that is no success ends it and is in the reply.
[[nodiscard]] Result<Reply> SendText(Transaction& transaction, const TextCommands& commands, ByteView text) {
  Reply whole;
  std::uint8_t first = commands.first_p1;
  do {
    const ByteView piece = text.first(std::min(text.size(), iotsafe::kCipherPieceSize));
    text = text.subspan(piece.size());
    std::array<std::uint8_t, kMaxPieceData> memory{};
    ByteWriter data(memory);
    if (commands.plain_length) {
      wire::PutTlv(iotsafe::Code(commands.tag), piece, data);
    } else {
      wire::PutBerTlv(iotsafe::Code(commands.tag), piece, data);
    }
    SR_CHECK(data.ok());
    SR_TRY(const Reply reply, transaction.Send({.ins = commands.update,
                                                .p1 = LowByte(first | (text.empty() ? kLast : 0)),
                                                .p2 = commands.p2,
                                                .data = data.written(),
                                                .le = kAnyLength}));
    first = 0;
    whole.sw = reply.sw;
    whole.data.insert(whole.data.end(), reply.data.begin(), reply.data.end());
  } while (!text.empty() && IsSuccess(whole.sw));
  return whole;
}

[[nodiscard]] const iotsafe::CipherModeRow& RowOf(CipherMode mode) {
  const auto* const row = iotsafe::FindCipherMode(static_cast<std::uint8_t>(mode));
  SR_CHECK(row != nullptr);
  return *row;
}

/// ENCRYPT INIT or DECRYPT INIT. @param sealed what to decrypt; nullptr to encrypt.
[[nodiscard]] Result<Bytes> InitCipher(Transaction& transaction, const ObjectName& key, CipherMode mode, ByteView aad,
                                       const Sealed* sealed) {
  std::array<std::uint8_t, kMaxInit> memory{};
  ByteWriter data(memory);
  iotsafe::PutObjectRef(key.Ref(), data);
  wire::PutTlvU8(iotsafe::Code(Tag::kCipherMode), static_cast<std::uint8_t>(mode), data);
  if (sealed != nullptr && !sealed->nonce.empty()) {
    wire::PutTlv(iotsafe::Code(Tag::kNonce), sealed->nonce, data);
  }
  if (!aad.empty()) {
    wire::PutTlv(iotsafe::Code(Tag::kAssociatedData), aad, data);
  }
  if (sealed != nullptr && !sealed->tag.empty()) {
    wire::PutTlv(iotsafe::Code(Tag::kAuthenticationTag), sealed->tag, data);
  }
  if (!data.ok()) {
    return Fail(ErrorDomain::kUsage,
                "the name of " + key.Text() + " and the additional authenticated data together do not fit one command",
                "name the key by its identifier, or shorten the additional data");
  }
  const Refused refused{.ins = sealed == nullptr ? Ins::kEncryptInit : Ins::kDecryptInit,
                        .object = &key,
                        .purpose = sealed == nullptr ? "encrypting" : "decrypting"};
  SR_TRY(const Reply reply, transaction.Send({.ins = refused.ins,
                                              .p1 = 0,
                                              .p2 = static_cast<std::uint8_t>(SessionNumber::kCipher),
                                              .data = data.written(),
                                              .le = kAnyLength}));
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(reply.sw, refused, transaction.port()));
  }
  return Bytes(reply.data.begin(), reply.data.end());
}

[[nodiscard]] Error NotAuthentic(const ObjectName& key, CipherMode mode, const std::string& port) {
  const std::string what = mode == CipherMode::kGcm ? "its authentication tag does not match" : "its padding is wrong";
  return Error{ErrorDomain::kCrypto,
               "the ciphertext cannot be decrypted with " + key.Text() + " on " + port + ": " + what,
               "check that key, additional data and ciphertext are those of the encryption"};
}

}  // namespace

Result<void> RequireExtension(Transaction& transaction, Extension service) {
  SR_TRY(const iotsafe::ApplicationInfo info, KnownApplication(transaction));
  const auto ours = iotsafe::ParseIdentifier(info.proprietary_identifier.view());
  const bool announced =
      (ours && iotsafe::Has(ours->extensions, service)) ||
      (service == Extension::kCmac && iotsafe::Has(info.signature_algorithms, iotsafe::SignatureAlgorithm::kCmac));
  if (announced) {
    return {};
  }
  const auto* const row = std::ranges::find(kServiceNames, service, &ServiceName::extension);
  const std::string name(row == kServiceNames.end() ? "this service" : row->name);
  return Fail(ErrorDomain::kCard, "the card on " + transaction.port() + " does not offer " + name,
              "use a card with simroot's applet and its extensions switched on, or do it in software");
}

Result<Bytes> HashOnCard(Transaction& transaction, iotsafe::HashAlgorithm hash, ByteView text) {
  SR_TRY_VOID(RequireExtension(transaction, Extension::kHash));
  SR_TRY(Reply reply,
         SendText(
             transaction,
             {.update = Ins::kHash, .first_p1 = iotsafe::kHashBegins, .p2 = LowByte(static_cast<std::uint16_t>(hash))},
             text));
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(reply.sw, {.ins = Ins::kHash}, transaction.port()));
  }
  if (reply.data.size() != iotsafe::DigestSize(hash)) {
    return tl::make_unexpected(NotUnderstood("the digest", ParseError::kBadLength, transaction.port()));
  }
  return Bytes(reply.data.begin(), reply.data.end());
}

Result<Bytes> ComputeMac(Transaction& transaction, const ObjectName& secret_key, ByteView text) {
  SR_TRY_VOID(RequireExtension(transaction, Extension::kCmac));
  std::array<std::uint8_t, kMaxInit> memory{};
  ByteWriter data(memory);
  iotsafe::PutObjectRef(secret_key.Ref(), data);
  wire::PutTlvU8(iotsafe::Code(Tag::kModeOfOperation), static_cast<std::uint8_t>(iotsafe::OperationMode::kFullText),
                 data);
  wire::PutTlvU8(iotsafe::Code(Tag::kSignatureAlgorithms),
                 static_cast<std::uint8_t>(iotsafe::SignatureAlgorithm::kCmac), data);
  const Refused refused{.ins = Ins::kComputeSignatureInit, .object = &secret_key, .purpose = "AES-CMAC", .or_else = {}};
  SR_TRY_VOID(OpenCardSession(transaction, refused, SessionNumber::kSign, data.written()));
  SR_TRY(const Reply reply, SendText(transaction,
                                     {.update = Ins::kComputeSignatureUpdate,
                                      .p2 = static_cast<std::uint8_t>(SessionNumber::kSign),
                                      .tag = Tag::kMacData,
                                      .plain_length = true},
                                     text));
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(reply.sw, {.ins = Ins::kComputeSignatureUpdate}, transaction.port()));
  }
  ByteReader reader(reply.data);
  wire::Tlv mac;
  if (!wire::ReadFlexibleTlv(reader, {}, mac) || mac.tag != iotsafe::Code(Tag::kSignature) ||
      mac.value.size() != crypto::kAesBlockSize) {
    return tl::make_unexpected(
        NotUnderstood("the MAC by " + secret_key.Text(), ParseError::kBadLength, transaction.port()));
  }
  return Bytes(mac.value.begin(), mac.value.end());
}

Result<Sealed> EncryptOnCard(Transaction& transaction, const ObjectName& secret_key, CipherMode mode, ByteView text,
                             ByteView aad) {
  const iotsafe::CipherModeRow& row = RowOf(mode);
  SR_TRY_VOID(RequireExtension(transaction, row.announced_as));
  SR_TRY(const Bytes opened, InitCipher(transaction, secret_key, mode, aad, nullptr));
  ByteReader reader(opened);
  wire::Tlv nonce;
  if (!wire::ReadTlv(reader, nonce) || nonce.tag != iotsafe::Code(Tag::kNonce) ||
      nonce.value.size() != row.nonce_size || !reader.empty()) {
    return tl::make_unexpected(
        NotUnderstood("the nonce for " + secret_key.Text(), ParseError::kBadLength, transaction.port()));
  }
  SR_TRY(const Reply reply,
         SendText(transaction, {.update = Ins::kEncryptUpdate, .p2 = static_cast<std::uint8_t>(SessionNumber::kCipher)},
                  text));
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(reply.sw, {.ins = Ins::kEncryptUpdate}, transaction.port()));
  }
  const std::size_t padded = text.size() + crypto::kAesBlockSize - text.size() % crypto::kAesBlockSize;
  const std::size_t expected = mode == CipherMode::kCbc ? padded : text.size() + row.tag_size;
  if (reply.data.size() != expected) {
    return tl::make_unexpected(
        NotUnderstood("the ciphertext by " + secret_key.Text(), ParseError::kBadLength, transaction.port()));
  }
  const ByteView all(reply.data);
  const ByteView ciphertext = all.first(all.size() - row.tag_size);
  const ByteView tag = all.last(row.tag_size);
  return Sealed{mode, Bytes(nonce.value.begin(), nonce.value.end()), Bytes(ciphertext.begin(), ciphertext.end()),
                Bytes(tag.begin(), tag.end())};
}

Result<Bytes> DecryptOnCard(Transaction& transaction, const ObjectName& key, const Sealed& sealed, ByteView aad) {
  SR_TRY_VOID(RequireExtension(transaction, RowOf(sealed.mode).announced_as));
  SR_TRY_VOID(InitCipher(transaction, key, sealed.mode, aad, &sealed));
  SR_TRY(const Reply reply,
         SendText(transaction, {.update = Ins::kDecryptUpdate, .p2 = static_cast<std::uint8_t>(SessionNumber::kCipher)},
                  sealed.ciphertext));
  if (reply.sw == StatusWord::kIncorrectData) {
    return tl::make_unexpected(NotAuthentic(key, sealed.mode, transaction.port()));
  }
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(reply.sw, {.ins = Ins::kDecryptUpdate}, transaction.port()));
  }
  return Bytes(reply.data.begin(), reply.data.end());
}

}  // namespace simroot::device::client
