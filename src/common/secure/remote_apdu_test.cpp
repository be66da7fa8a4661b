// SPDX-License-Identifier: Apache-2.0
// Vectors of the expanded format: pySim (osmocom/pysim), tests/unittests/test_ota.py; those of indefinite length: notes
// of live sessions over SCP81. Numbers only.
#include "common/secure/remote_apdu.hpp"

#include <gtest/gtest.h>

#include <map>

#include "common/host/test_hex.hpp"
#include "common/wire/tlv.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::secure {
namespace {

using wire::StatusWord;

Bytes Owned(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

Bytes Script(ScriptCoding coding, const std::vector<Bytes>& commands) {
  Bytes content_memory(70'000);
  ByteWriter content(content_memory);
  for (const Bytes& command : commands) {
    PutCApdu(command, content);
  }
  Bytes memory(70'010);
  ByteWriter out(memory);
  PutScript(coding, content.written(), out);
  EXPECT_TRUE(out.ok());
  return Owned(out.written());
}

Bytes Response(ScriptCoding coding, const std::vector<std::pair<Bytes, StatusWord>>& answers) {
  Bytes content_memory(70'000);
  ByteWriter content(content_memory);
  for (const auto& [data, sw] : answers) {
    PutRApdu({data, sw}, content);
  }
  Bytes memory(70'010);
  ByteWriter out(memory);
  PutScriptResponse(coding, LowByte(answers.size()), content.written(), out);
  EXPECT_TRUE(out.ok());
  return Owned(out.written());
}

std::vector<Bytes> CommandsOf(const ExpandedScript& script) {
  std::vector<Bytes> commands;
  for (ScriptItems items = script.items; !items.empty();) {
    const auto item = items.Next();
    EXPECT_TRUE(item.has_value());
    EXPECT_EQ(item->tag, ScriptTag::kCApdu);
    commands.push_back(Owned(item->value));
  }
  return commands;
}

TEST(ExpandedScript, KnownScripts) {
  const Bytes status = Hex("80F24002024F0000");
  const Bytes select = Hex("00A40004023F0000");
  EXPECT_EQ(ToHex(Script(ScriptCoding::kDefinite, {status})), "AA0A220880F24002024F0000");
  EXPECT_EQ(ToHex(Script(ScriptCoding::kDefinite, {status, select})), "AA14220880F24002024F0000220800A40004023F0000");
  const std::string long_command = ToHex(Script(ScriptCoding::kDefinite, {Bytes(200, 0x11)}));
  EXPECT_EQ(long_command.substr(0, 12), "AA81CB2281C8");
  EXPECT_EQ(long_command.size(), 2U * 206);
  EXPECT_EQ(ToHex(Script(ScriptCoding::kIndefinite, {Hex("80CA008500")})), "AE80220580CA0085000000");
  EXPECT_EQ(ToHex(Script(ScriptCoding::kIndefinite, {Hex("80F28002024F0000")})), "AE80220880F28002024F00000000");
  for (const char* hex :
       {"AA14220880F24002024F0000220800A40004023F0000", "AE80220880F24002024F0000220800A40004023F00000000"}) {
    const Bytes bytes = Hex(hex);
    const auto script = ParseScript(bytes);
    ASSERT_TRUE(script.has_value()) << hex;
    EXPECT_EQ(CommandsOf(*script), (std::vector<Bytes>{status, select}));
  }
}

TEST(ExpandedScript, KnownResponses) {
  EXPECT_EQ(ToHex(Response(ScriptCoding::kDefinite, {{{}, wire::MakeStatusWord(0x61, 0x32)}})), "AB0780010123026132");
  const std::string long_answer = ToHex(Response(ScriptCoding::kDefinite, {{Bytes(198, 0x22), StatusWord::kOk}}));
  EXPECT_EQ(long_answer.substr(0, 20), "AB81CE8001012381C822");
  EXPECT_EQ(long_answer.size(), 2U * 209);
  EXPECT_EQ(ToHex(Response(ScriptCoding::kIndefinite, {{{}, StatusWord::kReferencedDataNotFound}})),
            "AF8023026A880000");
  const Bytes memory = Hex("FF210B81010D8202C5D683020962");
  const Bytes live = Response(ScriptCoding::kIndefinite, {{memory, StatusWord::kOk}});
  EXPECT_EQ(ToHex(live), "AF802310FF210B81010D8202C5D68302096290000000");
  for (const ScriptCoding coding : {ScriptCoding::kDefinite, ScriptCoding::kIndefinite}) {
    const Bytes bytes = Response(coding, {{memory, StatusWord::kOk}, {{}, StatusWord::kIncorrectData}});
    auto response = ParseScriptResponse(bytes);
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->coding, coding);
    EXPECT_EQ(response->executed, coding == ScriptCoding::kDefinite ? std::optional<std::uint8_t>(2) : std::nullopt);
    const auto first = ParseRApdu(*response->items.Next());
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(ToHex(first->data), ToHex(memory));
    EXPECT_EQ(first->sw, StatusWord::kOk);
    EXPECT_EQ(ParseRApdu(*response->items.Next())->sw, StatusWord::kIncorrectData);
    EXPECT_TRUE(response->items.empty());
  }
}

TEST(ExpandedScript, WhatACardSaysOfScriptsItDidNotUnderstand) {
  struct Case {
    const char* hex;
    ScriptTag tag;
    std::uint8_t value;
  };
  for (const Case& row :
       {Case{"AB06800101900101", ScriptTag::kBadFormat, 1}, Case{"AB06800101810101", ScriptTag::kImmediateAction, 1},
        Case{"AB06800101830102", ScriptTag::kChaining, 2}}) {
    const Bytes bytes = Hex(row.hex);
    auto response = ParseScriptResponse(bytes);
    ASSERT_TRUE(response.has_value()) << row.hex;
    const auto item = response->items.Next();
    ASSERT_TRUE(item.has_value());
    EXPECT_EQ(item->tag, row.tag);
    EXPECT_EQ(Owned(item->value), Bytes{row.value});
  }
  Bytes memory(16);
  ByteWriter content(ByteSpan(memory).first(8));
  PutBadFormat(BadFormat::kUnknownTag, content);
  ByteWriter out(ByteSpan(memory).subspan(8));
  PutScriptResponse(ScriptCoding::kDefinite, 1, content.written(), out);
  EXPECT_EQ(ToHex(out.written()), "AB06800101900101");
}

// The trap that cost a live project days, three times.
TEST(ExpandedScript, EveryLengthAroundTheBoundariesOfItsCoding) {
  const std::map<std::size_t, std::string> known{{0, "00"},     {1, "01"},     {127, "7F"},     {128, "8180"},
                                                 {198, "81C6"}, {255, "81FF"}, {256, "820100"}, {65535, "82FFFF"}};
  for (const auto& [size, coded] : known) {
    SCOPED_TRACE(size);
    Bytes memory(70'000);
    ByteWriter content(memory);
    PutCApdu(Bytes(size, 0x33), content);
    EXPECT_EQ(ToHex(content.written().first(1 + coded.size() / 2)), "22" + coded);
    for (const ScriptCoding coding : {ScriptCoding::kDefinite, ScriptCoding::kIndefinite}) {
      const Bytes command(size, 0x33);
      const Bytes bytes = Script(coding, {command, Bytes(4, 0x44)});
      const auto script = ParseScript(bytes);
      ASSERT_TRUE(script.has_value());
      EXPECT_EQ(CommandsOf(*script), (std::vector<Bytes>{command, Bytes(4, 0x44)}));
      if (size >= 2) {
        const Bytes data(size - 2, 0x55);
        const Bytes answer = Response(coding, {{data, StatusWord::kOk}});
        auto response = ParseScriptResponse(answer);
        ASSERT_TRUE(response.has_value());
        EXPECT_EQ(Owned(ParseRApdu(*response->items.Next())->data), data);
      }
    }
  }
}

// Lengths that a live card and its platform disagreed about (notes of a session over SCP81).
TEST(ExpandedScript, LoadBlockAndLongAnswer) {
  Bytes memory(300);
  ByteWriter content(memory);
  PutCApdu(Bytes(245, 0x80), content);
  EXPECT_EQ(ToHex(content.written().first(3)), "2281F5");
  content.Truncate(0);
  PutRApdu({Bytes(250, 0x22), StatusWord::kOk}, content);
  EXPECT_EQ(ToHex(content.written().first(3)), "2381FC");
}

TEST(ExpandedScript, BrokenScripts) {
  struct Case {
    const char* hex;
    BadFormat why;
  };
  for (const Case& row : {
           Case{"", BadFormat::kUnknownTag},
           Case{"AA", BadFormat::kLengthNotFound},
           Case{"AE", BadFormat::kLengthNotFound},
           Case{"AB00", BadFormat::kUnknownTag},                     // a response
           Case{"AA0A220880F24002024F00", BadFormat::kWrongLength},  // short
           Case{"AA0A220880F24002024F000000", BadFormat::kWrongLength},
           Case{"AA810A220880F24002024F0000", BadFormat::kWrongLength},  // not the shortest form
           Case{"AA0A220980F24002024F0000", BadFormat::kWrongLength},    // inner length too long
           Case{"AA0122", BadFormat::kLengthNotFound},
           Case{"AA03230101", BadFormat::kUnknownTag},  // an R-APDU in a script
           Case{"AA03800101", BadFormat::kUnknownTag},
           Case{"AA02FF00", BadFormat::kUnknownTag},
           Case{"AE80", BadFormat::kWrongLength},
           Case{"AE8000", BadFormat::kWrongLength},
           Case{"AE800001", BadFormat::kWrongLength},
           Case{"AE81220580CA008500", BadFormat::kWrongLength},
           Case{"AE80220580CA00850000", BadFormat::kWrongLength},       // end too short
           Case{"AE80220580CA00850000000000", BadFormat::kUnknownTag},  // bytes after the end
           Case{"AE80220680CA0085000000", BadFormat::kWrongLength},     // its end inside the item
       }) {
    const Bytes bytes = Hex(row.hex);
    EXPECT_EQ(ParseScript(bytes).error(), row.why) << row.hex;
  }
  for (const Case& row :
       {Case{"AB00", BadFormat::kLengthNotFound}, Case{"AB0423026132", BadFormat::kWrongLength},
        Case{"AB03800201", BadFormat::kWrongLength}, Case{"AB0480020102", BadFormat::kWrongLength},
        Case{"AB07800101800101", BadFormat::kWrongLength}, Case{"AB0780010122026132", BadFormat::kUnknownTag},
        Case{"AF808001010000", BadFormat::kUnknownTag}}) {
    const Bytes bytes = Hex(row.hex);
    EXPECT_EQ(ParseScriptResponse(bytes).error(), row.why) << row.hex;
  }
}

TEST(ExpandedScript, EmptyOnesAndActions) {
  EXPECT_TRUE(ParseScript(Hex("AA00"))->items.empty());
  EXPECT_TRUE(ParseScript(Hex("AE800000"))->items.empty());
  EXPECT_TRUE(ParseScriptResponse(Hex("AF800000"))->items.empty());
  const Bytes bytes = Hex("AA0D8301118202810181018122015A");
  auto script = ParseScript(bytes);
  ASSERT_TRUE(script.has_value());
  EXPECT_EQ(script->items.Next()->tag, ScriptTag::kChaining);
  EXPECT_EQ(script->items.Next()->tag, ScriptTag::kErrorAction);
  EXPECT_EQ(script->items.Next()->tag, ScriptTag::kImmediateAction);
  EXPECT_EQ(ToHex(script->items.Next()->value), "5A");
  EXPECT_TRUE(script->items.empty());
  EXPECT_EQ(script->items.Next().error(), BadFormat::kLengthNotFound);
}

Bytes CompactList(const std::vector<const char*>& commands, RemoteManagement management) {
  Bytes memory(1000);
  ByteWriter out(memory);
  for (const char* command : commands) {
    EXPECT_TRUE(PutCompactCommand(Hex(command), management, out).has_value()) << command;
  }
  return Owned(out.written());
}

std::vector<std::string> Cut(const Bytes& list, RemoteManagement management) {
  std::vector<std::string> commands;
  ByteReader reader(list);
  while (!reader.empty()) {
    const auto command = ReadCompactCommand(reader, management);
    if (!command) {
      commands.push_back("?");
      break;
    }
    commands.push_back(ToHex(*command));
  }
  return commands;
}

TEST(CompactList, FilesAndApplications) {
  const Bytes files = CompactList({"A0A40000023F00", "A0A40000027F10", "A0A40000026F3C", "A0B2010405", "80F2000116"},
                                  RemoteManagement::kFiles);
  EXPECT_EQ(ToHex(files), "A0A40000023F00A0A40000027F10A0A40000026F3CA0B201040580F2000116");
  EXPECT_EQ(
      Cut(files, RemoteManagement::kFiles),
      (std::vector<std::string>{"A0A40000023F00", "A0A40000027F10", "A0A40000026F3C", "A0B2010405", "80F2000116"}));
  // Le of case 4 stays behind, case 1 gets P3.
  const Bytes applications = CompactList({"80F24002024F0000", "80E40000024F00", "80CAFF2100", "00C0000000", "80700001"},
                                         RemoteManagement::kApplications);
  EXPECT_EQ(Cut(applications, RemoteManagement::kApplications),
            (std::vector<std::string>{"80F24002024F00", "80E40000024F00", "80CAFF2100", "00C0000000", "8070000100"}));
  // The same bytes are another list to files: STATUS has no data there.
  EXPECT_NE(Cut(applications, RemoteManagement::kFiles), Cut(applications, RemoteManagement::kApplications));
}

TEST(CompactList, WhatTheFormatCannotCarry) {
  Bytes memory(100);
  ByteWriter out(memory);
  for (const char* command : {"80F2000116", "80CA0000024F0000", "80E20000000001AA", "8088000010"}) {
    EXPECT_EQ(PutCompactCommand(Hex(command), RemoteManagement::kApplications, out), Unexpected(ParseError::kBadLength))
        << command;
  }
  EXPECT_EQ(PutCompactCommand(Hex("80F200"), RemoteManagement::kFiles, out), Unexpected(ParseError::kTruncated));
  EXPECT_EQ(out.size(), 0U);
}

TEST(CompactList, TruncatedCommandIsNotTaken) {
  const Bytes list = Hex("A0A40000023F00A0B2010405");
  for (std::size_t size = 1; size < list.size(); ++size) {
    const std::vector<std::string> commands =
        Cut(Bytes(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(size)), RemoteManagement::kFiles);
    EXPECT_EQ(commands.back(), size == 7 ? "A0A40000023F00" : "?") << size;
  }
  ByteReader empty;
  EXPECT_EQ(ReadCompactCommand(empty, RemoteManagement::kFiles).error(), ParseError::kTruncated);
}

TEST(CompactResponse, KnownAnswers) {
  const Bytes plain = Hex("016132");
  const auto answer = ParseCompactResponse(plain);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->executed, 1U);
  EXPECT_EQ(answer->sw, wire::MakeStatusWord(0x61, 0x32));
  EXPECT_TRUE(answer->data.empty());
  const Bytes with_data = Join(Hex("029000"), Counting(22));
  const auto long_answer = ParseCompactResponse(with_data);
  ASSERT_TRUE(long_answer.has_value());
  EXPECT_EQ(long_answer->data.size(), 22U);
  Bytes memory(30);
  ByteWriter out(memory);
  PutCompactResponse(*long_answer, out);
  EXPECT_EQ(Owned(out.written()), with_data);
  for (const char* hex : {"", "01", "0161"}) {
    EXPECT_EQ(ParseCompactResponse(Hex(hex)).error(), ParseError::kTruncated);
  }
}

TEST(ContinuesScript, ErrorsAndATruncatedAnswerEndIt) {
  for (const unsigned sw : {0x9000U, 0x910FU, 0x6132U, 0x9F10U, 0x6200U, 0x6310U, 0x62F2U}) {
    EXPECT_TRUE(ContinuesScript(wire::MakeStatusWord(LowByte(sw >> 8U), LowByte(sw)))) << sw;
  }
  for (const unsigned sw : {0x62F1U, 0x6A80U, 0x6400U, 0x6F00U, 0x9300U, 0x9484U, 0x0000U}) {
    EXPECT_FALSE(ContinuesScript(wire::MakeStatusWord(LowByte(sw >> 8U), LowByte(sw)))) << sw;
  }
}

// Installation parameters, key information, and the elements of SCP81 and BIP: one BER-TLV each.
TEST(GlobalPlatformTlv, KnownElementsAreReadAndWrittenBack) {
  const auto cases = testing::ReadVecFile(std::string(SIMROOT_VECTORS) + "/secure/gp_tlv.vec");
  ASSERT_TRUE(cases.has_value());
  EXPECT_EQ(cases->size(), 11U);
  for (const auto& vector : *cases) {
    SCOPED_TRACE(vector.name());
    Bytes bytes = vector.Get("Tlv");
    ByteReader reader(bytes);
    Bytes memory(bytes.size());
    ByteWriter out(memory);
    while (!reader.empty()) {
      wire::Tlv tlv;
      ASSERT_TRUE(wire::ReadBerTlv(reader, tlv));
      wire::PutBerTlv(tlv.tag, tlv.value, out);
      if (vector.Has("Value")) {
        EXPECT_EQ(AsText(tlv.value), AsText(vector.Get("Value")));
      }
      if (vector.Has("KeyInformation")) {
        EXPECT_EQ(tlv.tag, 0xC0);
        EXPECT_EQ(ToHex(tlv.value), ToHex(vector.Get("KeyInformation")));
      }
    }
    EXPECT_EQ(ToHex(out.written()), ToHex(bytes));
    bytes.pop_back();
    ByteReader cut(bytes);
    wire::Tlv tlv;
    while (wire::ReadBerTlv(cut, tlv)) {
    }
    EXPECT_FALSE(cut.empty()) << "a byte is missing";
  }
}

}  // namespace
}  // namespace simroot::secure
