// SPDX-License-Identifier: Apache-2.0
// The changes that application servers follow: at once, by long poll, as server-sent events.
#include <boost/json.hpp>

#include "platform/api/handlers.hpp"
#include "platform/api/path_match.hpp"

namespace simroot::platform::handlers {
namespace {

/// A part of the feed, described.
struct Part {
  json::array items;
  std::int64_t next = 0;  ///< where the reader goes on
};

Outcome<Part> ReadPart(ApiParts& parts, const Actor& actor, const Page& page) {
  Part part;
  part.next = page.after;
  SR_TRY(const std::vector<FeedItem> items, parts.service.Feed(actor, page));
  if (items.empty()) {
    return part;
  }
  SR_TRY_VOID(parts.store.Read([&](StoreReader& reader) -> Outcome<void> {
    Describer describer(reader);
    for (const FeedItem& item : items) {
      SR_TRY(json::object described, describer.Describe(item));
      part.items.push_back(std::move(described));
      part.next = item.event.number;
    }
    return {};
  }));
  return part;
}

std::string ToText(Part part) {
  return json::serialize(json::object{{"items", std::move(part.items)}, {"next", part.next}}) + "\n";
}

/// Ends with the first changes, or with none when the time is over.
class Poll final : public net::HttpStream {
 public:
  Poll(ApiParts& parts, Actor actor, const Page& page) : parts_(parts), actor_(std::move(actor)), page_(page) {}

  Next Pull(std::string& out, bool idle) override {
    auto part = ReadPart(parts_, actor_, page_);
    if (part && part->items.empty() && !idle) {
      return Next::kWait;
    }
    out += ToText(part ? std::move(*part) : Part{{}, page_.after});
    return Next::kEnd;
  }

 private:
  ApiParts& parts_;
  Actor actor_;
  Page page_;
};

/// Server-sent events, for as long as the reader may read them.
class Events final : public net::HttpStream {
 public:
  Events(ApiParts& parts, Actor actor, std::string_view token, const Page& page)
      : parts_(parts), actor_(std::move(actor)), token_(AsBytes(token)), page_(page) {}

  Next Pull(std::string& out, bool idle) override {
    if (!IsStillAllowed()) {
      return Next::kEnd;
    }
    auto part = ReadPart(parts_, actor_, page_);
    if (!part) {
      return Next::kEnd;  // the reader comes again with the last number it has seen
    }
    for (const json::value& item : part->items) {
      const json::object& object = item.get_object();
      out += "id: " + json::serialize(object.at("number")) + "\nevent: " + std::string(object.at("kind").get_string()) +
             "\ndata: " + json::serialize(item) + "\n\n";
    }
    if (part->items.empty() && idle) {
      out += ": still here\n\n";
    }
    page_.after = part->next;
    return part->items.size() >= page_.limit ? Next::kData : Next::kWait;
  }

 private:
  /// A stream lives long; a token or a server may be revoked meanwhile.
  bool IsStillAllowed() {
    const ByteView token = token_.Reveal(InsecureReveal::kForCrypto);
    const auto actor = token.empty() ? parts_.service.AuthenticateServer(actor_.certificate)
                                     : parts_.service.Authenticate(AsText(token));
    return actor && actor->tenant == actor_.tenant;
  }

  ApiParts& parts_;
  Actor actor_;
  SecretBytes token_;  ///< empty: an application server
  Page page_;
};

bool WantsEvents(const Context& context) {
  const auto accept = context.request.headers.find("accept");
  return accept != context.request.headers.end() && accept->second.find("text/event-stream") != std::string::npos;
}

Answer OpenEvents(Context& context) {
  const auto last = context.request.headers.find("last-event-id");
  if (last != context.request.headers.end()) {
    const auto number = ParseNumber(last->second);
    if (!number) {
      return Refuse(FailureKind::kInvalid, "Last-Event-ID is not the number of an event");
    }
    context.page.after = *number;
  }
  std::string_view token;
  if (context.actor.certificate.empty()) {
    const auto header = context.request.headers.find("authorization");
    token = header == context.request.headers.end() ? std::string_view() : header->second;
    token.remove_prefix(std::min(token.find(' ') + 1, token.size()));
  }
  net::HttpResponse answer;
  answer.content_type = "text/event-stream";
  answer.headers["Cache-Control"] = "no-store";
  answer.idle_s = context.parts.options.keep_alive_s;
  answer.stream = std::make_unique<Events>(context.parts, context.actor, token, context.page);
  return answer;
}

}  // namespace

Answer ReadFeed(Context& context) {
  if (WantsEvents(context)) {
    return OpenEvents(context);
  }
  const auto wait = ParseNumber(context.Query("wait"));
  if (!wait || *wait == 0) {
    SR_TRY(Part part, ReadPart(context.parts, context.actor, context.page));
    return context.Raw(ToText(std::move(part)));
  }
  net::HttpResponse answer;
  answer.long_poll = true;
  answer.idle_s = static_cast<unsigned>(std::min<std::int64_t>(*wait, context.parts.options.longest_wait_s));
  answer.stream = std::make_unique<Poll>(context.parts, context.actor, context.page);
  return answer;
}

Answer RecordUse(Context& context) {
  SR_TRY(const Credential credential, context.parts.service.RecordUse(context.actor, context.Text("credential")));
  return Show(context, credential);
}

}  // namespace simroot::platform::handlers
