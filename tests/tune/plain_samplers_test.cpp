// halton(), latin_hypercube(), grid()'s orders, brute_force() and one_at_a_time().
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <set>

#include "attune/base/error.h"
#include "attune/tune/by_name.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

Space cube(int dims) {
  Space space;
  for (int i = 0; i < dims; ++i) space.add("x" + std::to_string(i), range(0, 1));
  return space;
}

std::vector<std::vector<double>> points(std::shared_ptr<Sampler> sampler, int dims, int count,
                                        uint64_t seed = 4) {
  Study study({.sampler = std::move(sampler), .seed = seed, .first = First::sampler});
  const Space space = cube(dims);
  std::vector<std::vector<double>> all;
  for (int i = 0; i < count; ++i) {
    Trial t = study.ask(space);
    std::vector<double> x;
    for (const auto& [name, value] : t.params()) x.push_back(value.as_double());
    all.push_back(std::move(x));
    study.tell(t, 0);
  }
  return all;
}

}  // namespace

TEST_CASE("halton: of any base^k points in a row, every part of the coordinate has one") {
  const int primes[] = {2, 3, 5, 7, 11, 13};
  const auto all = points(halton(), 6, 250);
  for (size_t d = 0; d < 6; ++d) {
    const int base = primes[d];
    for (int parts = base; parts <= 125; parts *= base) {
      for (int begin = 0; begin + parts <= 250; begin += parts) {
        std::set<int> hit;
        for (int i = begin; i < begin + parts; ++i) {
          hit.insert(static_cast<int>(all[static_cast<size_t>(i)][d] * parts));
        }
        CHECK(static_cast<int>(hit.size()) == parts);
      }
    }
  }
  // Unpermuted, the first points of large bases rise: 0, 1/13, 2/13, ...
  std::vector<double> of_base_13;
  for (size_t i = 0; i < 13; ++i) of_base_13.push_back(all[i][5]);
  CHECK_FALSE(std::is_sorted(of_base_13.begin(), of_base_13.end()));
  CHECK(points(halton(), 3, 5, 1) != points(halton(), 3, 5, 2));
  CHECK(points(halton(), 70, 3).back().size() == 70);
}

TEST_CASE("latin_hypercube: each block has one trial in every part of every parameter") {
  for (const int block : {1, 7, 16}) {
    const auto all = points(latin_hypercube(block), 5, 4 * block);
    for (size_t d = 0; d < 5; ++d) {
      for (int b = 0; b < 4; ++b) {
        std::set<int> hit;
        for (int i = b * block; i < (b + 1) * block; ++i) {
          hit.insert(static_cast<int>(all[static_cast<size_t>(i)][d] * block));
        }
        CHECK(static_cast<int>(hit.size()) == block);
      }
    }
  }
  const auto all = points(latin_hypercube(16), 2, 32);
  CHECK(std::vector(all.begin(), all.begin() + 16) != std::vector(all.begin() + 16, all.end()));
  CHECK_THROWS_AS(latin_hypercube(0), ValueError);
}

TEST_CASE("grid: in any order, every point once") {
  const Space space{{"a", int_range(0, 8)}, {"b", linear_grid(0, 1, 5)}, {"c", choice({"u", "v"})}};
  for (const GridOrder order :
       {GridOrder::declared, GridOrder::shuffled, GridOrder::coarse_to_fine}) {
    const auto storage = memory_storage();
    std::vector<Params> seen;
    std::set<std::string> texts;
    for (int part = 0; part < 3; ++part) {  // stopped twice
      Study study(
          {.storage = storage, .sampler = grid({}, {.order = order}), .seed = 5, .space = space});
      study.optimize(
          [&](Trial& t) -> Outcome {
            seen.push_back(t.suggest(space));
            texts.insert(seen.back().to_string());
            return 0;
          },
          {.trials = 40});
    }
    CHECK(seen.size() == 90);
    CHECK(texts.size() == 90);
    if (order == GridOrder::declared) {
      CHECK(seen[0] == Params{{"a", 0}, {"b", 0.0}, {"c", "u"}});
      CHECK(seen[89] == Params{{"a", 8}, {"b", 1.0}, {"c", "v"}});
    } else if (order == GridOrder::coarse_to_fine) {
      CHECK(seen[0] == Params{{"a", 4}, {"b", 0.5}, {"c", "u"}});
      // 3 x 3 x 2 coarse points, then 5 x 5 x 2.
      std::set<int64_t> coarse, finer;
      for (size_t i = 0; i < 18; ++i) coarse.insert(seen[i].at("a").as_int());
      for (size_t i = 0; i < 50; ++i) finer.insert(seen[i].at("a").as_int());
      CHECK(coarse == std::set<int64_t>{0, 4, 8});
      CHECK(finer == std::set<int64_t>{0, 2, 4, 6, 8});
    } else {
      std::set<int64_t> first;
      for (size_t i = 0; i < 20; ++i) first.insert(seen[i].at("a").as_int());
      CHECK(first.size() >= 6);
      Study other({.sampler = grid({}, {.order = order}), .seed = 6});
      CHECK(other.ask(space).params() != seen[0]);
    }
  }
}

