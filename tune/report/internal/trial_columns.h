#pragma once
// Trials as the page reads them: column by column, and their learning curves. A live page gets the
// columns of those trials that have changed.

#include <string>
#include <vector>

#include "attune/tune/history.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/trial.h"

namespace attune::tune::internal {

Document document_of(const ParamValue& value);
Document document_of(const Params& params);

// Every parameter that was declared or that any trial had, as it is now.
Document param_list(const History& history);

// The columns of these trials of the history. Columns about lineage are there only where a trial
// was forked or retried, and about constraints only where there are some.
Document trial_columns(const std::vector<TrialResult>& trials, const History& history);

// The curve of a trial that has reported.
Document curve_of(const TrialResult& trial);

}  // namespace attune::tune::internal
