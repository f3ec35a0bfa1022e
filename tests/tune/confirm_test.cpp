#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <set>

#include "attune/base/error.h"
#include "attune/tune/analysis/confirm.h"
#include "attune/tune/analysis/importance.h"
#include "attune/tune/internal/math/student_t.h"
#include "attune/tune/analysis/internal/winner.h"
#include "attune/tune/analysis/predict.h"
#include "attune/tune/analysis/what_if.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

double truth(const Params& p) {
  const double x = p.at("x");
  return 0.4 * (x - 0.7) * (x - 0.7);
}

// Noise that is large beside what can be gained: the best of many is mostly lucky.
Outcome noisy(Trial& t) {
  t.suggest_float("x", 0, 1);
  return truth(t.params()) + 0.1 * t.rng("noise").normal();
}

Outcome noisy_up(Trial& t) { return -noisy(t).values()[0]; }

}  // namespace

TEST_CASE("confirm: Student's t against tables") {
  using internal::student_t_cdf, internal::student_t_quantile;
  const double tables[][3] = {{1, 0.975, 12.7062047364}, {2, 0.975, 4.3026527297},
                              {5, 0.95, 2.0150483733},   {10, 0.995, 3.1692726726},
                              {30, 0.9, 1.3104150253},   {1e3, 0.975, 1.9623390808},
                              {1e9, 0.975, 1.9599639845}};
  for (const auto& [dof, p, t] : tables) {
    CHECK(student_t_quantile(p, dof) == doctest::Approx(t).epsilon(1e-9));
    CHECK(student_t_quantile(1 - p, dof) == doctest::Approx(-t).epsilon(1e-9));
    CHECK(student_t_cdf(t, dof) == doctest::Approx(p).epsilon(1e-9));
  }
  CHECK(student_t_cdf(0, 3.7) == doctest::Approx(0.5));
  CHECK(student_t_cdf(-INFINITY, 3) == 0);
  CHECK(student_t_cdf(INFINITY, 3) == 1);
  for (const double t : {-2.0, 0.3, 7.0}) {  // in closed form for one and two degrees of freedom
    CHECK(student_t_cdf(t, 1) == doctest::Approx(0.5 + std::atan(t) / M_PI).epsilon(1e-12));
    CHECK(student_t_cdf(t, 2) ==
          doctest::Approx(0.5 + t / (2 * std::sqrt(2 + t * t))).epsilon(1e-12));
  }
}

TEST_CASE("confirm: what was picked is measured by what did not pick it") {
  using internal::expected_of_lowest;
  const std::vector<std::vector<double>> clear = {{5, 6, 7}, {1, 2, 4}, {9, 9, 9}};
  CHECK(expected_of_lowest(clear) == doctest::Approx(7.0 / 3));  // always the second
  // Without repeat 0 the first looks best (0 against 1), without repeat 1 the second.
  const std::vector<std::vector<double>> close = {{3, 0}, {0, 1}};
  CHECK(expected_of_lowest(close) == doctest::Approx((3 + 1) / 2.0));
  CHECK(expected_of_lowest({&clear[0], 1}) == doctest::Approx(6));

  const auto one = internal::interval_of_highest(3, 2, 1e9, 1, 0.95);
  CHECK(one.low == doctest::Approx(3 - 2 * 1.959964));
  CHECK(one.high == doctest::Approx(3 + 2 * 1.959964));
  const auto five = internal::interval_of_highest(3, 2, 1e9, 5, 0.95);
  CHECK(five.low == doctest::Approx(3 - 2 * 2.575829));
  CHECK(five.high == one.high);
  CHECK(internal::interval_of_highest(3, 0, 4, 5, 0.95).low == 3);
}

