// SPDX-License-Identifier: Apache-2.0
/// What is on a card, as the card lists it or the device says.
#pragma once

#include <optional>

#include "common/host/hex.hpp"
#include "common/iotsafe/objects.hpp"
#include "common/iotsafe/personalisation.hpp"
#include "platform/domain/failure.hpp"

namespace simroot::platform {

struct CardObject {
  iotsafe::ObjectInfo info;
  std::optional<iotsafe::KeyOrigin> origin;  ///< of a private key, if the card tells

  [[nodiscard]] std::string Label() const { return std::string(AsText(info.label.view())); }
  /// A key has a value, a file has bytes.
  [[nodiscard]] bool IsFilled() const {
    return info.object_class == iotsafe::ObjectClass::kFile ? info.file_size > 0
                                                            : info.state == iotsafe::ObjectState::kActivated;
  }
};

class CardContent {
 public:
  CardContent() = default;
  explicit CardContent(std::vector<CardObject> objects) : objects_(std::move(objects)) {}
  /// From the answers to GET DATA (object list) that a device has sent along: nothing of it is trusted. What cannot be
  /// understood is left out.
  [[nodiscard]] static CardContent FromHints(const std::vector<Bytes>& answers);

  /// Borrowed; nullptr: there is none.
  [[nodiscard]] const CardObject* Find(iotsafe::ObjectClass object_class, std::uint8_t id) const;
  [[nodiscard]] const std::vector<CardObject>& objects() const { return objects_; }
  /// What a planned command will have done.
  void Remove(iotsafe::ObjectClass object_class, std::uint8_t id);
  void Add(iotsafe::ObjectClass object_class, std::uint8_t id, const std::string& label);

 private:
  std::vector<CardObject> objects_;
};

}  // namespace simroot::platform
