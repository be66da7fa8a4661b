// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/crl.hpp"

#include "platform/authority/authority_test_support.hpp"

namespace simroot::platform {
namespace {

using testing::kNow;
using testing::Must;

constexpr std::int64_t kWeek = 7 * 86400;

class CrlTest : public testing::AuthorityFixture {
 protected:
  [[nodiscard]] CrlPtr Make(const std::vector<RevokedEntry>& entries, std::int64_t number = 1) {
    made_ = Must(authority_->MakeCrl(issuing_, entries, number, kNow, kWeek));
    auto parsed = DecodeDer<CrlPtr>(made_, d2i_X509_CRL);
    SR_CHECK(parsed != nullptr);
    const X509Ptr issuer = Must(ParseCertificate(issuing_.certificate));
    EXPECT_EQ(X509_CRL_verify(parsed.get(), X509_get0_pubkey(issuer.get())), 1);
    EXPECT_EQ(X509_CRL_get_version(parsed.get()), X509_CRL_VERSION_2);
    return parsed;
  }
  [[nodiscard]] FailureKind KindOfError(const std::vector<RevokedEntry>& entries, std::int64_t number = 1,
                                        UnixTime now = kNow, std::int64_t lifetime = kWeek) {
    const auto made = authority_->MakeCrl(issuing_, entries, number, now, lifetime);
    return made ? FailureKind::kUnavailable : made.error().kind;
  }
  /// Reason of an entry as OpenSSL says it; -1: none.
  [[nodiscard]] static long ReasonOf(const X509_REVOKED* revoked) {
    int critical = 0;
    ASN1_ENUMERATED* const reason =
        static_cast<ASN1_ENUMERATED*>(X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, &critical, nullptr));
    const long value = reason != nullptr ? ASN1_ENUMERATED_get(reason) : -1;
    ASN1_ENUMERATED_free(reason);
    return value;
  }

  Bytes made_;
};

TEST_F(CrlTest, AnEmptyOneHasNoList) {
  const CrlPtr crl = Make({}, 7);
  EXPECT_EQ(X509_CRL_get_REVOKED(crl.get()), nullptr);
  int critical = 0;
  const Asn1IntegerPtr number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl.get(), NID_crl_number, &critical, nullptr)));
  ASSERT_TRUE(number);
  EXPECT_EQ(ASN1_INTEGER_get(number.get()), 7);
  EXPECT_EQ(critical, 0);
  EXPECT_EQ(Must(TimeOf(X509_CRL_get0_lastUpdate(crl.get()))), kNow);
  EXPECT_EQ(Must(TimeOf(X509_CRL_get0_nextUpdate(crl.get()))), kNow + kWeek);
}

TEST_F(CrlTest, EntriesAreSortedOnceEachWithTheirReason) {
  const CrlPtr crl = Make({{"7F00", kNow - 5, "keyCompromise"},
                           {"0102", kNow - 9, ""},
                           {"00ff", kNow - 3, "superseded"},
                           {"7F00", kNow - 8, "cessationOfOperation"},
                           {"0102030405060708090A0B0C0D0E0F1011121314", kNow, "unspecified"},
                           {"FF", kNow - 2, "aACompromise"}});
  STACK_OF(X509_REVOKED)* const entries = X509_CRL_get_REVOKED(crl.get());
  ASSERT_EQ(sk_X509_REVOKED_num(entries), 4);
  struct Row {
    const char* serial;
    UnixTime time;
    long reason;
  };
  constexpr std::array kExpected{Row{"FF", kNow - 3, 4}, Row{"0102", kNow - 9, -1}, Row{"7F00", kNow - 8, 5},
                                 Row{"0102030405060708090A0B0C0D0E0F1011121314", kNow, -1}};
  for (std::size_t i = 0; i < kExpected.size(); ++i) {
    const X509_REVOKED* const entry = sk_X509_REVOKED_value(entries, static_cast<int>(i));
    const ASN1_INTEGER* const serial = X509_REVOKED_get0_serialNumber(entry);
    EXPECT_EQ(ToHex({serial->data, static_cast<std::size_t>(serial->length)}), kExpected.at(i).serial);
    EXPECT_EQ(Must(TimeOf(X509_REVOKED_get0_revocationDate(entry))), kExpected.at(i).time);
    EXPECT_EQ(ReasonOf(entry), kExpected.at(i).reason);
  }
}

