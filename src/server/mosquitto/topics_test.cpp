// SPDX-License-Identifier: Apache-2.0
#include "server/mosquitto/topics.hpp"

#include <gmock/gmock.h>

namespace simroot::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Case {
  const char* allowed;
  const char* asked;
  bool covered;
};

TEST(TopicCovers, Table) {
  constexpr Case kCases[] = {
      // Topics.
      {"a", "a", true},
      {"a", "b", false},
      {"a", "A", false},
      {"a", "a/", false},
      {"a", "a/b", false},
      {"a/b", "a/b", true},
      {"a/b", "a", false},
      {"a/b", "a/b/c", false},
      {"a/+", "a/b", true},
      {"a/+", "a/", true},
      {"a/+", "a", false},
      {"a/+", "a/b/c", false},
      {"+/b", "a/b", true},
      {"+/b", "/b", true},
      {"+", "a", true},
      {"+", "/a", false},
      {"a/+/c", "a/b/c", true},
      {"a/+/c", "a/b/d", false},
      {"a/#", "a", true},
      {"a/#", "a/", true},
      {"a/#", "a/b", true},
      {"a/#", "a/b/c", true},
      {"a/#", "ab", false},
      {"a/#", "ab/c", false},
      {"#", "a/b", true},
      {"#", "/", true},
      {"/", "/", true},
      {"//", "/", false},
      // Topics of the broker.
      {"#", "$SYS/broker/version", false},
      {"+/broker/version", "$SYS/broker/version", false},
      {"$SYS/#", "$SYS/broker/version", true},
      {"$SYS/#", "$SYS", true},
      {"a/+", "a/$b", true},
      // Subscriptions with wildcards.
      {"a/#", "a/#", true},
      {"a/#", "a/+", true},
      {"a/#", "a/+/b/#", true},
      {"a/#", "#", false},
      {"a/#", "+/#", false},
      {"a/#", "+", false},
      {"a/#", "+/b", false},
      {"a/+", "a/+", true},
      {"a/+", "a/#", false},
      {"a/+", "+/b", false},
      {"a/b", "a/+", false},
      {"a/b", "a/#", false},
      {"a/b", "a/b/#", false},
      {"+/b", "+/b", true},
      {"+/b", "#", false},
      {"a/+/c", "a/+/+", false},
      {"a/+/c", "a/b/#", false},
      {"a/+/#", "a/b/#", true},
      {"a/+/#", "a/#", false},
      {"#", "#", true},
      {"#", "+/a/#", true},
      {"#", "$SYS/#", false},
      {"+/#", "$SYS/#", false},
      {"$SYS/#", "#", false},
      {"$SYS/broker/#", "$SYS/#", false},
      {"$SYS/broker/#", "$SYS/broker/+", true},
      // Nothing is covered by nothing.
      {"", "a", false},
      {"a", "", false},
      {"#", "", false},
      {"", "", false},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(Covers(one.allowed, one.asked), one.covered) << one.allowed << " covers " << one.asked;
  }
}

std::vector<std::string> Texts(const std::vector<std::string>& levels, std::size_t longest) {
  std::vector<std::string> all = levels;
  for (std::size_t from = 0, length = 1; length < longest; ++length) {
    const std::size_t to = all.size();
    for (std::size_t i = from; i < to; ++i) {
      for (const auto& level : levels) {
        all.push_back(all[i] + "/" + level);
      }
    }
    from = to;
  }
  return all;
}

TEST(TopicCovers, WhatIsCoveredMatchesNothingElse) {
  const auto topics = Texts({"a", "b", "", "$a"}, 3);
  std::vector<std::string> filters;
  for (const auto& filter : Texts({"a", "+", "#", "$a"}, 3)) {
    if (CheckTopicPattern(filter)) {
      filters.push_back(filter);
    }
  }
  for (const auto& allowed : filters) {
    for (const auto& filter : filters) {
      bool all = true;
      for (const auto& topic : topics) {
        all = all && (!Covers(filter, topic) || Covers(allowed, topic));
      }
      if (Covers(allowed, filter)) {
        EXPECT_TRUE(all) << allowed << " must not cover " << filter;
      } else if (all) {
        // Wrongly refused, which only `+` in the place of a `#` of the first level may be.
        EXPECT_TRUE(allowed == "+/#" && filter == "#") << allowed << " should cover " << filter;
      }
    }
  }
}

TEST(TopicCovers, SharedSubscriptionsCountForTheirFilter) {
  const std::vector<std::string> allowed{"commands/1/#", "broadcast/+"};
  EXPECT_TRUE(AnyCovers(allowed, "$share/group/commands/1/#"));
  EXPECT_TRUE(AnyCovers(allowed, "$share/group/broadcast/x"));
  EXPECT_FALSE(AnyCovers(allowed, "$share/group/commands/2/#"));
  EXPECT_FALSE(AnyCovers(allowed, "$share/commands/1/#"));
  EXPECT_FALSE(AnyCovers(allowed, "$share//commands/1/#"));
  EXPECT_FALSE(AnyCovers(allowed, "$share/group"));
  EXPECT_FALSE(AnyCovers(allowed, "$share/group/"));
  EXPECT_FALSE(AnyCovers(allowed, "$share/group/#"));
  EXPECT_FALSE(AnyCovers({"#"}, "$shared/x"));
  EXPECT_FALSE(AnyCovers({}, "a"));
}

constexpr TopicOwner kOwner{"89880000000000000011", "meter-17", "acme"};

TEST(TopicPatterns, AreFilledIn) {
  EXPECT_THAT(
      FillIn({"devices/%i/#", "%t/%d/+", "100%%/%i%d", "all"}, kOwner),
      ElementsAre("devices/89880000000000000011/#", "acme/meter-17/+", "100%/89880000000000000011meter-17", "all"));
}

TEST(TopicPatterns, WhoseOwnerHasNoSuchNameComeToNothing) {
  for (const auto* name : {"", "+", "#", "a+", "a/b", "/", "#/x", "$SYS"}) {
    const TopicOwner owner{"89880000000000000011", name, "acme"};
    EXPECT_THAT(FillIn({"devices/%d/#", "%d", "a%db"}, owner), IsEmpty()) << name;
    EXPECT_THAT(FillIn({"x/%d", "x/%i"}, owner), ElementsAre("x/89880000000000000011")) << name;
  }
  EXPECT_THAT(FillIn({"%t/x"}, {"89880000000000000011", "a", "a/b"}), IsEmpty());
  EXPECT_THAT(FillIn({"%i"}, {"", "a", "b"}), IsEmpty());
  EXPECT_THAT(FillIn({"x/%d/#"}, {"89880000000000000011", "%i", "t"}), ElementsAre("x/%i/#"));
}

TEST(TopicPatterns, AreChecked) {
  for (const auto* good : {"a", "#", "+", "a/#", "a/+/b", "%i", "%%", "a%%%i", "/", "$SYS/#", "x/%d/%t/+/#"}) {
    EXPECT_TRUE(CheckTopicPattern(good)) << good;
  }
  for (const auto* bad :
       {"", "a#", "#/a", "a/#/b", "a+", "+a", "a/b+/c", "##", "a/##", "%", "a/%", "%x", "%I", "%%%", "$share/g/a"}) {
    const auto checked = CheckTopicPattern(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().domain, ErrorDomain::kUsage);
    EXPECT_FALSE(checked.error().next_step.empty());
  }
}

}  // namespace
}  // namespace simroot::server
