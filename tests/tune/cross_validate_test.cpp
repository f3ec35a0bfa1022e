#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

#include "attune/base/error.h"
#include "attune/nn/dataset.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/study.h"
#include "attune/tune/train/cross_validate.h"

using namespace attune;
using namespace attune::tune;

namespace {

nn::Dataset numbered(int64_t rows) {
  std::vector<int64_t> x, y;
  for (int64_t i = 0; i < rows; ++i) {
    x.push_back(i);
    y.push_back(i % 4 == 0);
  }
  return {Tensor::from(x, {rows}), Tensor::from(y, {rows})};
}

}  // namespace

TEST_CASE("cross_validate: the mean of the folds, which are the same in every trial") {
  const nn::Dataset data = numbered(40);
  std::map<int64_t, std::set<std::vector<int64_t>>> held;  // by fold
  Study study({.direction = maximize, .seed = 3});
  study.optimize(
      [&](Trial& trial) -> Outcome {
        const double quality = trial.suggest_float("quality", 0, 1);
        return cross_validate(
            data, {.folds = 5, .stratify = true}, trial,
            [&](const nn::Dataset& train, const nn::Dataset& validation, int64_t fold) {
              CHECK(train.size() == 32);
              CHECK(validation.size() == 8);
              CHECK(validation.y.sum().item<int64_t>() == 2);
              held[fold].insert(validation.x.to_vector<int64_t>());
              return quality + static_cast<double>(fold);
            });
      },
      {.trials = 3});
  CHECK(held.size() == 5);
  for (const auto& [fold, rows] : held) CHECK(rows.size() == 1);
  for (const TrialResult& trial : study.trials()) {
    const double quality = trial.params.at("quality");
    CHECK(trial.value == doctest::Approx(quality + 2));
    CHECK(trial.intermediate.size() == 5);  // the means so far
    CHECK(trial.intermediate.at(2) == doctest::Approx(quality + 1));
    CHECK(trial.user.at("attune:folds").find(',') != std::string::npos);
  }
}

TEST_CASE("cross_validate: repeats draw other folds; groups and times; the deviation") {
  const nn::Dataset data = numbered(24);
  Study study({.seed = 1});
  Trial trial = study.ask();
  std::vector<std::vector<int64_t>> held;
  const CrossValidation all =
      cross_validate(data, {.folds = 2, .repeats = 3}, trial,
                     [&](const nn::Dataset&, const nn::Dataset& validation, int64_t fold) {
                       held.push_back(validation.x.to_vector<int64_t>());
                       return static_cast<double>(fold);
                     });
  CHECK(all.scores == std::vector<double>{0, 1, 2, 3, 4, 5});
  CHECK(all.mean == 2.5);
  CHECK(static_cast<double>(all) == 2.5);
  CHECK(all.deviation == doctest::Approx(std::sqrt(3.5)));
  CHECK(std::set(held.begin(), held.end()).size() == 6);
  study.tell(trial, all);
  CHECK(study.trial(0).value == 2.5);

  std::vector<int64_t> group;
  std::vector<double> time;
  for (int64_t row = 0; row < 24; ++row) {
    group.push_back(row / 3);
    time.push_back(static_cast<double>(row));
  }
  Trial second = study.ask();
  cross_validate(data, {.folds = 4, .group = group}, second,
                 [&](const nn::Dataset&, const nn::Dataset& validation, int64_t) {
                   std::set<int64_t> groups;
                   for (const int64_t row : validation.x.to_vector<int64_t>())
                     groups.insert(row / 3);
                   CHECK(groups.size() * 3 == static_cast<size_t>(validation.size()));
                   return 0.0;
                 });
  study.tell(second, 0);
  Trial third = study.ask();
  cross_validate(data, {.folds = 3, .time = time}, third,
                 [&](const nn::Dataset& train, const nn::Dataset& validation, int64_t fold) {
                   CHECK(train.size() == 6 * (fold + 1));
                   CHECK(validation.x.min().item<int64_t>() == 6 * (fold + 1));
                   return 0.0;
                 });
  study.tell(third, 0);
}

TEST_CASE(
    "cross_validate: a pruner ends a trial between folds, wilcoxon by the folds' own scores") {
  const nn::Dataset data = numbered(40);
  for (const bool pairs : {false, true}) {
    Study study({.direction = maximize,
                 .pruner = pairs ? wilcoxon({.p = 0.2}) : median({.startup_trials = 1}),
                 .seed = 1});
    int64_t runs = 0;
    study.optimize(
        [&](Trial& trial) -> Outcome {
          const double base = trial.number() == 0 ? 0.5 : 0.1;
          return cross_validate(data, {.folds = 8}, trial,
                                [&](const nn::Dataset&, const nn::Dataset&, int64_t fold) {
                                  ++runs;
                                  return base + (fold % 2 == 0 ? 0.2 : 0.0);
                                });
        },
        {.trials = 2});
    CHECK(study.trial(1).state == State::pruned);
    CHECK(runs < 16);
    const auto& reports = study.trial(0).intermediate;
    CHECK(reports.at(1) == doctest::Approx(pairs ? 0.5 : 0.6));
  }
}

TEST_CASE("cross_validate: a trial that pauses goes on with its next fold") {
  const nn::Dataset data = numbered(40);
  std::map<int64_t, std::vector<int64_t>> folds;  // by trial
  Study study({.direction = maximize,
               .scheduler = successive_halving({.min_steps = 1, .reduction = 2, .size = 4}),
               .seed = 1});
  study.optimize(
      [&](Trial& trial) -> Outcome {
        const auto number = static_cast<double>(trial.number());
        return cross_validate(data, {.folds = 5}, trial,
                              [&](const nn::Dataset&, const nn::Dataset&, int64_t fold) {
                                folds[trial.number()].push_back(fold);
                                return number + static_cast<double>(fold) / 10;
                              });
      },
      {.trials = 4});
  CHECK(folds[3] == std::vector<int64_t>{0, 1, 2, 3, 4});
  CHECK(folds[0] == std::vector<int64_t>{0});
  CHECK(study.best_trial().number == 3);
  CHECK(study.best_trial().value == doctest::Approx(3.2));
  CHECK(study.total_steps() == 5 + 2 + 1 + 1);
}

TEST_CASE("cross_validate: NaN fails the trial, and what cannot be is refused") {
  const nn::Dataset data = numbered(12);
  Study study({.seed = 1});
  int64_t runs = 0;
  const auto none = [&](const nn::Dataset&, const nn::Dataset&, int64_t) {
    ++runs;
    return std::nan("");
  };
  study.optimize([&](Trial& trial) -> Outcome { return cross_validate(data, {}, trial, none); },
                 {.trials = 1});
  CHECK(study.trial(0).state == State::failed);
  CHECK(runs == 1);
  Trial trial = study.ask();
  CHECK_THROWS_AS(cross_validate(data, {.folds = 13}, trial, none), ValueError);
  CHECK_THROWS_AS(cross_validate(data, {.repeats = 0}, trial, none), ValueError);
  CHECK_THROWS_AS(cross_validate(data, {}, trial, {}), ValueError);
  study.tell(trial, 0);
}
