#pragma once
// The tuner over a pipe, one JSON object a line: how a program in any language uses a study.
//   tuner:    {"number": 0, "params": {"lr": 0.01}}
//   program:  {"number": 0, "step": 3, "value": 0.4}      (as often as it likes)
//   tuner:    {"number": 0, "prune": false}
//   program:  {"number": 0, "value": 0.3}                 or {"number": 0, "state": "failed"}
//   tuner:    {"best": {"number": 7, "value": 0.1, "params": {…}}}    (at the end)
// docs/ask_tell.md describes all messages.

#include <cstdint>
#include <functional>
#include <iosfwd>

#include "attune/tune/study.h"

namespace attune::tune {

struct AskTellOptions {
  int64_t trials = 100;  // handed out in this call; negative: ValueError
  int jobs = 1;          // trials handed out and not yet told, at most
  int64_t confirm = 0;   // at the end, run that many of the best again (analysis/confirm.h) …
  int64_t repeats = 5;   // … and the default configuration, so many times each
  bool listen = false;   // with nothing to hand out, read what the client brings until `in` ends
  bool stop_when_all_tried = false;  // end early once a small space has no configuration left
  std::function<void(const std::string&)> note = {};  // takes what a person should be told
  std::function<bool()> stop = {};  // asked between lines; true ends as the end of `in` does
};

// Speaks until all trials are told, `in` ends, `out` fails or the sampler has nothing left. A line
// that is not understood is answered with {"error": "…"}, and nothing else happens; so is one about
// a trial that another program has ended. Error: an endless line, or thousands of such in a row.
// Trials handed out but never told become failed.
void ask_tell(Study& study, const Space& space, std::istream& in, std::ostream& out,
              const AskTellOptions& options = {});

// The reason kept with trials that were handed out and never told.
inline constexpr char kNeverTold[] = "handed out, but never told";

}  // namespace attune::tune
