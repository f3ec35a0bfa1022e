// bayesian() as a sampler: does it find good settings, does it depend on nothing it should not, and
// does it stand what studies do to it?
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <set>

#include <fmt/format.h>
#include <omp.h>

#include "attune/base/error.h"
#include "attune/tune/samplers.h"
#include "attune/tune/study.h"

using namespace attune;
using namespace attune::tune;

namespace {

using Values = std::vector<double>;
using Function = std::function<double(const Values&)>;

// A study without a study: a history filled by hand, so that it can be in any state.
class Bench {
 public:
  Bench(Space space, uint64_t seed) : space_(std::move(space)), seed_(seed) {
    for (const Param& p : space_.params()) params_.push_back(std::make_shared<const Param>(p));
  }

  Values ask(Sampler& sampler, int64_t number) const {
    const Question question{number, seed_, space_, history_};
    Rng rng = Rng(seed_).fork("sampler").fork(number);
    return space_.to_values(sampler.propose(question, rng));
  }

  void start(const Values& values) {
    const auto number = static_cast<int64_t>(history_.trials().size());
    history_.apply(Created{number});
    history_.apply(Claimed{number, 0});
    const std::vector<bool> active = space_.active(values);
    for (size_t i = 0; i < values.size(); ++i) {
      if (active[i]) history_.apply(ParamSet{number, params_[i], values[i]});
    }
  }
  void finish(int64_t number, double loss) {
    history_.apply(Finished{number, State::complete, {loss}, 0});
  }
  void end(int64_t number, State state, std::vector<double> losses) {
    history_.apply(Finished{number, state, std::move(losses), 0});
  }

  // Asks, evaluates and tells; the best value so far.
  double run(Sampler& sampler, const Function& f, int trials) {
    double best = std::numeric_limits<double>::infinity();
    for (int i = 0; i < trials; ++i) {
      const auto number = static_cast<int64_t>(history_.trials().size());
      const Values values = ask(sampler, number);
      start(values);
      const double loss = f(values);
      best = std::min(best, loss);
      finish(number, loss);
    }
    return best;
  }

  const History& history() const { return history_; }
  const Space& space() const { return space_; }

