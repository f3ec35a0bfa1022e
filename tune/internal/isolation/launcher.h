#pragma once
// A process with one thread that starts others, so that none of them begins with locks that threads
// of the host held when it was copied. It is made once, when a run begins; each of the others is a
// copy of it as it then was, in a process group of its own. None outlives the process that made the
// launcher, however that ends.

#include <sys/types.h>

#include <functional>
#include <optional>
#include <vector>

namespace attune::tune::internal {

class Launcher {
 public:
  // In `places` places processes can run at a time. Each of them calls `body` with a descriptor
  // that it owns and its place, and ends with the status that this returns. `bereft` is called by
  // the launcher when this process has died. Error: no process can be made.
  using Body = std::function<int(int file, int place)>;
  Launcher(int places, Body body, std::function<void()> bereft);
  ~Launcher();  // kills those that run
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Each place is used by one thread at a time.
  void start(int place, int file) const;     // Error: none can be started
  void signal(int place, int number) const;  // to its whole group, if it still runs
  int events(int place) const { return controls_[static_cast<size_t>(place)]; }  // to be polled
  std::optional<int> ended(int place) const;  // the status, as of waitpid(); does not wait

 private:
  std::vector<int> controls_;
  pid_t pid_ = -1;
};

}  // namespace attune::tune::internal
