// What happens in the process of a trial.

#include <stdio_ext.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>
#include <string_view>

#include "attune/base/internal/one_thread.h"
#include "attune/tune/internal/isolation/isolated_trials.h"

namespace attune::tune {

using internal::SharedFlags;

namespace {

// Private memory that this process could write to, in bytes: what RLIMIT_DATA counts.
int64_t data_size() {
  std::ifstream file("/proc/self/status");
  constexpr std::string_view kName = "VmData:";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kName)) return std::atoll(line.c_str() + kName.size()) * 1024;
  }
  return 0;
}

void limit_memory(int64_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_DATA, &limit);
  const auto most = static_cast<rlim_t>(data_size() + bytes);
  limit.rlim_cur = std::min(most, limit.rlim_max);
  setrlimit(RLIMIT_DATA, &limit);
}

SharedFlags* own_flags = nullptr;  // in the process of a trial

[[noreturn]] void no_memory() {
  own_flags->out_of_memory = true;
  throw std::bad_alloc();
}

// Before the host's own exit handlers, which are for the host: by exit() within the objective.
void end_at_exit(int status, void*) {
  fflush(stdout);
  _exit(status);
}

}  // namespace

// In the new process. Of the study only what never changes is looked at here; its locks may be held
// by threads that this process does not have.
int IsolatedTrials::run_here(int file, int place) const {
  __fpurge(stdout);  // the parent prints that itself
  on_exit(end_at_exit, nullptr);
  ::attune::internal::use_one_thread();
  own_flags = &flags_[static_cast<size_t>(place)];
  try {
    const auto link = std::make_shared<TrialLink>(file, *own_flags);
    Trial trial(link);
    if (memory_) {
      limit_memory(*memory_);
      std::set_new_handler(no_memory);
    }
    Outcome outcome = pruned;
    int error = 0;
    try {
      outcome = objective_(trial);
    } catch (const internal::ChannelClosed&) {
      throw;
    } catch (const std::exception& e) {
      error = internal::error_code(e);
      outcome = Failed{e.what()};
    } catch (...) {
      error = 1;
      outcome = Failed{"an exception of unknown type"};
    }
    if (memory_) {  // what remains to be done fits in any case
      std::set_new_handler(nullptr);
      limit_memory(int64_t{1} << 40);
    }
    link->end(outcome, error);
  } catch (const std::exception&) {  // the parent is gone, or takes it for gone
    return 1;
  }
  fflush(stdout);
  return 0;
}

}  // namespace attune::tune