namespace {

Outcome tree(Trial& t) {
  const int64_t a = t.suggest_int("a", 0, 2);
  if (a == 0) return static_cast<double>(t.suggest_categorical("b", {"u", "v"}) == "u");
  if (a == 1) return t.suggest_float("c", 0, 1, tune::step(0.25));
  const bool deep = t.suggest_categorical("deep", {false, true});
  return deep ? static_cast<double>(t.suggest_int("d", 1, 64, tune::step(21))) : 0.5;
}

}  // namespace

TEST_CASE("brute_force: every run of a conditional objective once, without a space declared") {
  // a = 0: u, v; a = 1: 0, .25, .5, .75, 1; a = 2: not deep, deep with d = 1, 22, 43, 64.
  constexpr size_t kRuns = 2 + 5 + 1 + 4;
  for (const First first : {First::defaults, First::sampler}) {
    Study study({.sampler = brute_force(), .seed = 1, .first = first});
    study.optimize(tree, {.trials = 1000});
    CHECK(study.size() == kRuns);
    CHECK(study.exhausted());
    std::set<std::string> seen;
    for (const TrialResult& t : study.trials()) seen.insert(t.params.to_string());
    CHECK(seen.size() == kRuns);
    CHECK_FALSE(study.step(tree));
  }
  // Another seed, another order.
  Study one({.sampler = brute_force(), .seed = 1}), two({.sampler = brute_force(), .seed = 2});
  one.optimize(tree), two.optimize(tree);
  CHECK(table(one) != table(two));
}

TEST_CASE("brute_force: stopped, with failures, with enqueued runs, and with workers") {
  constexpr size_t kRuns = 12;
  const auto storage = memory_storage();
  std::set<std::string> complete;
  for (int part = 0; part < 40; ++part) {
    Study study({.storage = storage, .sampler = brute_force(), .seed = 1});
    if (part == 1) study.enqueue({{"a", 2}, {"deep", true}, {"d", 43}});
    study.optimize(
        [&](Trial& t) -> Outcome {
          const Outcome outcome = tree(t);
          if (part == 2) throw std::runtime_error("interrupted");  // the run comes again
          CHECK(complete.insert(t.params().to_string()).second);
          return outcome;
        },
        {.trials = 1});
  }
  CHECK(complete.size() == kRuns);
  CHECK(Study({.storage = storage}).size() == kRuns + 1);

  for (const int jobs : {2, 4}) {
    Study study({.sampler = brute_force(), .seed = 3});
    study.optimize(tree, {.trials = 1000, .jobs = jobs});
    std::set<std::string> seen;
    for (const TrialResult& t : study.trials()) seen.insert(t.params.to_string());
    CHECK(seen.size() == kRuns);
    CHECK(study.size() < static_cast<int64_t>(kRuns) + 2 * jobs);  // the last few may come twice
  }
  Study continuous({.sampler = brute_force(), .seed = 1, .first = First::sampler});
  Trial t = continuous.ask();
  CHECK_THROWS_WITH_AS(t.suggest_float("momentum", 0, 1),
                       "param 'momentum': brute_force() needs a finite range; give it a step, or "
                       "values by linear_grid, log_grid",
                       SearchSpaceError);
}

TEST_CASE("brute_force: one that has seen all trials end chooses as a new one does") {
  const auto objective = [](Trial& t) -> Outcome {
    const int64_t a = t.suggest_int("a", 0, t.number() < 12 ? 5 : 7);  // a range that grows
    const double b = a % 2 == 1 ? t.suggest_float("b", 0, 1, tune::step(0.25)) : 0;
    if (t.number() % 7 == 3) throw std::runtime_error("no");
    return static_cast<double>(a) + b;
  };
  constexpr int64_t kRuns = 4 + 4 * 5;
  Study whole({.sampler = brute_force(), .seed = 1});
  whole.optimize(objective, {.trials = 1000});
  CHECK(whole.exhausted());
  std::set<std::string> seen;
  for (const TrialResult& t : whole.trials()) seen.insert(t.params.to_string());
  CHECK(std::ssize(seen) == kRuns);
  const auto storage = memory_storage();
  for (int64_t i = 0; i < whole.size(); ++i) {
    Study({.storage = storage, .sampler = brute_force(), .seed = 1})
        .optimize(objective, {.trials = 1});
  }
  CHECK(table(Study({.storage = storage})) == table(whole));
}

