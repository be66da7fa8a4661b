// SPDX-License-Identifier: Apache-2.0
// Selection, random numbers, descriptions, files, transport.
#include "common/wire/tlv.hpp"
#include "conformance/defect_tools.hpp"
#include "conformance/defects.hpp"

namespace simroot::conformance {
namespace {

using namespace defect_tools;  // the vocabulary of the rows below

constexpr std::uint8_t kSelect = 0xA4;
constexpr std::uint8_t kManageChannel = 0x70;
constexpr std::uint8_t kGetResponse = 0xC0;

// ---- Selection, channels, class byte ----

Bytes AnyAid(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, kSelect), 0x6A82, 0x9000);
}
Bytes WrongStatusOfSelect(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, kSelect), 0x6A82, 0x6A80);
}
Bytes SelectKeepsSessions(DefectBed& bed, const Bytes& command) {
  if (Is(command, kSelect) && bed.memory.contains(ToHex(command))) {
    return Status(0x9000);
  }
  if (Is(command, kManageChannel)) {
    bed.memory.clear();
  }
  const Bytes answer = bed.Send(command);
  if (Is(command, kSelect) && StatusOf(answer) == 0x9000) {
    bed.memory[ToHex(command)] = {};
  }
  return answer;
}
Bytes ClosesWhatIsNotOpen(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, kManageChannel) && P1(command) == 0x80 ? Status(0x9000) : answer;
}
Bytes NoClass8X(DefectBed& bed, const Bytes& command) {
  return (command.front() & 0x80U) != 0 ? Status(0x6E00) : bed.Send(command);
}
Bytes NoClass0X(DefectBed& bed, const Bytes& command) {
  const bool of_uicc = Is(command, kSelect) || Is(command, kManageChannel) || Is(command, kGetResponse);
  return (command.front() & 0x80U) == 0 && !of_uicc ? Status(0x6E00) : bed.Send(command);
}
Bytes AnyClass(DefectBed& bed, const Bytes& command) {
  Bytes sent = command;
  sent.front() &= 0x83U;
  return bed.Send(sent);
}
Bytes UnknownInstructionSucceeds(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), true, 0x6D00, 0x9000);
}
Bytes ChannelsStayOpen(DefectBed& bed, const Bytes& command) {
  if (Is(command, kManageChannel) && P1(command) == 0x80 && P2(command) == 0x01) {
    static_cast<void>(bed.Send(command));
    static_cast<void>(bed.Send(Join({0x00, kManageChannel, 0x00, 0x00, 0x01})));
    return Status(0x9000);
  }
  return bed.Send(command);
}
Bytes ReopenedChannelKeepsApplet(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (Is(command, kManageChannel) && P1(command) == 0 && StatusOf(answer) == 0x9000) {
    Bytes select{answer.front(), kSelect, 0x04, 0x00, 0x07, 0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10};
    static_cast<void>(bed.Send(select));
  }
  return answer;
}
Bytes SelectReturnsData(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, kSelect) && StatusOf(answer) == 0x9000 ? Answer({0x6F, 0x00}, 0x9000) : answer;
}

// ---- GET RANDOM ----

Bytes ConstantRandom(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kGetRandom) && StatusOf(answer) == 0x9000 ? Answer(Bytes(DataOf(answer).size(), 0x5A), 0x9000)
                                                                    : answer;
}
Bytes ShortRandom(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kGetRandom) && answer.size() > 3 ? Answer(First(DataOf(answer), answer.size() - 3), 0x9000)
                                                           : answer;
}
Bytes RandomRepeats(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (!Is(command, Ins::kGetRandom) || answer.size() != 18) {
    return answer;
  }
  Bytes& first = bed.memory["first"];
  if (first.empty()) {
    first = answer;
  }
  return ++bed.count % 500 == 0 ? first : answer;
}
Bytes BiasedRandom(DefectBed& bed, const Bytes& command) {
  Bytes answer = bed.Send(command);
  if (Is(command, Ins::kGetRandom) && StatusOf(answer) == 0x9000) {
    std::for_each(answer.begin(), answer.end() - 2, [](std::uint8_t& byte) { byte &= 0x7FU; });
  }
  return answer;
}
Bytes RandomIgnoresParameters(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kGetRandom) ? WithParameters(command, 0, 0) : command);
}

