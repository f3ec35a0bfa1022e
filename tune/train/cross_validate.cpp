#include "attune/tune/train/cross_validate.h"

#include <cmath>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/nn/split.h"
#include "attune/tune/internal/document.h"
#include "tune/train/internal/folds.h"

namespace attune::tune {

double mean_of(const std::vector<double>& scores) {
  return std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
}

double deviation_of(const std::vector<double>& scores) {
  if (scores.size() < 2) return 0;
  const double mean = mean_of(scores);
  double squares = 0;
  for (const double score : scores) squares += (score - mean) * (score - mean);
  return std::sqrt(squares / static_cast<double>(scores.size() - 1));
}

void keep_scores(Trial& trial, const std::vector<double>& scores) {
  Document list = Document::array();
  for (const double score : scores) list.push_back(score);
  trial.set_attribute_json(kFoldsAttribute, list.dump());
}

CrossValidation run_folds(Trial& trial, int64_t count, const std::function<double(int64_t)>& fold) {
  const auto scores = std::make_shared<std::vector<double>>();
  trial.checkpointable(scores);
  const bool each = trial.pairs_steps();
  CrossValidation result;
  for (int64_t k = std::ssize(*scores); k < count && !result.stopped; ++k) {
    const double score = fold(k);
    scores->push_back(score);
    if (std::isnan(score)) break;
    trial.report(k, each ? score : mean_of(*scores));
    // After the last fold nothing is saved by ending early.
    result.stopped = k + 1 < count ? trial.should_stop() : trial.should_prune();
  }
  keep_scores(trial, *scores);
  result.scores = *scores;
  result.mean = mean_of(*scores);
  result.deviation = deviation_of(*scores);
  result.outcome = result.stopped ? trial.stopped() : Outcome(result.mean);
  return result;
}

CrossValidation cross_validate(const nn::Dataset& dataset, const CrossValidateOptions& options,
                               Trial& trial, const FoldFunction& f) {
  if (!f) throw ValueError("cross_validate: the function that scores a fold is empty");
  if (options.repeats < 1) {
    throw ValueError(
        fmt::format("cross_validate: repeats must be 1 or more, got {}", options.repeats));
  }
  Rng rng = trial.study_rng("folds");
  std::vector<nn::FoldRows> rows;
  for (int64_t turn = 0; turn < options.repeats; ++turn) {
    std::vector<nn::FoldRows> folds = nn::fold_rows(dataset,
                                                    {.folds = options.folds,
                                                     .stratify = options.stratify,
                                                     .groups = options.group,
                                                     .times = options.time},
                                                    rng);
    for (nn::FoldRows& fold : folds) rows.push_back(std::move(fold));
  }
  return run_folds(trial, std::ssize(rows), [&](int64_t fold) {
    const nn::FoldRows& part = rows[static_cast<size_t>(fold)];
    return f(dataset.rows(part.train), dataset.rows(part.validation), fold);
  });
}

}  // namespace attune::tune
