// SPDX-License-Identifier: Apache-2.0
/// `simroot device` commands that read from the card.
#include "common/host/hex.hpp"
#include "common/iotsafe/vocabulary.hpp"
#include "device_session.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

using iotsafe::ObjectClass;

std::string Label(const iotsafe::ObjectInfo& info) {
  return std::string(AsText(info.label.view()));
}

/// The label for a terminal: what a card sends must not steer it.
std::string PrintableLabel(const iotsafe::ObjectInfo& info) {
  std::string label = Label(info);
  std::ranges::replace_if(
      label, [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return label;
}

/// "sign,generate,agree,derive,encrypt,decrypt", as far as the object may be used for it.
std::string UseOf(const iotsafe::ObjectInfo& info) {
  constexpr std::array<std::pair<iotsafe::Function, const char*>, 6> kWords{
      {{iotsafe::Function::kSignature, "sign"},
       {iotsafe::Function::kKeyGeneration, "generate"},
       {iotsafe::Function::kKeyAgreement, "agree"},
       {iotsafe::Function::kKeyDerivation, "derive"},
       {iotsafe::Function::kEncryption, "encrypt"},
       {iotsafe::Function::kDecryption, "decrypt"}}};
  std::string text;
  for (const auto& [function, word] : kWords) {
    if (info.object_class != ObjectClass::kFile && Has(info.functions, function)) {
      text += (text.empty() ? "" : ",") + std::string(word);
    }
  }
  return text;
}

std::string KindOf(const iotsafe::ObjectInfo& info) {
  if (info.object_class == ObjectClass::kFile) {
    return info.file_usage == iotsafe::FileUsage::kCertificate ? "certificate" : "data";
  }
  switch (info.key_type) {
    case iotsafe::KeyType::kRsa2048:
      return "RSA-2048";
    case iotsafe::KeyType::kP256Persistent:
      return "P-256";
    case iotsafe::KeyType::kP256Volatile:
      return "P-256 volatile";
    case iotsafe::KeyType::kBrainpoolP256Persistent:
      return "brainpoolP256r1";
    case iotsafe::KeyType::kBrainpoolP256Volatile:
      return "brainpoolP256r1 volatile";
    case iotsafe::KeyType::kP384Persistent:
      return "P-384";
    case iotsafe::KeyType::kP384Volatile:
      return "P-384 volatile";
    case iotsafe::KeyType::kHmac:
      return "PSK";
    case iotsafe::KeyType::kAesCmac:
      return "AES-128 CMAC";
    case iotsafe::KeyType::kAes:
      return "AES";
    case iotsafe::KeyType::kUserPin:
      return "user PIN";
  }
  return "type " + ToHex(ByteView({static_cast<std::uint8_t>(info.key_type)}));
}

std::string AccessOf(const iotsafe::ObjectInfo& info) {
  std::string text;
  text += Has(info.access, iotsafe::Access::kReadable) ? "r" : "-";
  text += Has(info.access, iotsafe::Access::kUpdatable) ? "w" : "-";
  return text;
}

std::string ListAsJson(const std::vector<iotsafe::ObjectInfo>& objects) {
  JsonWriter json;
  json.BeginObject().BeginArray("objects");
  for (const iotsafe::ObjectInfo& info : objects) {
    json.BeginObject()
        .Text("class", TagsOf(info.object_class).name)
        .Text("id", ToHex(info.id.view()))
        .Text("label", Label(info))
        .Text("kind", KindOf(info))
        .Text("use", UseOf(info))
        .Bool("activated", info.state == iotsafe::ObjectState::kActivated)
        .Bool("readable", Has(info.access, iotsafe::Access::kReadable))
        .Bool("updatable", Has(info.access, iotsafe::Access::kUpdatable));
    if (info.object_class == ObjectClass::kFile) {
      json.Number("size", info.file_size);
    }
    json.EndObject();
  }
  return json.EndArray().EndObject().text();
}

int PrintKeyPair(const DeviceOptions& options, const device::NewKeyPair& pair) {
  if (options.json) {
    return PrintLine(JsonWriter()
                         .BeginObject()
                         .Text("private_id", ToHex(pair.private_id))
                         .Text("public_id", ToHex(pair.public_id))
                         .Text("public_key", ToPem("PUBLIC KEY", EncodeSpki(pair.point)))
                         .EndObject()
                         .text())
               ? kDone
               : kFailed;
  }
  const bool printed = PrintLine("private key " + ToHex(pair.private_id) + ", public key " + ToHex(pair.public_id));
  const auto written = WriteOutput("", AsBytes(ToPem("PUBLIC KEY", EncodeSpki(pair.point))));
  return !written ? Report(written.error()) : printed ? kDone : kFailed;
}

}  // namespace

int RunDeviceInfo(const DeviceOptions& options) {
  auto session = DeviceSession::Open(options);
  if (!session) {
    return Report(session.error());
  }
  const auto iccid = session->card().Iccid();
  if (!iccid) {
    return Report(iccid.error());
  }
  const auto application = session->card().Application();
  if (!application) {
    return Report(application.error());
  }
  const auto own = iotsafe::ParseIdentifier(application->proprietary_identifier.view());
  if (options.json) {
    JsonWriter json;
    json.BeginObject()
        .Text("card", options.card)
        .Text("iccid", *iccid)
        .Number("version", application->version)
        .Text("identifier", ToHex(application->proprietary_identifier.view()))
        .Bool("simroot_applet", own.has_value())
        .Number("max_private_keys", application->max_private_keys)
        .Number("max_public_keys", application->max_public_keys)
        .Number("max_files", application->max_files)
        .Number("max_secret_keys", application->max_secret_keys)
        .Number("max_sessions", application->max_sessions)
        .Number("functions", application->functions)
        .Number("hash_algorithms", application->hash_algorithms)
        .Number("signature_algorithms", application->signature_algorithms)
        .EndObject();
    return PrintLine(json.text()) ? kDone : kFailed;
  }
  const std::string applet = own ? "simroot " + std::to_string(own->applet_major) + "." +
                                       std::to_string(own->applet_minor) + ", change counter " +
                                       std::to_string(own->change_counter)
                                 : "identifier " + ToHex(application->proprietary_identifier.view());
  return PrintLine("card    " + options.card + "\nICCID   " + *iccid + "\napplet  IoT SAFE version " +
                   std::to_string(application->version >> 4U) + "." + std::to_string(application->version & 0x0FU) +
                   ", " + applet + "\nroom    " + std::to_string(application->max_private_keys) + " private keys, " +
                   std::to_string(application->max_public_keys) + " public keys, " +
                   std::to_string(application->max_files) + " files, " + std::to_string(application->max_secret_keys) +
                   " secret keys, " + std::to_string(application->max_sessions) + " sessions")
             ? kDone
             : kFailed;
}

int RunDeviceList(const DeviceOptions& options) {
  auto session = DeviceSession::Open(options);
  if (!session) {
    return Report(session.error());
  }
  const auto objects = session->card().List();
  if (!objects) {
    return Report(objects.error());
  }
  if (options.json) {
    return PrintLine(ListAsJson(*objects)) ? kDone : kFailed;
  }
  std::vector<std::vector<std::string>> rows{{"CLASS", "ID", "LABEL", "KIND", "STATE", "ACCESS", "USE", "SIZE"}};
  for (const iotsafe::ObjectInfo& info : *objects) {
    rows.push_back({std::string(TagsOf(info.object_class).name), ToHex(info.id.view()), PrintableLabel(info),
                    KindOf(info), info.state == iotsafe::ObjectState::kActivated ? "filled" : "empty", AccessOf(info),
                    UseOf(info), info.object_class == ObjectClass::kFile ? std::to_string(info.file_size) : ""});
  }
  return PrintLine(FormatTable(rows)) ? kDone : kFailed;
}

int RunDeviceRandom(const DeviceOptions& options, std::size_t count, bool raw) {
  auto session = DeviceSession::Open(options);
  if (!session) {
    return Report(session.error());
  }
  const auto random = session->card().Random(count);
  if (!random) {
    return Report(random.error());
  }
  if (raw) {
    const auto written = WriteOutput("", *random);
    return written ? kDone : Report(written.error());
  }
  const std::string hex = ToHex(*random);
  return PrintLine(options.json ? JsonWriter().BeginObject().Text("random", hex).EndObject().text() : hex) ? kDone
                                                                                                           : kFailed;
}

int RunDeviceReadFile(const DeviceOptions& options, const std::string& ref, const std::string& out, bool pem) {
  auto session = DeviceSession::Open(options);
  const auto name = device::ParseObjectName(ObjectClass::kFile, ref);
  if (!session || !name) {
    return Report(session ? name.error() : session.error());
  }
  const auto content = session->card().ReadFile(*name);
  if (!content) {
    return Report(content.error());
  }
  if (options.json) {
    return PrintLine(JsonWriter()
                         .BeginObject()
                         .Number("size", content->size())
                         .Text("content", ToHex(*content))
                         .EndObject()
                         .text())
               ? kDone
               : kFailed;
  }
  const auto written = pem ? WriteOutput(out, AsBytes(ToPem("CERTIFICATE", *content))) : WriteOutput(out, *content);
  return written ? kDone : Report(written.error());
}

int RunDevicePublicKey(const DeviceOptions& options, const std::string& ref, const std::string& out) {
  auto session = DeviceSession::Open(options);
  const auto name = device::ParseObjectName(ObjectClass::kPublicKey, ref);
  if (!session || !name) {
    return Report(session ? name.error() : session.error());
  }
  const auto point = session->card().ReadPublicKey(*name);
  if (!point) {
    return Report(point.error());
  }
  const std::string pem = ToPem("PUBLIC KEY", EncodeSpki(*point));
  const auto written = WriteOutput(
      out, AsBytes(options.json ? JsonWriter().BeginObject().Text("public_key", pem).EndObject().text() + "\n" : pem));
  return written ? kDone : Report(written.error());
}

int RunDeviceGenerate(const DeviceOptions& options, const std::string& ref) {
  auto session = DeviceSession::Open(options);
  const auto name = device::ParseObjectName(ObjectClass::kPrivateKey, ref);
  if (!session || !name) {
    return Report(session ? name.error() : session.error());
  }
  const auto pair = session->card().GenerateKeyPair(*name);
  return pair ? PrintKeyPair(options, *pair) : Report(pair.error());
}

}  // namespace simroot::app
