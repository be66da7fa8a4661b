// SPDX-License-Identifier: Apache-2.0
/// What the backend must not do to the process it lives in: depend on its OpenSSL configuration, leave errors in its
/// queue, repeat random numbers after fork, or mix up threads.
#include <fcntl.h>
#include <openssl/provider.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/crypto/openssl/backend.hpp"
#include "common/crypto/openssl/crypto_test_support.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::crypto {
namespace {

constexpr const char* kChildVariable = "SIMROOT_CRYPTO_TEST_CHILD";

bool UseCurves(OpenSslCrypto& crypto) {
  const Bytes digest(32, 1);
  for (const Curve curve : {Curve::kP256, Curve::kBrainpoolP256r1, Curve::kP384}) {
    Bytes scalar(ScalarSize(curve));
    Bytes point(PointSize(curve));
    Bytes signature(SignatureSize(curve));
    Bytes shared(ScalarSize(curve));
    const PrivateKey key{curve, scalar, 1, static_cast<std::uint32_t>(curve)};
    if (!crypto.GenerateKeyPair(curve, scalar, point) || !crypto.PublicPoint(curve, scalar, point) ||
        !crypto.SignEcdsa(key, digest, signature) ||
        crypto.VerifyEcdsa(curve, point, digest, signature) != VerifyResult::kValid ||
        !crypto.Ecdh(key, point, shared)) {
      return false;
    }
  }
  return true;
}

/// With one key for the whole process: making one takes long.
bool UseRsa(OpenSslCrypto& crypto) {
  static const Bytes der = [&crypto] {
    Bytes made(kMaxRsaPrivateSize);
    Bytes modulus(kRsaSize);
    Bytes exponent(kRsaExponentSize);
    std::size_t size = 0;
    made.resize(crypto.GenerateRsa(made, size, modulus, exponent) ? size : 0);
    return made;
  }();
  const Bytes digest(32, 1);
  Bytes modulus(kRsaSize);
  Bytes exponent(kRsaExponentSize);
  Bytes signature(kRsaSize);
  if (!crypto.RsaPublicHalf(der, modulus, exponent)) {
    return false;
  }
  for (const RsaPadding padding : {RsaPadding::kPkcs1, RsaPadding::kPss}) {
    if (!crypto.SignRsa({der, 2, 1}, padding, HashAlgorithm::kSha256, digest, signature) ||
        crypto.VerifyRsa({modulus, exponent}, padding, HashAlgorithm::kSha256, digest, signature) !=
            VerifyResult::kValid) {
      return false;
    }
  }
  std::size_t size = 0;
  return !crypto.DecryptRsaOaep({der, 2, 1}, HashAlgorithm::kSha256, signature, modulus, size);
}

bool UseSymmetric(OpenSslCrypto& crypto) {
  const Bytes key(16, 1);
  const std::array message{ByteView(key)};
  Bytes block(16);
  Bytes tag(16);
  Bytes prk(32);
  return crypto.AesCbc(Direction::kEncrypt, key, key, key, block) && crypto.AesCtr(key, key, key, block) &&
         crypto.AesGcmEncrypt(key, ByteView(key).first(12), {}, key, block, tag) &&
         crypto.AesGcmDecrypt(key, ByteView(key).first(12), {}, block, tag, block) &&
         !crypto.AesGcmDecrypt(key, ByteView(key).first(12), {}, block, key, block) &&
         crypto.AesCmac(key, message, tag) && crypto.TlsPrfSha256(key, key, prk) &&
         crypto.HkdfExtract(HashAlgorithm::kSha256, {}, {}, prk);
}

/// Uses every function once. False as soon as one fails.
bool UseEverything() {
  const auto crypto = OpenSslCrypto::Create();
  Bytes digest(32);
  HashState state;
  return crypto != nullptr && crypto->Random(digest) && UseCurves(*crypto) && UseRsa(*crypto) &&
         UseSymmetric(*crypto) && crypto->HashBegin(HashAlgorithm::kSha512, state) &&
         crypto->HashUpdate(state, digest) && (crypto->HashAbort(state), true);
}

/// Set by the provider `probe`: what UseEverything said inside its initialisation.
int g_probe_runs = 0;
bool g_probe_result = false;

/// A provider without algorithms whose initialisation uses the backend, as the simroot provider may. The child's
/// configuration activates it.
int ProbeInit(const OSSL_CORE_HANDLE* /*handle*/, const OSSL_DISPATCH* /*in*/, const OSSL_DISPATCH** out,
              void** context) {
  static const OSSL_DISPATCH kNothing{0, nullptr};
  *out = &kNothing;
  *context = &g_probe_runs;
  ++g_probe_runs;
  g_probe_result = UseEverything();
  return 1;
}

bool DefaultContextHasDigests() {
  EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  EVP_MD_free(digest);
  return digest != nullptr;
}

/// Not a test of its own: the work of the processes that the tests below start.
TEST(IsolationChild, Work) {
  const char* const work = std::getenv(kChildVariable);
  if (work == nullptr) {
    GTEST_SKIP() << "runs only as the child of another test";
  }
  ::alarm(30);  // a deadlock ends the child, and with it the test
  if (std::string_view(work) == "hostile") {
    EXPECT_TRUE(UseEverything());
    EXPECT_FALSE(DefaultContextHasDigests());
    return;
  }
  ASSERT_EQ(OSSL_PROVIDER_add_builtin(nullptr, "probe", ProbeInit), 1);
  if (std::string_view(work) == "application-first") {
    EXPECT_TRUE(DefaultContextHasDigests());
    EXPECT_EQ(g_probe_runs, 1);
  }
  EXPECT_TRUE(UseEverything());
  EXPECT_TRUE(DefaultContextHasDigests());
  EXPECT_EQ(g_probe_runs, 1);
  EXPECT_TRUE(g_probe_result);
  EXPECT_EQ(OSSL_PROVIDER_available(nullptr, "probe"), 1);
  ASSERT_NE(Backend::Get(), nullptr);
  EXPECT_EQ(OSSL_PROVIDER_available(Backend::Get()->context(), "probe"), 0);
}

/// Runs this program's IsolationChild.Work in a fresh process with its own OPENSSL_CONF.
void RunChild(const std::string& work, const std::string& configuration) {
  std::string folder = (std::filesystem::temp_directory_path() / "simroot-crypto-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/openssl.cnf";
  std::ofstream(file) << configuration;

  std::string program = "/proc/self/exe";
  std::string filter = "--gtest_filter=IsolationChild.Work";
  std::string conf_variable = "OPENSSL_CONF=" + file;
  std::string work_variable = std::string(kChildVariable) + "=" + work;
  std::array<char*, 3> arguments{program.data(), filter.data(), nullptr};
  std::array<char*, 3> environment{conf_variable.data(), work_variable.data(), nullptr};
  pid_t child = 0;
  ASSERT_EQ(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(), environment.data()), 0);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  std::filesystem::remove_all(folder);
}

constexpr const char* kActivatesProbe =
    "openssl_conf = main\n[main]\nproviders = all\n[all]\ndefault = on\nprobe = on\n[on]\nactivate = 1\n";

TEST(Isolation, ConfigurationHasNoEffect) {
  RunChild("hostile",
           "openssl_conf = main\n[main]\nalg_section = properties\n[properties]\n"
           "default_properties = provider=nowhere\n");
}

TEST(Isolation, WorksInsideProviderThatConfigurationLoads) {
  RunChild("application-first", kActivatesProbe);
}

TEST(Isolation, WorksWhenItsOwnFirstUseLoadsTheConfiguration) {
  RunChild("backend-first", kActivatesProbe);
}

TEST(Isolation, ErrorQueueStaysAsItWas) {
  const auto crypto = OpenSslCrypto::Create();
  ASSERT_NE(crypto, nullptr);
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 42);
  Scalar shared{};
  Bytes bad_point(kP256PointSize, 4);
  EXPECT_FALSE(crypto->IsValidPoint(Curve::kP256, bad_point));
  EXPECT_FALSE(crypto->Ecdh({Curve::kP256, Bytes(32, 1), 1, 1}, bad_point, shared));
  Point point{};
  ASSERT_TRUE(crypto->PublicPoint(Curve::kP256, Bytes(32, 1), point));
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, point, Bytes(32, 1), Bytes(64, 0)), VerifyResult::kInvalid);
  Bytes modulus(kRsaSize);
  Bytes exponent(kRsaExponentSize);
  EXPECT_FALSE(crypto->RsaPublicHalf(Bytes(500, 0x30), modulus, exponent));
  EXPECT_FALSE(crypto->TlsPrfSha256(Bytes(8), Bytes(2000), modulus));
  EXPECT_TRUE(UseEverything());  // two of its steps are made to fail
  EXPECT_EQ(ERR_GET_REASON(ERR_get_error()), 42);
  EXPECT_EQ(ERR_get_error(), 0U);
}

