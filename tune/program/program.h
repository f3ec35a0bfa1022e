#pragma once
// Tunes any program: a trial is one run of a command with the trial's values in it.
//   tune::Program train({.command = {"python", "train.py", "--lr", "{lr}"}, .space = space});
//   study.optimize(train, {.trials = 50});
// docs/any_program.md says what the program is given and what it may print.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/space.h"
#include "attune/tune/trial.h"

namespace attune::tune {

enum class Reduce : uint8_t { mean, median, min, max };
Reduce reduce_by_name(std::string_view name);  // ValueError lists them

struct ProgramOptions {
  // {name} is the parameter's value; {trial}, {seed}, {dir} and {repeat} are known too, and are in
  // the environment as ATTUNE_TRIAL and so on. See CommandTemplate.
  std::vector<std::string> command = {};
  Space space = {};
  // Each trial has a folder of its own in it, {dir}, where its output is kept as output.txt.
  std::string folder = "attune.trials";
  size_t objectives = 1;
  int64_t repeats = 1;           // runs of each trial, each with a seed of its own …
  Reduce reduce = Reduce::mean;  // … and what their values become
  std::optional<std::chrono::duration<double>> trial_timeout = {};  // of all runs of a trial
  int64_t memory = 0;  // bytes that the processes of a run may hold together; 0: no limit
  // Between SIGTERM and SIGKILL, for a run that is pruned or takes too long.
  std::chrono::duration<double> grace = std::chrono::seconds(5);
};

// An objective. Copies are the same; safe for several threads. A run that is on when its study is
// to stop is run to its end. Linux only.
class Program {
 public:
  explicit Program(ProgramOptions options);  // ValueError for a command or option that cannot be

  // Failed when the program ends badly, prints no value, takes too long or too much memory.
  // IoError when its folder cannot be written.
  Outcome operator()(Trial& trial) const;

 private:
  struct Inside;
  std::shared_ptr<const Inside> inside_;
};

// The folder of a study's trials, beside its storage: "attune.db.trials/study" for
// "sqlite:///attune.db", "attune.trials/study" in the current folder for "memory".
std::string trials_folder(std::string_view url, std::string_view study);
std::string trial_folder(const std::string& folder, int64_t number);
std::string trial_output(const std::string& folder, int64_t number);  // the file

}  // namespace attune::tune
