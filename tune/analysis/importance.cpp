#include "attune/tune/analysis/importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/analysis/internal/fanova.h"
#include "attune/tune/analysis/internal/ped_anova.h"
#include "attune/tune/internal/kept_space.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

using internal::Column;
using internal::EffectsTable;

// The parameters of any of the trials, by name, each with its latest range.
std::vector<const Param*> parameters(const History& history,
                                     const std::vector<const TrialRecord*>& trials) {
  std::vector<const Param*> params;
  for (const TrialRecord* trial : trials) {
    for (const TrialRecord::Use& use : trial->params) {
      const Param* p = history.latest(history.params()[static_cast<size_t>(use.param)]->name);
      if (std::find(params.begin(), params.end(), p) == params.end()) params.push_back(p);
    }
  }
  std::sort(params.begin(), params.end(),
            [](const Param* a, const Param* b) { return a->name < b->name; });
  return params;
}

Column column_of(const History& history, const std::vector<const TrialRecord*>& trials,
                 const Param& param) {
  Column column;
  column.levels = param.levels();
  if (param.kind == Param::Kind::categorical) column.choices = column.levels;
  column.log = param.log && param.grid.empty();
  column.first = param.to_unit(param.low), column.last = param.to_unit(param.high);
  for (const TrialRecord* trial : trials) {
    const double unit = history.unit(*trial, param);
    column.values.push_back(column.choices > 0 && !std::isnan(unit) ? param.from_unit(unit) : unit);
  }
  return column;
}

// So that no square of a loss overflows, or vanishes.
void scale(std::vector<double>& losses) {
  double top = 0;
  for (const double v : losses) top = std::max(top, std::abs(v));
  for (double& v : losses) v = top > 0 ? v / top : 0;
}

bool differ(const std::vector<double>& losses) {
  return std::any_of(losses.begin(), losses.end(), [&](double v) { return v != losses.front(); });
}

}  // namespace

std::vector<ParamImportance> Study::importances() const { return importances({}); }

std::vector<ParamImportance> Study::importances(const ImportanceOptions& options) const {
  const History history = this->history();
  const auto objectives = static_cast<int64_t>(history.objectives());
  if (options.objective < 0 || options.objective >= objectives) {
    throw ValueError(fmt::format("importances: there is no objective {}; study {} has {}",
                                 options.objective, in_quotes(name()), objectives));
  }
  if (!(options.quantile > 0 && options.quantile < 1)) {
    throw ValueError(
        fmt::format("importances: quantile must be between 0 and 1, not {}", options.quantile));
  }

  std::vector<const TrialRecord*> trials;
  EffectsTable table;
  const std::optional<KeptSpace> space = KeptSpace::in(history);
  for (const TrialRecord& t : history.trials()) {
    if (t.state != State::complete || (space && !space->fits(t, history))) continue;
    const double loss = options.target ? options.target(trial(t.number))
                                       : t.losses[static_cast<size_t>(options.objective)];
    if (!std::isfinite(loss)) continue;
    trials.push_back(&t);
    table.losses.push_back(loss);
  }
  if (trials.empty()) {
    throw ValueError(fmt::format("importances: study {} has no complete trial with a finite value",
                                 in_quotes(name())));
  }
  scale(table.losses);

  const std::vector<const Param*> params = parameters(history, trials);
  std::vector<size_t> varied;  // of `params`: those with more than one value
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i]->levels() == 1) continue;
    varied.push_back(i);
    table.columns.push_back(column_of(history, trials, *params[i]));
  }
  std::vector<double> found(varied.size());
  if (differ(table.losses) && !varied.empty()) {
    found = options.evaluator == ImportanceEvaluator::fanova
                ? internal::fanova(table, seed())
                : internal::ped_anova(table, options.quantile);
  }

  std::vector<ParamImportance> all;
  for (const Param* p : params) all.push_back({p->name, 0});
  for (size_t k = 0; k < varied.size(); ++k) all[varied[k]].importance = found[k];
  if (options.normalize) {
    const double sum = std::accumulate(found.begin(), found.end(), 0.0);
    for (ParamImportance& one : all) {
      one.importance = sum > 0 ? one.importance / sum : 1 / static_cast<double>(all.size());
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const ParamImportance& a, const ParamImportance& b) {
    return a.importance > b.importance;
  });
  return all;
}

ImportanceEvaluator importance_evaluator_by_name(std::string_view name) {
  if (name == "fanova") return ImportanceEvaluator::fanova;
  if (name == "ped_anova") return ImportanceEvaluator::ped_anova;
  throw ValueError(
      fmt::format("unknown importance evaluator {}; there are fanova, ped_anova", in_quotes(name)));
}

}  // namespace attune::tune
