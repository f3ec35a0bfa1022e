#include "cli/pipes.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "cli/interrupt.h"
#include "cli/terminal.h"

namespace attune::cli {

InterruptibleInput::int_type InterruptibleInput::underflow() {
  // Looked at between waits: a signal that comes just before poll() would not end it.
  constexpr int kMilliseconds = 100;
  while (!interrupted()) {
    pollfd ready{STDIN_FILENO, POLLIN, 0};
    const int count = poll(&ready, 1, kMilliseconds);
    if (count == 0 || (count < 0 && errno == EINTR)) continue;
    const ssize_t size = read(STDIN_FILENO, buffer_, sizeof(buffer_));
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size <= 0) break;
    setg(buffer_, buffer_, buffer_ + size);
    return traits_type::to_int_type(*gptr());
  }
  return traits_type::eof();
}

CheckedOutput::int_type CheckedOutput::overflow(int_type c) {
  if (c != traits_type::eof()) line_ += traits_type::to_char_type(c);
  return traits_type::not_eof(c);
}

std::streamsize CheckedOutput::xsputn(const char* text, std::streamsize size) {
  line_.append(text, static_cast<size_t>(size));
  return size;
}

int CheckedOutput::sync() {
  const std::string line = std::move(line_);
  line_.clear();
  write_answer(line);
  return 0;
}

}  // namespace attune::cli
