// SPDX-License-Identifier: Apache-2.0
#include "device/client/card.hpp"

#include <pthread.h>

#include "common/base/check.hpp"
#include "device/client/card_internals.hpp"
#include "device/client/operations.hpp"
#include "device/client/pin_file.hpp"

namespace simroot::device {

using client::ClientEnvironment;
using client::Needs;
using client::Repeat;
using client::Session;
using client::Transaction;

namespace {

/// Cards think for seconds about a key pair (spec 12, rule 13).
constexpr std::chrono::milliseconds kMinKeyGenerationTime{30'000};

/// Counts the forks between the first process and this one.
std::atomic<std::uint64_t> process_generation{0};

void WatchForks() {
  // Only a counter is touched in the child: anything else may be held by a thread that does not exist there.
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { process_generation.fetch_add(1, std::memory_order_relaxed); });
  SR_CHECK(registered == 0);
}

[[nodiscard]] Result<void> CheckName(const ObjectName& object, iotsafe::ObjectClass wanted) {
  if (object.object_class != wanted) {
    return Fail(ErrorDomain::kUsage,
                object.Text() + " is not a " + std::string(iotsafe::TagsOf(wanted).name) + ", which is needed here");
  }
  const std::size_t max = object.by_label ? iotsafe::kMaxLabelSize : iotsafe::kMaxIdSize;
  if (object.name.empty() || object.name.size() > max) {
    return Fail(ErrorDomain::kUsage, "the name of a " + std::string(iotsafe::TagsOf(wanted).name) + " has 1 to " +
                                         std::to_string(max) + " bytes, not " + std::to_string(object.name.size()));
  }
  return {};
}

[[nodiscard]] Result<void> CheckDigest(iotsafe::HashAlgorithm hash, ByteView digest) {
  if (digest.size() != iotsafe::DigestSize(hash)) {
    return Fail(ErrorDomain::kUsage, "the digest has " + std::to_string(digest.size()) + " bytes, its hash gives " +
                                         std::to_string(iotsafe::DigestSize(hash)));
  }
  return {};
}

[[nodiscard]] Result<void> CheckPoint(ByteView point) {
  if (point.size() != iotsafe::kP256PointSize && point.size() != iotsafe::kP384PointSize) {
    return Fail(ErrorDomain::kUsage, "a point has 65 or 97 bytes, not " + std::to_string(point.size()));
  }
  return {};
}

[[nodiscard]] Result<void> CheckCipher(iotsafe::CipherMode mode, std::size_t text_size, ByteView aad) {
  const bool gcm = mode == iotsafe::CipherMode::kGcm;
  if (gcm && text_size > kMaxGcmText) {
    return Fail(
        ErrorDomain::kUsage,
        "a text for AES-GCM has at most " + std::to_string(kMaxGcmText) + " bytes, not " + std::to_string(text_size),
        "split it, with its order in the additional data, or use `simroot device encrypt`");
  }
  if (!gcm && !aad.empty()) {
    return Fail(ErrorDomain::kUsage, "only AES-GCM has additional authenticated data");
  }
  if (aad.size() > iotsafe::kMaxAssociatedData) {
    return Fail(ErrorDomain::kUsage, "additional authenticated data has at most " +
                                         std::to_string(iotsafe::kMaxAssociatedData) + " bytes, not " +
                                         std::to_string(aad.size()));
  }
  return {};
}

[[nodiscard]] Result<void> CheckSealed(const Sealed& sealed) {
  const auto* const row = iotsafe::FindCipherMode(static_cast<std::uint8_t>(sealed.mode));
  if (row == nullptr || sealed.nonce.size() != row->nonce_size || sealed.tag.size() != row->tag_size) {
    return Fail(ErrorDomain::kUsage, "nonce or authentication tag do not have the size of the mode");
  }
  return {};
}

/// The time for a text: the limit of one operation for every so many pieces.
[[nodiscard]] std::chrono::milliseconds TimeFor(std::chrono::milliseconds limit, std::size_t text_size) {
  constexpr std::size_t kPiecesInTime = 32;
  return limit * (1 + text_size / (iotsafe::kCipherPieceSize * kPiecesInTime));
}

}  // namespace

struct Card::Impl {
  /// A Session and the process it belongs to.
  struct Owned {
    Owned(const CardOptions& options, const ClientEnvironment& environment, std::uint64_t of)
        : generation(of), session(options, environment) {}
    const std::uint64_t generation;
    Session session;
    const Owned* inherited = nullptr;  ///< what the parent left behind; kept in sight of leak checkers
  };

  Impl(CardOptions card_options, ClientEnvironment surroundings)
      : options(std::move(card_options)), environment(std::move(surroundings)) {}

