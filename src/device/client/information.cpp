// SPDX-License-Identifier: Apache-2.0
/// Identity, application information, objects, random numbers.
#include "common/base/check.hpp"
#include "device/client/operations.hpp"
#include "device/client/refusal.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::Ins;
using wire::StatusWord;

constexpr std::uint8_t kGetApplication = 0x00;
constexpr std::uint8_t kGetObjectList = 0x01;
constexpr std::uint8_t kNextBlock = 0x01;
constexpr std::size_t kMaxListBlocks = 64;
constexpr std::size_t kMaxListSize = 64 * 1024;
constexpr std::size_t kMaxRandomBlock = 255;

/// All blocks of the object list in one: 6300 asks for the next with P2 = 01 (spec 7.14).
[[nodiscard]] Result<Bytes> ReadListBytes(Transaction& transaction) {
  Bytes list;
  Command command{.ins = Ins::kGetData, .p1 = kGetObjectList, .data = {}, .le = kAnyLength};
  for (std::size_t block = 0; block < kMaxListBlocks; ++block) {
    SR_TRY(const Reply reply, transaction.Send(command));
    const bool more = reply.sw == StatusWord::kMoreDataAvailable;
    if (!more && !IsSuccess(reply.sw)) {
      return tl::make_unexpected(Refusal(reply.sw, {.ins = Ins::kGetData}, transaction.port()));
    }
    list.insert(list.end(), reply.data.begin(), reply.data.end());
    if (!more) {
      return list;
    }
    if (list.size() > kMaxListSize) {
      break;
    }
    command.p2 = kNextBlock;
  }
  return Fail(ErrorDomain::kProtocol,
              "the object list of " + transaction.port() + " does not end: more than 64 blocks or 64 KiB (6300)",
              "run `simroot conformance` against this card");
}

}  // namespace

ReferenceBytes EncodeReference(const ObjectName& object) {
  std::array<std::uint8_t, ReferenceBytes::kCapacity> memory{};
  ByteWriter out(memory);
  iotsafe::PutObjectRef(object.Ref(), out);
  ReferenceBytes reference;
  SR_CHECK(out.ok() && reference.Assign(out.written()));  // names were checked on entry
  return reference;
}

Result<std::string> ReadIccid(Transaction& transaction) {
  SR_TRY(std::string iccid, transaction.session().transport().ReadIccid(transaction.deadline()));
  if (auto& opening = transaction.session().opening()) {
    if (opening->iccid && *opening->iccid != iccid) {
      transaction.session().Refresh();
    }
    opening->iccid = iccid;
  }
  return iccid;
}

Result<iotsafe::ApplicationInfo> ReadApplication(Transaction& transaction) {
  SR_TRY(const Reply reply,
         transaction.Send({.ins = Ins::kGetData, .p1 = kGetApplication, .data = {}, .le = kAnyLength}));
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(reply.sw, {.ins = Ins::kGetData}, transaction.port()));
  }
  const auto info = iotsafe::ParseApplicationInfo(reply.data);
  if (!info) {
    return tl::make_unexpected(NotUnderstood("the application information", info.error(), transaction.port()));
  }
  transaction.session().opening()->application = *info;
  transaction.session().opening()->application_read = Deadline::Clock::now();
  return *info;
}

Result<std::vector<iotsafe::ObjectInfo>> ReadObjectList(Transaction& transaction) {
  SR_TRY(const Bytes list, ReadListBytes(transaction));
  std::vector<iotsafe::ObjectInfo> objects;
  for (ByteReader reader(list); !reader.empty();) {
    const auto object = iotsafe::ReadObjectInfo(reader);
    if (!object) {
      return tl::make_unexpected(NotUnderstood("the object list", object.error(), transaction.port()));
    }
    objects.push_back(*object);
  }
  return objects;
}

Result<iotsafe::ObjectInfo> ReadObjectInfo(Transaction& transaction, const ObjectName& object) {
  const ReferenceBytes reference = EncodeReference(object);
  SR_TRY(const Reply reply, transaction.Send({.ins = Ins::kGetData,
                                              .p1 = iotsafe::Code(iotsafe::TagsOf(object.object_class).info),
                                              .data = reference.view(),
                                              .le = kAnyLength}));
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(
        Refusal(reply.sw, {.ins = Ins::kGetData, .object = &object, .purpose = "reading"}, transaction.port()));
  }
  ByteReader reader(reply.data);
  const auto info = iotsafe::ReadObjectInfo(reader);
  if (!info) {
    return tl::make_unexpected(NotUnderstood("what " + object.Text() + " is", info.error(), transaction.port()));
  }
  if (!reader.empty() || info->object_class != object.object_class) {
    const ParseError error = reader.empty() ? ParseError::kUnexpectedTag : ParseError::kTrailingBytes;
    return tl::make_unexpected(NotUnderstood("what " + object.Text() + " is", error, transaction.port()));
  }
  return *info;
}

Result<Bytes> ReadRandom(Transaction& transaction, std::size_t count) {
  Bytes random;
  random.reserve(count);
  while (random.size() < count) {
    const std::size_t wanted = std::min(count - random.size(), kMaxRandomBlock);
    SR_TRY(const Reply reply, transaction.Send({.ins = Ins::kGetRandom, .data = {}, .le = wanted}));
    if (!IsSuccess(reply.sw)) {
      return tl::make_unexpected(Refusal(reply.sw, {.ins = Ins::kGetRandom}, transaction.port()));
    }
    if (reply.data.empty() || reply.data.size() > wanted) {
      return tl::make_unexpected(NotUnderstood("the random number", ParseError::kBadLength, transaction.port()));
    }
    random.insert(random.end(), reply.data.begin(), reply.data.end());
  }
  return random;
}

}  // namespace simroot::device::client
