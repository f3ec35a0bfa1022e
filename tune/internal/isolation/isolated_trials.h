#pragma once
// Runs each trial in a process of its own, and serves what it asks of the study.

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "attune/tune/internal/isolation/launcher.h"
#include "attune/tune/internal/isolation/trial_link.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

class IsolatedTrials {
 public:
  // For so many trials at a time. `memory`: bytes that each may allocate; `timeout`: only for the
  // message. Error when no process can be made.
  IsolatedTrials(StudyState& study, const Objective& objective, int jobs,
                 std::optional<int64_t> memory,
                 std::optional<std::chrono::duration<double>> timeout);

  // What the objective returned there. Throws Error with the cause when it threw, or the process
  // did not get so far. Failed when its time was up.
  Outcome run(Trial& trial);

 private:
  struct Flags;    // shared with the processes
  struct Running;  // one of them
  int run_here(int file, int place) const;
  void begin(const Trial& trial, internal::Channel& channel) const;
  void serve(Trial& trial, internal::Channel& channel, internal::Ask what,
             internal::Packet& question);
  internal::Packet answer(Trial& trial, internal::Channel& channel, internal::Ask what,
                          internal::Packet& question);
  Params suggest(Trial& trial, internal::Channel& channel, internal::Packet& question);
  void look_after(const Trial& trial, Running& running) const;
  std::string cause_of(int status, const Running& running) const;
  Outcome result(internal::Packet& told) const;

  StudyState& study_;
  const Objective& objective_;
  std::optional<int64_t> memory_;
  std::optional<std::chrono::duration<double>> timeout_;
  std::chrono::steady_clock::time_point made_;
  std::shared_ptr<internal::SharedFlags[]> flags_;  // by place
  std::mutex mutex_;
  std::vector<int> free_;        // places
  internal::Launcher launcher_;  // last: it ends before the rest goes
};

}  // namespace attune::tune