 private:
  Space space_;
  uint64_t seed_;
  std::vector<std::shared_ptr<const Param>> params_;
  History history_;
};

Space box(size_t dims, double low, double high) {
  Space space;
  for (size_t i = 0; i < dims; ++i) space.add(fmt::format("x{}", i), range(low, high));
  return space;
}

double branin(const Values& x) {
  using std::numbers::pi;
  const double t = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;
  return t * t + 10 * (1 - 1 / (8 * pi)) * std::cos(x[0]) + 10 - 0.39788735772973816;
}

double hartmann6(const Values& x) {
  const double height[4] = {1, 1.2, 3, 3.2};
  const double width[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                              {.05, 10, 17, .1, 8, 14},
                              {3, 3.5, 1.7, 10, 17, 8},
                              {17, 8, .05, 10, .1, 14}};
  const double center[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                               {2329, 4135, 8307, 3736, 1004, 9991},
                               {2348, 1451, 3522, 2883, 3047, 6650},
                               {4047, 8828, 8732, 5743, 1091, 381}};
  double sum = 3.32236801141551;
  for (int i = 0; i < 4; ++i) {
    double e = 0;
    for (size_t j = 0; j < 6; ++j) e += width[i][j] * std::pow(x[j] - 1e-4 * center[i][j], 2);
    sum -= height[i] * std::exp(-e);
  }
  return sum;
}

Space mixed_space() {
  return Space{{"model", choice({"linear", "tree", "net"})},
               {"reg", log_range(1e-6, 1)},
               {"lr", log_range(1e-5, 1e-1).when("model", "net")},
               {"layers", int_range(1, 6).when("model", "net")},
               {"trees", log_int_range(10, 500).when("model", "tree")},
               {"dropout", stepped_range(0, 0.5, 0.1)}};
}

double mixed_loss(const Values& v) {
  const double common = std::pow(std::log10(v[1]) + 3, 2) / 10 + v[5];
  if (v[0] == 2) return common + std::pow(std::log10(v[2]) + 2, 2) + std::abs(v[3] - 3);
  if (v[0] == 1) return common + 1 + std::pow(std::log10(v[4]) - 2, 2);
  return common + 2;
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

TEST_CASE("bayesian: 50 trials come far closer than random search") {
  struct Case {
    Space space;
    Function f;
    double enough;  // median regret over the seeds
  };
  const Case cases[] = {{Space{{"x", range(-5, 10)}, {"y", range(0, 15)}}, branin, 2e-3},
                        {box(6, 0, 1), hartmann6, 0.15}};
  for (const Case& c : cases) {
    std::vector<double> ours, chance;
    for (uint64_t seed = 0; seed < 10; ++seed) {
      ours.push_back(Bench(c.space, seed).run(*bayesian(), c.f, 50));
      double best = std::numeric_limits<double>::infinity();
      Rng rng(seed);
      for (int i = 0; i < 50; ++i) {
        Values units(c.space.size());
        for (double& u : units) u = rng.uniform();
        best = std::min(best, c.f(c.space.to_values(units)));
      }
      chance.push_back(best);
    }
    CHECK(median_of(ours) < c.enough);
    CHECK(median_of(ours) < median_of(chance) / 10);
    CHECK(*std::max_element(ours.begin(), ours.end()) < median_of(chance));
  }
}

TEST_CASE("bayesian: finds the right branch of a conditional, mixed space") {
  std::vector<double> best;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Bench bench(mixed_space(), seed);
    best.push_back(bench.run(*bayesian(), mixed_loss, 50));
  }
  CHECK(median_of(best) < 0.01);
}

TEST_CASE("bayesian: a suggestion depends on seed, number and finished trials alone") {
  Bench bench(mixed_space(), 3);
  const auto kept = bayesian();
  std::vector<Values> losses;
  for (int64_t number = 0; number < 40; ++number) {
    const Values values = bench.ask(*kept, number);
    CHECK(values == bench.ask(*bayesian(), number));  // as if resumed before every trial
    CHECK(values == bench.ask(*kept, number));
    bench.start(values);
    bench.finish(number, mixed_loss(values));
  }

  // The same trials, told in another order.
  Bench shuffled(mixed_space(), 3);
  for (const TrialRecord& t : bench.history().trials()) {
    Values values = bench.space().default_values();
    for (const auto& use : t.params) {
      const std::string& name = bench.history().params()[static_cast<size_t>(use.param)]->name;
      for (size_t i = 0; i < values.size(); ++i) {
        if (bench.space().params()[i].name == name) values[i] = use.value;
      }
    }
    shuffled.start(values);
  }
  for (int64_t k = 0; k < 40; ++k) {
    const int64_t number = (k * 7 + 3) % 40;
    shuffled.finish(number, bench.history().trials()[static_cast<size_t>(number)].loss());
  }
  for (int64_t number = 40; number < 43; ++number) {
    CHECK(bench.ask(*kept, number) == shuffled.ask(*kept, number));
  }

  Bench other(mixed_space(), 4);
  other.run(*kept, mixed_loss, 1);
  CHECK(other.ask(*kept, 1) != Bench(mixed_space(), 3).ask(*kept, 1));
}

TEST_CASE("bayesian: the host's threads change nothing and stay as they are") {
  const int before = omp_get_max_threads();
  std::vector<double> best;
  for (const int threads : {1, 4}) {
    omp_set_num_threads(threads);
    best.push_back(Bench(box(5, -1, 2), 5)
                       .run(
                           *bayesian(),
                           [](const Values& v) { return v[0] * v[0] + v[1] * v[2] + v[3] - v[4]; },
                           40));
    CHECK(omp_get_max_threads() == threads);
  }
  omp_set_num_threads(before);
  CHECK(best[0] == best[1]);
}

TEST_CASE("bayesian: integers and steps are exact, a small space is tried without repetition") {
  const Space space{{"n", int_range(1, 5)},
                    {"s", stepped_range(0, 0.3, 0.1)},
                    {"kind", choice({"a", "b"})},
                    {"m", int_range(1, 3).when("kind", "b")}};
  Bench bench(space, 1);
  const auto sampler = bayesian();
  std::set<Values> seen;
  const int points = 5 * 4 * (1 + 3);
  for (int64_t number = 0; number < points; ++number) {
    Values v = bench.ask(*sampler, number);
    CHECK(v[0] == std::round(v[0]));
    CHECK(std::abs(v[1] * 10 - std::round(v[1] * 10)) < 1e-12);
    bench.start(v);
    bench.finish(number, std::abs(v[0] - 2) + v[1] + (v[2] == 1 ? v[3] : 2));
    if (v[2] == 0) v[3] = 0;
    seen.insert(v);
  }
  CHECK(seen.size() == static_cast<size_t>(points));
  const Values more = bench.ask(*sampler, points);  // nothing is left: any point will do
  CHECK(more.size() == 4);
}

TEST_CASE("bayesian: a large finite space is not repeated either") {
  Bench bench(Space{{"a", int_range(1, 40)}, {"b", int_range(1, 40)}}, 2);
  bench.run(
      *bayesian(), [](const Values& v) { return std::abs(v[0] - 20) + std::abs(v[1] - 7); }, 80);
  std::set<std::pair<double, double>> seen;
  double best = 1e9;
  for (const TrialRecord& t : bench.history().trials()) {
    seen.insert({t.params[0].value, t.params[1].value});
    best = std::min(best, t.loss());
  }
  CHECK(seen.size() == 80);
  CHECK(best == 0);
}

TEST_CASE("bayesian: forbidden combinations are not suggested") {
  Space space = box(2, 0, 1);
  space.forbid([](const Params& p) {
    const double x = p.at("x0");
    return x < 0.5;
  });
  Bench bench(space, 6);
  const Function f = [](const Values& v) { return std::pow(v[0] - 0.3, 2) + v[1]; };
  CHECK(bench.run(*bayesian(), f, 30) == doctest::Approx(0.04).epsilon(0.05));
  for (const TrialRecord& t : bench.history().trials()) {
    if (t.number > 0) CHECK(t.params[0].value >= 0.5);
  }
}

TEST_CASE("bayesian: constant, absurd, failed and pruned trials disturb nothing") {
  const auto bowl = [](const Values& v) { return v[0] * v[0] + v[1] * v[1]; };
  const auto sampler = bayesian();

  Bench constant(box(2, -1, 1), 7);
  CHECK(constant.run(
            *sampler, [](const Values&) { return 3.0; }, 30) == 3);

  const Space space = box(2, -1, 1);
  for (const double absurd : {1e300, -1e300, std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN(), 1e-300}) {
    CAPTURE(absurd);
    Bench bench(space, 8);
    double best = std::numeric_limits<double>::infinity();
    for (int64_t number = 0; number < 40; ++number) {
      const Values v = bench.ask(*sampler, number);
      for (const double x : v) CHECK(std::abs(x) <= 1);
      bench.start(v);
      const bool odd = number % 4 == 3;
      bench.finish(number, odd ? absurd : bowl(v));
      if (!odd) best = std::min(best, bowl(v));
    }
    if (!(absurd < 1)) CHECK(best < 1e-3);
  }

  Bench failing(space, 9);  // nothing but failures
  for (int64_t number = 0; number < 20; ++number) {
    failing.start(failing.ask(*sampler, number));
    failing.end(number, State::failed, {});
  }
  std::set<Values> seen;
  for (const TrialRecord& t : failing.history().trials()) {
    seen.insert({t.params[0].value, t.params[1].value});
  }
  CHECK(seen.size() == 20);

  Bench halved(space, 10);  // the bad half is pruned, with a last report or without any
  double best = std::numeric_limits<double>::infinity();
  for (int64_t number = 0; number < 45; ++number) {
    const Values v = halved.ask(*sampler, number);
    halved.start(v);
    if (bowl(v) > 0.5) {
      halved.end(number, State::pruned,
                 number % 2 == 0 ? std::vector<double>{} : std::vector<double>{bowl(v)});
    } else {
      halved.finish(number, bowl(v));
      best = std::min(best, bowl(v));
    }
  }
  CHECK(best < 1e-3);
}

TEST_CASE("bayesian: trials that run are kept away from") {
  Bench bench(box(6, 0, 1), 11);
  const auto sampler = bayesian();
  bench.run(*sampler, hartmann6, 15);
  const auto distance = [](const Values& a, const Values& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
  };
  // Trials 19 and 25 are asked of the same model. Once told that one runs there, 25 goes elsewhere.
  const Values first = bench.ask(*sampler, 19);
  const double apart_blind = distance(first, bench.ask(*sampler, 25));
  bench.start(first);
  const double apart = distance(first, bench.ask(*sampler, 25));
  CHECK(apart > 0.1);
  CHECK(apart > 5 * apart_blind);
}

TEST_CASE("bayesian: a parameter on its own, long studies, bad options") {
  Bench bench(box(3, -1, 1), 12);
  const auto sampler = bayesian();
  Rng rng(1);
  for (int64_t number = 0; number < 700; ++number) {
    Values v(3);
    for (double& x : v) x = rng.uniform(-1, 1);
    bench.start(v);
    bench.finish(number, v[0] * v[0] + 0.01 * v[1] + v[2] * v[2]);
  }
  for (int64_t number = 700; number < 706; ++number) {
    const Values v = bench.ask(*sampler, number);
    CHECK(std::abs(v[0]) < 0.4);
    CHECK(std::abs(v[2]) < 0.4);
  }

  Space nothing;
  const Question question{700, 12, nothing, bench.history()};
  CHECK(sampler->propose(question, rng).empty());
  const Param& x0 = bench.space().params()[0];
  std::vector<double> units;
  for (int repeat = 0; repeat < 9; ++repeat) units.push_back(sampler->sample(question, x0, rng));
  CHECK(std::abs(median_of(units) - 0.5) < 0.3);

  CHECK_THROWS_AS(bayesian({.startup_trials = -1}), ValueError);
}

TEST_CASE("bayesian: in a study whose space is found by running, the same for any number of jobs") {
  const auto objective = [](Trial& trial) -> Outcome {
    const double x = trial.suggest_float("x", -5, 10), y = trial.suggest_float("y", 0, 15);
    return branin({x, y});
  };
  std::vector<std::vector<double>> tables;
  for (const int jobs : {1, 2, 4}) {
    Study study({.sampler = bayesian(), .seed = 1, .deterministic = true});
    study.optimize(objective, {.trials = 40, .jobs = jobs});
    tables.emplace_back();
    for (const TrialResult& t : study.trials()) tables.back().push_back(t.value);
    CHECK(study.best_trial().value < 0.1);
  }
  CHECK(tables[0] == tables[1]);
  CHECK(tables[0] == tables[2]);
}
