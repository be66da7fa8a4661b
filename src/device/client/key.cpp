// SPDX-License-Identifier: Apache-2.0
#include "device/client/card.hpp"

namespace simroot::device {
namespace {

using iotsafe::ObjectClass;
using iotsafe::ObjectInfo;

[[nodiscard]] bool DoesNotExist(const Error& error) {
  return error.domain == ErrorDomain::kCard &&
         (error.sw == wire::StatusWord::kIncorrectData || error.sw == wire::StatusWord::kFileNotFound ||
          error.sw == wire::StatusWord::kRecordNotFound);
}

[[nodiscard]] std::vector<ObjectInfo> OfClass(const std::vector<ObjectInfo>& objects, ObjectClass object_class) {
  std::vector<ObjectInfo> found;
  std::ranges::copy_if(objects, std::back_inserter(found),
                       [&](const ObjectInfo& object) { return object.object_class == object_class; });
  return found;
}

[[nodiscard]] bool IsCalled(const ObjectInfo& object, const ObjectName& name) {
  return SameBytes(name.by_label ? object.label.view() : object.id.view(), name.name);
}

[[nodiscard]] ObjectName NameOf(const ObjectInfo& object) {
  const bool by_label = object.id.empty();
  const ByteView name = by_label ? object.label.view() : object.id.view();
  return {object.object_class, by_label, Bytes(name.begin(), name.end())};
}

}  // namespace

std::optional<ObjectName> FindPublicHalf(const std::vector<ObjectInfo>& objects, const ObjectName& name) {
  const auto private_keys = OfClass(objects, ObjectClass::kPrivateKey);
  const auto public_keys = OfClass(objects, ObjectClass::kPublicKey);
  const auto own = std::ranges::find_if(private_keys, [&](const ObjectInfo& key) { return IsCalled(key, name); });
  if (own == private_keys.end()) {
    return std::nullopt;
  }
  for (const ObjectInfo& key : public_keys) {
    if (!own->id.empty() && key.id == own->id) {
      return NameOf(key);
    }
  }
  for (const ObjectInfo& key : public_keys) {
    if (!own->label.empty() && key.label == own->label) {
      return NameOf(key);
    }
  }
  if (private_keys.size() == public_keys.size()) {
    return NameOf(*std::next(public_keys.begin(), std::distance(private_keys.begin(), own)));
  }
  return std::nullopt;
}

namespace {

/// Reads the public half with `read`, a function of its name.
template <typename Read>
[[nodiscard]] auto ReadHalf(Card& card, const ObjectName& private_key, Read read)
    -> std::invoke_result_t<Read, const ObjectName&> {
  auto half = read(ObjectName{ObjectClass::kPublicKey, private_key.by_label, private_key.name});
  if (half || !DoesNotExist(half.error())) {
    return half;
  }
  SR_TRY(const auto objects, card.List());
  const auto name = FindPublicHalf(objects, private_key);
  if (!name) {
    return Fail(ErrorDomain::kUsage, "no public key on " + card.uri().text + " belongs to " + private_key.Text(),
                "list the objects with `simroot device list`");
  }
  return read(*name);
}

}  // namespace

Key::Key(std::shared_ptr<Card> card, ObjectName private_key)
    : card_(std::move(card)), private_key_(std::move(private_key)) {}

Key::~Key() {
  delete public_key_.load();
}

Result<Point> Key::PublicKey() {
  if (const Point* const known = public_key_.load()) {
    return *known;
  }
  auto point = ReadHalf(*card_, private_key_, [this](const ObjectName& name) { return card_->ReadPublicKey(name); });
  if (!point) {
    return point;
  }
  auto fresh = std::make_unique<const Point>(*point);
  const Point* none = nullptr;
  if (public_key_.compare_exchange_strong(none, fresh.get())) {
    static_cast<void>(fresh.release());
  }
  return point;
}

Result<device::PublicKey> Key::AnyPublicKey() {
  return ReadHalf(*card_, private_key_, [this](const ObjectName& name) { return card_->ReadAnyPublicKey(name); });
}

Result<RawSignature> Key::Sign(iotsafe::HashAlgorithm hash, ByteView digest) {
  return card_->Sign(private_key_, hash, digest, public_key_.load());
}

}  // namespace simroot::device
