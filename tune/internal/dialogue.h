#pragma once
// The lines of the ask-tell dialogue (docs/ask_tell.md): what a client's line says, and how answers
// are written. Numbers are taken as other languages print them; what is written is strict JSON.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/tune/trial.h"

namespace attune::tune::dialogue {

struct Message {
  enum class Kind { end, report, tell, enqueue, ask, best };

  Kind kind = Kind::end;
  int64_t number = -1;              // end, report: of which trial
  int64_t step = 0;                 // report
  int64_t count = 1;                // ask: how many trials
  std::vector<double> values = {};  // report: one per objective
  Outcome outcome = pruned;         // end, tell
  std::string note = {};            // why the outcome is not what it looks like; "": it is
  Params params = {};               // tell, enqueue
  std::vector<std::pair<std::string, double>> constraints = {};  // "": without a name
  std::vector<std::pair<std::string, std::string>> user = {};    // name and JSON text
};

// What the line says to a study with so many objectives. ValueError: nothing that is understood.
// `number` is set as soon as it is known, for the answer to a line with an error.
Message read_message(std::string_view line, size_t objectives, std::optional<int64_t>& number);

// Answers, each without the end of the line.
std::string error_line(std::string_view what, std::optional<int64_t> number);
std::string state_line(int64_t number, State state, std::string_view note = {});
std::string trial_text(const TrialResult& trial, bool several);  // {"number": …, "params": …}
std::string list_of(std::span<const double> numbers);            // [0.3, "Infinity"]

}  // namespace attune::tune::dialogue
