// SPDX-License-Identifier: Apache-2.0
/// `simroot card create` and `put-file`: the issuer's hand on a virtual card.
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <memory>

#include "card/host/virtual_card.hpp"
#include "commands.hpp"
#include "common/host/file_io.hpp"
#include "device/client/card.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

/// The DER form if `content` is one PEM certificate, otherwise `content` itself. Private keys do not belong on a card
/// in this way, and of several certificates none may get lost silently.
Result<Bytes> CertificateAsDer(Bytes content) {
  const std::string_view text = AsText(content);
  constexpr std::string_view kBegin = "-----BEGIN ";
  if (text.find("PRIVATE KEY-----") != std::string_view::npos) {
    return Fail(ErrorDomain::kUsage, "the file holds a private key",
                "keys are made on the card; store only certificates and data");
  }
  const std::size_t first = text.find(kBegin);
  if (first != std::string_view::npos && text.find(kBegin, first + 1) != std::string_view::npos) {
    return Fail(ErrorDomain::kUsage, "the file holds more than one PEM object", "give one certificate at a time");
  }
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())),
                                                      BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
  unsigned char* der = nullptr;
  const int size = certificate ? i2d_X509(certificate.get(), &der) : -1;
  if (size <= 0) {
    return content;
  }
  Bytes result(der, der + size);
  OPENSSL_free(der);
  return result;
}

/// Makes the card and notes its keys. A card whose keys cannot be noted is taken away again: nobody could ever
/// administer it.
Result<void> CreateWithKeys(const CardCreateArguments& arguments, const card::CreateOptions& options) {
  if (arguments.export_keys.empty()) {
    return card::CreateCard(arguments.file, options);
  }
  SR_TRY(CardKeysFile keys_file, CardKeysFile::Open(arguments.export_keys));
  SR_TRY_VOID(card::CreateCard(arguments.file, options));
  auto noted = keys_file.Append(*options.keys);
  if (!noted) {
    static_cast<void>(::unlink(arguments.file.c_str()));
  }
  return noted;
}

}  // namespace

int RunCardCreate(const CardCreateArguments& arguments) {
  const auto* const profile = std::ranges::find(card::kCardProfiles, arguments.profile, &card::CardProfileName::name);
  if (profile == card::kCardProfiles.end()) {
    return Report(
        {ErrorDomain::kUsage, "there is no card profile \"" + arguments.profile + "\"", "give blank, demo or type2"});
  }
  std::list<CardKeys> keys;
  const auto created = CreateWithKeys(arguments, {.profile = profile->profile,
                                                  .iccid = arguments.iccid,
                                                  .imsi = arguments.imsi,
                                                  .key_size = arguments.key_bits / 8,
                                                  .keys = &keys});
  if (!created) {
    return Report(created.error());
  }
  const auto card = card::VirtualCard::Open(arguments.file, {});
  if (!card) {
    return Report(card.error());
  }
  const std::string iccid = (*card)->Iccid();
  const bool exported = !arguments.export_keys.empty();
  const std::string people =
      "created " + arguments.file + ", profile " + arguments.profile + ", ICCID " + iccid +
      (exported ? "; its keys are in " + arguments.export_keys
                : std::string("; the keys of its security domain are random and nobody knows them, so it cannot be "
                              "administered (--export-keys keeps them)"));
  const bool printed = PrintLine(arguments.json ? JsonWriter()
                                                      .BeginObject()
                                                      .Text("file", arguments.file)
                                                      .Text("profile", arguments.profile)
                                                      .Text("iccid", iccid)
                                                      .Bool("keys_known", exported)
                                                      .EndObject()
                                                      .text()
                                                : people);
  return printed ? kDone : kFailed;
}

int RunCardPutFile(const CardPutFileArguments& arguments) {
  const auto name = device::ParseObjectName(iotsafe::ObjectClass::kFile, arguments.ref);
  if (!name) {
    return Report(name.error());
  }
  constexpr std::size_t kMaxContent = 1UL << 20U;  // PEM is longer than what is stored
  auto content = ReadWholeFile(arguments.content, kMaxContent);
  if (!content) {
    return Report(content.error());
  }
  const auto stored = CertificateAsDer(std::move(*content));
  if (!stored) {
    return Report(stored.error());
  }
  const auto done = card::PutFile(arguments.file, name->Ref(), *stored);
  if (!done) {
    return Report(done.error());
  }
  return PrintLine("stored " + std::to_string(stored->size()) + " bytes in " + name->Text() + " of " + arguments.file)
             ? kDone
             : kFailed;
}

}  // namespace simroot::app
