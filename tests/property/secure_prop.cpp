// SPDX-License-Identifier: Apache-2.0
// Properties of secured packets and of remote commands: what one end makes, the other understands, and it is the same.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/secure/remote_apdu.hpp"
#include "common/secure/scp80_security.hpp"
#include "property/generators.hpp"

namespace simroot::secure {
namespace {

using property::BytesOf;

crypto::OpenSslCrypto& Crypto() {
  static const auto crypto = crypto::OpenSslCrypto::Create();
  RC_ASSERT(crypto != nullptr);
  return *crypto;
}

/// Keys and algorithm bytes that go together, legacy ones included.
struct Agreed {
  Bytes kic;
  Bytes kid;
  Scp80Agreement agreement;
  std::uint8_t kic_byte = 0;
  std::uint8_t kid_byte = 0;

  Agreed() {
    struct Choice {
      Scp80Algorithm algorithm;
      std::size_t key_size;
    };
    const auto choice = [] { return *rc::gen::element(0, 1, 2, 3, 4, 5); };
    constexpr std::array kChoices{Choice{Scp80Algorithm::kAes, 16},   Choice{Scp80Algorithm::kAes, 24},
                                  Choice{Scp80Algorithm::kAes, 32},   Choice{Scp80Algorithm::kTdes2, 16},
                                  Choice{Scp80Algorithm::kTdes3, 24}, Choice{Scp80Algorithm::kDes, 8}};
    const Choice& cipher = kChoices.at(static_cast<std::size_t>(choice()));
    const Choice& check = kChoices.at(static_cast<std::size_t>(choice()));
    kic = *BytesOf(cipher.key_size, cipher.key_size);
    kid = *BytesOf(check.key_size, check.key_size);
    kic_byte = KeyByte(*rc::gen::inRange<std::uint8_t>(0, 16), cipher.algorithm);
    kid_byte = KeyByte(*rc::gen::inRange<std::uint8_t>(0, 16), check.algorithm);
    const bool is_short = check.algorithm == Scp80Algorithm::kAes && *rc::gen::arbitrary<bool>();
    agreement = {.kic = kic, .kid = kid, .check_size = is_short ? kShortCheckSize : kFullCheckSize, .legacy = true};
  }
  Agreed(const Agreed&) = delete;
  Agreed& operator=(const Agreed&) = delete;
};

Scp80Header AnyHeader(const Agreed& agreed) {
  const auto check = [] { return *rc::gen::element(Scp80Check::kNone, Scp80Check::kCryptographic); };
  return {.spi = {.check = check(),
                  .ciphered = *rc::gen::arbitrary<bool>(),
                  .counter = *rc::gen::element(Scp80CounterRule::kNone, Scp80CounterRule::kUnchecked,
                                               Scp80CounterRule::kHigher, Scp80CounterRule::kNext),
                  .proof = *rc::gen::element(Scp80Proof::kNever, Scp80Proof::kAlways, Scp80Proof::kOnError),
                  .proof_check = check(),
                  .proof_ciphered = *rc::gen::arbitrary<bool>(),
                  .proof_by_submit = *rc::gen::arbitrary<bool>()},
          .kic = agreed.kic_byte,
          .kid = agreed.kid_byte,
          .tar = *rc::gen::inRange<std::uint32_t>(0, kMaxTar + 1)};
}

Scp80Form AnyForm() {
  return *rc::gen::element(Scp80Form::kSms, Scp80Form::kSmsPart, Scp80Form::kStream);
}

std::uint64_t AnyCounter() {
  return *rc::gen::inRange<std::uint64_t>(0, kMaxScp80Counter + 1);
}

// Conditions of several parts stand in parentheses of their own: the macros would evaluate all of them.
RC_GTEST_PROP(PacketProperty, CommandsSurviveTheWay, ()) {
  const Agreed agreed;
  const Scp80Header header = AnyHeader(agreed);
  const Scp80Form form = AnyForm();
  const Bytes data = *BytesOf(0, 300);
  const std::uint64_t counter = AnyCounter();
  PacketSecurity security(Crypto(), agreed.agreement);
  Bytes memory(400);
  ByteWriter out(memory);
  RC_ASSERT(security.PutCommand({header, counter, data}, form, out).has_value());
  const auto parsed = ParseCommandPacket(out.written(), form);
  RC_ASSERT((parsed.has_value() && parsed->header == header));
  Bytes plain(parsed->body.size());
  const auto opened = security.OpenCommand(*parsed, plain);
  RC_ASSERT(opened.has_value());
  RC_ASSERT((opened->counter == counter && SameBytes(opened->data, data) && opened->header == header));
}

RC_GTEST_PROP(PacketProperty, ResponsesSurviveTheWay, ()) {
  const Agreed agreed;
  const Scp80Header header = AnyHeader(agreed);
  const Scp80Form form = AnyForm();
  const Bytes data = *BytesOf(0, 300);
  const Scp80Response response{.tar = header.tar,
                               .counter = AnyCounter(),
                               .status = static_cast<Scp80Status>(*rc::gen::arbitrary<std::uint8_t>()),
                               .data = data};
  PacketSecurity security(Crypto(), agreed.agreement);
  Bytes memory(400);
  ByteWriter out(memory);
  RC_ASSERT(security.PutResponse(header, response, form, out).has_value());
  const auto parsed = ParseResponsePacket(out.written(), form);
  RC_ASSERT(parsed.has_value());
  Bytes plain(parsed->body.size());
  const auto opened = security.OpenResponse(header, *parsed, form, plain);
  RC_ASSERT(opened.has_value());
  RC_ASSERT((opened->tar == response.tar && opened->counter == response.counter && opened->status == response.status));
  RC_ASSERT(SameBytes(opened->data, data));
}

RC_GTEST_PROP(PacketProperty, ChangedByteOfACheckedCommandIsRefused, ()) {
  const Agreed agreed;
  Scp80Header header = AnyHeader(agreed);
  header.spi.check = Scp80Check::kCryptographic;
  const Scp80Form form = AnyForm();
  const Bytes data = *BytesOf(0, 60);
  PacketSecurity security(Crypto(), agreed.agreement);
  Bytes memory(200);
  ByteWriter out(memory);
  RC_ASSERT(security.PutCommand({header, AnyCounter(), data}, form, out).has_value());
  Bytes changed(out.written().begin(), out.written().end());
  changed.at(*rc::gen::inRange<std::size_t>(0, changed.size())) ^= *rc::gen::inRange<std::uint8_t>(1, 255);
  const auto parsed = ParseCommandPacket(changed, form);
  // A packet that now says it has no cryptographic check is for the receiver's minimum to refuse.
  RC_PRE((!parsed || parsed->header.spi.check == Scp80Check::kCryptographic));
  Bytes plain(changed.size());
  RC_ASSERT((!parsed || !security.OpenCommand(*parsed, plain).has_value()));
}

RC_GTEST_PROP(ScriptProperty, ExpandedScriptsSurviveTheWay, ()) {
  const auto commands = *rc::gen::container<std::vector<Bytes>>(BytesOf(0, 300));
  const auto coding = *rc::gen::element(ScriptCoding::kDefinite, ScriptCoding::kIndefinite);
  std::size_t size = 0;
  for (const Bytes& command : commands) {
    size += command.size() + 5;
  }
  Bytes content_memory(size);
  ByteWriter content(content_memory);
  for (const Bytes& command : commands) {
    PutCApdu(command, content);
  }
  Bytes memory(size + 10);
  ByteWriter out(memory);
  PutScript(coding, content.written(), out);
  RC_PRE(out.ok());
  auto script = ParseScript(out.written());
  RC_ASSERT((script.has_value() && script->coding == coding));
  for (const Bytes& command : commands) {
    const auto item = script->items.Next();
    RC_ASSERT((item.has_value() && item->tag == ScriptTag::kCApdu && SameBytes(item->value, command)));
  }
  RC_ASSERT(script->items.empty());
}

RC_GTEST_PROP(ScriptProperty, ExpandedResponsesSurviveTheWay, ()) {
  const auto answers = *rc::gen::container<std::vector<Bytes>>(BytesOf(0, 260));
  RC_PRE(answers.size() < 256);
  const auto coding = *rc::gen::element(ScriptCoding::kDefinite, ScriptCoding::kIndefinite);
  std::size_t size = 0;
  for (const Bytes& answer : answers) {
    size += answer.size() + 6;
  }
  Bytes content_memory(size);
  ByteWriter content(content_memory);
  for (const Bytes& answer : answers) {
    PutRApdu({answer, wire::MakeStatusWord(0x90, LowByte(answer.size()))}, content);
  }
  Bytes memory(size + 10);
  ByteWriter out(memory);
  PutScriptResponse(coding, LowByte(answers.size()), content.written(), out);
  auto response = ParseScriptResponse(out.written());
  RC_ASSERT(response.has_value());
  RC_ASSERT((coding == ScriptCoding::kIndefinite || response->executed == LowByte(answers.size())));
  for (const Bytes& answer : answers) {
    const auto item = response->items.Next();
    RC_ASSERT(item.has_value());
    const auto parsed = ParseRApdu(*item);
    RC_ASSERT((parsed.has_value() && SameBytes(parsed->data, answer)));
    RC_ASSERT(wire::Sw2(parsed->sw) == LowByte(answer.size()));
  }
}

}  // namespace
}  // namespace simroot::secure