TEST_CASE("confirm: intervals cover whatever the candidates' true means are, ties included") {
  const std::vector<double> truths[] = {
      {0, 0, 0, 0, 0}, {0, 0.5, 0.5, 1, 1}, {0, 3, 3, 3, 3}, {0}, {0, 0}, {0, 0.2}};
  for (const auto& means : truths) {
    for (const bool rounded : {false, true}) {  // to whole numbers, as scores of few rows are
      int covered = 0;
      constexpr int kStudies = 2000, kRepeats = 5;
      Rng rng(7);
      for (int s = 0; s < kStudies; ++s) {
        double best = INFINITY, truth = 0, squares = 0;
        for (const double mean : means) {
          double values[kRepeats], sum = 0;
          for (double& v : values) {
            v = mean + 3 * rng.normal();
            if (rounded) v = std::round(v + rng.uniform() - 0.5);  // unbiased
            sum += v / kRepeats;
          }
          for (const double v : values) squares += (v - sum) * (v - sum);
          if (sum < best) best = sum, truth = mean;
        }
        const double dof = (kRepeats - 1) * static_cast<double>(means.size());
        const auto interval = internal::interval_of_highest(
            -best, std::sqrt(squares / dof / kRepeats), dof, means.size(), 0.95);
        covered += interval.low <= -truth && -truth <= interval.high;
      }
      CAPTURE(means.size());
      CAPTURE(rounded);
      CAPTURE(covered);
      CHECK(covered >= 0.935 * kStudies);  // three standard errors below
    }
  }
}

TEST_CASE("confirm: intervals cover the truth in simulated studies, and luck is removed") {
  int covered_value = 0, covered_gain = 0, studies = 0;
  double optimism = 0, naive_bias = 0, bias = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const bool up = seed % 2 == 1;
    Study study({.direction = up ? maximize : minimize, .sampler = tune::random(), .seed = seed});
    study.optimize(up ? noisy_up : noisy, {.trials = 30});
    const double sign = up ? -1 : 1;
    const ConfirmResult r = study.confirm(4, up ? noisy_up : noisy, {.repeats = 5});
    const double value = sign * truth(r.winner().params);
    const double gain = truth(r.defaults.params) - truth(r.winner().params);
    covered_value += r.value_low <= value && value <= r.value_high;
    covered_gain += r.gain_low <= gain && gain <= r.gain_high;
    optimism += r.optimism;
    naive_bias += sign * (value - r.winner().mean);
    bias += sign * (value - r.value);
    CHECK(r.defaults.params.at("x") == 0.5);
    ++studies;
  }
  CAPTURE(covered_value);
  CAPTURE(covered_gain);
  CAPTURE(naive_bias / studies);
  CAPTURE(bias / studies);
  CHECK(covered_value >= 0.92 * studies);
  CHECK(covered_gain >= 0.92 * studies);
  CHECK(optimism / studies > 0.1);     // what the old scores promised too much
  CHECK(naive_bias / studies > 0.02);  // and so, less, do the means of the winners
  CHECK(std::abs(bias) < 0.4 * std::abs(naive_bias));
}

TEST_CASE("confirm: runs the best and the default again, on seeds of their own") {
  std::atomic<int> pruned_ones{0};
  std::set<uint64_t> streams;
  const auto objective = [&](Trial& t) -> Outcome {
    streams.insert(t.rng("weights").key());
    const double x = t.suggest_float("x", 0, 1);
    for (int step = 0; step < 3; ++step) {
      if (t.report(step, 10 + 100.0 * static_cast<double>(t.number())).should_stop()) {
        ++pruned_ones;
        return pruned;
      }
    }
    return x;
  };
  Study study({.sampler = tune::random(), .pruner = median({.startup_trials = 1}), .seed = 3});
  for (const double x : {0.9, 0.2, 0.4, 0.2, 0.6}) {
    study.tell(
        [&] {
          study.enqueue({{"x", x}});
          Trial t = study.ask();
          t.suggest_float("x", 0, 1);
          return t;
        }(),
        x);
  }
  const ConfirmResult r = study.confirm(3, objective, {.repeats = 2});
  CHECK(pruned_ones == 0);
  CHECK(streams.size() == 8);
  REQUIRE(r.candidates.size() == 3);
  const int64_t numbers[] = {1, 2, 4};  // the second 0.2 is the same configuration
  for (size_t i = 0; i < 3; ++i) {
    const Confirmed& c = r.candidates[i];
    CHECK(c.number == numbers[i]);
    CHECK(c.before == study.trial(c.number).value);
    CHECK(c.values == std::vector<double>{c.before, c.before});
    CHECK(c.standard_error == 0);
    for (const int64_t run : c.runs) {
      CHECK(study.trial(run).params == c.params);
      CHECK(study.trial(run).system.at("attune:confirms") == std::to_string(c.number));
    }
  }
  CHECK(r.winner().number == 1);
  CHECK(r.defaults.params.at("x") == 0.5);
  CHECK(r.gain == doctest::Approx(0.3));
  CHECK(r.gain_low == r.gain);
  CHECK(r.value == 0.2);
  CHECK(r.optimism == 0);

  // Asked again, it runs what is still wanting, and no more.
  CHECK(study.size() == 5 + 8);
  CHECK(study.confirm(3, objective, {.repeats = 2}).value == 0.2);
  CHECK(study.size() == 5 + 8);
  int64_t told = 0;
  study.confirm(3, objective, {.repeats = 3, .jobs = 2, .progress = [&](const Progress& p) {
                                 CHECK(p.wanted == 4);
                                 told = p.trials;
                               }});
  CHECK(study.size() == 5 + 12);
  CHECK(told == 4);
}