// ---- GET DATA ----

bool IsList(const Bytes& command) {
  return Is(command, Ins::kGetData) && P1(command) == 0x01;
}
bool IsDescription(const Bytes& command) {
  return Is(command, Ins::kGetData) && P1(command) >= 0xC1;
}

Bytes ApplicationWithoutSessions(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const bool application = Is(command, Ins::kGetData) && P1(command) == 0 && answer.size() > 5;
  return application ? Answer(First(DataOf(answer), answer.size() - 5), 0x9000) : answer;
}
Bytes ListReversed(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (!IsList(command) || answer.size() <= 2) {
    return answer;
  }
  const Bytes data = DataOf(answer);
  Bytes reversed;
  ByteReader reader(data);
  for (ByteView before = reader.rest(); !reader.empty(); before = reader.rest()) {
    wire::Tlv structure;
    if (!wire::ReadTlv(reader, structure)) {
      return answer;
    }
    const ByteView raw = before.first(before.size() - reader.remaining());
    reversed.insert(reversed.begin(), raw.begin(), raw.end());
  }
  return Answer(reversed, StatusOf(answer));
}
Bytes ListWithoutWrappers(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (!IsList(command) || answer.size() <= 2) {
    return answer;
  }
  const Bytes data = DataOf(answer);
  Bytes flat;
  ByteReader reader(data);
  for (wire::Tlv structure; wire::ReadTlv(reader, structure);) {
    flat.insert(flat.end(), structure.value.begin(), structure.value.end());
  }
  return Answer(flat, StatusOf(answer));
}
Bytes ListRepeatsObject(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const Bytes all = DataOf(answer);
  ByteReader reader(all);
  wire::Tlv structure;
  if (!IsList(command) || P2(command) != 0 || !wire::ReadTlv(reader, structure)) {
    return answer;
  }
  return Answer(Join(First(all, all.size() - reader.remaining()), all), StatusOf(answer));
}
Bytes ListEndsTooEarly(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return IsList(command) && answer.size() > 3 ? Answer(First(DataOf(answer), answer.size() - 3), StatusOf(answer))
                                              : answer;
}
Bytes ContinuationAlways(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), IsList(command) && P2(command) == 1, 0x6985, 0x9000);
}
Bytes StateAlwaysEmpty(DefectBed& bed, const Bytes& command) {
  return IsDescription(command) ? Replaced(bed.Send(command), {0x4A, 0x01, 0x01}, {0x4A, 0x01, 0x00})
                                : bed.Send(command);
}
Bytes StateAlwaysFilled(DefectBed& bed, const Bytes& command) {
  return IsDescription(command) ? Replaced(bed.Send(command), {0x4A, 0x01, 0x00}, {0x4A, 0x01, 0x01})
                                : bed.Send(command);
}
Bytes WrongFileSize(DefectBed& bed, const Bytes& command) {
  Bytes answer = bed.Send(command);
  if (Is(command, Ins::kGetData) && P1(command) == 0xC3 && answer.size() > 4) {
    *(answer.end() - 3) ^= 0x01U;
  }
  return answer;
}
Bytes UnknownObjectIsEmpty(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return IsDescription(command) && StatusOf(answer) >> 8U == 0x6A ? Status(0x9000) : answer;
}
Bytes IdentifiersAreNumbers(DefectBed& bed, const Bytes& command) {
  Bytes data = Data(command);
  if (IsDescription(command) && data.size() == 4 && data[1] == 2 && data[2] == 0) {
    return bed.Send(WithData(command, {data[0], 0x01, data[3]}));
  }
  return bed.Send(command);
}
Bytes SecretValueShown(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (Is(command, Ins::kGetData) && P1(command) == 0xC4 && StatusOf(answer) == 0x9000) {
    Bytes data = Join(DataOf(answer), {0xD1, 0x02, 0x00, 0x01});
    *std::next(data.begin()) = LowByte(data.size() - 2);
    return Answer(data, 0x9000);
  }
  return answer;
}
Bytes FieldsOutOfOrder(DefectBed& bed, const Bytes& command) {
  return IsDescription(command)
             ? Replaced(bed.Send(command), {0x4A, 0x01, 0x01, 0x4B, 0x01, 0x13}, {0x4B, 0x01, 0x13, 0x4A, 0x01, 0x01})
             : bed.Send(command);
}

