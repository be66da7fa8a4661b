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

/// Who waits for changes. He may be shut out meanwhile: then he gets nothing any more.
class Reader {
 public:
  /// @param token empty: an application server, known by its certificate.
  Reader(ApiParts& parts, Actor actor, std::string_view token, const Page& page)
      : parts_(parts), actor_(std::move(actor)), token_(AsBytes(token)), page_(page) {}

  /// A failure: nobody knows, the store does not answer.
  [[nodiscard]] Outcome<bool> IsStillAllowed() {
    const ByteView token = token_.Reveal(InsecureReveal::kForCrypto);
    const auto actor = token.empty() ? parts_.service.AuthenticateServer(actor_.certificate)
                                     : parts_.service.Authenticate(AsText(token));
    if (!actor && actor.error().kind != FailureKind::kDenied) {
      return tl::make_unexpected(actor.error());
    }
    return actor && actor->tenant == actor_.tenant;
  }
  [[nodiscard]] Outcome<Part> Read() { return ReadPart(parts_, actor_, page_); }
  [[nodiscard]] const Page& page() const { return page_; }
  void GoOnAfter(std::int64_t number) { page_.after = number; }

 private:
  ApiParts& parts_;
  Actor actor_;
  SecretBytes token_;
  Page page_;
};

/// Ends with the first changes, or with none when the time is over; without a body, which no reader takes for an
/// answer, when they cannot be read.
class Poll final : public net::HttpStream {
 public:
  explicit Poll(Reader reader) : reader_(std::move(reader)) {}

  Next Pull(std::string& out, bool idle) override {
    auto part = ReadIfAllowed();
    if (part && part->items.empty() && !idle && allowed_) {
      return Next::kWait;
    }
    if (part) {
      out += ToText(std::move(*part));
    }
    return Next::kEnd;
  }

 private:
  [[nodiscard]] Outcome<Part> ReadIfAllowed() {
    SR_TRY(allowed_, reader_.IsStillAllowed());
    return allowed_ ? reader_.Read() : Part{{}, reader_.page().after};
  }

  bool allowed_ = false;
  Reader reader_;
};

/// Server-sent events, for as long as the reader may read them.
class Events final : public net::HttpStream {
 public:
  explicit Events(Reader reader) : reader_(std::move(reader)) {}

  Next Pull(std::string& out, bool idle) override {
    if (!reader_.IsStillAllowed().value_or(false)) {
      return Next::kEnd;
    }
    auto part = reader_.Read();
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
    reader_.GoOnAfter(part->next);
    return part->items.size() >= reader_.page().limit ? Next::kData : Next::kWait;
  }

 private:
  Reader reader_;
};

bool WantsEvents(const Context& context) {
  const auto accept = context.request.headers.find("accept");
  return accept != context.request.headers.end() && accept->second.find("text/event-stream") != std::string::npos;
}

Reader ReaderOf(const Context& context) {
  std::string_view token;
  if (context.actor.certificate.empty()) {
    const auto header = context.request.headers.find("authorization");
    token = header == context.request.headers.end() ? std::string_view() : header->second;
    token.remove_prefix(std::min(token.find(' ') + 1, token.size()));
  }
  return {context.parts, context.actor, token, context.page};
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
  net::HttpResponse answer;
  answer.content_type = "text/event-stream";
  answer.headers["Cache-Control"] = "no-store";
  answer.idle_s = context.parts.options.keep_alive_s;
  answer.stream = std::make_unique<Events>(ReaderOf(context));
  return answer;
}

}  // namespace

Answer ReadFeed(Context& context) {
  if (WantsEvents(context)) {
    return OpenEvents(context);
  }
  const auto wait = ParseNumber(context.Query("wait"));
  // Also who would wait: a store that fails now is a proper error, later there is none any more.
  SR_TRY(Part part, ReadPart(context.parts, context.actor, context.page));
  if (!wait || *wait == 0 || !part.items.empty()) {
    return context.Raw(ToText(std::move(part)));
  }
  net::HttpResponse answer;
  answer.long_poll = true;
  answer.idle_s = static_cast<unsigned>(std::min<std::int64_t>(*wait, context.parts.options.longest_wait_s));
  answer.stream = std::make_unique<Poll>(ReaderOf(context));
  return answer;
}

Answer ReadSnapshot(Context& context) {
  SR_TRY(const SnapshotPart part, context.parts.service.Snapshot(context.actor, context.page));
  SR_TRY(const json::object object, ReadStore(context, [&](StoreReader& reader) -> Outcome<json::object> {
           Describer describer(reader);  // for names of tenants, which never change
           json::array items;
           items.reserve(part.items.size());
           for (const ToldCredential& told : part.items) {
             SR_TRY(json::object item, describer.Describe(told));
             items.push_back(std::move(item));
           }
           json::value next;
           if (part.next != 0) {
             next = part.next;
           }
           return json::object{{"items", std::move(items)}, {"next", std::move(next)}, {"feed", part.feed_number}};
         }));
  return context.Json(object);
}

Answer ListFeedAuthorities(Context& context) {
  return ShowPage(context,
                  [&](StoreReader& reader) { return PageOfAuthorities(context, reader, context.actor.tenant); });
}

Answer RecordUse(Context& context) {
  SR_TRY(const Credential credential, context.parts.service.RecordUse(context.actor, context.Text("credential")));
  return Show(context, credential);
}

}  // namespace simroot::platform::handlers
