#include "attune/tune/train/search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/base/threads.h"
#include "attune/nn/split.h"
#include "attune/optim/trainer.h"
#include "attune/tune/internal/configurations.h"
#include "attune/tune/samplers.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/train/training.h"
#include "tune/train/internal/diverged.h"
#include "tune/train/internal/search_data.h"

namespace attune::tune {
namespace {

nn::Split split_once(const Tensor& data, const Tensor& labels,
                     const TrainAndEvaluateOptions& options) {
  if (!(options.validation > 0)) {
    throw ValueError(
        fmt::format("train_and_evaluate: a validation part is needed to score by, its share is {}",
                    options.validation));
  }
  Rng rng = Rng(options.seed).fork("split");
  return nn::split({data, labels},
                   {.validation = options.validation,
                    .test = options.test,
                    .stratify = !is_floating(labels.dtype())},
                   rng);
}

// A study that is resumed goes on with what it was made of, or its best score would be another's.
void check_data(Study& study, const std::string& now) {
  const std::optional<std::string> then = study.attribute(kSearchData);
  if (!then) return study.set_attribute(kSearchData, now);
  if (*then == to_json(now)) return;
  throw ValueError(
      fmt::format("search: study {} was made with other data, or divides or scores them otherwise; "
                  "give this search another SearchOptions::name",
                  in_quotes(study.name())));
}

}  // namespace

double train_and_evaluate(nn::Module& model, const Tensor& data, const Tensor& labels,
                          const TrainAndEvaluateOptions& options) {
  const nn::Split parts = split_once(data, labels, options);
  return train_scored(model, parts.train, parts.validation, settings_of(options),
                      Rng(options.seed).fork("order"))
      .score;
}

Outcome train_and_evaluate(nn::Module& model, const Tensor& data, const Tensor& labels,
                           Trial& trial, const TrainAndEvaluateOptions& options) {
  const nn::Split parts = split_once(data, labels, options);
  const Training training = train_scored(
      model, parts.train, parts.validation, settings_of(options), Rng(options.seed).fork("order"),
      [&](int64_t epoch, double value) { return !trial.report(epoch, value).should_stop(); },
      {.trial = &trial});
  if (training.divergence) return diverged(trial, *training.divergence);
  if (training.outcome) return *training.outcome;
  return training.score;
}

SearchResult::SearchResult(Study searched, std::shared_ptr<Data> data)
    : study(std::move(searched)), data_(std::move(data)) {
  const TrialResult best = study.best_trial();
  score = best.value;
  params = best.params;
  number_ = best.number;
}

std::unique_ptr<nn::Module> SearchResult::model() const {
  if (data_->parts.size() * static_cast<size_t>(data_->options.repeats) > 1) {
    throw ValueError(
        "search: each fold and repeat has a model of its own; refit() returns one of all rows");
  }
  return data_->train(study, number_, data_->parts[0].train);
}

std::unique_ptr<nn::Module> SearchResult::refit() const {
  return data_->train(study, number_, data_->learning);
}

double SearchResult::test() {
  if (!(data_->options.test > 0)) {
    throw ValueError("search: the test share is 0, so there is no test part");
  }
  if (study.attribute(kTestOpened)) {
    throw Error(
        fmt::format("search: the test part of study {} was opened before; what was seen "
                    "once is no test any more",
                    in_quotes(study.name())));
  }
  const std::unique_ptr<nn::Module> winner = data_->options.refit ? refit() : model();
  const nn::Dataset& part = data_->test.open();
  study.set_attribute(kTestOpened, number_);  // before it is looked at
  const double value = data_->score_of(*winner, part);
  study.set_attribute(kTestScore, value);
  return value;
}

namespace {

SearchResult search(const Space& space, std::shared_ptr<Sampler> sampler, int64_t trials,
                    ModelFactory factory, const Tensor& data, const Tensor& labels,
                    const SearchOptions& options, First first, std::optional<int64_t> total = {}) {
  const auto shared =
      std::make_shared<SearchResult::Data>(std::move(factory), data, labels, options);
  Study study({.name = options.name,
               .storage = options.storage,
               .direction = shared->lower_is_better ? minimize : maximize,
               .sampler = std::move(sampler),
               .pruner = options.pruner,
               .scheduler = options.scheduler,
               .seed = options.seed,
               .space = space,
               .first = first,
               // With so many trials and no more, one whose process was killed is to be run again,
               // not to count as failed.
               .deterministic = total.has_value(),
               .lag = std::max<int64_t>(StudyOptions{}.lag, options.jobs - 1)});
  check_data(study, shared->fingerprint);
  study.optimize(
      [&](Trial& trial) -> Outcome {
        const ThreadScope threads(options.threads);
        return shared->run(trial, trial.suggest(space));
      },
      {.trials = trials, .total = total, .jobs = options.jobs, .progress = options.progress});
  if (study.best_trials().empty()) {
    throw ValueError(fmt::format("search: none of {} trials was completed{}", study.size(),
                                 failures(study.trials())));
  }
  return {study, shared};
}

// The grid is one bracket: all wait at each rung for the last of them.
std::shared_ptr<const Scheduler> halving(const SearchOptions& o, int64_t size) {
  if (o.pruner || o.scheduler) {
    throw ValueError(
        "halving_grid_search: it is a scheduler itself; leave out pruner and scheduler");
  }
  if (o.reduction < 2 || o.min_epochs < 0 || o.min_epochs > o.epochs) {
    throw ValueError(
        fmt::format("halving_grid_search: reduction ({}) must be 2 or more, min_epochs ({}) from 0 "
                    "to the {} epochs",
                    o.reduction, o.min_epochs, o.epochs));
  }
  int64_t least = o.min_epochs;
  if (least == 0) {
    least = o.epochs;
    for (int64_t left = size; left > 1; left /= o.reduction) least /= o.reduction;
    least = std::max<int64_t>(least, 1);
  }
  return successive_halving({.min_steps = least, .reduction = o.reduction, .size = size});
}

}  // namespace

SearchResult grid_search(const Space& grid_space, ModelFactory factory, const Tensor& data,
                         const Tensor& labels, const SearchOptions& options) {
  return search(grid_space, grid(), std::numeric_limits<int64_t>::max(), std::move(factory), data,
                labels, options, First::sampler);
}

SearchResult halving_grid_search(const Space& grid_space, ModelFactory factory, const Tensor& data,
                                 const Tensor& labels, const SearchOptions& options) {
  constexpr int64_t kMost = 1'000'000;
  const int64_t size = std::ssize(internal::all_configurations(grid_space, kMost));
  if (size == 0) {
    throw SearchSpaceError(fmt::format(
        "halving_grid_search: the grid needs ranges whose values can be counted, and at most {} "
        "combinations",
        kMost));
  }
  SearchOptions own = options;
  own.scheduler = halving(options, size);
  return search(grid_space, grid(), std::numeric_limits<int64_t>::max(), std::move(factory), data,
                labels, own, First::sampler, size);
}

SearchResult random_search(const Space& space, ModelFactory factory, const Tensor& data,
                           const Tensor& labels, const SearchOptions& options) {
  return search(space, random(), options.trials, std::move(factory), data, labels, options,
                First::defaults);
}

SearchResult bayesian_search(const Space& space, ModelFactory factory, const Tensor& data,
                             const Tensor& labels, const SearchOptions& options) {
  return search(space, bayesian(), options.trials, std::move(factory), data, labels, options,
                First::defaults);
}

}  // namespace attune::tune
