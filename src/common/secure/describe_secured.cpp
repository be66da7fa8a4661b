// SPDX-License-Identifier: Apache-2.0
#include "common/secure/describe_secured.hpp"

#include "common/iotsafe/describe.hpp"
#include "common/secure/remote_apdu.hpp"
#include "common/secure/sms.hpp"

namespace simroot::secure {
namespace {

constexpr std::uint8_t kEnvelopeIns = 0xC2;
constexpr std::size_t kCounterSize = 5;

/// How a packet may be wrapped, most telling first.
constexpr std::array kForms{Scp80Form::kSms, Scp80Form::kStream, Scp80Form::kSmsPart};

[[nodiscard]] std::string_view NameOf(Scp80Form form) {
  return form == Scp80Form::kSms ? "SMS" : form == Scp80Form::kStream ? "stream" : "without header";
}

[[nodiscard]] std::string_view NameOf(Scp80Check check) {
  constexpr std::array<std::string_view, 4> kNames{"no check", "checksum", "cryptographic check", "signature"};
  return kNames[static_cast<std::size_t>(check)];
}

[[nodiscard]] std::string_view NameOf(Scp80CounterRule rule) {
  constexpr std::array<std::string_view, 4> kNames{"no counter", "counter not checked", "counter must be higher",
                                                   "counter must be one higher"};
  return kNames[static_cast<std::size_t>(rule)];
}

[[nodiscard]] std::string_view NameOf(Scp80Proof proof) {
  constexpr std::array<std::string_view, 3> kNames{"no proof of receipt", "proof of receipt always",
                                                   "proof of receipt on error"};
  return kNames[static_cast<std::size_t>(proof)];
}

/// A range of toolkit application references that is assigned (TS 101 220, annex D, and common practice).
struct TarRange {
  std::uint32_t first;
  std::uint32_t last;
  std::string_view name;
};
constexpr std::array kTars{
    TarRange{0x000000, 0x000000, "issuer's security domain"},
    TarRange{0x000001, 0x000001, "ISD-R"},
    TarRange{0x000002, 0x000002, "ECASD"},
    TarRange{0xB00000, 0xB0000F, "files of the UICC"},
    TarRange{0xB00010, 0xB0001F, "files of the USIM"},
    TarRange{0xB00120, 0xB0012F, "files, expanded format"},
};

void PutTar(std::uint32_t tar, TextWriter& out) {
  out.Put("TAR ");
  out.PutHexByte(LowByte(tar >> 16U));
  out.PutHexByte(LowByte(tar >> 8U));
  out.PutHexByte(LowByte(tar));
  for (const TarRange& range : kTars) {
    if (tar >= range.first && tar <= range.last) {
      out.Put(" (");
      out.Put(range.name);
      out.Put(')');
    }
  }
}

/// KIc, or KID with a cryptographic check: "key set 1, AES".
void PutKey(std::uint8_t key_byte, TextWriter& out) {
  out.PutHexByte(key_byte);
  out.Put(" (");
  if (KeyVersionOf(key_byte) == 0) {
    out.Put("key set not named");
  } else {
    out.Put("key set ");
    out.PutDecimal(KeyVersionOf(key_byte));
  }
  switch (static_cast<Scp80Algorithm>(AlgorithmOf(key_byte))) {
    case Scp80Algorithm::kImplicit:
      out.Put(", algorithm not named");
      break;
    case Scp80Algorithm::kDes:
      out.Put(", DES");
      break;
    case Scp80Algorithm::kAes:
      out.Put(", AES");
      break;
    case Scp80Algorithm::kProprietary:
      out.Put(", proprietary");
      break;
    case Scp80Algorithm::kTdes2:
      out.Put(", triple DES with 2 keys");
      break;
    case Scp80Algorithm::kTdes3:
      out.Put(", triple DES with 3 keys");
      break;
    case Scp80Algorithm::kDesEcb:
      out.Put(", DES in ECB mode");
      break;
    default:
      out.Put(", unknown algorithm");
      break;
  }
  out.Put(')');
}

void PutKid(const Scp80Header& header, TextWriter& out) {
  if (header.spi.check != Scp80Check::kRedundancy) {
    PutKey(header.kid, out);
    return;
  }
  const std::uint8_t algorithm = AlgorithmOf(header.kid);
  out.PutHexByte(header.kid);
  out.Put(algorithm == kCrc16Algorithm   ? " (CRC-16)"
          : algorithm == kCrc32Algorithm ? " (CRC-32)"
                                         : " (unknown checksum)");
}

void PutHeader(const Scp80Header& header, TextWriter& out) {
  const Spi& spi = header.spi;
  out.Put(NameOf(spi.check));
  out.Put(spi.ciphered ? ", ciphered, " : ", not ciphered, ");
  out.Put(NameOf(spi.counter));
  out.Put("; ");
  out.Put(NameOf(spi.proof));
  if (spi.proof != Scp80Proof::kNever) {
    out.Put(": ");
    out.Put(NameOf(spi.proof_check));
    out.Put(spi.proof_ciphered ? ", ciphered, " : ", not ciphered, ");
    out.Put(spi.proof_by_submit ? "by SMS-SUBMIT" : "in the delivery report");
  }
  out.Put("; KIc ");
  PutKey(header.kic, out);
  out.Put(", KID ");
  PutKid(header, out);
  out.Put("; ");
  PutTar(header.tar, out);
}

void PutItem(const ScriptItem& item, TextWriter& out) {
  switch (item.tag) {
    case ScriptTag::kCApdu:
      iotsafe::DescribeCommand(item.value, iotsafe::Secrets::kShow, out);
      return;
    case ScriptTag::kRApdu:
      iotsafe::DescribeResponse({}, item.value, iotsafe::Secrets::kShow, out);
      return;
    case ScriptTag::kImmediateAction:
      out.Put("immediate action ");
      break;
    case ScriptTag::kErrorAction:
      out.Put("error action ");
      break;
    case ScriptTag::kChaining:
      out.Put("script chaining ");
      break;
    case ScriptTag::kBadFormat:
      out.Put("bad format ");
      break;
    default:
      break;
  }
  out.PutHex(item.value);
}

void PutItems(ScriptItems items, TextWriter& out) {
  std::string_view separator;
  while (!items.empty()) {
    const auto item = items.Next();
    if (!item) {
      return;  // a parser has walked the list before
    }
    out.Put(separator);
    PutItem(*item, out);
    separator = "; ";
  }
}

/// True if the bytes are nothing but whole commands of the compact format, none of an unknown class.
[[nodiscard]] bool IsCompactList(ByteView bytes, RemoteManagement management) {
  ByteReader reader(bytes);
  while (!reader.empty()) {
    const auto command = ReadCompactCommand(reader, management);
    if (!command) {
      return false;
    }
    const std::uint8_t cla = command->front();
    if (cla != 0xA0 && !wire::ChannelOfClass(cla)) {
      return false;
    }
  }
  return !bytes.empty();
}

void PutData(ByteView data, TextWriter& out) {
  if (const auto script = ParseScript(data)) {
    out.Put("script {");
    PutItems(script->items, out);
    out.Put('}');
    return;
  }
  if (const auto response = ParseScriptResponse(data)) {
    out.Put("script response {");
    PutItems(response->items, out);
    out.Put('}');
    return;
  }
  for (const RemoteManagement management : {RemoteManagement::kFiles, RemoteManagement::kApplications}) {
    if (!IsCompactList(data, management)) {
      continue;
    }
    out.Put("commands {");
    std::string_view separator;
    for (ByteReader reader(data); !reader.empty(); separator = "; ") {
      out.Put(separator);
      if (const auto command = ReadCompactCommand(reader, management)) {
        iotsafe::DescribeCommand(*command, iotsafe::Secrets::kShow, out);
      }
    }
    out.Put('}');
    return;
  }
  out.Put("data ");
  out.PutHex(data);
}

/// Counter and padding counter of a body in clear.
void PutCounters(ByteReader& body, TextWriter& out) {
  ByteView counter;
  std::uint8_t padding = 0;
  static_cast<void>(body.ReadBytes(kCounterSize, counter) && body.ReadU8(padding));
  out.Put("; counter ");
  out.PutHex(counter);
  if (padding != 0) {
    out.Put(", padding ");
    out.PutDecimal(padding);
  }
}

void PutCheck(ByteReader& body, std::size_t size, TextWriter& out) {
  ByteView check;
  if (size != 0 && body.ReadBytes(size, check)) {
    out.Put(", check ");
    out.PutHex(check);
  }
}

void DescribeCommandPacket(const Scp80CommandPacket& packet, Scp80Form form, TextWriter& out) {
  out.Put("command packet (");
  out.Put(NameOf(form));
  out.Put("): ");
  PutHeader(packet.header, out);
  if (packet.header.spi.ciphered) {
    out.Put("; ciphered ");
    out.PutHex(packet.body);
    return;
  }
  ByteReader body(packet.body);
  PutCounters(body, out);
  PutCheck(body, packet.check_size, out);
  if (!body.empty()) {
    out.Put("; ");
    PutData(body.rest(), out);
  }
}

/// Without the command nobody knows whether a response is ciphered: a status that is known says that it is not.
void DescribeResponsePacket(const Scp80ResponsePacket& packet, Scp80Form form, TextWriter& out) {
  out.Put("response packet (");
  out.Put(NameOf(form));
  out.Put("): ");
  PutTar(packet.tar, out);
  constexpr std::uint8_t kLastStatus = static_cast<std::uint8_t>(Scp80Status::kDataByUssd);
  ByteReader ahead(packet.body);
  std::uint8_t padding = 0;
  std::uint8_t status = 0;
  static_cast<void>(ahead.Skip(kCounterSize) && ahead.ReadU8(padding) && ahead.ReadU8(status));
  if (status > kLastStatus || padding != 0) {
    out.Put("; probably ciphered: ");
    out.PutHex(packet.body);
    return;
  }
  ByteReader body(packet.body);
  PutCounters(body, out);
  static_cast<void>(body.Skip(1));
  out.Put(", status ");
  out.PutHexByte(status);
  out.Put(' ');
  out.Put(Describe(static_cast<Scp80Status>(status)));
  PutCheck(body, packet.check_size, out);
  if (!body.empty()) {
    out.Put("; ");
    PutData(body.rest(), out);
  }
}

[[nodiscard]] bool DescribePacket(ByteView bytes, TextWriter& out) {
  for (const Scp80Form form : kForms) {
    if (const auto command = ParseCommandPacket(bytes, form)) {
      DescribeCommandPacket(*command, form, out);
      return true;
    }
    if (form == Scp80Form::kSmsPart) {
      break;  // a bare response packet has too little that must fit
    }
    if (const auto response = ParseResponsePacket(bytes, form)) {
      DescribeResponsePacket(*response, form, out);
      return true;
    }
  }
  return false;
}

/// The message in an ENVELOPE command or in its data.
[[nodiscard]] std::optional<SmsDeliver> FindMessage(ByteView bytes) {
  const auto command = wire::ParseCommand(bytes, wire::ApduStrictness::kExact);
  const bool is_envelope = command && command->ins == kEnvelopeIns;
  const auto tpdu = ParseSmsDownload(is_envelope ? command->data : bytes);
  if (!tpdu) {
    return std::nullopt;
  }
  const auto message = ParseSmsDeliver(*tpdu);
  return message ? std::optional(*message) : std::nullopt;
}

void DescribeMessage(const SmsDeliver& message, TextWriter& out) {
  out.Put("ENVELOPE SMS-PP download from ");
  std::array<char, 32> digits{};
  if (const auto size = DigitsOf(message.originator, digits)) {
    out.Put(std::string_view(digits.data(), *size));
  } else {
    out.PutHex(message.originator.coded);
  }
  if (!IsDataDownload(message)) {
    out.Put(" (not a data download: protocol ");
    out.PutHexByte(message.protocol);
    out.Put(", coding ");
    out.PutHexByte(message.coding);
    out.Put(')');
  }
  out.Put(": ");
  if (message.has_header && DescribePacket(message.user_data, out)) {
    return;
  }
  const auto user_data = ParseSmsUserData(message.user_data);
  if (message.has_header && user_data && user_data->concatenation) {
    out.Put("part ");
    out.PutDecimal(user_data->concatenation->number);
    out.Put(" of ");
    out.PutDecimal(user_data->concatenation->total);
    out.Put(", reference ");
    out.PutDecimal(user_data->concatenation->reference);
    out.Put(user_data->has_command ? ", a command packet begins: " : ": ");
    out.PutHex(user_data->payload);
    return;
  }
  out.Put("user data ");
  out.PutHex(message.user_data);
}

}  // namespace

SecuredKind RecogniseSecured(ByteView bytes) {
  if (ParseCommandPacket(bytes, Scp80Form::kSms) || ParseCommandPacket(bytes, Scp80Form::kStream) ||
      ParseCommandPacket(bytes, Scp80Form::kSmsPart)) {
    return SecuredKind::kCommandPacket;
  }
  if (ParseResponsePacket(bytes, Scp80Form::kSms) || ParseResponsePacket(bytes, Scp80Form::kStream)) {
    return SecuredKind::kResponsePacket;
  }
  if (FindMessage(bytes)) {
    return SecuredKind::kEnvelope;
  }
  if (const auto script = ParseScript(bytes); script && !script->items.empty()) {
    return SecuredKind::kScript;
  }
  if (const auto response = ParseScriptResponse(bytes); response && !response->items.empty()) {
    return SecuredKind::kScriptResponse;
  }
  return SecuredKind::kNone;
}

void DescribeSecured(ByteView bytes, TextWriter& out) {
  switch (RecogniseSecured(bytes)) {
    case SecuredKind::kCommandPacket:
    case SecuredKind::kResponsePacket:
      static_cast<void>(DescribePacket(bytes, out));
      return;
    case SecuredKind::kEnvelope:
      if (const auto message = FindMessage(bytes)) {
        DescribeMessage(*message, out);
      }
      return;
    case SecuredKind::kScript:
    case SecuredKind::kScriptResponse:
      PutData(bytes, out);
      return;
    case SecuredKind::kNone:
      return;
  }
}

}  // namespace simroot::secure
