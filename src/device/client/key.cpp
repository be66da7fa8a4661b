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

/// The public half of `name` in an object list: same identifier, else same label, else the same place in lists of equal
/// length (cards list both halves in the same order, spec 4.1; the first signature proves the pair).
[[nodiscard]] std::optional<ObjectName> FindPublicHalf(const std::vector<ObjectInfo>& objects, const ObjectName& name) {
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
  const ObjectName same{ObjectClass::kPublicKey, private_key_.by_label, private_key_.name};
  auto point = card_->ReadPublicKey(same);
  if (!point && DoesNotExist(point.error())) {
    SR_TRY(const auto objects, card_->List());
    const auto half = FindPublicHalf(objects, private_key_);
    if (!half) {
      return Fail(ErrorDomain::kUsage, "no public key on " + card_->uri().text + " belongs to " + private_key_.Text(),
                  "list the objects with `simroot device list`");
    }
    point = card_->ReadPublicKey(*half);
  }
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

Result<RawSignature> Key::Sign(iotsafe::HashAlgorithm hash, ByteView digest) {
  return card_->Sign(private_key_, hash, digest, public_key_.load());
}

}  // namespace simroot::device
