#include <doctest/doctest.h>

#include <cmath>

#include "attune/base/error.h"
#include "attune/tune/history.h"
#include "attune/tune/pruner.h"

using namespace attune;
using namespace attune::tune;

namespace {

std::shared_ptr<const Param> named(const char* name, Param p) {
  p.name = name;
  return std::make_shared<const Param>(std::move(p));
}

// A finished trial that reported these values at steps 0, 1, ...
void add(History& h, State state, const std::vector<double>& reports) {
  const auto number = static_cast<int64_t>(h.trials().size());
  h.apply(Created{number});
  h.apply(Claimed{number, 1});
  for (size_t i = 0; i < reports.size(); ++i)
    h.apply(Reported{number, static_cast<int64_t>(i), reports[i]});
  if (state != State::running) h.apply(Finished{number, state, {reports.back()}, 2});
}

}  // namespace

TEST_CASE("history: events may come twice, late, and never to a trial that has ended") {
  History h;
  const auto x = named("x", range(0, 1));
  const std::vector<Event> events{Created{0},           Claimed{0, 5},
                                  ParamSet{0, x, 0.25}, Reported{0, 1, 3},
                                  Reported{0, 0, 4},    Finished{0, State::complete, {7}, 9}};
  for (int twice = 0; twice < 2; ++twice) {
    for (const Event& e : events) h.apply(e);
    for (const Event& e : events) h.apply(e);
    const TrialRecord& t = h.trials().at(0);
    CHECK(h.trials().size() == 1);
    CHECK(t.params.size() == 1);
    CHECK(t.reports.size() == 2);
    CHECK(t.reports[0].step == 0);
    CHECK(t.loss() == 7);
    CHECK(h.count(State::complete) == 1);
    CHECK(h.count(State::running) == 0);
    CHECK(h.finished() == std::vector<int64_t>{0});
  }
  h.apply(Reported{0, 5, 1});
  h.apply(Finished{0, State::failed, {}, 10});
  CHECK(h.trials()[0].reports.size() == 2);
  CHECK(h.trials()[0].state == State::complete);
  CHECK_THROWS_AS(h.apply(Claimed{7, 1}), StorageError);
  CHECK_THROWS_AS(h.apply(Created{9}), StorageError);
}

TEST_CASE("history: the first value of a parameter stays, and the last of a step") {
  History h;
  h.apply(Created{0});
  h.apply(ParamSet{0, named("x", range(0, 1)), 0.25});
  h.apply(ParamSet{0, named("x", range(0, 2)), 0.5});
  h.apply(Reported{0, 0, 1});
  h.apply(Reported{0, 0, 2});
  CHECK(h.trials()[0].params.size() == 1);
  CHECK(h.trials()[0].params[0].value == 0.25);
  CHECK(h.trials()[0].reports[0].loss == 2);
}

TEST_CASE("history: losses are lower is better") {
  History h({-1});
  add(h, State::complete, {1, 5});
  CHECK(h.trials()[0].loss() == -5);
  CHECK(h.trials()[0].reports[1].loss == -5);
}

TEST_CASE("history: shared parameters are those of all complete trials, in the order of names") {
  const auto finish = [](History& h, std::initializer_list<std::shared_ptr<const Param>> params,
                         State state) {
    const auto n = static_cast<int64_t>(h.trials().size());
    h.apply(Created{n});
    h.apply(Claimed{n, 1});
    for (const auto& p : params) h.apply(ParamSet{n, p, p->low});
    h.apply(Finished{n, state, {1}, 2});
  };
  History h;
  const auto b = named("b", range(0, 1)), a = named("a", int_range(1, 3)),
             c = named("c", choice({"u", "v"}));
  CHECK(h.shared_space()->empty());
  finish(h, {b, a, c}, State::complete);
  REQUIRE(h.shared_space()->size() == 3);
  CHECK(h.shared_space()->params()[0].name == "a");
  finish(h, {b}, State::failed);
  CHECK(h.shared_space()->size() == 3);
  finish(h, {c, b}, State::complete);
  REQUIRE(h.shared_space()->size() == 2);
  CHECK(h.shared_space()->params()[0].name == "b");
  finish(h, {named("b", range(0, 5)), c}, State::complete);  // another range
  CHECK(h.shared_space()->size() == 1);
}

TEST_CASE("history: a stored value gives the same unit whether the grid is known or not") {
  History h;
  h.apply(Created{0});
  Param plain = log_int_range(16, 256);  // as a storage gives it back
  h.apply(ParamSet{0, named("batch", plain), 64});
  Param with_grid = powers_of_two(16, 256);
  with_grid.name = "batch";
  CHECK(h.intern(with_grid) == 0);
  CHECK(h.params().size() == 1);
  CHECK(h.unit(h.trials()[0], with_grid) == doctest::Approx(0.5));
  CHECK(std::isnan(h.unit(h.trials()[0], *named("other", range(0, 1)))));
}

TEST_CASE("median: a table of decisions") {
  History h;
  for (const double v : {1.0, 2.0, 3.0, 4.0, 5.0}) add(h, State::complete, {v, v, v});  // median 3
  const auto decides = [&](const std::vector<double>& reports, MedianOptions options = {}) {
    History other = h;
    add(other, State::running, reports);
    return median(options)->should_stop(other.trials().back(), other);
  };
  CHECK_FALSE(decides({2.9}));
  CHECK_FALSE(decides({3}));  // equal is good enough
  CHECK(decides({3.1}));
  CHECK_FALSE(decides({2, 9}));  // its best counts
  CHECK(decides({4, 9}));
  CHECK(decides({NAN}));
  CHECK_FALSE(decides({NAN, 1}));
  CHECK_FALSE(decides({9, 9, 9, 9}));  // nobody came that far
  CHECK_FALSE(decides({9}, {.startup_trials = 6}));
  CHECK(decides({9}, {.startup_trials = 5}));
  CHECK_FALSE(decides({9, 9}, {.warmup_steps = 2}));
  CHECK(decides({9, 9, 9}, {.warmup_steps = 2}));
  CHECK_FALSE(decides({9, 9}, {.interval_steps = 2}));  // step 1 is between 0 and 2
  CHECK(decides({9, 9, 9}, {.interval_steps = 2}));
  CHECK_FALSE(decides({INFINITY, 1}));
  CHECK(decides({INFINITY}));
  CHECK_FALSE(median()->should_stop(TrialRecord{}, h));
  CHECK_FALSE(no_pruning()->should_stop(h.trials()[4], h));
  CHECK_THROWS_AS(median({.interval_steps = 0}), ValueError);

  add(h, State::complete, {100, 100, 100});  // of an even number: the mean of the middle two, 3.5
  CHECK_FALSE(decides({3.5}));
  CHECK(decides({3.6}));
}
