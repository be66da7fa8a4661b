// SPDX-License-Identifier: Apache-2.0
#include "platform/domain/life_cycle.hpp"

#include <gmock/gmock.h>

#include <set>
#include <string>

namespace simroot::platform {
namespace {

using ::testing::UnorderedElementsAre;

template <typename State>
std::set<State> ReachableFrom(State start) {
  std::set<State> reached{start};
  for (std::size_t before = 0; before != reached.size();) {
    before = reached.size();
    for (const auto& row : TransitionsOf(start)) {
      if (reached.contains(row.from)) {
        reached.insert(row.to);
      }
    }
  }
  return reached;
}

template <typename State>
std::set<std::string_view> TerminalStates() {
  std::set<std::string_view> terminal;
  for (const auto& row : NamesOf(State{})) {
    terminal.insert(row.name);
  }
  for (const auto& row : TransitionsOf(State{})) {
    terminal.erase(NameOf(row.from));
  }
  return terminal;
}

/// One line for each state: where it may go.
template <typename State>
std::string Matrix() {
  std::string matrix;
  for (const auto& from : NamesOf(State{})) {
    matrix += std::string(from.name) + ":";
    for (const auto& to : NamesOf(State{})) {
      matrix += MayBecome(from.state, to.state) ? " " + std::string(to.name) : "";
    }
    matrix += "\n";
  }
  return matrix;
}

template <typename T>
class Names : public ::testing::Test {};
using Enumerations = ::testing::Types<CardState, CredentialState, JobState, JobKind, CredentialKind, Role>;
TYPED_TEST_SUITE(Names, Enumerations);

TYPED_TEST(Names, AreUniqueAndComeBack) {
  std::set<std::string_view> names;
  std::set<TypeParam> values;
  for (const auto& row : NamesOf(TypeParam{})) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(values.insert(row.state).second) << row.name;
    EXPECT_EQ(NameOf(row.state), row.name);
    EXPECT_EQ(ParseName<TypeParam>(row.name), row.state);
    // They stand in SQL and in URLs as they are.
    EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << row.name;
  }
}

TYPED_TEST(Names, CoverTheEnumerationFromItsFirstValue) {
  std::size_t next = 0;
  for (const auto& row : NamesOf(TypeParam{})) {
    EXPECT_EQ(static_cast<std::size_t>(row.state), next++);
  }
  EXPECT_EQ(NameOf(static_cast<TypeParam>(next)), "?");
}

TYPED_TEST(Names, OthersAreNone) {
  for (const std::string_view text : {"", "?", "Imported", " ", "active ", "acti"}) {
    EXPECT_EQ(ParseName<TypeParam>(text), std::nullopt) << text;
  }
}

template <typename T>
class LifeCycle : public ::testing::Test {};
using LifeCycles = ::testing::Types<CardState, CredentialState, JobState>;
TYPED_TEST_SUITE(LifeCycle, LifeCycles);

TYPED_TEST(LifeCycle, EveryStateIsReachedFromTheFirst) {
  EXPECT_EQ(ReachableFrom(TypeParam{}).size(), NamesOf(TypeParam{}).size());
}

TYPED_TEST(LifeCycle, EveryTransitionIsThereOnceAndSaysWhy) {
  std::set<std::pair<TypeParam, TypeParam>> seen;
  for (const auto& row : TransitionsOf(TypeParam{})) {
    EXPECT_TRUE(seen.emplace(row.from, row.to).second) << NameOf(row.from) << " to " << NameOf(row.to);
    EXPECT_NE(row.from, row.to);
    EXPECT_FALSE(row.why.empty());
    EXPECT_TRUE(MayBecome(row.from, row.to));
  }
}

TYPED_TEST(LifeCycle, StayingIsNoTransition) {
  for (const auto& row : NamesOf(TypeParam{})) {
    EXPECT_FALSE(MayBecome(row.state, row.state)) << row.name;
  }
}

TYPED_TEST(LifeCycle, EveryStateLeadsToAnEnd) {
  for (const auto& row : NamesOf(TypeParam{})) {
    const auto reached = ReachableFrom(row.state);
    EXPECT_TRUE(std::ranges::any_of(reached, [](TypeParam state) {
      return TerminalStates<TypeParam>().contains(NameOf(state));
    })) << row.name;
  }
}

TEST(CardLifeCycle, IsThisTable) {
  EXPECT_EQ(Matrix<CardState>(),
            "imported: active suspended retired\n"
            "active: suspended retired\n"
            "suspended: active retired\n"
            "retired:\n");
  EXPECT_THAT(TerminalStates<CardState>(), UnorderedElementsAre("retired"));
}

TEST(CredentialLifeCycle, IsThisTable) {
  EXPECT_EQ(Matrix<CredentialState>(),
            "requested: issued deleted\n"
            "issued: active revoked\n"
            "active: superseded suspended revoked expired\n"
            "superseded: suspended revoked expired\n"
            "suspended: active revoked expired\n"
            "revoked: deleted\n"
            "expired: deleted\n"
            "deleted:\n");
  EXPECT_THAT(TerminalStates<CredentialState>(), UnorderedElementsAre("deleted"));
}

TEST(CredentialLifeCycle, NeverComesBackFromTheDead) {
  for (const CredentialState gone : {CredentialState::kRevoked, CredentialState::kExpired, CredentialState::kDeleted}) {
    for (const CredentialState state : ReachableFrom(gone)) {
      EXPECT_NE(state, CredentialState::kActive);
      EXPECT_NE(state, CredentialState::kSuspended);
      EXPECT_NE(state, CredentialState::kSuperseded);
    }
  }
}

TEST(JobLifeCycle, IsThisTable) {
  EXPECT_EQ(Matrix<JobState>(),
            "queued: running failed cancelled\n"
            "running: queued done failed\n"
            "done:\n"
            "failed: queued\n"
            "cancelled:\n");
  EXPECT_THAT(TerminalStates<JobState>(), UnorderedElementsAre("done", "cancelled"));
}

}  // namespace
}  // namespace simroot::platform
