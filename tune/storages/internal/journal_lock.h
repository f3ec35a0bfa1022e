#pragma once
// The lock by which one program at a time writes to a journal: a file beside it, NAME.lock, which
// only one can make, as with Optuna's JournalFileBackend and on NFS too. It names its holder, so
// that one of this machine who has died is known at once; of any other, half a minute in which
// nothing changes tells it. On a local disk the kernel's lock on the journal itself comes first:
// it goes with its holder.

#include <sys/stat.h>

#include <chrono>
#include <functional>
#include <string>

#include "attune/tune/storages/internal/hurry.h"

namespace attune::tune::journal {

// How long a wait for another program's lock may be.
struct Patience {
  std::function<bool()> give_up = {};  // the wait should end
  Hurry* hurry = nullptr;
  std::chrono::milliseconds at_least{500};  // ... but not before this
  std::chrono::milliseconds longest{60'000};
  std::chrono::milliseconds grace{30'000};  // a lock that has not changed for so long is dead
};

class Lock {
 public:
  // Waits for the lock. `file` is the journal, open; `me` is this_worker(). StorageError at the end
  // of the patience.
  Lock(std::string journal, int file, const std::string& me, const Patience& patience);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  bool held() const;  // nobody has taken it for dead
  void renew();       // in between of long work

 private:
  bool take_kernel_lock();
  bool take_file(const std::string& me);
  void look_at_holder(const Patience& patience);
  void break_it(const struct stat& seen) const;
  void release() noexcept;

  std::string journal_, path_;
  int file_;
  bool kernel_ = false, mine_ = false;
  std::string text_;  // in the file, and in no other

  // The holder that is waited for.
  std::string holder_ = {};
  struct stat seen_ {};
  std::chrono::steady_clock::time_point seen_since_ = {};
};

}  // namespace attune::tune::journal
