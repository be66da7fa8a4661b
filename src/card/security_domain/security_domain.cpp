// SPDX-License-Identifier: Apache-2.0
#include "card/security_domain/security_domain.hpp"

#include "card/security_domain/commands.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

using wire::StatusWord;

constexpr std::uint8_t kMaxDataSize = 255;

}  // namespace

bool SecurityDomain::AnswersTo(ByteView aid) const {
  return aid.size() <= kSecurityDomainAid.size() && SameBytes(aid, ByteView(kSecurityDomainAid).first(aid.size()));
}

wire::StatusWord SecurityDomain::Select(std::uint8_t channel) {
  Deselect(channel);
  return StatusWord::kOk;
}

void SecurityDomain::Deselect(std::uint8_t channel) {
  if (channel == session_channel_) {
    EndSession();
  }
}

void SecurityDomain::Reset() {
  EndSession();
  failed_since_reset_ = false;
  store_.DropVolatile();
}

/// 6F { 84 AID, A5 { 9F65 longest data field } } (GlobalPlatform 2.3.1, 11.9.3).
void SecurityDomain::PutFci(ByteWriter& out) const {
  std::array<std::uint8_t, 8> proprietary_memory{};
  ByteWriter proprietary(proprietary_memory);
  wire::PutBerTlv(0x9F65, std::array{kMaxDataSize}, proprietary);
  std::array<std::uint8_t, 32> memory{};
  ByteWriter content(memory);
  wire::PutBerTlv(0x84, kSecurityDomainAid, content);
  wire::PutBerTlv(0xA5, proprietary.written(), content);
  wire::PutBerTlv(0x6F, content.written(), out);
}

wire::StatusWord SecurityDomain::Process(std::uint8_t channel, const wire::CommandApdu& command, ByteWriter& response) {
  if (store_.state() != StoreState::kIntact) {
    EndSession();
    return StatusWord::kIntegrityIssue;
  }
  const bool secured = secure::IsSecureClass(command.cla);
  if (command.ins == secure::kInitializeUpdateIns && !secured) {
    return InitializeUpdate(channel, {command, response});
  }
  const bool of_session = channel == session_channel_ && (session_.is_begun() || session_.is_authenticated());
  if (!of_session) {
    return secured ? StatusWord::kSecurityNotSatisfied : ProcessPlain({command, response});
  }
  if (session_.is_authenticated()) {
    return ProcessSecured(command, response);
  }
  if (secured && command.ins == secure::kExternalAuthenticateIns) {
    return ExternalAuthenticate(command);
  }
  EndSession();  // between INITIALIZE UPDATE and EXTERNAL AUTHENTICATE nothing may come
  return secured ? StatusWord::kSecurityNotSatisfied : ProcessPlain({command, response});
}

wire::StatusWord SecurityDomain::ProcessPlain(const Call& call) {
  const CommandRow* const row = CommandTable::Find(call.command.ins);
  if (row == nullptr) {
    return StatusWord::kUnknownInstruction;
  }
  if (row->needs != Needs::kNothing) {
    return StatusWord::kSecurityNotSatisfied;
  }
  return (this->*row->run)(call);
}

wire::StatusWord SecurityDomain::Run(const CommandRow& row, const Call& call) {
  if (row.needs == Needs::kEncipheredSession && !secure::EnciphersCommands(session_.level())) {
    return StatusWord::kSecurityNotSatisfied;
  }
  return (this->*row.run)(call);
}

}  // namespace simroot::card
