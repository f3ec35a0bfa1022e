// tpe(): what is kept from one suggestion to the next, and what is special about it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "attune/base/error.h"
#include "attune/tune/samplers/internal/tpe/split_density.h"
#include "tests/tune/history_writer.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace attune::tune::internal;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<double> random_values(const Space& space, Rng& rng) {
  std::vector<double> units;
  for (size_t i = 0; i < space.size(); ++i) units.push_back(rng.uniform());
  return space.to_values(units);
}

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
  for (const double v : x) mx += v / double(x.size());
  for (const double v : y) my += v / double(y.size());
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my);
    xy += (x[i] - mx) * (y[i] - my);
  }
  return xy / std::sqrt(xx * yy);
}

}  // namespace

TEST_CASE("tpe: a sampler that has seen the study grow says what a new one says") {
  const Space flat{{"x", range(0, 1)}, {"n", int_range(0, 9)}, {"c", choice({"a", "b"})}};
  for (const auto& [name, options] :
       std::vector<std::pair<std::string, TpeOptions>>{{"group", {}},
                                                       {"multivariate", {.group = false}},
                                                       {"univariate", {.multivariate = false}}}) {
    CAPTURE(name);
    for (const Space& space : {flat, finite_space()}) {
      HistoryWriter w;
      const auto lived = tpe(options);
      const Space none;
      Rng rng(7);
      std::vector<int64_t> open;
      for (int step = 0; step < 400; ++step) {
        if (open.size() < 2 || (open.size() < 7 && rng.uniform() < 0.5)) {
          open.push_back(w.start(space, random_values(space, rng)));
        } else {  // any of those that run ends, somehow
          const size_t k = rng.below(open.size());
          const double fate = rng.uniform();
          w.report(open[k], 1, rng.uniform());
          if (fate < 0.8)
            w.end(open[k], State::complete, {std::floor(20 * rng.uniform())});
          else
            w.end(open[k], fate < 0.9 ? State::pruned : State::failed, {});
          open.erase(open.begin() + std::ptrdiff_t(k));
        }
        const Question question{open.back(), 5, space, w.history};
        Rng one(step), other(step), third(step), fourth(step);
        CHECK(lived->propose(question, one)[0] == lived->propose(question, third)[0]);
        if (step % 5 != 0) continue;
        const auto fresh = tpe(options);
        const std::vector<double> a = lived->propose(question, other);
        const std::vector<double> b = fresh->propose(question, fourth);
        REQUIRE(a.size() == b.size());
        for (size_t i = 0; i < a.size(); ++i) {
          CHECK((a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))));
        }
        const Question alone{open.back(), 5, none, w.history};
        for (const Param& p : space.params()) {
          Rng x(step), y(step);
          CHECK(lived->sample(alone, p, x) == fresh->sample(alone, p, y));
        }
      }
    }
  }
}

TEST_CASE("tpe: the same beyond the window of bad trials, which end out of order") {
  const Space space{{"x", range(0, 1)}, {"n", int_range(0, 9)}};
  HistoryWriter w;
  const auto lived = tpe();
  Rng rng(3);
  std::vector<int64_t> open;
  const auto total = static_cast<int>(SplitDensity::kWindow) + 300;
  for (int step = 0; step < total; ++step) {
    open.push_back(w.start(space, random_values(space, rng)));
    if (open.size() > 40) {
      const size_t k = rng.below(open.size());
      const double x = w.history.trials()[size_t(open[k])].params[0].value;
      w.end(open[k], State::complete, {std::abs(x - 0.3)});
      open.erase(open.begin() + std::ptrdiff_t(k));
    }
    const Question question{open.back(), 5, space, w.history};
    Rng one(step), other(step);
    const std::vector<double> said = lived->propose(question, one);
    if (step % 50 == 0) CHECK(said == tpe()->propose(question, other));
  }
}

TEST_CASE("tpe: another history at the same place is noticed") {
  const Space space{{"x", range(0, 1)}};
  const auto sampler = tpe();
  std::optional<HistoryWriter> w;
  for (const double target : {0.2, 0.8}) {
    for (const int trials : {40, 60, 41}) {
      w.emplace();
      Rng rng(1);
      for (int i = 0; i < trials; ++i) {
        const std::vector<double> values = random_values(space, rng);
        w->end(w->start(space, values), State::complete, {std::abs(values[0] - target)});
      }
      const Question question{trials, 5, space, w->history};
      w->start(space, {0.5});
      Rng one(3), other(3);
      CHECK(sampler->propose(question, one) == tpe()->propose(question, other));
    }
  }
}

TEST_CASE("tpe: trials that run keep apart, with the constant liar") {
  const Space space{{"x", range(0, 1)}, {"y", range(0, 1)}};
  double spread[2] = {};
  for (const bool liar : {false, true}) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
      Study study({.sampler = tpe({.constant_liar = liar}), .seed = seed, .space = space});
      const auto value = [](const Params& p) {
        return std::pow(p.at("x").as_double() - 0.6, 2) + std::pow(p.at("y").as_double() - 0.3, 2);
      };
      study.optimize([&](Trial& t) -> Outcome { return value(t.suggest(space)); }, {.trials = 40});
      std::vector<Trial> running;
      std::vector<std::pair<double, double>> points;
      for (int k = 0; k < 10; ++k) {
        running.push_back(study.ask(space));
        const Params p = running.back().params();
        points.emplace_back(p.at("x"), p.at("y"));
      }
      for (size_t i = 0; i < points.size(); ++i) {  // to the nearest other
        double nearest = kInf;
        for (size_t k = 0; k < points.size(); ++k) {
          if (k == i) continue;
          nearest = std::min(nearest, std::hypot(points[i].first - points[k].first,
                                                 points[i].second - points[k].second));
        }
        spread[liar] += nearest / 100;
      }
      for (Trial& t : running) study.tell(t, 1.0);
    }
  }
  CHECK(spread[1] > 1.3 * spread[0]);
}

