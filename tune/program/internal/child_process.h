#pragma once
// A program that runs in a process group of its own, whose output is read here. Whatever
// becomes of this process, the group is ended with it.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attune/tune/program/internal/process_guard.h"

namespace attune::tune::internal {

// Where the program lies: `name` itself if it holds a '/', else the first of that name on the PATH.
// ValueError: there is none that can be run.
std::string find_program(const std::string& name);

// To be used by one thread.
class ChildProcess {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  // The words' first is the program; the environment is this process's and `more`; stdin is
  // /dev/null. Error: it cannot be started.
  ChildProcess(const ProcessGuard& guard, const std::vector<std::string>& words,
               const Environment& more);
  ~ChildProcess();  // kills what is left of the group
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // What has been written to stdout and stderr, after waiting so long for some.
  struct Text {
    std::string output, errors;
    bool empty() const { return output.empty() && errors.empty(); }
  };
  Text read(std::chrono::milliseconds longest);
  bool closed() const { return output_ < 0 && errors_ < 0; }
  bool ended();             // the program itself; its children may go on
  void signal(int number);  // to the whole group
  int64_t memory() const;   // resident bytes of the group
  // Once it has ended: kills what it has left behind, and says why it did not end well, such as
  // "exit code 3" or "killed by signal 9 (Killed)"; empty: it did.
  std::string finish();

 private:
  const ProcessGuard& guard_;
  pid_t pid_ = -1;  // and the group's number
  int output_ = -1, errors_ = -1;
};

}  // namespace attune::tune::internal
