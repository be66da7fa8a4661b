// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/request_subject.hpp"

#include "platform/ota/element.hpp"

namespace simroot::platform {
namespace {

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kSet = 0x31;
constexpr std::uint8_t kObjectIdentifier = 0x06;
constexpr std::uint8_t kUtf8String = 0x0C;
constexpr std::uint8_t kPrintableString = 0x13;
// X.520: id-at and the last arc.
constexpr std::array<std::uint8_t, 3> kOrganization{0x55, 0x04, 0x0A};
constexpr std::array<std::uint8_t, 3> kSerialNumber{0x55, 0x04, 0x05};
constexpr std::array<std::uint8_t, 3> kCommonName{0x55, 0x04, 0x03};

[[nodiscard]] Bytes Attribute(ByteView type, std::uint8_t string, const std::string& value) {
  return value.empty()
             ? Bytes()
             : Element(kSet, Element(kSequence, JoinBytes(Element(kObjectIdentifier, type), Element(string, value))));
}

}  // namespace

Bytes EncodeName(const Subject& subject) {
  return Element(kSequence, JoinBytes(Attribute(kOrganization, kUtf8String, subject.organization),
                                      Attribute(kSerialNumber, kPrintableString, subject.serial_number),
                                      Attribute(kCommonName, kUtf8String, subject.common_name)));
}

}  // namespace simroot::platform
