#pragma once
// A small process that ends all others started here when this one dies, however it dies: it holds
// the end of a socket that closes with this process, and then kills the groups it was told of.

#include <sys/types.h>

namespace attune::tune::internal {

class ProcessGuard {
 public:
  ProcessGuard();   // Error when no process can be made
  ~ProcessGuard();  // ends the guard; groups that are still watched are killed
  ProcessGuard(const ProcessGuard&) = delete;
  ProcessGuard& operator=(const ProcessGuard&) = delete;

  // watch() is called by a new process itself, between fork and exec, so that there is no moment
  // in which it is not known.
  void watch(pid_t group) const noexcept { tell(group); }
  void forget(pid_t group) const noexcept { tell(-group); }

 private:
  void tell(pid_t said) const noexcept;

  int socket_ = -1;
  pid_t guard_ = -1;
};

}  // namespace attune::tune::internal
