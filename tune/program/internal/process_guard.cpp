#include "attune/tune/program/internal/process_guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/program/internal/after_fork.h"

namespace attune::tune::internal {
namespace {

constexpr int kMostGroups = 4096;

// In the child of a process with threads: nothing here allocates or takes a lock.
[[noreturn]] void stand_guard(int socket) {
  static pid_t groups[kMostGroups];
  int count = 0;
  for (;;) {
    pid_t said = 0;
    const ssize_t size = read(socket, &said, sizeof(said));
    if (size < 0 && errno == EINTR) continue;
    if (size != sizeof(said)) break;
    if (said > 1 && count < kMostGroups) groups[count++] = said;
    for (int i = 0; said < 0 && i < count; ++i) {
      if (groups[i] == -said) groups[i--] = groups[--count];
    }
  }
  for (int i = 0; i < count; ++i) kill(-groups[i], SIGKILL);
  _exit(0);
}

}  // namespace

ProcessGuard::ProcessGuard() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    throw Error(fmt::format("process: no socket can be made: {}", std::strerror(errno)));
  }
  guard_ = fork();
  if (guard_ == 0) {
    setsid();  // the terminal's Ctrl-C is not for it
    reset_signals();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
    close_all_but(ends[0]);
    stand_guard(ends[0]);
  }
  const int cause = errno;
  close(ends[0]);
  socket_ = ends[1];
  if (guard_ > 0) return;
  close(socket_);
  throw Error(fmt::format("process: none can be started: {}", std::strerror(cause)));
}

ProcessGuard::~ProcessGuard() {
  close(socket_);
  while (waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void ProcessGuard::tell(pid_t said) const noexcept {
  while (send(socket_, &said, sizeof(said), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

}  // namespace attune::tune::internal
