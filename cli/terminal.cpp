#include "cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "cli/command.h"
#include "cli/interrupt.h"

namespace attune::cli {
namespace {

// Waits until a write will not block; false: Ctrl-C was pressed, and nobody has read for a while.
bool wait_to_write(int file) noexcept {
  constexpr int kMilliseconds = 100, kRoundsWhenInterrupted = 5;
  for (int rounds = 0; rounds < kRoundsWhenInterrupted; rounds += interrupted() ? 1 : 0) {
    pollfd ready{file, POLLOUT, 0};
    const int count = poll(&ready, 1, kMilliseconds);
    if (count > 0 || (count < 0 && errno != EINTR)) return true;  // the write says what is wrong
  }
  return false;
}

// Writes it all and returns 0, or the errno of what went wrong.
int write_all(int file, std::string_view text) noexcept {
  struct stat kind {};
  const bool may_block = fstat(file, &kind) != 0 || !S_ISREG(kind.st_mode);
  while (!text.empty()) {
    if (may_block && !wait_to_write(file)) return EINTR;
    // A pipe that can be written to takes so many bytes without blocking.
    const ssize_t written =
        write(file, text.data(), may_block ? std::min<size_t>(text.size(), PIPE_BUF) : text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR && errno != EAGAIN) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

void keep_standard_streams_open() {
  // Read-only for the outputs and write-only for the input, so that using them goes on failing.
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(file, F_GETFD) >= 0 || errno != EBADF) continue;
    const int opened = open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened >= 0 && opened != file) {
      dup2(opened, file);
      close(opened);
    }
  }
}

void write_answer(std::string_view text) {
  const int cause = write_all(STDOUT_FILENO, text);
  if (cause == EPIPE) throw ReaderLeft();
  if (cause == EBADF) throw WorkFailed("cannot write the answer: stdout is closed");
  if (cause != 0) {
    throw WorkFailed(fmt::format("cannot write the answer to stdout: {}", std::strerror(cause)));
  }
}

void write_error(std::string_view text) noexcept {
  // A non-blocking stderr that is full loses the rest: nobody waits for it.
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
}

void error_line(std::string_view text) noexcept {
  constexpr size_t kLongest = 2000;
  try {
    write_error(printable(text, kLongest) + "\n");
  } catch (...) {  // out of memory
    write_error("attune: out of memory\n");
  }
}

int terminal_columns() {
  const char* kind = std::getenv("TERM");
  if (isatty(STDERR_FILENO) != 1 || !kind || *kind == 0 || std::strcmp(kind, "dumb") == 0) return 0;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string cut_to_columns(std::string_view text, int columns) {
  // Two columns for what East Asian scripts and symbols may take up; no less is ever shown.
  const auto width = [](std::string_view character) { return character.size() > 2 ? 2 : 1; };
  size_t fits = 0;  // bytes, with room for "…"
  int used = 0;
  for (size_t at = 0; at < text.size();) {
    size_t next = at + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    used += width(text.substr(at, next - at));
    if (used > columns) return std::string(text.substr(0, fits)) + (columns > 0 ? "…" : "");
    if (used < columns) fits = next;
    at = next;
  }
  return std::string(text);
}

}  // namespace attune::cli