TEST_CASE("confirm: the search does not see it") {
  for (const auto& sampler : all_samplers()) {
    CAPTURE(sampler.name);
    for (const bool deterministic : {false, true}) {
      Study study({.direction = minimize,
                   .sampler = sampler.make(),
                   .pruner = median({.startup_trials = 2}),
                   .seed = 6,
                   .space = finite_space(),
                   .deterministic = deterministic});
      study.optimize(rough, {.trials = 15});
      const std::string before = table(study);
      const int64_t best = study.best_trial().number;
      const double predicted = study.predict(study.best_trial().params).mean;
      const int64_t runs = study.what_if({}).reports_logged;
      const std::string first = study.importances().front().name;

      const auto perfect = [](Trial& t) -> Outcome {  // would be the best ever
        t.suggest(finite_space());
        return -100.0 - static_cast<double>(t.number());
      };
      study.confirm(2, perfect, {.repeats = 3});
      CHECK(study.size() == 15 + 9);
      CHECK(table(study).starts_with(before));
      CHECK(study.best_trial().number == best);
      for (const TrialResult& t : study.best_trials()) CHECK(t.number < 15);
      CHECK(study.predict(study.best_trial().params).mean == predicted);
      CHECK(study.what_if({}).reports_logged == runs);
      CHECK(study.importances().front().name == first);
      CHECK(study.history().count(State::complete) + study.history().count(State::pruned) +
                study.history().count(State::failed) ==
            15);
      // What comes next depends on what was found before, not on what the runs gave.
      Study other({.sampler = sampler.make(),
                   .pruner = median({.startup_trials = 2}),
                   .seed = 6,
                   .space = finite_space(),
                   .deterministic = deterministic});
      other.optimize(rough, {.trials = 15});
      other.confirm(2, rough, {.repeats = 3});
      study.optimize(rough, {.trials = 8}), other.optimize(rough, {.trials = 8});
      for (int64_t k = 24; k < study.size(); ++k) {
        CHECK(study.trial(k).params == other.trial(k).params);
        CHECK(study.trial(k).state == other.trial(k).state);
      }
    }
  }
}

TEST_CASE("confirm: a study in a file knows its runs when it is opened again") {
  for (const auto& storage : all_storages()) {
    CAPTURE(storage.name);
    const Folder folder;
    const std::shared_ptr<Storage> kept = storage.make(folder);
    ConfirmResult first;
    {
      Study study({.storage = kept, .sampler = tune::random(), .seed = 8});
      study.optimize(noisy, {.trials = 20});
      first = study.confirm(3, noisy);
    }
    Study again({.storage = kept, .must_exist = true});
    CHECK(again.size() == 20 + 4 * 5);
    CHECK(again.best_trial().number < 20);
    CHECK(again.history().count(State::complete) == 20);
    const ConfirmResult second = again.confirm(3, noisy);
    CHECK(again.size() == 20 + 4 * 5);
    CHECK(second.value == first.value);
    CHECK(second.gain_low == first.gain_low);
    CHECK(second.defaults.params == first.defaults.params);
  }
}

