#include "attune/tune/storages/internal/journal_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storages/internal/beside.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune::journal {
namespace {

using Clock = std::chrono::steady_clock;

bool same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// Empty for a lock of Optuna's, which names nobody.
std::string holder_in(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return "";
  char text[1024];
  const ssize_t length = read(file, text, sizeof(text));
  close(file);
  return std::string(text, length > 0 ? static_cast<size_t>(length) : 0);
}

}  // namespace

Lock::Lock(std::string journal, int file, const std::string& me, const Patience& patience)
    : journal_(std::move(journal)), path_(journal_ + ".lock"), file_(file) {
  const auto begin = Clock::now();
  auto pause = std::chrono::microseconds(50);
  constexpr auto kLongestPause = std::chrono::microseconds(5000);
  try {
    while (!(kernel_ || take_kernel_lock()) || !take_file(me)) {
      if (kernel_) look_at_holder(patience);
      const auto waited = Clock::now() - begin;
      const bool stopped = (waited > patience.at_least && patience.give_up && patience.give_up()) ||
                           (patience.hurry && patience.hurry->over());
      if (stopped || waited > patience.longest) {
        const std::string holder = holder_in(path_);
        throw StorageError(fmt::format(
            "storage '{}': {}; it is held by {}, as {} says. Should that program be no more, "
            "remove "
            "this file",
            journal_,
            stopped ? "stopped while another program held its lock"
                    : fmt::format("another program has kept it locked for {} s",
                                  std::chrono::duration_cast<std::chrono::seconds>(waited).count()),
            worker_name(holder), path_));
      }
      std::this_thread::sleep_for(pause);
      if (patience.hurry) patience.hurry->add(Clock::now() - begin - waited);
      pause = std::min(2 * pause, kLongestPause);
    }
  } catch (...) {
    release();
    throw;
  }
}

Lock::~Lock() { release(); }

void Lock::release() noexcept {
  if (mine_ && held()) unlink(path_.c_str());
  mine_ = false;
  if (kernel_) flock(file_, LOCK_UN);
  kernel_ = false;
}

bool Lock::take_kernel_lock() {
  if (!on_network(journal_) && flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK || errno == EINTR) return false;
    // A file system without such locks: the lock file alone has to do.
  }
  return kernel_ = true;
}

bool Lock::take_file(const std::string& me) {
  const int made = open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (made < 0) {
    if (errno == EEXIST || errno == EINTR) return false;
    throw StorageError(fmt::format("storage '{}': the lock file {} cannot be made ({})", journal_,
                                   path_, std::strerror(errno)));
  }
  static std::atomic<uint64_t> count{std::random_device{}()};
  text_ = fmt::format("{}, \"lock\": {}}}", me.substr(0, me.rfind('}')), ++count);
  const ssize_t written = write(made, text_.data(), text_.size());
  close(made);
  if (written != static_cast<ssize_t>(text_.size())) {
    const int code = written < 0 ? errno : ENOSPC;
    unlink(path_.c_str());
    throw StorageError(fmt::format("storage '{}': the lock file {} cannot be written ({})",
                                   journal_, path_, std::strerror(code)));
  }
  return mine_ = true;
}

bool Lock::held() const { return holder_in(path_) == text_; }

void Lock::renew() {
  if (held()) utimensat(AT_FDCWD, path_.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

// Whoever holds the lock for moments only is never met twice.
void Lock::look_at_holder(const Patience& patience) {
  struct stat now {};
  if (lstat(path_.c_str(), &now) != 0) return;  // gone meanwhile
  if (!same(now, seen_)) {
    seen_ = now;
    seen_since_ = Clock::now();
    holder_ = holder_in(path_);
  }
  const Fate fate = fate_of(holder_);
  if (fate == Fate::alive) return;
  if (fate != Fate::gone && Clock::now() - seen_since_ < patience.grace) return;
  break_it(seen_);
}

// Another may break the same lock, and a third take it, in between: what is taken away is looked at
// once more, and put back if it is not what was found dead.
void Lock::break_it(const struct stat& seen) const {
  std::random_device source;
  const std::string aside = fmt::format("{}.{:08x}{:08x}", path_, source(), source());
  if (rename(path_.c_str(), aside.c_str()) != 0) return;
  struct stat taken {};
  if (lstat(aside.c_str(), &taken) == 0 && !same(taken, seen)) {
    if (link(aside.c_str(), path_.c_str()) != 0) {
      // Somebody has made a new one; the holder sees that its own is gone before it writes.
    }
  }
  unlink(aside.c_str());
}

}  // namespace attune::tune::journal