TEST(Isolation, RandomFillsAndDiffers) {
  const auto crypto = OpenSslCrypto::Create();
  ASSERT_NE(crypto, nullptr);
  EXPECT_TRUE(crypto->Random({}));
  Bytes first(1000);
  Bytes second(1000);
  ASSERT_TRUE(crypto->Random(first));
  ASSERT_TRUE(crypto->Random(second));
  EXPECT_NE(first, second);
  // 1000 random bytes miss a given value with probability 2 %, all bytes of one half with probability 0.
  EXPECT_GT(std::ranges::count_if(first, [](std::uint8_t byte) { return byte >= 0x80; }), 300);
  EXPECT_LT(std::ranges::count_if(first, [](std::uint8_t byte) { return byte >= 0x80; }), 700);
}

/// What a forked child draws from an object made before the fork: random bytes, then a new private key.
Bytes DrawInChild(OpenSslCrypto& crypto) {
  std::array<int, 2> ends{};
  Bytes drawn(64);
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reading(ends.front());
  UniqueFd writing(ends.back());
  const pid_t child = ::fork();
  if (child == 0) {
    Point point{};
    const bool done = crypto.Random(ByteSpan(drawn).first(32)) &&
                      crypto.GenerateKeyPair(Curve::kP256, ByteSpan(drawn).last(32), point) &&
                      ::write(writing.get(), drawn.data(), drawn.size()) == static_cast<ssize_t>(drawn.size());
    ::_exit(done ? 0 : 1);
  }
  writing.Reset();
  EXPECT_EQ(::read(reading.get(), drawn.data(), drawn.size()), static_cast<ssize_t>(drawn.size()));
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  return drawn;
}

