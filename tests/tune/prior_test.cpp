// Priors: a change of variable that is exact both ways, and draws that follow it.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "attune/base/error.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

double normal_below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2)); }

// The share of a truncated normal, one part in twenty of it spread evenly, by its definition.
double share_below(double z, double low, double high, double mean, double deviation) {
  const auto phi = [&](double x) { return normal_below((x - mean) / deviation); };
  return 0.05 * (z - low) / (high - low) + 0.95 * (phi(z) - phi(low)) / (phi(high) - phi(low));
}

}  // namespace

TEST_CASE("prior: the unit of a value is the share of the distribution below it") {
  const Param linear = range(-2, 5).prior(1, 0.75),
              logarithmic = log_range(1e-4, 1e-1).prior(1e-3, 3);
  for (double t = 0; t <= 1; t += 0.01) {
    const double x = -2 + 7 * t, z = std::log(1e-4) + t * std::log(1e3);
    CHECK(linear.to_unit(x) == doctest::Approx(share_below(x, -2, 5, 1, 0.75)).epsilon(1e-12));
    CHECK(
        logarithmic.to_unit(std::exp(z)) ==
        doctest::Approx(share_below(z, std::log(1e-4), std::log(1e-1), std::log(1e-3), std::log(3)))
            .epsilon(1e-9));
    CHECK(linear.from_unit(linear.to_unit(x)) == doctest::Approx(x).epsilon(1e-12));
    CHECK(logarithmic.to_unit(logarithmic.from_unit(t)) == doctest::Approx(t).epsilon(1e-10));
  }
  CHECK(linear.from_unit(0) == -2);
  CHECK(linear.from_unit(1) == 5);
  CHECK(linear.default_value() == 1);
  CHECK(logarithmic.default_value() == 1e-3);
  CHECK(logarithmic.starting_at(0.01).default_value() == 0.01);
}

TEST_CASE("prior: every level keeps a slice of its own, however unlikely") {
  const std::vector<Param> all{int_range(1, 40).prior(5, 0.5),
                               int_range(-100, 100, 5).prior(-100, 3),
                               log_int_range(1, 4096).prior(64, 1.5),
                               stepped_range(0, 1, 0.1).prior(0.5, 0.01),
                               powers_of_two(16, 256).prior(64, 1.2),
                               log_grid(1e-4, 1e-1, 7).prior(1e-2, 1.01),
                               choice({"a", "b", "c"}).prior({1, 1e-30, 5}),
                               int_range(0, 3).prior({4, 3, 2, 1}),
                               int_range(3, 3).prior(3, 1),
                               range(0, 1e6).prior(1, 1e-6),
                               range(0, 1).prior(0.5, 1e12)};
  for (const Param& one : all) {
    Param p = one;
    p.name = "x";
    CHECK_NOTHROW(p.validate());
    double before = -1;
    for (int64_t k = 0; k < p.levels(); ++k) {
      const double unit = p.to_unit(p.level_value(k));
      CHECK(unit > before);
      CHECK(p.from_unit(unit) == p.level_value(k));
      before = unit;
    }
    double last = p.low;
    for (double u = 0; u <= 1; u += 1.0 / 256) {
      const double v = p.from_unit(u);
      CHECK(v >= last);
      CHECK(v <= p.high);
      last = v;
    }
  }
  CHECK(choice({"a", "b", "c"}).prior({1, 2, 1}).default_value() == 1);
  CHECK(powers_of_two(16, 256).prior(100, 1.5).default_value() == 128);
}

TEST_CASE("prior: whatever draws from the cube draws from it") {
  const Space space{{"lr", log_range(1e-4, 1e-1).prior(1e-3, 2)},
                    {"act", choice({"a", "b", "c"}).prior({6, 3, 1})},
                    {"n", int_range(1, 5).prior({1, 1, 1, 1, 16})}};
  for (const auto& make : {&tune::random, &tune::sobol, &tune::halton}) {
    Study study({.sampler = (*make)(), .seed = 3, .first = First::sampler});
    int near = 0, fives = 0;
    std::array<int, 3> act{};
    for (int i = 0; i < 400; ++i) {
      Trial trial = study.ask(space);
      const Params p = trial.params();
      near += std::abs(std::log(p.at("lr").as_double() / 1e-3)) < std::log(2);
      fives += p.at("n") == 5;
      ++act[p.at("act") == "a" ? 0 : p.at("act") == "b" ? 1 : 2];
      study.tell(trial, 0);
    }
    // Within one deviation: 0.95 * 0.683 + 0.05 * 0.2; four deviations of a count are 38.
    CHECK(std::abs(near - 0.659 * 400) < 38);
    CHECK(std::abs(fives - 0.8 * 400) < 32);
    CHECK(std::abs(act[0] - 0.6 * 400) < 40);
    CHECK(std::abs(act[2] - 0.1 * 400) < 24);
  }
}

TEST_CASE("prior: a study from a file goes on by the prior that the program declares") {
  const Space space{{"lr", log_range(1e-4, 1e-1).prior(1e-3, 2)}, {"n", int_range(1, 9)}};
  const auto objective = [&](Trial& t) -> Outcome { return t.suggest(space).at("lr").as_double(); };
  for (const auto& [name, make] : all_samplers()) {
    if (is_listing(name)) continue;
    CAPTURE(name);
    Study whole({.sampler = make(), .seed = 1, .space = space});
    whole.optimize(objective, {.trials = 12});
    const auto storage = memory_storage();
    for (int part = 0; part < 4; ++part) {
      Study study({.storage = storage, .sampler = make(), .seed = 1, .space = space});
      study.optimize(objective, {.trials = 3});
      if (part == 3) CHECK(table(study) == table(whole));
    }
  }
}
