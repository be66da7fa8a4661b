// SPDX-License-Identifier: Apache-2.0
#include "server/mosquitto/options.hpp"

#include <gmock/gmock.h>

namespace simroot::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Given = std::vector<std::pair<std::string_view, std::string_view>>;

TEST(PluginOptions, NeedTheDirectoryOnly) {
  const auto options = ParsePluginOptions({{"directory", "/var/lib/simroot server"}});
  ASSERT_TRUE(options) << options.error().Text();
  EXPECT_EQ(options->directory, "/var/lib/simroot server");
  EXPECT_EQ(options->max_staleness, std::chrono::hours(24));
  EXPECT_FALSE(options->open_when_stale);
  EXPECT_FALSE(options->allow_others);
  EXPECT_FALSE(options->foreign_certificates_defer);
  EXPECT_TRUE(options->metrics_file.empty());
  EXPECT_THAT(options->publish, ElementsAre("devices/%i/#"));
  EXPECT_THAT(options->subscribe, ElementsAre("commands/%i/#"));
}

TEST(PluginOptions, AreAllRead) {
  const auto options = ParsePluginOptions({{"directory", "d"},
                                           {"max_staleness", "0"},
                                           {"first_contact", "5"},
                                           {"when_stale", "open"},
                                           {"others", "allow"},
                                           {"foreign_certificates", "defer"},
                                           {"metrics_file", "/m"},
                                           {"publish", "a/%i \t b/%d  "},
                                           {"publish_2", "c"},
                                           {"publish", "d"},
                                           {"subscribe_all", "#"}});
  ASSERT_TRUE(options) << options.error().Text();
  EXPECT_EQ(options->max_staleness.count(), 0);
  EXPECT_EQ(options->first_contact.count(), 5);
  EXPECT_TRUE(options->open_when_stale);
  EXPECT_TRUE(options->allow_others);
  EXPECT_TRUE(options->foreign_certificates_defer);
  EXPECT_EQ(options->metrics_file, "/m");
  EXPECT_THAT(options->publish, ElementsAre("a/%i", "b/%d", "c", "d"));
  EXPECT_THAT(options->subscribe, ElementsAre("#"));
}

TEST(PluginOptions, SayInOneSentenceWhatIsWrong) {
  const struct {
    Given given;
    const char* says;
  } cases[] = {
      {{}, "plugin_opt_directory is missing; give the directory"},
      {{{"directory", ""}}, "plugin_opt_directory is missing"},
      {{{"directory", "d"}, {"directory", "e"}}, "plugin_opt_directory is there twice"},
      {{{"directory", "d"}, {"max_staleness", "1h"}}, "plugin_opt_max_staleness cannot be \"1h\"; give seconds"},
      {{{"directory", "d"}, {"max_staleness", "-1"}}, "cannot be \"-1\""},
      {{{"directory", "d"}, {"max_staleness", ""}}, "cannot be \"\""},
      {{{"directory", "d"}, {"max_staleness", "99999999999999999999"}}, "give seconds, 0 to 316224000"},
      {{{"directory", "d"}, {"first_contact", "0"}}, "give seconds, 1 to"},
      {{{"directory", "d"}, {"when_stale", "Open"}}, "plugin_opt_when_stale cannot be \"Open\"; give closed or open"},
      {{{"directory", "d"}, {"others", "yes"}}, "give defer or allow"},
      {{{"directory", "d"}, {"foreign_certificates", ""}}, "give refuse or defer"},
      {{{"directory", "d"}, {"publish", "a b#"}}, "the topic pattern \"b#\" is not a topic filter of MQTT"},
      {{{"directory", "d"}, {"subscribe", "%x"}}, "the topic pattern \"%x\" has a % that stands for nothing"},
      {{{"directory", "d"}, {"topic", "a"}}, "there is no plugin_opt_topic; there are directory"},
      {{{"directory", "d"}, {"publishing", "a"}}, "there is no plugin_opt_publishing"},
  };
  for (const auto& one : cases) {
    const auto options = ParsePluginOptions(one.given);
    ASSERT_FALSE(options) << one.says;
    EXPECT_EQ(options.error().domain, ErrorDomain::kUsage);
    EXPECT_THAT(options.error().Text(), HasSubstr(one.says));
  }
}

}  // namespace
}  // namespace simroot::server
