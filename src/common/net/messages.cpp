// SPDX-License-Identifier: Apache-2.0
// The only source that knows Beast: its parsers cost seconds to compile.
#include "common/net/messages.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/optional.hpp>

#include "common/net/url.hpp"

namespace simroot::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

/// A body in a string. Beast's own reserves what the sender announces, before a byte of it has come.
struct GrowingBody {
  using value_type = std::string;

  class reader {  // NOLINT(readability-identifier-naming): as Beast wants it
   public:
    template <bool kRequest, class Fields>
    reader(http::header<kRequest, Fields>& /*head*/, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>& /*announced*/, error_code& ec) { ec = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& ec) {
      ec = {};
      std::size_t count = 0;
      for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
        count += buffer.size();
      }
      return count;
    }
    void finish(error_code& ec) { ec = {}; }

   private:
    value_type& body_;
  };
};

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view View(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

/// Headers whose meaning is lost when two lines are joined.
constexpr std::array<std::string_view, 8> kSingle{
    "host",          "content-length", "transfer-encoding", "content-type",
    "authorization", "expect",         "idempotency-key",   "last-event-id"};

/// Feeds `in` to a parser for as long as it takes something. The bytes taken are removed.
template <typename Parser>
error_code PutAll(Parser& parser, std::string& in) {
  error_code ec;
  std::size_t used = 0;
  while (used < in.size() && !parser.is_done()) {
    const std::string_view rest = std::string_view(in).substr(used);
    const std::size_t taken = parser.put(boost::asio::buffer(rest.data(), rest.size()), ec);
    used += taken;
    if (ec || taken == 0) {
      break;
    }
  }
  in.erase(0, used);
  return ec == http::error::need_more ? error_code{} : ec;
}

constexpr std::string_view kEndOfHead = "\r\n\r\n";
/// Of a chunk's size line with its extensions, and of trailers.
constexpr std::size_t kChunkLineLimit = 16 * 1024;

}  // namespace

struct RequestReader::Parts {
  Parts(std::size_t head, std::size_t body) : head_limit(head) {
    parser.header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(head, 0x7FFFFFFF)));
    parser.body_limit(body);
    parser.eager(true);
  }

  State Refuse(int how, std::string why) {
    status = how;
    detail = std::move(why);
    return State::kRefused;
  }

  /// Looks at the bytes of the head that are new. False: there is one that no head has.
  bool CheckNewBytes(std::string_view in);
  State ReadHead(std::string& in);
  State ReadBody(std::string& in);
  State FillRequest();
  bool CollectHeaders();

  std::size_t head_limit;
  std::size_t checked = 0;  ///< bytes of the head that CheckNewBytes has seen
  bool head_done = false;
  int status = 0;
  std::string detail;
  HttpRequest request;
  http::request_parser<GrowingBody> parser;
};

bool RequestReader::Parts::CheckNewBytes(std::string_view in) {
  const std::size_t end = std::min(in.find(kEndOfHead, checked > 3 ? checked - 3 : 0), in.size());
  char before = checked > 0 ? in[checked - 1] : '\0';
  for (const char c : in.substr(std::min(checked, end), end - std::min(checked, end))) {
    const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7F;
    // A line feed alone, a carriage return alone, and a line that goes on in the next (RFC 9112 5.2).
    if (control || (c == '\n') != (before == '\r') || (before == '\n' && (c == ' ' || c == '\t'))) {
      return false;
    }
    before = c;
  }
  checked = std::max(checked, end);
  return true;
}

RequestReader::State RequestReader::Parts::ReadHead(std::string& in) {
  while (checked == 0 && in.starts_with("\r\n")) {  // RFC 9112 2.2: an empty line in front of a request is skipped
    in.erase(0, 2);
  }
  if (checked == 0 && in == "\r") {
    return State::kNeedMore;
  }
  if (!CheckNewBytes(in)) {
    return Refuse(400, "the head of the request holds a character or a line break that is not allowed there");
  }
  const std::size_t end = in.find(kEndOfHead, checked > 3 ? checked - 3 : 0);
  const std::size_t size = end == std::string::npos ? in.size() : end + kEndOfHead.size();
  if (size > head_limit) {
    return Refuse(431, "the request line and the headers are longer than " + std::to_string(head_limit) + " bytes");
  }
  if (end == std::string::npos) {
    return State::kNeedMore;
  }
  error_code ec;
  parser.eager(false);
  const std::size_t used = parser.put(boost::asio::buffer(in.data(), size), ec);
  parser.eager(true);
  if (ec == http::error::body_limit) {
    return Refuse(413, "the body is longer than this server takes");
  }
  if (ec || !parser.is_header_done() || used != size) {
    return Refuse(400, "the head of the request is not HTTP/1.1");
  }
  in.erase(0, size);
  head_done = true;
  return FillRequest();
}

bool RequestReader::Parts::CollectHeaders() {
  for (const auto& field : parser.get()) {
    const std::string name = LowerCase(View(field.name_string()));
    const auto [place, fresh] = request.headers.emplace(name, View(field.value()));
    if (!fresh) {
      if (std::ranges::find(kSingle, name) != kSingle.end()) {
        return false;
      }
      place->second.append(", ").append(View(field.value()));
    }
  }
  return true;
}

