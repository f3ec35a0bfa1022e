#include "attune/tune/program/internal/after_fork.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace attune::tune::internal {
namespace {

#ifndef CLOSE_RANGE_CLOEXEC
constexpr unsigned CLOSE_RANGE_CLOEXEC = 1u << 2;
#endif

unsigned last_file() {  // where the kernel is too old for close_range
  rlimit limit{};
  constexpr rlim_t kMost = 1 << 16;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<unsigned>(std::min(limit.rlim_cur, kMost));
}

void close_range_or_loop(unsigned first, unsigned last) {
  if (first > last || close_range(first, last, 0) == 0) return;
  for (unsigned i = first; i <= std::min(last, last_file()); ++i) close(static_cast<int>(i));
}

}  // namespace

void reset_signals() {
  struct sigaction normal = {};
  normal.sa_handler = SIG_DFL;
  sigemptyset(&normal.sa_mask);
  for (int i = 1; i < NSIG; ++i) sigaction(i, &normal, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void close_all_but(int file) {
  const auto kept = static_cast<unsigned>(file);
  if (kept > 0) close_range_or_loop(0, kept - 1);
  close_range_or_loop(kept + 1, UINT_MAX);
}

void close_above_on_exec(int file) {
  const auto first = static_cast<unsigned>(file) + 1;
  if (close_range(first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0) return;
  for (unsigned i = first; i <= last_file(); ++i) fcntl(static_cast<int>(i), F_SETFD, FD_CLOEXEC);
}

}  // namespace attune::tune::internal
