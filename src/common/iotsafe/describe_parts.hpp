// SPDX-License-Identifier: Apache-2.0
/// What the sources of describe.hpp share. Not for use elsewhere.
#pragma once

#include "common/iotsafe/describe.hpp"
#include "common/iotsafe/vocabulary.hpp"

namespace simroot::iotsafe {

/// How much of the data of a command or response a trace may show.
enum class Exposure : std::uint8_t {
  kAll,           ///< every byte
  kAllButSecret,  ///< every byte but the values of elements of kind kSecret
  kKnown,         ///< known elements that are not secret; nothing that is not understood
  kRecognised,    ///< every byte, if the whole is one of the answers of the applet that hold no secret
  kNothing,
};
[[nodiscard]] Exposure ExposureOfCommand(std::uint8_t ins);
/// @param command the command that was answered; empty if not known.
[[nodiscard]] Exposure ExposureOfResponse(ByteView command);
/// True for a signature, a public key, a key pair, information structures and application information: answers that
/// GET RESPONSE may deliver and that cannot be taken for 32 random bytes.
[[nodiscard]] bool IsRecognisedAnswer(ByteView data);

/// How lengths of elements are read.
enum class ElementCoding : std::uint8_t {
  kPlain,     ///< one byte. With commands that carry secrets: a secret must not decide where an element ends
  kAnyKnown,  ///< any form of known clients and cards, also elements that are only the first part of a chain
};

/// What of the elements is put into words.
struct Visibility {
  bool secrets = true;  ///< values of kind kSecret
  bool unknown = true;  ///< values of unknown tags or of unexpected length, and bytes that are no element
  ElementCoding coding = ElementCoding::kAnyKnown;
};
[[nodiscard]] Visibility VisibilityOf(Exposure exposure, Secrets secrets);

/// One element as it was coded. Views borrow.
struct Element {
  std::uint8_t tag = 0;
  const TagRule* rule = nullptr;  ///< nullptr: unknown tag
  ByteView head;                  ///< the bytes of tag and length
  ByteView value;
  std::size_t announced = 0;  ///< more than `value` holds in the first command of a chain (spec 6.3, style B)
};
/// Reads one element. Inside the public key template (`parent` 49) tags have other meanings. On failure the reader has
/// not moved.
[[nodiscard]] bool ReadElement(ByteReader& reader, std::uint8_t parent, ElementCoding coding, Element& out);

/// True if the value consists of elements that are shown one by one.
[[nodiscard]] bool HoldsElements(const Element& element, std::size_t depth);
/// True if a value that does not hold elements may be shown.
[[nodiscard]] bool IsShown(const Element& element, const Visibility& visibility);

/// Elements nest at most this deep in anything the applet knows; what is deeper is shown as bytes.
inline constexpr std::size_t kMaxNesting = 4;

/// Hexadecimal up to 20 bytes; beyond that "64 bytes 0011223344556677..".
void PutShortHex(ByteView bytes, TextWriter& out);
/// As PutShortHex, or only the number of bytes.
void PutBytesOrCount(ByteView bytes, bool show, TextWriter& out);
/// "16 bytes", "1 byte".
void PutCount(std::size_t count, TextWriter& out);

/// The elements in one line, separated by commas.
void PutElements(ByteView bytes, const Visibility& visibility, TextWriter& out);

/// Name, parameters and data of a command that is not the applet's, as "SELECT IoT SAFE (GSMA)".
void DescribeUiccCommand(const wire::CommandApdu& command, Secrets secrets, TextWriter& out);

}  // namespace simroot::iotsafe