RequestReader::State RequestReader::Parts::FillRequest() {
  const auto& head = parser.get();
  if (!CollectHeaders()) {
    return Refuse(400, "a header that may come once comes twice");
  }
  if (head.version() != 10 && head.version() != 11) {
    return Refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (const auto coding = request.headers.find("transfer-encoding"); coding != request.headers.end()) {
    if (LowerCase(coding->second) != "chunked" || head.version() == 10) {
      return Refuse(501, "no transfer coding but chunked is understood here");
    }
  }
  if (head.version() == 11 && !request.headers.contains("host")) {
    return Refuse(400, "the header Host is missing");
  }
  auto target = ParseTarget(View(head.target()));
  if (!target) {
    return Refuse(400, "the target of the request is not a path with at most one query, or not properly encoded");
  }
  if (const auto expect = request.headers.find("expect"); expect != request.headers.end()) {
    if (LowerCase(expect->second) != "100-continue") {
      return Refuse(417, "nothing but 100-continue can be expected here");
    }
  }
  request.method = View(head.method_string());
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  return parser.is_done() ? State::kDone : State::kHead;
}

RequestReader::State RequestReader::Parts::ReadBody(std::string& in) {
  if (const error_code ec = PutAll(parser, in)) {
    return ec == http::error::body_limit ? Refuse(413, "the body is longer than this server takes")
                                         : Refuse(400, "the body of the request is not framed as HTTP/1.1 says");
  }
  if (parser.is_done()) {
    return State::kDone;
  }
  if (in.size() > kChunkLineLimit) {
    return Refuse(400, "a line between chunks of the body is too long");
  }
  return State::kNeedMore;
}

RequestReader::RequestReader(std::size_t head_limit, std::size_t body_limit)
    : parts_(std::make_unique<Parts>(head_limit, body_limit)) {}
RequestReader::~RequestReader() = default;

RequestReader::State RequestReader::Feed(std::string& in) {
  return parts_->head_done ? parts_->ReadBody(in) : parts_->ReadHead(in);
}

int RequestReader::status() const {
  return parts_->status;
}
const std::string& RequestReader::detail() const {
  return parts_->detail;
}
bool RequestReader::expects_continue() const {
  return parts_->request.headers.contains("expect") && !old_version();
}
std::size_t RequestReader::body_size() const {
  return parts_->parser.get().body().size();
}
bool RequestReader::keep_alive() const {
  return parts_->parser.get().keep_alive();
}
bool RequestReader::old_version() const {
  return parts_->parser.get().version() == 10;
}
HttpRequest RequestReader::Take() {
  parts_->request.body = std::move(parts_->parser.get().body());
  return std::move(parts_->request);
}

struct ReplyReader::Parts {
  Parts(bool no_body, std::uint64_t limit) : head_only(no_body), body_limit(limit) { Renew(); }

  void Renew() {
    parser.emplace();
    parser->header_limit(64 * 1024);
    parser->body_limit(body_limit);
    parser->eager(true);
    parser->skip(head_only);
  }

  bool head_only;
  std::uint64_t body_limit;
  boost::optional<http::response_parser<GrowingBody>> parser;
};

ReplyReader::ReplyReader(bool head_only, std::uint64_t body_limit)
    : parts_(std::make_unique<Parts>(head_only, body_limit)) {}
ReplyReader::~ReplyReader() = default;

ReplyReader::State ReplyReader::Feed(std::string& in) {
  while (true) {
    if (PutAll(*parts_->parser, in)) {
      return State::kBroken;
    }
    const bool interim = parts_->parser->is_header_done() && parts_->parser->get().result_int() / 100 == 1;
    if (!interim || !parts_->parser->is_done()) {
      return parts_->parser->is_done() ? State::kDone : State::kNeedMore;
    }
    parts_->Renew();
  }
}

ReplyReader::State ReplyReader::Close() {
  if (!parts_->parser->is_header_done()) {
    return State::kBroken;
  }
  error_code ec;
  parts_->parser->put_eof(ec);
  return !ec && parts_->parser->is_done() ? State::kDone : State::kBroken;
}

bool ReplyReader::head_done() const {
  return parts_->parser->is_header_done();
}
bool ReplyReader::keep_alive() const {
  return parts_->parser->keep_alive();
}
int ReplyReader::status() const {
  return static_cast<int>(parts_->parser->get().result_int());
}
Headers ReplyReader::TakeHeaders() {
  Headers headers;
  for (const auto& field : parts_->parser->get()) {
    const auto [place, fresh] = headers.emplace(LowerCase(View(field.name_string())), View(field.value()));
    if (!fresh) {
      place->second.append(", ").append(View(field.value()));
    }
  }
  return headers;
}
std::string ReplyReader::TakeBody() {
  return std::exchange(parts_->parser->get().body(), {});
}

}  // namespace simroot::net
