#include "attune/tune/report/findings.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "attune/tune/samplers.h"
#include "doctest/doctest.h"

namespace attune::tune {
namespace {

// A bowl with waves, of random shape, dimension, noise, budget and sampler: what is true of it is
// known, so the sentences of a report can be counted as right or wrong.
struct Simulated {
  explicit Simulated(int64_t seed) : rng(Rng(9000).fork(seed)), study_seed(seed) {
    dims = 2 + rng.below(4);
    for (size_t i = 0; i < dims; ++i) {
      center.push_back(rng.uniform()), weight.push_back(std::exp(2 * rng.normal()));
      space.add("x" + std::to_string(i), range(0, 1));
    }
    waves = rng.uniform() < 0.5 ? 0 : 0.03 * rng.uniform();
    double spread = 0;
    for (const double w : weight) spread += 0.1 * w;
    const double levels[] = {0, 0.02, 0.1, 0.4};
    noise = levels[rng.below(4)] * spread;
    trials = 30 + static_cast<int64_t>(rng.below(71));
    const std::shared_ptr<Sampler> samplers[] = {random(), tpe(), automatic()};
    sampler = samplers[rng.below(3)];
  }

  double truth(const Params& params) const {
    double sum = 0;
    for (size_t i = 0; i < dims; ++i) {
      const double z = params.at("x" + std::to_string(i)).as_double() - center[i];
      sum += weight[i] * (z * z + waves * (1 - std::cos(12 * z)));
    }
    return sum;
  }

  Findings run() {
    const std::shared_ptr<Storage> storage = memory_storage();
    Study study({.name = "simulated",
                 .storage = storage,
                 .sampler = sampler,
                 .seed = static_cast<uint64_t>(study_seed),
                 .space = space});
    study.optimize(
        [this](Trial& trial) -> Outcome {
          const Params params = trial.suggest(space);
          Rng noise_of_trial = trial.rng("noise");
          return truth(params) + noise * noise_of_trial.normal();
        },
        {.trials = trials});
    return findings(StudyView(storage, "simulated"));
  }

  Params at(double everywhere) const {
    Params params;
    for (size_t i = 0; i < dims; ++i) params.set("x" + std::to_string(i), everywhere);
    return params;
  }

  // The lowest value there is: of the centre, which waves do not raise.
  double lowest() const { return 0; }

  Rng rng;
  int64_t study_seed;
  size_t dims = 0;
  std::vector<double> center, weight;
  double waves = 0, noise = 0;
  int64_t trials = 0;
  Space space;
  std::shared_ptr<Sampler> sampler;
};

std::shared_ptr<Storage> told(const std::vector<double>& values, Direction direction,
                              const std::string& error = {}) {
  const std::shared_ptr<Storage> storage = memory_storage();
  Study study({.name = "told", .storage = storage, .direction = direction, .seed = 1});
  const Space space{{"x", range(0, 1)}};
  for (size_t i = 0; i < values.size(); ++i) {
    Trial trial = study.begin({{"x", static_cast<double>(i) / static_cast<double>(values.size())}});
    trial.suggest(space);
    study.tell(trial, values[i]);
  }
  if (!error.empty()) {
    Trial trial = study.ask(space);
    study.tell(trial, Failed{error});
  }
  return storage;
}

bool any_contains(const std::vector<std::string>& texts, const std::string& part) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& t) { return t.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("findings: the interval of the gain covers it, and 'converged' is right") {
  int covered = 0, gains = 0, converged = 0, right = 0;
  for (int64_t seed = 0; seed < 80; ++seed) {
    Simulated simulated(seed);
    const Findings f = simulated.run();
    REQUIRE(f.best);
    REQUIRE(f.gain);
    const double best = simulated.truth(f.best->params);
    const double truth = simulated.truth(simulated.at(0.5)) - best;
    const double rounding = 1e-9 * std::abs(truth) + 1e-12;
    ++gains;
    covered += truth >= f.gain->low - rounding && truth <= f.gain->high + rounding;
    if (!f.outlook || !f.outlook->converged) continue;
    ++converged;
    right += best - simulated.lowest() <= std::max(0.01 * truth, simulated.noise / 2);
  }
  CAPTURE(covered);
  CAPTURE(converged);
  CAPTURE(right);
  CHECK(covered >= 0.9 * gains);  // 0.95, less three standard errors of 80
  CHECK(converged >= 10);
  CHECK(right >= 0.85 * converged);
}

TEST_CASE("findings: an empty study, and one of a single trial") {
  const Findings none = findings(StudyView(told({}, Direction::minimize), "told"));
  CHECK_FALSE(none.best);
  CHECK_FALSE(none.gain);
  CHECK(any_contains(none.sentences(), "No trial is complete yet"));
  const Findings one = findings(StudyView(told({3}, Direction::minimize), "told"));
  REQUIRE(one.best);
  CHECK(one.best->value == 3);
  CHECK_FALSE(one.outlook);
  CHECK(any_contains(one.advice(), "Run more trials"));
}

TEST_CASE("findings: equal values, failures and edges are told as they are") {
  const Findings equal =
      findings(StudyView(told(std::vector<double>(20, 1.0), Direction::maximize), "told"));
  REQUIRE(equal.gain);
  CHECK(equal.gain->value == doctest::Approx(0));

  std::vector<double> rising;
  for (int i = 0; i < 20; ++i) rising.push_back(i);
  const std::shared_ptr<Storage> storage =
      told(rising, Direction::maximize, "out of memory\nin layer 3");
  const Findings f = findings(StudyView(storage, "told"));
  REQUIRE(f.best);
  CHECK(f.best->value == 19);
  REQUIRE(f.causes.size() == 1);
  CHECK(f.causes[0].trials == std::vector<int64_t>{20});
  CHECK(any_contains(f.sentences(), "out of memory"));
  for (const std::string& s : f.sentences()) CHECK(s.find('\n') == std::string::npos);
  REQUIRE(f.gain);
  CHECK(f.gain->low > 0);  // higher is better, and the best is far above the middle
}

TEST_CASE("findings: figures of huge and of tiny values are numbers") {
  for (const double unit : {1e300, 1e-300}) {
    CAPTURE(unit);
    const std::shared_ptr<Storage> storage = memory_storage();
    Study study({.name = "far", .storage = storage, .sampler = tune::random(), .seed = 1});
    study.optimize([&](Trial& trial) { return unit * (trial.suggest_float("x", 0, 1) - 0.3); },
                   {.trials = 14});
    const Findings f = findings(StudyView(storage, "far"));
    REQUIRE(f.gain);
    CHECK(f.gain->low <= f.gain->value);
    CHECK(f.gain->value <= f.gain->high);
    CHECK(f.gain->high < unit);
    REQUIRE(f.outlook);
    CHECK(std::isfinite(f.outlook->likely));
    for (const std::string& s : f.sentences()) CHECK(s.find("nan") == std::string::npos);
  }
}

TEST_CASE("findings: several objectives have a front and no gain") {
  const std::shared_ptr<Storage> storage = memory_storage();
  Study study({.name = "two",
               .storage = storage,
               .directions = {Direction::minimize, Direction::minimize},
               .seed = 1});
  study.optimize(
      [](Trial& trial) -> Outcome {
        const double x = trial.suggest_float("x", 0, 1);
        return {x, 1 - x};
      },
      {.trials = 20});
  const Findings f = findings(StudyView(storage, "two"));
  CHECK_FALSE(f.best);
  CHECK_FALSE(f.gain);
  CHECK(f.front.size() == study.best_trials().size());
}

}  // namespace attune::tune