// ---- READ FILE ----

Bytes OffsetOneTooFar(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kReadFile) && P2(command) != 0
                      ? WithParameters(command, P1(command), LowByte(P2(command) + 1U))
                      : command);
}
Bytes OffsetOf15Bits(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kReadFile) ? WithParameters(command, P1(command) & 0x7FU, P2(command)) : command);
}
Bytes OffsetOfOneByte(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kReadFile) ? WithParameters(command, 0, P2(command)) : command);
}
Bytes NothingBehindTheEnd(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kReadFile), 0x6A86, 0x9000);
}
Bytes EndIsAnError(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kReadFile) && answer.size() == 2 && StatusOf(answer) == 0x9000 ? Status(0x6A86) : answer;
}
Bytes LastPartPadded(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const std::size_t le = Le(command);
  if (!Is(command, Ins::kReadFile) || StatusOf(answer) != 0x9000 || le <= answer.size() - 2 || answer.size() == 2) {
    return answer;
  }
  Bytes data = DataOf(answer);
  data.resize(le);
  return Answer(data, 0x9000);
}
Bytes RefusesLongLe(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kReadFile) && StatusOf(answer) == 0x9000 && Le(command) > answer.size() - 2
             ? Status(static_cast<std::uint16_t>(0x6C00U + answer.size() - 2))
             : answer;
}
Bytes ClosedFilesReadable(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kReadFile) && StatusOf(answer) == 0x6985 ? Answer(Bytes(64, 0x33), 0x9000) : answer;
}
Bytes IgnoresLe(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kReadFile) && Le(command) != 0 ? WithData(command, Data(command)) : command);
}

// ---- Transport ----

Bytes AnswerGivenTwice(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (!Is(command, kGetResponse)) {
    return answer;
  }
  Bytes& kept = bed.memory["kept"];
  if (StatusOf(answer) == 0x9000) {
    kept = answer;
  }
  return StatusOf(answer) == 0x6985 && !kept.empty() ? kept : answer;
}
Bytes GetResponseIn8XOnly(DefectBed& bed, const Bytes& command) {
  return Is(command, kGetResponse) && (command.front() & 0x80U) == 0 ? Status(0x6E00) : bed.Send(command);
}
Bytes AnnouncesTooFew(DefectBed& bed, const Bytes& command) {
  Bytes answer = bed.Send(command);
  if (StatusOf(answer) >> 8U == 0x61 && answer.back() > 1) {
    --answer.back();
  }
  return answer;
}
Bytes NothingPendingSucceeds(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, kGetResponse), 0x6985, 0x9000);
}
Bytes LcNotChecked(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return StatusOf(answer) == 0x6700 && command.size() > 5
             ? bed.Send(WithData(command, Part(command, 5, command.size() - 5)))
             : answer;
}

