// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/card_content.hpp"

namespace simroot::platform {

CardContent CardContent::FromHints(const std::vector<Bytes>& answers) {
  constexpr std::size_t kMost = 256;
  Bytes list;  // an object may begin in one block and end in the next
  for (const Bytes& answer : answers) {
    list.insert(list.end(), answer.begin(), answer.end());
  }
  std::vector<CardObject> objects;
  ByteReader reader(list);
  while (!reader.empty() && objects.size() < kMost) {
    const auto info = iotsafe::ReadObjectInfo(reader);
    if (!info) {
      break;
    }
    objects.push_back({*info, std::nullopt});
  }
  return CardContent(std::move(objects));
}

const CardObject* CardContent::Find(iotsafe::ObjectClass object_class, std::uint8_t id) const {
  const auto found = std::ranges::find_if(objects_, [&](const CardObject& object) {
    return object.info.object_class == object_class && SameBytes(object.info.id.view(), ByteView(&id, 1));
  });
  return found == objects_.end() ? nullptr : &*found;
}

void CardContent::Remove(iotsafe::ObjectClass object_class, std::uint8_t id) {
  std::erase_if(objects_, [&](const CardObject& object) {
    return object.info.object_class == object_class && SameBytes(object.info.id.view(), ByteView(&id, 1));
  });
}

void CardContent::Add(iotsafe::ObjectClass object_class, std::uint8_t id, const std::string& label) {
  CardObject object;
  object.info.object_class = object_class;
  if (object.info.id.Assign(ByteView(&id, 1)) && object.info.label.Assign(AsBytes(label))) {
    objects_.push_back(object);
  }
}

}  // namespace simroot::platform