TEST_F(CrlTest, EveryReasonOfRfc5280) {
  for (const auto& [name, code] : std::vector<std::pair<const char*, long>>{{"keyCompromise", 1},
                                                                            {"cACompromise", 2},
                                                                            {"affiliationChanged", 3},
                                                                            {"superseded", 4},
                                                                            {"cessationOfOperation", 5},
                                                                            {"certificateHold", 6},
                                                                            {"privilegeWithdrawn", 9},
                                                                            {"aACompromise", 10}}) {
    const CrlPtr crl = Make({{"01", kNow, name}});
    EXPECT_EQ(ReasonOf(sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl.get()), 0)), code) << name;
  }
  for (const char* const wrong : {"removeFromCRL", "KeyCompromise", "stolen", " "}) {
    EXPECT_EQ(KindOfError({{"01", kNow, wrong}}), FailureKind::kInvalid) << wrong;
  }
}

TEST_F(CrlTest, WhatIsImpossibleIsRefused) {
  for (const char* const serial : {"", "1", "0x01", "GG", "01 02", "000102030405060708090A0B0C0D0E0F1011121314"}) {
    EXPECT_EQ(KindOfError({{serial, kNow, ""}}), FailureKind::kInvalid) << serial;
  }
  EXPECT_EQ(KindOfError({{"01", -1, ""}}), FailureKind::kInvalid);
  EXPECT_EQ(KindOfError({}, -1), FailureKind::kInvalid);
  EXPECT_EQ(KindOfError({}, 1, -1), FailureKind::kInvalid);
  EXPECT_EQ(KindOfError({}, 1, kNow, 0), FailureKind::kInvalid);
  EXPECT_EQ(KindOfError({}, 1, kNow, std::numeric_limits<std::int64_t>::max()), FailureKind::kInvalid);
}

// Byte for byte what X509_CRL makes of the same, apart from the signature.
TEST_F(CrlTest, OpenSslMakesTheSame) {
  std::vector<RevokedEntry> entries;
  for (int i = 1; i < 200; ++i) {
    entries.push_back({ToHex(Bytes{LowByte(i), LowByte(i * 37), LowByte(i * 101)}), kNow - i * 86400 * 40,
                       i % 3 == 0 ? "keyCompromise" : ""});
  }
  ASSERT_TRUE(Make(entries, 300));
  const CrlPtr other(X509_CRL_new());
  const X509Ptr issuer = Must(ParseCertificate(issuing_.certificate));
  const std::unique_ptr<ASN1_TIME, FreeWith<ASN1_TIME_free>> now(ASN1_TIME_set(nullptr, kNow));
  const std::unique_ptr<ASN1_TIME, FreeWith<ASN1_TIME_free>> next(ASN1_TIME_set(nullptr, kNow + kWeek));
  ASSERT_TRUE(X509_CRL_set_version(other.get(), X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(other.get(), X509_get_subject_name(issuer.get())) == 1 &&
              X509_CRL_set1_lastUpdate(other.get(), now.get()) == 1 &&
              X509_CRL_set1_nextUpdate(other.get(), next.get()) == 1);
  for (const RevokedEntry& entry : entries) {
    X509_REVOKED* const revoked = X509_REVOKED_new();
    const Bytes number = Hex(entry.serial);
    const crypto::SecretBignum serial(BN_bin2bn(number.data(), static_cast<int>(number.size()), nullptr));
    const Asn1IntegerPtr integer(BN_to_ASN1_INTEGER(serial.get(), nullptr));
    const std::unique_ptr<ASN1_TIME, FreeWith<ASN1_TIME_free>> time(ASN1_TIME_set(nullptr, entry.time));
    ASSERT_TRUE(X509_REVOKED_set_serialNumber(revoked, integer.get()) == 1 &&
                X509_REVOKED_set_revocationDate(revoked, time.get()) == 1);
    if (!entry.reason.empty()) {
      ASN1_ENUMERATED* const reason = ASN1_ENUMERATED_new();
      ASSERT_TRUE(ASN1_ENUMERATED_set(reason, 1) == 1 &&
                  X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, reason, 0, 0) == 1);
      ASN1_ENUMERATED_free(reason);
    }
    ASSERT_EQ(X509_CRL_add0_revoked(other.get(), revoked), 1);
  }
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer.get(), nullptr, nullptr, other.get(), 0);
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always");
  ASSERT_TRUE(extension != nullptr && X509_CRL_add_ext(other.get(), extension, -1) == 1);
  X509_EXTENSION_free(extension);
  const Asn1IntegerPtr crl_number(ASN1_INTEGER_new());
  ASSERT_TRUE(ASN1_INTEGER_set(crl_number.get(), 300) == 1 &&
              X509_CRL_add1_ext_i2d(other.get(), NID_crl_number, crl_number.get(), 0, 0) == 1);
  const EvpPkey any = testing::NewKey("P-256");
  ASSERT_TRUE(X509_CRL_sort(other.get()) == 1 && X509_CRL_sign(other.get(), any.get(), EVP_sha256()) > 0);
  const Bytes expected = EncodeDer(other.get(), i2d_X509_CRL);
  // Both signatures end the list; what comes before them is all but a few bytes of head.
  unsigned char* ours = nullptr;
  unsigned char* theirs = nullptr;
  const CrlPtr parsed = DecodeDer<CrlPtr>(made_, d2i_X509_CRL);
  const int our_size = i2d_re_X509_CRL_tbs(parsed.get(), &ours);
  const int their_size = i2d_re_X509_CRL_tbs(other.get(), &theirs);
  EXPECT_EQ(ToHex({ours, static_cast<std::size_t>(our_size)}), ToHex({theirs, static_cast<std::size_t>(their_size)}));
  const auto begins = std::search(made_.begin(), made_.end(), ours, ours + our_size);
  EXPECT_NE(begins, made_.end()) << "and what OpenSSL encodes anew is what we wrote";
  OPENSSL_free(ours);
  OPENSSL_free(theirs);
  EXPECT_GT(expected.size(), 4000U);
}