TEST_CASE("tpe: together, parameters of a ridge are drawn as a ridge") {
  // The best lie where x = y; each of x and y alone says nothing.
  const Space space{{"on", choice({"yes", "no"})},
                    {"x", range(0, 1).when("on", "yes")},
                    {"y", range(0, 1).when("on", "yes")}};
  HistoryWriter w;
  Rng rng(2);
  for (int i = 0; i < 300; ++i) {
    std::vector<double> values = random_values(space, rng);
    if (i % 15 == 0) values = {0, values[1], values[1]};
    const double loss = values[0] == 1 ? 3 : std::abs(values[1] - values[2]);
    w.end(w.start(space, values), State::complete, {loss});
  }
  const Space none;
  for (const bool group : {false, true}) {
    for (const bool declared : {false, true}) {
      CAPTURE(group);
      CAPTURE(declared);
      const auto sampler = tpe({.group = group});
      std::vector<double> xs, ys;
      for (int64_t k = 0; k < 150; ++k) {
        const Question question{300 + k, 1, declared ? space : none, w.history};
        Rng own = Rng(1).fork(k), one = own.fork("x"), other = own.fork("y");
        if (declared) {
          const std::vector<double> units = sampler->propose(question, own);
          xs.push_back(units[1]), ys.push_back(units[2]);
        } else {
          xs.push_back(sampler->sample(question, space.params()[1], one));
          ys.push_back(sampler->sample(question, space.params()[2], other));
        }
      }
      const double r = correlation(xs, ys);
      if (group)
        CHECK(r > 0.8);
      else
        CHECK(std::abs(r) < 0.3);
    }
  }
}

TEST_CASE("tpe: in the end better than chance, in every mode and with pruned trials") {
  const Space space{{"a", range(-5, 5)},
                    {"b", log_range(1e-4, 1)},
                    {"c", int_range(1, 30)},
                    {"d", choice({1, 2, 3})},
                    {"e", range(0, 1)}};
  const auto f = [](const Params& p) {
    const double a = p.at("a"), b = p.at("b"), c = p.at("c"), d = p.at("d"), e = p.at("e");
    return a * a + std::pow(std::log10(b) + 2, 2) + std::pow(c / 10 - 1, 2) + d + e;
  };
  const auto mean_best = [&](const std::function<std::shared_ptr<Sampler>()>& make) {
    double sum = 0;
    for (uint64_t seed = 0; seed < 8; ++seed) {
      Study study({.sampler = make(),
                   .pruner = median({.startup_trials = 5}),
                   .seed = seed,
                   .first = First::sampler});
      study.optimize(
          [&](Trial& t) -> Outcome {
            const double value = f(t.suggest(space));
            if (t.report(0, value + 1).should_stop()) return pruned;
            return value;
          },
          {.trials = 80});
      sum += study.best_trial().value;
    }
    return sum / 8;
  };
  const double chance = mean_best([] { return tune::random(); });
  CHECK(mean_best([] { return tpe(); }) < 1 + (chance - 1) / 2);
  CHECK(mean_best([] { return tpe({.group = false}); }) < 1 + (chance - 1) / 2);
  CHECK(mean_best([] { return tpe({.multivariate = false}); }) < 1 + (chance - 1) * 0.7);
}

TEST_CASE("tpe: several objectives") {
  double found[2] = {};
  for (const bool model : {false, true}) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      Study study({.directions = {minimize, maximize},
                   .sampler = model ? tpe() : tune::random(),
                   .seed = seed});
      study.optimize(
          [](Trial& t) -> Outcome {
            const double x = t.suggest_float("x", 0, 1), y = t.suggest_float("y", 0, 1);
            const double z = t.suggest_float("z", 0, 1),
                         off = std::abs(y - 0.2) + std::abs(z - 0.7);
            return {x + off, std::sqrt(x) - off};
          },
          {.trials = 100});
      for (const TrialResult& t : study.best_trials()) {  // the area that is reached
        found[model] += std::max(0.0, 1 - t.values[0]) * std::max(0.0, t.values[1]);
      }
    }
  }
  CHECK(found[1] > 1.5 * found[0]);
}

TEST_CASE("tpe: ranges that change, one value, many parameters, options out of range") {
  Study study({.sampler = tpe({.startup_trials = 3}), .seed = 1});
  study.optimize(
      [](Trial& t) -> Outcome {
        const double x = t.suggest_float("x", 0, 1 + double(t.number()));
        CHECK((x >= 0 && x <= 1 + double(t.number())));
        CHECK(t.suggest_float("same", 2, 2) == 2);
        CHECK(t.suggest_categorical("only", {"a"}) == "a");
        CHECK(t.suggest_int("huge", 0, int64_t{1} << 50) >= 0);
        double sum = x;
        for (int k = 0; k < 70; ++k) sum += t.suggest_float("p" + std::to_string(k), 0, 1);
        return sum;
      },
      {.trials = 25, .catch_errors = false});
  CHECK(study.size() == 25);
  CHECK_THROWS_AS(tpe({.startup_trials = -1}), ValueError);
  CHECK_THROWS_AS(tpe({.candidates = 0}), ValueError);
  CHECK(Study({.sampler = tpe({.startup_trials = 0}), .seed = 1}).step([](Trial& t) -> Outcome {
    return t.suggest_float("x", 0, 1);
  }));
}
