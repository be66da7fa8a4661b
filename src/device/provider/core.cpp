// SPDX-License-Identifier: Apache-2.0
#include "device/provider/core.hpp"

#include <openssl/params.h>

#include <array>
#include <cstdarg>

namespace simroot::provider {
namespace {

template <typename Function>
void Take(const OSSL_DISPATCH& row, Function*& out) {
  out = reinterpret_cast<Function*>(row.function);
}

/// Reason number 0 means "none" to libcrypto.
std::uint32_t ReasonOf(ErrorDomain domain) {
  return static_cast<std::uint32_t>(domain) + 1;
}

OSSL_ITEM Reason(ErrorDomain domain, const char* text) {
  return {ReasonOf(domain), const_cast<char*>(text)};
}

}  // namespace

Core::Core(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions) : handle_(handle) {
  for (const OSSL_DISPATCH* row = functions; row->function_id != 0; ++row) {
    switch (row->function_id) {
      case OSSL_FUNC_CORE_GET_PARAMS:
        Take(*row, get_params_);
        break;
      case OSSL_FUNC_CORE_NEW_ERROR:
        Take(*row, new_error_);
        break;
      case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
        Take(*row, set_error_debug_);
        break;
      case OSSL_FUNC_CORE_VSET_ERROR:
        Take(*row, vset_error_);
        break;
      case OSSL_FUNC_BIO_GETS:
        Take(*row, bio_gets_);
        break;
      case OSSL_FUNC_BIO_READ_EX:
        Take(*row, bio_read_ex_);
        break;
      case OSSL_FUNC_BIO_WRITE_EX:
        Take(*row, bio_write_ex_);
        break;
      default:
        break;
    }
  }
}

void Core::Put(ErrorDomain domain, const char* file, int line, const char* format, ...) const {
  if (new_error_ == nullptr || set_error_debug_ == nullptr || vset_error_ == nullptr) {
    return;
  }
  new_error_(handle_);
  // Without a function name: inside a guard it would only ever say that of a lambda.
  set_error_debug_(handle_, file, line, "");
  va_list arguments;
  va_start(arguments, format);
  vset_error_(handle_, ReasonOf(domain), format, arguments);
  va_end(arguments);
}

void Core::Raise(const Error& error, const char* file, int line) const {
  Put(error.domain, file, line, "%s", error.Text().c_str());
}

void Core::RaiseText(ErrorDomain domain, const char* text, const char* file, int line) const noexcept {
  Put(domain, file, line, "%s", text);
}

std::string Core::ConfigValue(const char* name) const {
  char* value = nullptr;
  std::array params{OSSL_PARAM_construct_utf8_ptr(name, &value, 0), OSSL_PARAM_construct_end()};
  if (get_params_ == nullptr || get_params_(handle_, params.data()) != 1 || value == nullptr) {
    return {};
  }
  return value;
}

std::string_view Core::ReadLine(OSSL_CORE_BIO* bio, std::span<char> line) const {
  if (bio_gets_ == nullptr) {
    return {};
  }
  const int count = bio_gets_(bio, line.data(), static_cast<int>(line.size()));
  return count > 0 ? std::string_view(line.data(), static_cast<std::size_t>(count)) : std::string_view();
}

std::size_t Core::Read(OSSL_CORE_BIO* bio, ByteSpan out) const {
  std::size_t total = 0;
  std::size_t count = 0;
  while (total < out.size() && bio_read_ex_ != nullptr &&
         bio_read_ex_(bio, out.subspan(total).data(), out.size() - total, &count) == 1 && count > 0) {
    total += count;
  }
  return total;
}

bool Core::Write(OSSL_CORE_BIO* bio, std::string_view text) const {
  std::size_t written = 0;
  return bio_write_ex_ != nullptr && bio_write_ex_(bio, text.data(), text.size(), &written) == 1 &&
         written == text.size();
}

const OSSL_ITEM* ReasonStrings() {
  static const std::array kReasons{
      Reason(ErrorDomain::kUsage, "not possible as asked"),
      Reason(ErrorDomain::kTransport, "card not reachable"),
      Reason(ErrorDomain::kCard, "refused by the card"),
      Reason(ErrorDomain::kProtocol, "card not understood"),
      Reason(ErrorDomain::kCrypto, "wrong key or failed cryptography"),
      Reason(ErrorDomain::kStore, "file not usable"),
      OSSL_ITEM{0, nullptr},
  };
  return kReasons.data();
}

}  // namespace simroot::provider