TEST_F(CrlTest, ARevokedCertificateIsRefused) {
  const IssuedCertificate bad = Must(authority_->Issue(issuing_, RequestFor(device_point_)));
  const IssuedCertificate good = Must(authority_->Issue(issuing_, RequestFor(device_point_)));
  const Bytes crl = Must(authority_->MakeCrl(issuing_, {{bad.serial, kNow, "keyCompromise"}}, 1, kNow, kWeek));
  const auto verify = [&](const IssuedCertificate& one, UnixTime at) {
    return testing::VerifyChain(one.der, {root_.certificate}, {issuing_.certificate}, at, X509_PURPOSE_SSL_CLIENT,
                                {crl});
  };
  EXPECT_EQ(verify(bad, kNow + 1), X509_V_ERR_CERT_REVOKED);
  EXPECT_EQ(verify(good, kNow + 1), X509_V_OK);
  EXPECT_EQ(verify(good, kNow + kWeek + 1), X509_V_ERR_CRL_HAS_EXPIRED);
}

TEST_F(CrlTest, ARetiredCaStillSaysWhatItRevoked) {
  issuing_.retired = true;
  EXPECT_TRUE(authority_->MakeCrl(issuing_, {{"01", kNow, ""}}, 1, kNow, kWeek));
  issuing_.key_file.clear();
  EXPECT_EQ(KindOfError({}), FailureKind::kConflict);
}

TEST_F(CrlTest, ALongListIsWhole) {
  constexpr int kCount = 5000;
  std::vector<RevokedEntry> entries(kCount);
  std::uint32_t number = 0x40000000;
  for (RevokedEntry& entry : entries) {
    std::array<std::uint8_t, 16> serial{};
    ByteWriter writer(serial);
    writer.PutU32(number);
    number += 7919;
    entry = {ToHex(serial), kNow, "superseded"};
  }
  const CrlPtr crl = Make(entries);
  EXPECT_EQ(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl.get())), kCount);
  EXPECT_EQ(EncodeDer(crl.get(), i2d_X509_CRL), made_);
}

}  // namespace
}  // namespace simroot::platform
