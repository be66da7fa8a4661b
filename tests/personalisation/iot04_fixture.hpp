// SPDX-License-Identifier: Apache-2.0
/// A card, its security service and its device, for the tests of IoT.04 (spec 13). OpenSSL makes and judges what
/// crosses the border of the card.
#pragma once

#include "card/applet/administration_test_support.hpp"
#include "common/iotsafe/personalisation.hpp"
#include "personalisation/x509.hpp"

namespace simroot::card::testing {

struct Kind {
  const char* openssl;
  const char* key_type;
  const EVP_MD* (*digest)();
};
inline const std::array<Kind, 4> kKinds{Kind{"P-256", "13", EVP_sha256}, Kind{"brainpoolP256r1", "23", EVP_sha256},
                                        Kind{"P-384", "33", EVP_sha384}, Kind{"RSA", "03", EVP_sha256}};

class Iot04 : public ::testing::Test {
 protected:
  void SetUp() override { card_->SelectOnChannel1(); }

  /// A session with these blocks; every one succeeds.
  void Personalise(const std::vector<std::string>& blocks) {
    ASSERT_TRUE(IsOk(card_->Begin()));
    for (const std::string& block : blocks) {
      ASSERT_TRUE(IsOk(card_->Put(block))) << block;
    }
    ASSERT_TRUE(IsOk(card_->Commit()));
  }
  /// LOAD KEY of a private key, in pieces.
  std::vector<std::string> LoadPrivate(const std::string& id, ByteView value) {
    std::vector<std::string> blocks;
    constexpr std::size_t kPiece = 160;
    for (std::size_t offset = 0; offset < value.size(); offset += kPiece) {
      const ByteView piece = value.subspan(offset, std::min(kPiece, value.size() - offset));
      blocks.push_back(Element(0xE6, Element(0x84, id) + Element(0x42, Word(offset)) +
                                         (offset == 0 ? Element(0x44, Word(value.size())) : "") +
                                         card_->Enciphered(piece, false)));
    }
    return blocks;
  }
  static std::vector<std::string> WriteFile(const std::string& id, ByteView content) {
    std::vector<std::string> blocks;
    for (std::size_t offset = 0; offset < content.size(); offset += 200) {
      const ByteView piece = content.subspan(offset, std::min<std::size_t>(200, content.size() - offset));
      blocks.push_back(Element(0xE8, Element(0x83, id) + Element(0x42, Word(offset)) +
                                         (offset == 0 ? Element(0x44, Word(content.size())) : "") +
                                         Element(0x43, ToHex(piece))));
    }
    return blocks;
  }
  /// WRITE FILE of the device. @returns the last status word.
  std::string DeviceWrites(const std::string& id, ByteView content) {
    std::string answer;
    for (std::size_t offset = 0; offset < content.size(); offset += 100) {
      const ByteView piece = content.subspan(offset, std::min<std::size_t>(100, content.size() - offset));
      const std::string data =
          Element(0x83, id) + (offset == 0 ? "2002" + Word(content.size()) : "") + Element(0x9B, ToHex(piece));
      answer = card_->Send("815A" + Word(offset) + ToHex(Bytes{LowByte(data.size() / 2)}) + data);
      if (answer != "9000") {
        break;
      }
    }
    return answer;
  }
  Bytes FileOf(const std::string& id) {
    Bytes content;
    for (;;) {
      const std::string answer = card_->SendAll("81B0" + Word(content.size()) + "03" + Element(0x83, id));
      if (!IsOk(answer)) {
        return {};
      }
      if (answer.size() == 4) {
        return content;
      }
      content = Join(content, Hex(answer.substr(0, answer.size() - 4)));
    }
  }
  /// GENERATE CSR by the device, all of it.
  Bytes DeviceCsr(const std::string& id, const std::string& more) {
    Bytes csr;
    for (;;) {
      const std::string data = Element(0x84, id) + more;
      const std::string answer =
          card_->SendAll("8158" + Word(csr.size()) + ToHex(Bytes{LowByte(data.size() / 2)}) + data);
      csr = Join(csr, Hex(answer.substr(0, answer.size() - 4)));
      if (!answer.ends_with("6300")) {
        EXPECT_TRUE(IsOk(answer)) << answer;
        return csr;
      }
    }
  }
  /// True if the device can sign with private key `id`, and the signature is `key`'s.
  bool SignsAs(const std::string& id, EVP_PKEY* key) {
    const std::string init = Element(0x84, id) +
                             "A10101"
                             "91020001"
                             "920104";
    EXPECT_EQ(card_->Send("812A0001" + ToHex(Bytes{LowByte(init.size() / 2)}) + init), "9000");
    const Bytes answer = Hex(card_->SendAll("812B8001059B03616263"));
    return answer.size() == 3 + 64 + 2 && x509::Verifies(key, AsBytes("abc"), ByteView(answer).subspan(3, 64));
  }

  Bytes image_ = BlankImage();
  std::unique_ptr<AdminCard> card_ = std::make_unique<AdminCard>(image_);
};

}  // namespace simroot::card::testing
