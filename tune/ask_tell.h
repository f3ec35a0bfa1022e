#pragma once
// The tuner over a pipe, one JSON object a line: how a program in any language uses a study.
//   tuner:    {"number": 0, "params": {"lr": 0.01}}
//   program:  {"number": 0, "step": 3, "value": 0.4}      (as often as it likes)
//   tuner:    {"number": 0, "prune": false}
//   program:  {"number": 0, "value": 0.3}                 or {"number": 0, "state": "failed"}
//   tuner:    {"best": {"number": 7, "value": 0.1, "params": {…}}}    (at the end)
// With several objectives "values": [0.3, 12] stands for "value", and the best are a list: the
// front. A line that ends a trial may have "constraints": [-1.5, 2] or {"memory": 2}, each to be at
// most 0.

#include <cstdint>
#include <functional>
#include <iosfwd>

#include "attune/tune/study.h"

namespace attune::tune {

struct AskTellOptions {
  int64_t trials = 100;             // handed out in this call; negative: ValueError
  int jobs = 1;                     // trials handed out and not yet told, at most
  std::function<bool()> stop = {};  // asked between lines; true ends as the end of `in` does
};

// Speaks until all trials are told, `in` ends, `out` fails or the sampler has nothing left. "state"
// may be "failed", "pruned" or "complete" (with a value). A line that is not what is expected is
// answered with {"error": "…"}, and nothing else happens. Trials handed out but never told become
// failed.
void ask_tell(Study& study, const Space& space, std::istream& in, std::ostream& out,
              const AskTellOptions& options = {});

}  // namespace attune::tune