constexpr std::array kDefects{
    Defect{"any-aid", "SELECT of an unknown AID succeeds", AnyAid},
    Defect{"select-status", "SELECT of an unknown AID says 6A80", WrongStatusOfSelect},
    Defect{"select-sessions", "a second SELECT leaves sessions open", SelectKeepsSessions},
    Defect{"select-data", "SELECT returns data", SelectReturnsData},
    Defect{"close-closed", "closing a channel that is not open succeeds", ClosesWhatIsNotOpen},
    Defect{"no-8x", "class 8X is refused", NoClass8X},
    Defect{"no-0x", "class 0X is refused", NoClass0X},
    Defect{"any-class", "every class byte is taken", AnyClass},
    Defect{"any-ins", "unknown instructions succeed", UnknownInstructionSucceeds},
    Defect{"close-ignored", "a closed channel answers on", ChannelsStayOpen},
    Defect{"reopen-selected", "a channel opened again has the applet selected", ReopenedChannelKeepsApplet},
    Defect{"random-constant", "GET RANDOM always gives the same", ConstantRandom},
    Defect{"random-short", "GET RANDOM gives one byte too few", ShortRandom},
    Defect{"random-repeats", "GET RANDOM repeats itself now and then", RandomRepeats},
    Defect{"random-biased", "GET RANDOM never sets the highest bit", BiasedRandom},
    Defect{"random-parameters", "GET RANDOM ignores P1 and P2", RandomIgnoresParameters},
    Defect{"application-short", "the application information lacks B7", ApplicationWithoutSessions},
    Defect{"list-order", "the object list is in the wrong order", ListReversed},
    Defect{"list-flat", "the object list has no C1 to C4", ListWithoutWrappers},
    Defect{"list-twice", "the object list has an object twice", ListRepeatsObject},
    Defect{"list-cut", "the object list lacks its last byte", ListEndsTooEarly},
    Defect{"list-continuation", "the list is continued that was never begun", ContinuationAlways},
    Defect{"state-empty", "every object is said to be empty", StateAlwaysEmpty},
    Defect{"state-filled", "every object is said to be filled", StateAlwaysFilled},
    Defect{"size-wrong", "the file size is off by one", WrongFileSize},
    Defect{"unknown-empty", "the description of an unknown object is empty", UnknownObjectIsEmpty},
    Defect{"id-number", "identifiers are compared as numbers", IdentifiersAreNumbers},
    Defect{"secret-shown", "the description of a secret shows its value", SecretValueShown},
    Defect{"field-order", "the fields of a description are out of order", FieldsOutOfOrder},
    Defect{"offset-off", "READ FILE reads one byte too far", OffsetOneTooFar},
    Defect{"offset-15", "READ FILE drops the highest bit of the offset", OffsetOf15Bits},
    Defect{"offset-8", "READ FILE drops P1 of the offset", OffsetOfOneByte},
    Defect{"offset-behind", "READ FILE behind the end succeeds", NothingBehindTheEnd},
    Defect{"offset-end", "READ FILE at the end fails", EndIsAnError},
    Defect{"file-padded", "READ FILE pads the last part", LastPartPadded},
    Defect{"file-6c", "READ FILE refuses Le larger than the rest", RefusesLongLe},
    Defect{"file-open", "READ FILE reads files without read access", ClosedFilesReadable},
    Defect{"file-le", "READ FILE ignores Le", IgnoresLe},
    Defect{"file-256", "READ FILE gives 256 bytes", nullptr, false,
           [](card::CompatibilityConfig& config) { config.read_file_max = 256; }},
    Defect{"answer-twice", "GET RESPONSE gives an answer again", AnswerGivenTwice, true},
    Defect{"response-class", "GET RESPONSE is refused in class 0X", GetResponseIn8XOnly, true},
    Defect{"announce-few", "61LL announces one byte too few", AnnouncesTooFew, true},
    Defect{"response-empty", "GET RESPONSE with nothing pending succeeds", NothingPendingSucceeds, true},
    Defect{"lc-ignored", "Lc is not checked against the data", LcNotChecked},
    Defect{"excess", "a byte too many is refused", nullptr, false,
           [](card::CompatibilityConfig& config) { config.ignore_excess_bytes = false; }},
    Defect{"no-implicit-open", "SELECT does not open a closed channel", nullptr, false,
           [](card::CompatibilityConfig& config) { config.implicit_channel_open = false; }},
};

}  // namespace

std::span<const Defect> ObjectDefects() {
  return kDefects;
}

}  // namespace simroot::conformance