  ~Impl() {
    Owned* const last = owned.load();
    if (last != nullptr && last->generation == process_generation.load(std::memory_order_relaxed)) {
      last->session.Close();
      delete last;
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// The session of this process. The object a parent left behind is never freed, on purpose: its mutex may be held by
  /// a thread that was not copied, and another thread may just be looking at it.
  [[nodiscard]] Session& Current() {
    const std::uint64_t generation = process_generation.load(std::memory_order_relaxed);
    Owned* current = owned.load();
    while (current == nullptr || current->generation != generation) {
      auto fresh = std::make_unique<Owned>(options, environment, generation);
      fresh->inherited = current;
      if (owned.compare_exchange_strong(current, fresh.get())) {
        if (current != nullptr) {
          current->session.AbandonInChild();
        }
        return fresh.release()->session;
      }
    }
    return current->session;
  }

  template <typename Operation>
  [[nodiscard]] auto Run(Operation operation, Needs needs = Needs::kApplet)
      -> std::invoke_result_t<Operation, Transaction&> {
    return RunWithin(options.timeout, Repeat::kAlways, needs, std::move(operation));
  }

  template <typename Operation>
  [[nodiscard]] auto RunWithin(std::chrono::milliseconds timeout, Repeat repeat, Needs needs, Operation operation)
      -> std::invoke_result_t<Operation, Transaction&> {
    const Deadline deadline = Deadline::After(timeout);
    Session& session = Current();
    SR_TRY(const auto guard, session.Acquire(deadline));
    const auto once = [&] {
      return session.Run(guard, deadline, repeat, needs,
                         [&](Transaction& transaction) { return operation(transaction); });
    };
    auto result = once();
    if (!result && result.error().sw == wire::StatusWord::kSecurityNotSatisfied) {
      SR_TRY(const bool given, GivePin(session, guard, deadline));
      if (given) {
        return once();  // a card that refuses for want of the PIN has done nothing
      }
    }
    return result;
  }

  /// Gives the PIN of the file, if there is one and it was not refused before. @returns whether it was given.
  [[nodiscard]] Result<bool> GivePin(Session& session, const Session::Guard& guard, Deadline deadline) {
    if (options.pin_file.empty() || pin_refused.load()) {
      return false;
    }
    client::UserPin pin;
    SR_TRY_VOID(client::ReadPinFile(options.pin_file, pin));
    auto given = session.Run(guard, deadline, Repeat::kUnlessReached, Needs::kApplet, [&](Transaction& transaction) {
      return client::GivePinOfFile(transaction, pin.Reveal(InsecureReveal::kForCrypto), options.pin_file);
    });
    if (!given && given.error().domain == ErrorDomain::kCard) {
      pin_refused.store(true);  // never a second try with the same
    }
    return given;
  }

  /// As Run, for objects that may be in the cache: then neither the port nor its lock is touched.
  template <typename FromCache, typename Operation>
  [[nodiscard]] auto RunCached(const ObjectName& object, FromCache from_cache, Operation operation)
      -> std::invoke_result_t<Operation, Transaction&> {
    const Deadline deadline = Deadline::After(options.timeout);
    Session& session = Current();
    SR_TRY(const auto guard, session.Acquire(deadline));
    if (const auto cached = client::FindCached(session, object)) {
      if (auto result = from_cache(*cached)) {
        return *std::move(result);
      }
    }
    return session.Run(guard, deadline, Repeat::kAlways, Needs::kApplet, std::move(operation));
  }

  const CardOptions options;
  const ClientEnvironment environment;
  std::atomic<Owned*> owned{nullptr};
  std::atomic<bool> pin_refused{false};
};

std::shared_ptr<Card> CardInternals::Create(CardOptions options, ClientEnvironment environment) {
  WatchForks();
  return std::shared_ptr<Card>(new Card(std::make_unique<Card::Impl>(std::move(options), std::move(environment))));
}

std::shared_ptr<Card> Card::Create(CardOptions options) {
  return CardInternals::Create(std::move(options), ClientEnvironment{});
}

Card::Card(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Card::~Card() = default;

const CardUri& Card::uri() const {
  return impl_->options.uri;
}

Result<std::string> Card::Iccid() {
  return impl_->Run([](Transaction& transaction) { return client::ReadIccid(transaction); }, Needs::kPort);
}

Result<iotsafe::ApplicationInfo> Card::Application() {
  return impl_->Run([](Transaction& transaction) { return client::ReadApplication(transaction); });
}

Result<std::vector<iotsafe::ObjectInfo>> Card::List() {
  return impl_->Run([](Transaction& transaction) { return client::ReadObjectList(transaction); });
}

Result<iotsafe::ObjectInfo> Card::Info(const ObjectName& object) {
  SR_TRY_VOID(CheckName(object, object.object_class));
  return impl_->Run([&](Transaction& transaction) { return client::ReadObjectInfo(transaction, object); });
}

Result<Bytes> Card::Random(std::size_t count) {
  if (count == 0) {
    return Fail(ErrorDomain::kUsage, "a random number has 1 byte or more");
  }
  return impl_->Run([&](Transaction& transaction) { return client::ReadRandom(transaction, count); });
}

Result<Bytes> Card::ReadFile(const ObjectName& file) {
  SR_TRY_VOID(CheckName(file, iotsafe::ObjectClass::kFile));
  return impl_->RunCached(
      file, [](const Bytes& cached) { return std::optional<Bytes>(cached); },
      [&](Transaction& transaction) { return client::ReadFileContent(transaction, file); });
}

Result<Point> Card::ReadPublicKey(const ObjectName& public_key) {
  SR_TRY_VOID(CheckName(public_key, iotsafe::ObjectClass::kPublicKey));
  const auto from_cache = [](const Bytes& cached) -> std::optional<Point> {
    Point point{};
    return cached.size() == point.size() && CopyBytes(cached, point) ? std::optional(point) : std::nullopt;
  };
  return impl_->RunCached(public_key, from_cache,
                          [&](Transaction& transaction) { return client::ReadPoint(transaction, public_key); });
}

Result<RawSignature> Card::Sign(const ObjectName& private_key, iotsafe::HashAlgorithm hash, ByteView digest,
                                const Point* expected) {
  SR_TRY_VOID(CheckName(private_key, iotsafe::ObjectClass::kPrivateKey));
  SR_TRY_VOID(CheckDigest(hash, digest));
  return impl_->Run([&](Transaction& transaction) {
    return client::ComputeSignature(transaction, private_key, {hash, digest}, expected);
  });
}

Result<bool> Card::Verify(const ObjectName& public_key, iotsafe::HashAlgorithm hash, ByteView digest,
                          const RawSignature& signature) {
  SR_TRY_VOID(CheckName(public_key, iotsafe::ObjectClass::kPublicKey));
  SR_TRY_VOID(CheckDigest(hash, digest));
  return impl_->Run([&](Transaction& transaction) {
    return client::VerifySignature(transaction, public_key, {hash, digest}, signature);
  });
}

Result<NewKeyPair> Card::GenerateKeyPair(const ObjectName& private_key) {
  SR_TRY_VOID(CheckName(private_key, iotsafe::ObjectClass::kPrivateKey));
  return impl_->RunWithin(
      std::max(impl_->options.timeout, kMinKeyGenerationTime), Repeat::kUnlessReached, Needs::kApplet,
      [&](Transaction& transaction) { return client::GenerateKeyPairOnCard(transaction, private_key); });
}

Result<void> Card::PutPublicKey(const ObjectName& public_key, const Point& point) {
  SR_TRY_VOID(CheckName(public_key, iotsafe::ObjectClass::kPublicKey));
  return impl_->Run([&](Transaction& transaction) { return client::PutPoint(transaction, public_key, point); });
}

Result<std::array<std::uint8_t, 32>> Card::ComputeDh(const ObjectName& private_key, const ObjectName& public_key) {
  SR_TRY_VOID(CheckName(private_key, iotsafe::ObjectClass::kPrivateKey));
  SR_TRY_VOID(CheckName(public_key, iotsafe::ObjectClass::kPublicKey));
  return impl_->Run(
      [&](Transaction& transaction) { return client::ComputeSharedX(transaction, private_key, public_key); });
}

Result<std::array<std::uint8_t, 32>> Card::ComputeDhWith(const ObjectName& private_key, const ObjectName& container,
                                                         const Point& peer) {
  SR_TRY_VOID(CheckName(private_key, iotsafe::ObjectClass::kPrivateKey));
  SR_TRY_VOID(CheckName(container, iotsafe::ObjectClass::kPublicKey));
  return impl_->Run([&](Transaction& transaction) -> Result<std::array<std::uint8_t, 32>> {
    SR_TRY_VOID(client::PutPoint(transaction, container, peer));
    return client::ComputeSharedX(transaction, private_key, container);
  });
}

Result<void> Card::ComputePrf(const ObjectName& secret_key, ByteView other_secret, ByteView label_and_seed,
                              ByteSpan out, iotsafe::HashAlgorithm hash) {
  SR_TRY_VOID(CheckName(secret_key, iotsafe::ObjectClass::kSecretKey));
  return impl_->Run([&](Transaction& transaction) {
    return client::ComputePrfOnCard(transaction, secret_key, {hash, other_secret, label_and_seed}, out);
  });
}

Result<void> Card::ComputeEarlySecret(const ObjectName& secret_key, iotsafe::HashAlgorithm hash, ByteSpan out) {
  SR_TRY_VOID(CheckName(secret_key, iotsafe::ObjectClass::kSecretKey));
  SR_TRY_VOID(CheckDigest(hash, out));
  return impl_->Run(
      [&](Transaction& transaction) { return client::ComputeEarlySecretOnCard(transaction, secret_key, hash, out); });
}

Result<void> Card::ComputePskBinder(const ObjectName& secret_key, iotsafe::HashAlgorithm hash, ByteView transcript_hash,
                                    ByteSpan out) {
  SR_TRY_VOID(CheckName(secret_key, iotsafe::ObjectClass::kSecretKey));
  SR_TRY_VOID(CheckDigest(hash, transcript_hash));
  SR_TRY_VOID(CheckDigest(hash, out));
  return impl_->Run([&](Transaction& transaction) {
    return client::ComputePskStep(transaction, secret_key, {iotsafe::PskStep::kBinder, hash, transcript_hash}, out);
  });
}

Result<void> Card::ComputePskHandshakeSecret(const ObjectName& secret_key, iotsafe::HashAlgorithm hash,
                                             ByteView dh_result, ByteSpan out) {
  SR_TRY_VOID(CheckName(secret_key, iotsafe::ObjectClass::kSecretKey));
  SR_TRY_VOID(CheckDigest(hash, out));
  return impl_->Run([&](Transaction& transaction) {
    return client::ComputePskStep(transaction, secret_key, {iotsafe::PskStep::kHandshakeSecret, hash, dh_result}, out);
  });
}

Result<PublicKey> Card::ReadAnyPublicKey(const ObjectName& public_key) {
  SR_TRY_VOID(CheckName(public_key, iotsafe::ObjectClass::kPublicKey));
  return impl_->RunCached(
      public_key, [this](const Bytes& cached) { return client::ParseCachedKey(cached, impl_->Current().crypto()); },
      [&](Transaction& transaction) { return client::ReadAnyKey(transaction, public_key); });
}

Result<Bytes> Card::SignDigest(const ObjectName& private_key, SignatureScheme scheme, iotsafe::HashAlgorithm hash,
                               ByteView digest) {
  SR_TRY_VOID(CheckName(private_key, iotsafe::ObjectClass::kPrivateKey));
  SR_TRY_VOID(CheckDigest(hash, digest));
  return impl_->Run([&](Transaction& transaction) {
    return client::ComputeAnySignature(transaction, private_key, scheme, {hash, digest});
  });
}

Result<bool> Card::VerifyDigest(const ObjectName& public_key, SignatureScheme scheme, iotsafe::HashAlgorithm hash,
                                ByteView digest, ByteView signature) {
  SR_TRY_VOID(CheckName(public_key, iotsafe::ObjectClass::kPublicKey));
  SR_TRY_VOID(CheckDigest(hash, digest));
  const bool fits = scheme == SignatureScheme::kEcdsa ? signature.size() == iotsafe::kP256SignatureSize ||
                                                            signature.size() == iotsafe::kMaxRawSignatureSize
                                                      : signature.size() == iotsafe::kRsaModulusSize;
  if (!fits) {
    return Fail(ErrorDomain::kUsage, "a signature of " + std::to_string(signature.size()) +
                                         " bytes is none of this scheme: 64 or 96 bytes for ECDSA, 256 for RSA-2048");
  }
  return impl_->Run([&](Transaction& transaction) {
    return client::VerifyAnySignature(transaction, public_key, scheme, {hash, digest}, signature);
  });
}

Result<NewAnyKeyPair> Card::GenerateAnyKeyPair(const ObjectName& private_key) {
  SR_TRY_VOID(CheckName(private_key, iotsafe::ObjectClass::kPrivateKey));
  return impl_->RunWithin(
      std::max(impl_->options.timeout, kMinKeyGenerationTime), Repeat::kUnlessReached, Needs::kApplet,
      [&](Transaction& transaction) { return client::GenerateAnyPairOnCard(transaction, private_key); });
}

Result<void> Card::PutPublicPoint(const ObjectName& public_key, ByteView point) {
  SR_TRY_VOID(CheckName(public_key, iotsafe::ObjectClass::kPublicKey));
  SR_TRY_VOID(CheckPoint(point));
  return impl_->Run([&](Transaction& transaction) { return client::PutPoint(transaction, public_key, point); });
}

Result<Bytes> Card::ComputeSharedSecret(const ObjectName& private_key, const ObjectName& public_key) {
  SR_TRY_VOID(CheckName(private_key, iotsafe::ObjectClass::kPrivateKey));
  SR_TRY_VOID(CheckName(public_key, iotsafe::ObjectClass::kPublicKey));
  return impl_->Run(
      [&](Transaction& transaction) { return client::ComputeAnySharedX(transaction, private_key, public_key); });
}

Result<Bytes> Card::ComputeSharedSecret(const ObjectName& private_key, const ObjectName& container,
                                        ByteView peer_point) {
  SR_TRY_VOID(CheckName(private_key, iotsafe::ObjectClass::kPrivateKey));
  SR_TRY_VOID(CheckName(container, iotsafe::ObjectClass::kPublicKey));
  SR_TRY_VOID(CheckPoint(peer_point));
  return impl_->Run([&](Transaction& transaction) -> Result<Bytes> {
    SR_TRY_VOID(client::PutPoint(transaction, container, peer_point));
    return client::ComputeAnySharedX(transaction, private_key, container);
  });
}

Result<UserPinState> Card::UserPin() {
  return impl_->Run([](Transaction& transaction) { return client::AskUserPin(transaction); });
}

Result<UserPinState> Card::VerifyUserPin(ByteView pin) {
  if (pin.empty() || pin.size() > kMaxUserPinSize) {
    return Fail(ErrorDomain::kUsage, "a PIN has 1 to " + std::to_string(kMaxUserPinSize) + " bytes");
  }
  return impl_->RunWithin(impl_->options.timeout, Repeat::kUnlessReached, Needs::kApplet,
                          [&](Transaction& transaction) { return client::GiveUserPin(transaction, pin); });
}

Result<Bytes> Card::Hash(iotsafe::HashAlgorithm hash, ByteView text) {
  return impl_->RunWithin(TimeFor(impl_->options.timeout, text.size()), Repeat::kAlways, Needs::kApplet,
                          [&](Transaction& transaction) { return client::HashOnCard(transaction, hash, text); });
}

Result<Bytes> Card::Mac(const ObjectName& secret_key, ByteView text) {
  SR_TRY_VOID(CheckName(secret_key, iotsafe::ObjectClass::kSecretKey));
  return impl_->RunWithin(TimeFor(impl_->options.timeout, text.size()), Repeat::kAlways, Needs::kApplet,
                          [&](Transaction& transaction) { return client::ComputeMac(transaction, secret_key, text); });
}

Result<Sealed> Card::Encrypt(const ObjectName& secret_key, iotsafe::CipherMode mode, ByteView text, ByteView aad) {
  if (mode == iotsafe::CipherMode::kOaep) {
    return Fail(ErrorDomain::kUsage, "a card does not encrypt with RSA-OAEP: that needs only the public key",
                "read the public key and encrypt in software");
  }
  SR_TRY_VOID(CheckName(secret_key, iotsafe::ObjectClass::kSecretKey));
  SR_TRY_VOID(CheckCipher(mode, text.size(), aad));
  return impl_->RunWithin(
      TimeFor(impl_->options.timeout, text.size()), Repeat::kAlways, Needs::kApplet,
      [&](Transaction& transaction) { return client::EncryptOnCard(transaction, secret_key, mode, text, aad); });
}

Result<Bytes> Card::Decrypt(const ObjectName& key, const Sealed& sealed, ByteView aad) {
  const bool oaep = sealed.mode == iotsafe::CipherMode::kOaep;
  SR_TRY_VOID(CheckName(key, oaep ? iotsafe::ObjectClass::kPrivateKey : iotsafe::ObjectClass::kSecretKey));
  SR_TRY_VOID(CheckCipher(sealed.mode, sealed.ciphertext.size(), aad));
  SR_TRY_VOID(CheckSealed(sealed));
  return impl_->RunWithin(
      TimeFor(impl_->options.timeout, sealed.ciphertext.size()), Repeat::kAlways, Needs::kApplet,
      [&](Transaction& transaction) { return client::DecryptOnCard(transaction, key, sealed, aad); });
}

void Card::Close() {
  Session& session = impl_->Current();
  const auto guard = session.Acquire(Deadline::After(impl_->options.timeout));
  if (guard) {
    session.Close();
  }
}

ExchangeCounters Card::Counters() {
  Session& session = impl_->Current();
  const auto guard = session.Acquire(Deadline::After(impl_->options.timeout));
  return guard ? session.Counters() : ExchangeCounters{};
}

}  // namespace simroot::device