TEST_CASE("brute_force: forbidden combinations and conditions of a declared space") {
  Study study({.sampler = brute_force(), .seed = 1, .space = finite_space()});
  std::set<std::string> seen;
  study.optimize(
      [&](Trial& t) -> Outcome {
        const Params p = t.suggest(finite_space());
        seen.insert(p.to_string());
        return bowl(p);
      },
      {.trials = 1000});
  CHECK(seen.size() == 8 * 4 * 5);
  CHECK(study.size() == 8 * 4 * 5);
}

TEST_CASE("one_at_a_time: from the defaults, one change after the other, the rest at the best") {
  const Space space{{"lr", log_range(1e-4, 1e-1).starting_at(1e-3)},
                    {"act", choice({"relu", "gelu", "tanh"})},
                    {"layers", int_range(1, 10).starting_at(2)},
                    {"drop", range(0, 0.5).starting_at(0.1)}};
  const auto cost = [](const Params& p) {
    const double lr = p.at("lr"), layers = p.at("layers"), drop = p.at("drop");
    return 4 * std::pow(std::log10(lr) + 1.7, 2) + std::pow((layers - 6) / 10, 2) +
           (p.at("act") == "gelu" ? 0 : 0.05) + std::pow(drop - 0.33, 2) / 10;
  };
  Study study({.sampler = one_at_a_time(), .seed = 1});
  Params best;
  double best_loss = INFINITY;
  for (int i = 0; i < 60; ++i) {
    Trial t = study.ask(space);
    const Params p = t.params();
    if (i == 0) CHECK(p == Params{{"lr", 1e-3}, {"act", "relu"}, {"layers", 2}, {"drop", 0.1}});
    int changed = 0;
    for (const auto& [name, value] : p) {
      const ParamValue* before = best.find(name);
      const bool number = before && !std::holds_alternative<std::string>(value.variant());
      changed += before && (number ? value.as_double() != doctest::Approx(before->as_double())
                                   : !(value == *before));
    }
    CHECK(changed <= (i < 10 ? 1 : 2));  // pairs only once all were looked at
    if (i > 0) CHECK(changed >= 1);
    const double loss = cost(p);
    study.tell(t, loss);
    if (loss < best_loss) best_loss = loss, best = p;
  }
  CHECK(best.at("act") == "gelu");
  CHECK(best.at("layers") == 6);
  CHECK(best_loss < 1e-3);  // of 6.8 at the start
}

TEST_CASE("one_at_a_time: two parameters that only help together are found as a pair") {
  const Space space{{"a", int_range(0, 8)}, {"b", int_range(0, 8)}, {"c", choice({"u", "v"})}};
  Study study({.sampler = one_at_a_time(), .seed = 1, .space = space});
  study.optimize(
      [&](Trial& t) -> Outcome {
        const Params p = t.suggest(space);
        const double a = p.at("a"), b = p.at("b");
        return std::abs(a - b) * 3 + std::abs(a + b - 14) + (p.at("c") == "v");  // a narrow valley
      },
      {.trials = 50});
  CHECK(study.best_trial().value == 0);
}

TEST_CASE("one_at_a_time: a finite space is never tried twice while points are left") {
  const Space space{{"a", int_range(0, 4)}, {"b", choice({"u", "v", "w"})}};
  for (const bool deterministic : {false, true}) {
    Study study(
        {.sampler = one_at_a_time(), .seed = 1, .space = space, .deterministic = deterministic});
    std::set<std::string> seen;
    study.optimize(
        [&](Trial& t) -> Outcome {
          const Params p = t.suggest(space);
          seen.insert(p.to_string());
          return p.at("a").as_double();
        },
        {.trials = 12});
    CHECK(seen.size() == 12);
  }
}

TEST_CASE("samplers by name: each of the plain ones") {
  for (const char* name :
       {"brute_force", "grid", "halton", "latin_hypercube", "one_at_a_time", "random", "sobol"}) {
    CHECK(sampler_by_name(name));
  }
  CHECK_THROWS_AS(sampler_by_name("psychic"), ValueError);
}
