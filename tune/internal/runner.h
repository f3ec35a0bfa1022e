#pragma once
// One call of optimize(): the threads that run trials, and what they share.

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "attune/base/internal/core_budget.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

class IsolatedTrials;

class Runner {
 public:
  Runner(StudyState& study, const Objective& objective, const OptimizeOptions& options);
  ~Runner();

  void run();   // as many trials as wanted, on as many threads
  bool step();  // one trial; false when nothing is left to do

 private:
  void work();
  std::optional<Trial> next();
  void run_one(Trial trial);
  void report_wait(const std::string& trial);
  void report_end(std::string reason);
  void after(int64_t number);
  void report();

  StudyState& study_;
  const Objective& objective_;
  const OptimizeOptions& options_;
  std::chrono::steady_clock::time_point begin_;
  std::shared_ptr<RunLimits> limits_;
  ::attune::internal::CoreBudget cores_;
  std::unique_ptr<IsolatedTrials> isolated_;  // before there are threads; null: not wanted
  HostWatch watch_;
  std::mutex mutex_;           // of what is to be started
  std::mutex callback_mutex_;  // callbacks come one at a time
  int64_t started_ = 0;
  bool ended_ = false;  // by stop_when
  Progress progress_;
  std::exception_ptr error_;
};

}  // namespace attune::tune
