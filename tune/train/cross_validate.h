#pragma once
// Cross-validation inside a trial: an objective that scores several folds, and may be pruned
// between them.
//   return tune::cross_validate(data, {.folds = 5, .stratify = true}, trial,
//                               [&](const nn::Dataset& train, const nn::Dataset& validation,
//                                   int64_t fold) { return fit_and_score(train, validation); });

#include <cstdint>
#include <functional>
#include <vector>

#include "attune/nn/forward.h"
#include "attune/tune/trial.h"

namespace attune::tune {

struct CrossValidateOptions {
  int64_t folds = 5;
  bool stratify = false;            // every fold has each class in its share
  std::vector<int64_t> group = {};  // by row: rows of one group are held out together
  std::vector<double> time = {};    // by row: each fold is trained on the rows before it
  int64_t repeats = 1;              // the folds are drawn anew so many times
};

// How it went. It converts to the trial's Outcome, and to the mean.
struct CrossValidation {
  std::vector<double> scores = {};  // of the folds that have run
  double mean = 0, deviation = 0;   // of these; the deviation is the sample's (0 for one fold)
  bool stopped = false;             // by the scheduler, or with the trial's run
  Outcome outcome = 0.0;            // the mean; or pruned or paused, when it was stopped

  operator Outcome() const { return outcome; }
  operator double() const { return mean; }
};

using FoldFunction =
    std::function<double(const nn::Dataset& train, const nn::Dataset& validation, int64_t fold)>;

// Calls f for each fold, folds x repeats times in all, and reports after each: fold k as step k,
// with the mean of the folds so far, or, for a pruner that compares fold by fold as wilcoxon() does
// (Pruner::pairs_steps), that fold's own score. A score of NaN ends the trial as failed. Every
// trial of a study has the same folds: they depend on its seed alone. For initial weights and
// orders that are the same in every trial as well, draw from trial.study_rng(name).fork(fold). A
// trial that was paused goes on with its next fold. The scores are kept as the trial's attribute
// "attune:folds". Folds by time are not drawn: repeats run the same ones again. ValueError as of
// nn::fold_rows(), and for repeats below 1.
CrossValidation cross_validate(const nn::Dataset& dataset, const CrossValidateOptions& options,
                               Trial& trial, const FoldFunction& f);

// The attribute with the scores of a trial's folds, a list of numbers.
inline constexpr char kFoldsAttribute[] = "attune:folds";

}  // namespace attune::tune
