// SPDX-License-Identifier: Apache-2.0
#include "device/provider/wrapper.hpp"

#include <gmock/gmock.h>

namespace simroot::device {
namespace {

using testing::HasSubstr;

/// The generator of P-256 (SEC 2, 2.4.2) as a public key.
Point Generator() {
  Point point{};
  const Bytes bytes = *FromHex(
      "04 6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
      "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5");
  std::ranges::copy(bytes, point.begin());
  return point;
}

WrappedKey ById(std::string card = {}) {
  return {ObjectName{iotsafe::ObjectClass::kPrivateKey, false, Bytes{0x01}}, Generator(), std::move(card)};
}

WrappedKey ByLabel(std::size_t size) {
  return {ObjectName{iotsafe::ObjectClass::kPrivateKey, true, Bytes(size, 'k')}, Generator(), {}};
}

std::string Body(const std::string& pem) {
  const std::size_t begin = pem.find('\n') + 1;
  return pem.substr(begin, pem.find("-----END") - begin);
}

Bytes Der(const WrappedKey& key) {
  return *DecodeWrapperBase64(Body(EncodeWrapper(key)));
}

std::string ErrorOf(const Bytes& der) {
  const auto key = DecodeWrapper(der);
  return key ? "no error" : key.error().Text();
}

TEST(Wrapper, HasTheDocumentedBytes) {
  const Bytes expected = *FromHex(
      "3061 020101 800101"
      "3059 3013 06072A8648CE3D0201 06082A8648CE3D030107 034200"
      "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
      "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5");
  EXPECT_EQ(ToHex(Der(ById())), ToHex(expected));
}

TEST(Wrapper, IsPemWithLinesOf64) {
  const std::string pem = EncodeWrapper(ById("sim:/var/lib/card.bin"));
  EXPECT_TRUE(pem.starts_with("-----BEGIN SIMROOT PRIVATE KEY-----\n"));
  EXPECT_TRUE(pem.ends_with("\n-----END SIMROOT PRIVATE KEY-----\n"));
  const std::string body = Body(pem);
  EXPECT_EQ(body.find('\n'), 64U);
}

TEST(Wrapper, ComesBackAsItWasWritten) {
  for (const WrappedKey& key : {ById(), ById("pcsc:Virtual%20PCD"), ById(std::string(kMaxWrapperCard, 'x')), ByLabel(1),
                                ByLabel(iotsafe::kMaxLabelSize)}) {
    const auto back = DecodeWrapper(Der(key));
    ASSERT_TRUE(back) << back.error().Text();
    EXPECT_EQ(back->key, key.key);
    EXPECT_EQ(back->public_key, key.public_key);
    EXPECT_EQ(back->card, key.card);
  }
}

TEST(Wrapper, RejectsEveryShorterFile) {
  const Bytes der = Der(ById("sim:card.bin"));
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_THAT(ErrorOf(Bytes(der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size))), HasSubstr("damaged"));
  }
}

TEST(Wrapper, RejectsOneByteMore) {
  Bytes der = Der(ById());
  der.push_back(0);
  EXPECT_THAT(ErrorOf(der), HasSubstr("damaged"));
}

/// A flipped bit in a tag, a length or the algorithm is found by the parser; in the identifier, the point or the card
/// it gives another content, never the same.
TEST(Wrapper, NeverMistakesADamagedFileForTheGoodOne) {
  const WrappedKey key = ById("sim:card.bin");
  const Bytes good = Der(key);
  for (std::size_t position = 0; position < good.size(); ++position) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes der = good;
      der.at(position) = LowByte(der.at(position) ^ (1U << bit));
      const auto back = DecodeWrapper(der);
      EXPECT_FALSE(back && back->key == key.key && back->public_key == key.public_key && back->card == key.card)
          << "byte " << position << " bit " << bit;
    }
  }
}

TEST(Wrapper, SaysThatAVersionIsUnknown) {
  Bytes der = Der(ById());
  der.at(4) = 2;
  EXPECT_THAT(ErrorOf(der), HasSubstr("version this simroot does not know"));
}

TEST(Wrapper, RejectsACompressedPoint) {
  Bytes der = Der(ById());
  der.at(der.size() - 65) = 0x02;
  EXPECT_THAT(ErrorOf(der), HasSubstr("not an uncompressed P-256 key"));
}

TEST(Wrapper, RejectsAnotherCurve) {
  Bytes der = Der(ById());
  der.at(der.size() - 69) = 0x06;  // last byte of the curve's object identifier
  EXPECT_THAT(ErrorOf(der), HasSubstr("not an uncompressed P-256 key"));
}

TEST(Wrapper, RejectsLengthsInALongerForm) {
  Bytes der = Der(ById());
  der.insert(der.begin() + 1, 0x81);
  EXPECT_THAT(ErrorOf(der), HasSubstr("damaged"));
}

TEST(Wrapper, RejectsACardUriWithSpaces) {
  Bytes der = Der(ById("sim:a"));
  der.at(der.size() - 1) = ' ';
  EXPECT_THAT(ErrorOf(der), HasSubstr("card URI"));
}

TEST(WrapperBase64, RejectsWhatIsNotBase64) {
  const std::string good = Body(EncodeWrapper(ById()));
  EXPECT_TRUE(DecodeWrapperBase64(good));
  std::string flipped = good;
  flipped.at(10) = '*';
  EXPECT_FALSE(DecodeWrapperBase64(flipped));
  EXPECT_FALSE(DecodeWrapperBase64(good.substr(0, good.size() - 2)));
  EXPECT_FALSE(DecodeWrapperBase64(""));
  EXPECT_FALSE(DecodeWrapperBase64(std::string(4 * kMaxWrapperDer, 'A')));
}

TEST(WrapperBase64, SkipsWhiteSpaceOfOtherSystems) {
  std::string text = Body(EncodeWrapper(ById()));
  const Bytes der = *DecodeWrapperBase64(text);
  text.insert(text.find('\n'), "\r");
  EXPECT_EQ(*DecodeWrapperBase64("  " + text), der);
}

}  // namespace
}  // namespace simroot::device
