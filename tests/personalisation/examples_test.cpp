// SPDX-License-Identifier: Apache-2.0
// Runs the worked examples of docs/formats/personalisation.md as they stand there: lines that begin with "> " are STORE
// DATA blocks, lines that begin with "< " what the card must answer; ".." stands for any byte, "*" for any number of
// them, "card>" and "card<" for an APDU of the device and its answer.
#include <fstream>
#include <sstream>

#include "card/applet/administration_test_support.hpp"

namespace simroot::card::testing {
namespace {

/// The hexadecimal part of a line: up to two spaces in a row.
std::string HexOf(const std::string& line) {
  std::string text = line.substr(0, line.find("  "));
  std::erase(text, ' ');
  return text;
}

bool Matches(const std::string& expected, const std::string& answer) {
  const auto same = [](char e, char a) { return e == '.' || e == a; };
  const std::size_t star = expected.find('*');
  if (star == std::string::npos) {
    return std::ranges::equal(expected, answer, same);
  }
  const std::string tail = expected.substr(star + 1);
  return answer.size() >= star + tail.size() &&
         std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(star), answer.begin(), same) &&
         std::equal(tail.rbegin(), tail.rend(), answer.rbegin(), same);
}

TEST(PersonalisationDocument, ExamplesAreTrue) {
  std::ifstream document(SIMROOT_PERSONALISATION_DOC);
  ASSERT_TRUE(document) << SIMROOT_PERSONALISATION_DOC;
  Bytes image = BlankImage();
  AdminCard card(image);
  card.SelectOnChannel1();
  std::string line;
  std::string answer;
  std::string sent;
  std::size_t checked = 0;
  while (std::getline(document, line)) {
    if (line.starts_with("> ")) {
      sent = HexOf(line.substr(2));
      answer = card.Put(sent);
    } else if (line.starts_with("card> ")) {
      sent = HexOf(line.substr(6));
      answer = card.SendAll(sent);
    } else if (line.starts_with("< ") || line.starts_with("card< ")) {
      const std::string expected = HexOf(line.substr(line.find(' ') + 1));
      EXPECT_TRUE(Matches(expected, answer)) << "sent " << sent << "\nexpected " << expected << "\nanswer   " << answer;
      ++checked;
    }
  }
  EXPECT_GE(checked, 15U);
}

}  // namespace
}  // namespace simroot::card::testing
