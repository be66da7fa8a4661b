// SPDX-License-Identifier: Apache-2.0
// ENCRYPT and DECRYPT (docs/formats/extensions.md).
#include "card/applet/algorithms.hpp"
#include "card/applet/applet.hpp"
#include "card/applet/cipher_stream.hpp"
#include "card/applet/nonces.hpp"
#include "common/base/secret.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

using crypto::Direction;
using iotsafe::CipherMode;
using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

constexpr std::size_t kAes128KeySize = 16;
constexpr std::size_t kAes256KeySize = 32;

[[nodiscard]] Direction DirectionOf(SessionFamily family) {
  return family == SessionFamily::kEncrypt ? Direction::kEncrypt : Direction::kDecrypt;
}

/// The elements of an INIT command. A caller never names the nonce of an encryption.
[[nodiscard]] Expected<CommandData, ParseError> ParseParameters(ByteView data, Direction direction) {
  return direction == Direction::kEncrypt
             ? CommandData::Parse(data,
                                  {Tag::kSecretKeyId, Tag::kSecretKeyLabel, Tag::kCipherMode, Tag::kAssociatedData})
             : CommandData::Parse(data, {Tag::kSecretKeyId, Tag::kSecretKeyLabel, Tag::kPrivateKeyId,
                                         Tag::kPrivateKeyLabel, Tag::kCipherMode, Tag::kNonce, Tag::kAssociatedData,
                                         Tag::kAuthenticationTag, Tag::kHashAlgorithms});
}

/// True if an INIT command has the elements that belong to its mode, and no others.
[[nodiscard]] bool FitsMode(const CommandData& data, const iotsafe::CipherModeRow& mode, Direction direction) {
  const bool oaep = mode.mode == CipherMode::kOaep;
  const bool names_secret = data.Has(Tag::kSecretKeyId) || data.Has(Tag::kSecretKeyLabel);
  const bool names_private = data.Has(Tag::kPrivateKeyId) || data.Has(Tag::kPrivateKeyLabel);
  const std::size_t nonce_size = direction == Direction::kDecrypt ? mode.nonce_size : 0;
  const std::size_t tag_size = direction == Direction::kDecrypt ? mode.tag_size : 0;
  return !(oaep ? names_secret : names_private) && !(oaep && direction == Direction::kEncrypt) &&
         data.Find(Tag::kNonce).value_or(ByteView()).size() == nonce_size &&
         data.Find(Tag::kAuthenticationTag).value_or(ByteView()).size() == tag_size &&
         (mode.mode == CipherMode::kGcm || !data.Has(Tag::kAssociatedData)) &&
         (oaep || !data.Has(Tag::kHashAlgorithms));
}

/// True if the key may be used: filled, of the right type and size, and for this direction.
[[nodiscard]] bool MayBeUsed(const iotsafe::ObjectInfo& info, std::size_t key_size, CipherMode mode,
                             Direction direction) {
  const auto needed =
      direction == Direction::kEncrypt ? iotsafe::Function::kEncryption : iotsafe::Function::kDecryption;
  const bool right_type = mode == CipherMode::kOaep ? IsRsa(info.key_type)
                                                    : info.key_type == iotsafe::KeyType::kAes &&
                                                          (key_size == kAes128KeySize || key_size == kAes256KeySize);
  return info.state == iotsafe::ObjectState::kActivated && right_type && Has(info.functions, needed);
}

}  // namespace

StatusWord Applet::EncryptInit(const Call& call) {
  return InitCipher(call, SessionFamily::kEncrypt);
}
StatusWord Applet::EncryptUpdate(const Call& call) {
  return UpdateCipher(call, SessionFamily::kEncrypt);
}
StatusWord Applet::DecryptInit(const Call& call) {
  return InitCipher(call, SessionFamily::kDecrypt);
}
StatusWord Applet::DecryptUpdate(const Call& call) {
  return UpdateCipher(call, SessionFamily::kDecrypt);
}

StatusWord Applet::InitCipher(const Call& call, SessionFamily family) {
  const auto opened = OpenOrClose(call, family);
  if (!opened || *opened == nullptr) {
    return opened ? Sw::kOk : opened.error();
  }
  const StatusWord sw = TakeCipherParameters(call, **opened);
  if (sw != Sw::kOk) {
    sessions_.End(**opened);
  }
  return sw;
}

StatusWord Applet::TakeCipherParameters(const Call& call, Session& session) {
  const Direction direction = DirectionOf(session.family);
  const auto data = ParseParameters(call.command.data, direction);
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto* const mode = iotsafe::FindCipherMode(data->FindU8(Tag::kCipherMode).value_or(0));
  const auto hash = KnownHash(
      data->FindU16(Tag::kHashAlgorithms).value_or(static_cast<std::uint16_t>(iotsafe::HashAlgorithm::kSha256)));
  if (mode == nullptr || !hash || !FitsMode(*data, *mode, direction)) {
    return Sw::kIncorrectData;
  }
  const auto key =
      FindObject(*data, mode->mode == CipherMode::kOaep ? ObjectClass::kPrivateKey : ObjectClass::kSecretKey);
  if (!key) {
    return key.error();
  }
  if (!MayBeUsed((*key)->info, store_.Value(**key).size(), mode->mode, direction)) {
    return Sw::kConditionsNotSatisfied;
  }
  session.slot = store_.SlotOf(**key);
  session.generation = (*key)->generation;
  session.cipher = mode->mode;
  session.hash = *hash;
  const ByteView aad = data->Find(Tag::kAssociatedData).value_or(ByteView());
  if (!aad.empty() && !sessions_.ClaimChain(session).bytes.Assign(aad)) {
    return Sw::kIncorrectData;
  }
  if (direction == Direction::kEncrypt) {
    return MakeNonce(call, session, mode->nonce_size);
  }
  const ByteView tag = data->Find(Tag::kAuthenticationTag).value_or(ByteView());
  return CopyBytes(data->Find(Tag::kNonce).value_or(ByteView()), session.blocks.chain) &&
                 CopyBytes(tag, session.blocks.held)
             ? Sw::kOk
             : Sw::kIncorrectData;
}