TEST_CASE("confirm: conditions, a default that is forbidden, and one that wins") {
  Study study({.sampler = tune::random(), .seed = 2, .space = finite_space()});
  study.optimize([](Trial& t) -> Outcome { return bowl(t.suggest(finite_space())); },
                 {.trials = 25});
  const ConfirmResult r =
      study.confirm(4, [](Trial& t) -> Outcome { return bowl(t.suggest(finite_space())); });
  for (const Confirmed& c : r.candidates) {
    for (const double v : c.values) CHECK(v == c.before);
    for (const int64_t run : c.runs) CHECK(study.trial(run).params == c.params);
  }
  CHECK(r.gain == doctest::Approx(r.defaults.mean - r.winner().mean));

  Space space{{"x", range(0, 1)}};
  space.forbid([](const Params& p) { return p.at("x").as_double() == 0.5; });
  const auto plain = [&](Trial& t) -> Outcome { return t.suggest(space).at("x").as_double(); };
  Study forbidden({.sampler = tune::random(), .seed = 2, .space = space});
  forbidden.optimize(plain, {.trials = 10});
  const ConfirmResult f = forbidden.confirm(2, plain, {.repeats = 2});
  CHECK(f.defaults.params == forbidden.trial(0).params);

  const auto best_first = [](Trial& t) -> Outcome {
    return std::abs(t.suggest_float("x", 0, 1) - 0.5) + 0.01 * t.rng("noise").normal();
  };
  Study winner({.sampler = tune::random(), .seed = 2});
  winner.optimize(best_first, {.trials = 10});
  const ConfirmResult w = winner.confirm(3, best_first);
  CHECK(w.winner().params == w.defaults.params);
  CHECK(w.gain == 0);
  CHECK(w.gain_high == 0);
}

TEST_CASE("confirm: runs that fail, and what cannot be done") {
  Study study({.sampler = tune::random(), .seed = 4});
  CHECK_THROWS_AS(study.confirm(3, noisy), ValueError);
  study.optimize(noisy, {.trials = 10});
  for (const ConfirmOptions& bad : {ConfirmOptions{.repeats = 1}, ConfirmOptions{.level = 1},
                                    ConfirmOptions{.level = NAN}, ConfirmOptions{.jobs = 0}}) {
    CHECK_THROWS_AS(study.confirm(3, noisy, bad), ValueError);
  }
  CHECK_THROWS_AS(study.confirm(0, noisy), ValueError);
  CHECK(study.size() == 10);

  const int64_t best = study.best_trial().number;
  const double best_x = study.best_trial().params.at("x");
  const ConfirmResult r = study.confirm(3, [&](Trial& t) -> Outcome {
    const double x = t.suggest_float("x", 0, 1);
    if (x == best_x) throw std::runtime_error("out of luck");
    if (x == 0.5) return std::nan("");
    return x;
  });
  CHECK(r.candidates[0].number == best);
  CHECK(r.candidates[0].failed == 5);
  CHECK(std::isnan(r.candidates[0].mean));
  CHECK(r.chosen > 0);
  CHECK(r.value == r.winner().mean);
  CHECK(r.defaults.failed == 5);
  CHECK(std::isnan(r.gain));
  CHECK(std::isnan(r.gain_low));

  Study two({.directions = {minimize, minimize}, .sampler = tune::random(), .seed = 1});
  two.optimize([](Trial& t) -> Outcome { return {t.suggest_float("x", 0, 1), 1}; }, {.trials = 3});
  CHECK_THROWS_AS(two.confirm(1, noisy), ValueError);

  // Stopped half way, and gone on with.
  Study long_one({.sampler = tune::random(), .seed = 4});
  long_one.optimize(noisy, {.trials = 10});
  int calls = 0;
  const auto stopping = [&](Trial& t) -> Outcome {
    if (++calls == 7) long_one.stop();
    return noisy(t);
  };
  long_one.confirm(2, stopping, {.repeats = 4});
  CHECK(long_one.size() == 10 + 7);
  CHECK(long_one.confirm(2, stopping, {.repeats = 4}).winner().values.size() == 4);
  CHECK(long_one.size() == 10 + 12);
}
