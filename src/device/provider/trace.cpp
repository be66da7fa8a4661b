// SPDX-License-Identifier: Apache-2.0
#include "device/provider/trace.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

#include "common/iotsafe/describe.hpp"

namespace simroot::provider {

Result<std::unique_ptr<Trace>> Trace::Open(const std::string& target) {
  // A copy of standard error, so that closing this one leaves the program's alone.
  UniqueFd file(target == "stderr" ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                                   : ::open(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) {
    return Fail(ErrorDomain::kStore,
                "the trace file " + target + " cannot be opened: " + std::generic_category().message(errno),
                "set SIMROOT_TRACE to a file that can be written, or to stderr");
  }
  return std::unique_ptr<Trace>(new Trace(std::move(file)));
}

void Trace::OnExchange(ByteView command, ByteView response, std::chrono::microseconds took) {
  // Long enough for any short exchange in words; what is longer is cut by the writer.
  std::array<char, 4096> memory{};
  TextWriter line(memory);
  line.Put("-> ");
  iotsafe::DescribeCommand(command, iotsafe::Secrets::kHide, line);
  line.Put("\n<- ");
  iotsafe::DescribeResponse(command, response, iotsafe::Secrets::kHide, line);
  line.Put(" (");
  line.PutDecimal(static_cast<std::size_t>(took.count()));
  line.Put(" us)");
  std::string text(line.text());
  text += '\n';
  // A trace that cannot be written must not break a handshake.
  static_cast<void>(!::write(file_.get(), text.data(), text.size()));
}

}  // namespace simroot::provider
