// The pruners' decisions, on histories written by hand.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "attune/base/error.h"
#include "attune/tune/pruner.h"
#include "tests/tune/history_writer.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Complete trials that report these losses at step 0, and one that runs and reports `mine`.
struct Race {
  HistoryWriter writer = HistoryWriter();
  int64_t runner = 0;

  explicit Race(const std::vector<double>& others) {
    for (const double loss : others) add({loss});
    runner = writer.start({}, {});
  }
  void add(const std::vector<double>& losses) {
    const int64_t number = writer.start({}, {});
    for (size_t i = 0; i < losses.size(); ++i)
      writer.report(number, static_cast<int64_t>(i), losses[i]);
    writer.end(number, State::complete, {losses.back()});
  }
  bool stops(const Pruner& pruner) const {
    return pruner.should_stop(writer.history.trials()[static_cast<size_t>(runner)], writer.history);
  }
  bool stops(const Pruner& pruner, int64_t step, double loss) {
    writer.report(runner, step, loss);
    return stops(pruner);
  }
};

}  // namespace

TEST_CASE("percentile: between two losses as numpy's, and 50 is the median") {
  const std::vector<double> others{1, 2, 3, 4, 5, 6};  // percentile 25 of them: 2.25
  CHECK(!Race(others).stops(*percentile(), 0, 2.25));
  CHECK(Race(others).stops(*percentile(), 0, 2.26));
  CHECK(Race(others).stops(*percentile({.percent = 0}), 0, 1.01));
  CHECK(!Race(others).stops(*percentile({.percent = 100}), 0, 6));
  CHECK(Race(others).stops(*percentile({.percent = 100}), 0, 6.01));
  for (const double loss : {3.49, 3.5, 3.51}) {
    CHECK(Race(others).stops(*percentile({.percent = 50}), 0, loss) == (loss > 3.5));
    CHECK(Race(others).stops(*median(), 0, loss) == (loss > 3.5));
  }
  CHECK(Race(others).stops(*percentile(), 0, kNaN));
  CHECK(!Race({1, 2, 3}).stops(*percentile(), 0, 9));  // too few
  CHECK_THROWS_AS(percentile({.percent = 101}), ValueError);
  CHECK_THROWS_AS(percentile({.percent = kNaN}), ValueError);
}

TEST_CASE("threshold: in the study's own sense") {
  CHECK(!Race({}).stops(*threshold({.low = -1, .high = 2}), 0, 2));
  CHECK(Race({}).stops(*threshold({.low = -1, .high = 2}), 0, 2.01));
  CHECK(Race({}).stops(*threshold({.low = -1}), 0, -1.01));
  CHECK(Race({}).stops(*threshold({.high = 2}), 0, kNaN));
  CHECK(!Race({}).stops(*threshold({.high = 2, .warmup_steps = 3}), 2, 9));
  History maximised({-1.0});
  maximised.apply(Created{0});
  maximised.apply(Claimed{0});
  maximised.apply(Reported{.trial = 0, .step = 0, .value = 0.99});
  CHECK(threshold({.high = 0.9})->should_stop(maximised.trials()[0], maximised));
  CHECK(!threshold({.low = 0.9})->should_stop(maximised.trials()[0], maximised));
  CHECK_THROWS_AS(threshold({}), ValueError);
  CHECK_THROWS_AS(threshold({.low = 2, .high = 1}), ValueError);
}

TEST_CASE("patient: stops once so many reports have brought nothing") {
  Race race({});
  const auto early = patient(nullptr, 2);
  CHECK(!race.stops(*early, 0, 5));
  CHECK(!race.stops(*early, 1, 4));
  CHECK(!race.stops(*early, 2, 4.5));  // the best is among the last two
  CHECK(race.stops(*early, 3, 4));     // no better than before
  CHECK(!race.stops(*early, 4, 3));
  CHECK(!race.stops(*early, 5, kNaN));
  CHECK(race.stops(*early, 6, kNaN));
  CHECK(race.stops(*early, 7, 50));
  CHECK(!race.stops(*patient(threshold({.high = 100}), 2)));
  CHECK_THROWS_AS(patient(nullptr, 0), ValueError);
}

TEST_CASE("wilcoxon: worse by pairs, with certainty") {
  // Of five pairs that are all worse p is 1/32; of four 1/16; of three 1/8.
  const std::vector<double> best{1, 2, 3, 4, 5, 6};
  Race race({});
  race.add(best);
  const auto test = wilcoxon();
  CHECK(!race.stops(*test, 3, 4.5));
  CHECK(!race.stops(*test, 0, 1.6));
  CHECK(!race.stops(*test, 1, 2.7));  // 1/8
  CHECK(race.stops(*test, 5, 6.8));   // 1/16
  CHECK(!race.stops(*wilcoxon({.p = 0.05})));
  CHECK(race.stops(*wilcoxon({.p = 0.05}), 2, 3.9));  // 1/32
  CHECK(race.stops(*test, 4, 5));                     // equal: it takes the least rank
  Race better({});
  better.add(best);
  for (int64_t step = 0; step < 6; ++step) {
    CHECK(!better.stops(*test, step, best[static_cast<size_t>(step)] - 0.1));
  }
  Race many({});
  many.add(std::vector<double>(80, 1.0));
  bool stopped = false;
  for (int64_t step = 0; step < 80; ++step) {
    stopped = many.stops(*wilcoxon({.p = 1e-6}), step, step % 4 == 0 ? 0.9 : 1.5);
  }
  CHECK(stopped);
  CHECK_THROWS_AS(wilcoxon({.p = 0}), ValueError);
}
