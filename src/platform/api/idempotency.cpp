// SPDX-License-Identifier: Apache-2.0
#include "platform/api/idempotency.hpp"

#include <algorithm>

#include "common/crypto/openssl/openssl_crypto.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kLongestKey = 128;

bool IsKey(std::string_view key) {
  return !key.empty() && key.size() <= kLongestKey &&
         std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7F; });
}

net::HttpResponse Again(const Context& context, const StoreReader::Reply& reply) {
  net::HttpResponse answer;
  answer.status = reply.status;
  answer.content_type = context.route.response_type;
  answer.headers["Idempotency-Replayed"] = "true";
  answer.body = reply.body;
  return answer;
}

}  // namespace

Outcome<Bytes> HashRequest(const net::HttpRequest& request) {
  const auto crypto = crypto::OpenSslCrypto::Create();
  crypto::HashState state;
  Bytes digest(iotsafe::DigestSize(crypto::HashAlgorithm::kSha256));
  bool ok = crypto != nullptr && crypto->HashBegin(crypto::HashAlgorithm::kSha256, state);
  for (const std::string* const part : {&request.method, &request.path, &request.body}) {
    // With its length, so that nothing can be moved from one part to the next.
    ok = ok && crypto->HashUpdate(state, AsBytes(std::to_string(part->size()) + ":")) &&
         crypto->HashUpdate(state, AsBytes(*part));
  }
  if (!ok || !crypto->HashFinish(state, digest)) {
    return Refuse(FailureKind::kInternal, "the crypto library cannot hash a request");
  }
  return digest;
}

Outcome<std::optional<Idempotency::Reply>> Idempotency::Find(const std::string& actor, const std::string& key) {
  std::optional<Reply> reply;
  SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
    auto found = reader.FindReply(actor, key);
    if (found) {
      reply = std::move(*found);
    } else if (found.error().kind != FailureKind::kNotFound) {
      return tl::make_unexpected(std::move(found).error());
    }
    return {};
  }));
  return reply;
}

Outcome<net::HttpResponse> Idempotency::RunOnce(Context& context, const std::string& actor, const std::string& key) {
  SR_TRY(const Bytes hash, HashRequest(context.request));
  SR_TRY(const std::optional<Reply> before, Find(actor, key));
  if (before) {
    if (before->request_hash != hash) {
      return Refuse(FailureKind::kInvalid, "this idempotency key was used for another request", "take a new key");
    }
    if (context.route.secret) {
      return Refuse(FailureKind::kConflict, "this was done before, and its answer is shown only once",
                    "revoke what was made and make a new one");
    }
    return Again(context, *before);
  }
  SR_TRY(net::HttpResponse answer, context.route.handler(context));
  if (answer.status >= 200 && answer.status < 300) {
    const Reply reply{hash, answer.status, context.route.secret ? std::string() : answer.body, clock_.Now()};
    // It is done: a failure to note it must not become the answer. The next request with this key is worked on again.
    (void)store_.Write([&](StoreWriter& writer) { return writer.InsertReply(actor, key, reply); });
  }
  return answer;
}

Outcome<net::HttpResponse> Idempotency::Run(Context& context) {
  const std::string& key = context.request.headers.find("idempotency-key")->second;
  if (!IsKey(key)) {
    return Refuse(FailureKind::kInvalid, "an idempotency key has 1 to 128 visible ASCII characters");
  }
  const std::string actor = context.actor.name + "/" + std::to_string(context.actor.tenant);
  const std::string running = actor + " " + key;
  {
    const std::lock_guard lock(mutex_);
    if (!running_.insert(running).second) {
      return Refuse(FailureKind::kConflict, "the first request with this idempotency key is still being worked on",
                    "wait a little, then send it again");
    }
  }
  struct Leave {
    Idempotency& owner;
    const std::string& name;
    ~Leave() {
      const std::lock_guard lock(owner.mutex_);
      owner.running_.erase(name);
    }
  };
  const Leave leave{*this, running};
  return RunOnce(context, actor, key);
}

}  // namespace simroot::platform