TEST(Isolation, ForkedProcessesDrawDifferentNumbers) {
  const auto crypto = OpenSslCrypto::Create();
  ASSERT_NE(crypto, nullptr);
  Bytes mine(64);
  Point point{};
  ASSERT_TRUE(crypto->Random(mine));  // the generator exists before the fork
  const Bytes first = DrawInChild(*crypto);
  const Bytes second = DrawInChild(*crypto);
  ASSERT_TRUE(crypto->Random(ByteSpan(mine).first(32)));
  ASSERT_TRUE(crypto->GenerateKeyPair(Curve::kP256, ByteSpan(mine).last(32), point));
  for (const bool key : {false, true}) {
    const auto half = [key](const Bytes& drawn) { return key ? ByteView(drawn).last(32) : ByteView(drawn).first(32); };
    EXPECT_FALSE(SameBytes(half(first), half(second)));
    EXPECT_FALSE(SameBytes(half(first), half(mine)));
    EXPECT_FALSE(SameBytes(half(second), half(mine)));
  }
}

TEST(Isolation, EachThreadHasItsOwnObject) {
  std::array<bool, 4> done{};
  std::vector<std::thread> threads;
  for (bool& mine : done) {
    threads.emplace_back([&mine] {
      mine = true;
      for (unsigned i = 0; i < 10; ++i) {
        mine = mine && UseEverything();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(done, (std::array{true, true, true, true}));
}

}  // namespace
}  // namespace simroot::crypto
