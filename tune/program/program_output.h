#pragma once
// What a program that is tuned says on its standard output: reports as it goes, and its value on
// the last line.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/tune/trial.h"

namespace attune::tune {

struct ProgramReport {
  int64_t step = 0;
  std::vector<double> values;  // one per objective
};

// Whether the line is for the tuner: it begins with "attune:".
bool is_for_tuner(std::string_view line);
// "attune: step=3 value=0.91", with several objectives "attune: step=3 values=0.91,12". ValueError
// for a line that is for the tuner and says something else.
ProgramReport read_report(std::string_view line, size_t objectives);

// How a program that ended well ended, as its last line says.
struct ProgramEnd {
  Outcome outcome = pruned;
  std::vector<std::pair<std::string, double>> constraints = {};  // at most 0; "": without a name
  std::vector<std::pair<std::string, std::string>> user = {};    // name and JSON text
};

// The last number of the line, with several objectives the last so many; or a JSON object with
// "value" or "values", or "state" (pruned, failed) and "reason", and if it likes "constraints" and
// "user". Other keys of the object are the program's own. ValueError: it holds no such thing.
ProgramEnd read_last_line(std::string_view line, size_t objectives);

}  // namespace attune::tune