/// Makes what no two encryptions under one key may share, and answers with it.
StatusWord Applet::MakeNonce(const Call& call, Session& session, std::size_t size) {
  const ByteSpan nonce = ByteSpan(session.blocks.chain).first(size);
  if (session.cipher == CipherMode::kCbc) {
    if (!crypto_.Random(nonce)) {
      return Sw::kOtherError;
    }
  } else {
    const StoredObject& key = store_.At(session.slot);
    const auto number = TakeNonceNumber(store_, crypto_, key);
    if (!number) {
      return ToStatusWord(number.error());
    }
    const bool made = session.cipher == CipherMode::kGcm ? PutGcmNonce(crypto_, store_.Value(key), *number, nonce)
                                                         : PutFirstCounter(*number, nonce);
    if (!made) {
      return Sw::kOtherError;
    }
  }
  wire::PutTlv(Code(Tag::kNonce), nonce, call.response);
  return Sw::kOk;
}

StatusWord Applet::UpdateCipher(const Call& call, SessionFamily family) {
  const auto session = RunningSession(call, family);
  if (!session) {
    return session.error();
  }
  const bool last = IsLastUpdate(call.command);
  const auto data = CommandData::Parse(call.command.data, {Tag::kData});
  const auto text = data ? data->Find(Tag::kData) : std::nullopt;
  StatusWord sw = Sw::kIncorrectData;
  if (text) {
    switch ((*session)->cipher) {
      case CipherMode::kGcm:
        sw = last ? RunGcm(call, **session, *text) : Sw::kIncorrectP1P2;
        break;
      case CipherMode::kOaep:
        sw = RunOaep(call, **session, *text, last);
        break;
      case CipherMode::kCbc:
      case CipherMode::kCtr:
        sw = RunStream(call, **session, *text, last);
        break;
    }
  }
  if (sw != Sw::kOk) {
    call.response.Truncate(0);
  }
  if (sw != Sw::kOk || last) {
    sessions_.End(**session);
  }
  return sw;
}

StatusWord Applet::RunStream(const Call& call, Session& session, ByteView text, bool last) {
  if (CipherStream::MaxOutput(text.size()) > call.response.free()) {
    return Sw::kWrongLength;
  }
  CipherStream stream(crypto_, store_.Value(store_.At(session.slot)), session.cipher, DirectionOf(session.family),
                      session.blocks);
  CipherResult result = stream.Take(text, call.response);
  if (result == CipherResult::kOk && last) {
    result = stream.Finish(call.response);
  }
  return result == CipherResult::kOk        ? Sw::kOk
         : result == CipherResult::kBadData ? Sw::kIncorrectData
                                            : Sw::kOtherError;
}

/// In one command: no byte of a text leaves the card before its tag is found right.
StatusWord Applet::RunGcm(const Call& call, const Session& session, ByteView text) {
  if (text.size() + crypto::kGcmTagSize > call.response.free()) {
    return Sw::kWrongLength;
  }
  const ByteView key = store_.Value(store_.At(session.slot));
  const ByteView nonce = ByteView(session.blocks.chain).first(crypto::kGcmNonceSize);
  const ChainedData* const chain = sessions_.ChainOf(session);
  const ByteView aad = chain == nullptr ? ByteView() : chain->bytes.view();
  const ByteSpan out = call.response.Reserve(text.size());
  if (session.family == SessionFamily::kDecrypt) {
    return crypto_.AesGcmDecrypt(key, nonce, aad, text, session.blocks.held, out) ? Sw::kOk : Sw::kIncorrectData;
  }
  const ByteSpan tag = call.response.Reserve(crypto::kGcmTagSize);
  return crypto_.AesGcmEncrypt(key, nonce, aad, text, out, tag) ? Sw::kOk : Sw::kOtherError;
}

/// The ciphertext is longer than a short command and comes in several.
StatusWord Applet::RunOaep(const Call& call, Session& session, ByteView piece, bool last) {
  ChainedData& chain = sessions_.ClaimChain(session);
  if (!chain.bytes.Append(piece)) {
    return Sw::kIncorrectData;
  }
  if (!last) {
    return Sw::kOk;
  }
  const StoredObject& key = store_.At(session.slot);
  const ByteSpan message = call.response.Reserve(crypto::kRsaSize);
  std::size_t size = 0;
  if (message.empty() || !crypto_.DecryptRsaOaep({store_.Value(key), session.slot, key.generation}, session.hash,
                                                 chain.bytes.view(), message, size)) {
    return Sw::kIncorrectData;
  }
  Wipe(message.subspan(size));
  call.response.Truncate(size);
  return Sw::kOk;
}

}  // namespace simroot::card
