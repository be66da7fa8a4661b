// SPDX-License-Identifier: Apache-2.0
#include "common/secure/script_runner.hpp"

#include "common/wire/tlv.hpp"

namespace simroot::secure {
namespace {

constexpr auto kTruncatedAnswer = wire::MakeStatusWord(0x62, 0xF1);
constexpr std::size_t kSwSize = 2;
constexpr std::uint8_t kSuspensionError = 0x01;       // value of an immediate action response
constexpr std::uint8_t kChainingNotSupported = 0x02;  // value of a script chaining response

[[nodiscard]] wire::ResponseApdu RunOne(ByteView command, CommandExecutor& executor) {
  const auto answer = wire::ParseResponse(executor.Run(command));
  return answer ? *answer : wire::ResponseApdu{};
}

/// The answers of a script as they come in.
class Answers {
 public:
  explicit Answers(ByteSpan memory) : content_(memory) {}

  /// False if the list ends with this answer.
  [[nodiscard]] bool Add(const wire::ResponseApdu& answer) {
    if (executed_ == 0xFF) {
      return false;  // the response counts in one byte
    }
    ++executed_;
    // After every answer there must be room left to say that the next one had none.
    const wire::ResponseApdu cut{{}, kTruncatedAnswer};
    const bool fits = SizeOf(answer) + SizeOf(cut) <= content_.free();
    PutRApdu(fits ? answer : cut, content_);
    return fits && ContinuesScript(answer.sw);
  }
  void AddRefusal(ScriptTag tag, std::uint8_t why) { wire::PutTlvU8(static_cast<std::uint8_t>(tag), why, content_); }
  void Put(ScriptCoding coding, ByteWriter& response) const {
    PutScriptResponse(coding, executed_, content_.written(), response);
  }

 private:
  [[nodiscard]] static std::size_t SizeOf(const wire::ResponseApdu& answer) {
    const std::size_t size = answer.data.size() + kSwSize;
    return 1 + wire::BerLengthSize(size) + size;
  }

  ByteWriter content_;
  std::uint8_t executed_ = 0;
};

/// False if the list ends with this item.
[[nodiscard]] bool RunItem(const ScriptItem& item, CommandExecutor& executor, Answers& answers) {
  switch (item.tag) {
    case ScriptTag::kCApdu:
      return answers.Add(RunOne(item.value, executor));
    case ScriptTag::kImmediateAction:
      answers.AddRefusal(ScriptTag::kImmediateAction, kSuspensionError);
      return false;
    case ScriptTag::kChaining:
      answers.AddRefusal(ScriptTag::kChaining, kChainingNotSupported);
      return false;
    default:
      return true;
  }
}

}  // namespace

void RunScript(ByteView script, CommandExecutor& executor, ByteSpan memory, ByteWriter& response) {
  Answers answers(memory);
  auto parsed = ParseScript(script);
  if (!parsed) {
    answers.AddRefusal(ScriptTag::kBadFormat, static_cast<std::uint8_t>(parsed.error()));
    const bool indefinite =
        !script.empty() && script.front() == static_cast<std::uint8_t>(ScriptTag::kIndefiniteScript);
    answers.Put(indefinite ? ScriptCoding::kIndefinite : ScriptCoding::kDefinite, response);
    return;
  }
  bool goes_on = true;
  while (goes_on && !parsed->items.empty()) {
    const auto item = parsed->items.Next();
    goes_on = item && RunItem(*item, executor, answers);
  }
  answers.Put(parsed->coding, response);
}

void RunCompactList(ByteView list, RemoteManagement management, CommandExecutor& executor, ByteWriter& response) {
  CompactResponse out{.executed = 0, .sw = wire::StatusWord::kWrongLength, .data = {}};
  ByteReader reader(list);
  do {
    const auto command = ReadCompactCommand(reader, management);
    if (!command) {
      break;
    }
    const wire::ResponseApdu answer = RunOne(*command, executor);
    ++out.executed;
    out.sw = answer.sw;
    out.data = answer.data;
  } while (!reader.empty() && out.executed != 0xFF && ContinuesScript(out.sw));
  PutCompactResponse(out, response);
}

}  // namespace simroot::secure
