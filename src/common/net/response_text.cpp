// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <ctime>

#include "common/net/messages.hpp"

namespace simroot::net {
namespace {

struct Reason {
  int status;
  std::string_view phrase;
};
constexpr std::array kReasons{Reason{100, "Continue"},
                              Reason{200, "OK"},
                              Reason{201, "Created"},
                              Reason{202, "Accepted"},
                              Reason{204, "No Content"},
                              Reason{304, "Not Modified"},
                              Reason{400, "Bad Request"},
                              Reason{401, "Unauthorized"},
                              Reason{403, "Forbidden"},
                              Reason{404, "Not Found"},
                              Reason{405, "Method Not Allowed"},
                              Reason{406, "Not Acceptable"},
                              Reason{408, "Request Timeout"},
                              Reason{409, "Conflict"},
                              Reason{410, "Gone"},
                              Reason{413, "Content Too Large"},
                              Reason{415, "Unsupported Media Type"},
                              Reason{417, "Expectation Failed"},
                              Reason{422, "Unprocessable Content"},
                              Reason{429, "Too Many Requests"},
                              Reason{431, "Request Header Fields Too Large"},
                              Reason{500, "Internal Server Error"},
                              Reason{501, "Not Implemented"},
                              Reason{503, "Service Unavailable"},
                              Reason{505, "HTTP Version Not Supported"}};

void AddHeader(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value) {
    head.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c);
  }
  head += "\r\n";
}

/// RFC 9110 5.6.7. Not strftime with names of days and months: those follow the program's locale.
std::string HttpDate(std::time_t now) {
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> day{};
  std::array<char, 32> rest{};
  (void)std::strftime(day.data(), day.size(), "%d ", &parts);
  (void)std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT", &parts);
  std::string date(kDays.at(static_cast<std::size_t>(parts.tm_wday)));
  date.append(", ").append(day.data()).append(kMonths.at(static_cast<std::size_t>(parts.tm_mon))).append(rest.data());
  return date;
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  const auto* const found = std::ranges::find(kReasons, status, &Reason::status);
  return found == kReasons.end() ? "Unknown" : found->phrase;
}

std::string WriteHead(const HttpResponse& answer, const Framing& framing) {
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " ";
  head.append(ReasonPhrase(answer.status)).append("\r\n");
  AddHeader(head, "Date", HttpDate(std::time(nullptr)));
  // RFC 9110 8.6: these have no body and say nothing about one.
  if (answer.status != 204 && answer.status != 304 && answer.status >= 200) {
    if (!answer.content_type.empty()) {
      AddHeader(head, "Content-Type", answer.content_type);
    }
    if (framing.length) {
      AddHeader(head, "Content-Length", std::to_string(*framing.length));
    } else if (framing.chunked) {
      AddHeader(head, "Transfer-Encoding", "chunked");
    }
  }
  AddHeader(head, "Connection", framing.keep_alive ? "keep-alive" : "close");
  for (const auto& [name, value] : answer.headers) {
    AddHeader(head, name, value);
  }
  return head + "\r\n";
}

std::string WriteChunk(std::string_view data) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string size;
  for (std::size_t rest = data.size(); rest != 0; rest /= 16) {
    size.insert(size.begin(), kDigits.at(rest % 16));
  }
  if (size.empty()) {
    return "0\r\n\r\n";
  }
  return size.append("\r\n").append(data).append("\r\n");
}

HttpResponse MakeProblem(int status, const std::string& detail) {
  HttpResponse answer;
  answer.status = status;
  answer.content_type = "application/problem+json";
  answer.body = R"({"type":"about:blank","title":")" + std::string(ReasonPhrase(status)) + R"(","status":)" +
                std::to_string(status) + R"(,"detail":")" + detail + "\"}\n";
  return answer;
}

}  // namespace simroot::net
