// SPDX-License-Identifier: Apache-2.0
#include "device/client/fake_transport.hpp"

#include <filesystem>

#include "device/transport/in_process.hpp"

namespace simroot::device {

/// Tests of the client have no virtual card.
Result<std::unique_ptr<InProcessCard>> OpenInProcessCard(const std::string& file) {
  return Fail(ErrorDomain::kUsage, "this program has no virtual card for " + file);
}

}  // namespace simroot::device

namespace simroot::device::client::testing {

TemporaryDirectory::TemporaryDirectory() : path_(::testing::TempDir() + "simroot-client-XXXXXX") {
  EXPECT_NE(::mkdtemp(path_.data()), nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::shared_ptr<Card> MakeCard(std::shared_ptr<Script> script, const CardSetup& setup) {
  CardOptions options;
  options.uri = {.scheme = setup.runtime_directory.empty() ? "sim" : "at", .path = "/dev/fake", .text = "at:/dev/fake"};
  options.timeout = setup.timeout;
  options.aids = setup.aids;
  options.pin_file = setup.pin_file;
  options.use_cache = !setup.cache_directory.empty();
  options.cache_directory = setup.cache_directory;
  ClientEnvironment environment;
  environment.runtime_directory = setup.runtime_directory;
  environment.idle_limit = setup.idle_limit;
  environment.channel_wait = setup.channel_wait;
  environment.open_transport = [script](const CardUri&, Deadline) -> Result<std::unique_ptr<Transport>> {
    if (script->Answer("open") == "!transport") {
      return Fail(ErrorDomain::kTransport, "there is no /dev/fake");
    }
    return std::make_unique<FakeTransport>(script);
  };
  return CardInternals::Create(std::move(options), std::move(environment));
}

namespace {

ObjectName Name(iotsafe::ObjectClass object_class, std::string_view name) {
  auto parsed = ParseObjectName(object_class, name);
  EXPECT_TRUE(parsed);
  return parsed.value_or(ObjectName{});
}

}  // namespace

ObjectName PrivateKey(std::string_view name) {
  return Name(iotsafe::ObjectClass::kPrivateKey, name);
}
ObjectName PublicKey(std::string_view name) {
  return Name(iotsafe::ObjectClass::kPublicKey, name);
}
ObjectName FileName(std::string_view name) {
  return Name(iotsafe::ObjectClass::kFile, name);
}

std::string ApplicationAnswer(ByteView proprietary_identifier) {
  iotsafe::ApplicationInfo info;
  EXPECT_TRUE(info.proprietary_identifier.Assign(proprietary_identifier));
  info.max_files = 10;
  info.max_sessions = 1;
  std::array<std::uint8_t, 256> memory{};
  ByteWriter out(memory);
  iotsafe::PutApplicationInfo(info, iotsafe::ApplicationTags::k90And93, out);
  return ToHex(out.written()) + "9000";
}

std::string SimrootAnswer(std::uint32_t change_counter) {
  return ApplicationAnswer(iotsafe::EncodeIdentifier({.change_counter = change_counter}).view());
}

std::string InfoAnswer(const iotsafe::ObjectInfo& info) {
  std::array<std::uint8_t, 256> memory{};
  ByteWriter out(memory);
  iotsafe::PutObjectInfo(info, out);
  return ToHex(out.written()) + "9000";
}

iotsafe::ObjectInfo FileInfo(std::string_view name, std::uint16_t size, iotsafe::FileUsage usage) {
  iotsafe::ObjectInfo info;
  info.object_class = iotsafe::ObjectClass::kFile;
  EXPECT_TRUE(info.id.Assign(FileName(name).name));
  info.access = 1;
  info.state = iotsafe::ObjectState::kActivated;
  info.file_usage = usage;
  info.file_size = size;
  return info;
}

iotsafe::ObjectInfo KeyInfo(const ObjectName& name, iotsafe::KeyType type, std::string_view label) {
  iotsafe::ObjectInfo info;
  info.object_class = name.object_class;
  EXPECT_TRUE(info.id.Assign(name.name) && info.label.Assign(AsBytes(label)));
  info.state = iotsafe::ObjectState::kActivated;
  info.key_type = type;
  info.functions = 7;
  return info;
}

const Bytes& HelloDigest() {
  static const Bytes digest = FromHex(kHelloHex).value_or(Bytes());
  return digest;
}

}  // namespace simroot::device::client::testing
