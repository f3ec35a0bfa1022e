#include <doctest/doctest.h>

#include <cmath>
#include <mutex>
#include <set>

#include "attune/nn/linear.h"
#include "attune/base/error.h"
#include "attune/tune/train/search.h"
#include "attune/tune/train/training.h"
#include "tests/tune/moons.h"

using namespace attune;

TEST_CASE("grid_search: every combination once, each with its own lr and reg") {
  const Moons moons;
  tune::SearchResult best = tune::grid_search(
      {{"lr", tune::log_grid(1e-3, 1e-1, 3)}, {"reg", tune::linear_grid(0.0, 0.1, 2)}}, small_net,
      moons.x, moons.y, {.epochs = 15, .jobs = 2});
  const std::vector<tune::TrialResult> trials = best.study.trials();
  REQUIRE(trials.size() == 6);
  std::set<std::pair<double, double>> seen;
  std::set<std::string> weights;
  for (const tune::TrialResult& trial : trials) {
    seen.emplace(trial.params.at("lr"), trial.params.at("reg"));
    weights.insert(trial.user.at("attune:weights"));
    CHECK(trial.intermediate.size() == 15);
    CHECK(trial.value <= best.score);
  }
  CHECK(seen.size() == 6);
  CHECK(weights.size() == 6);
  CHECK(best.score > 0.85);
  CHECK(best.params == best.study.best_trial().params);

  // reg reaches the optimizer: from the same start, only it makes the difference.
  std::string with[2];
  for (const double reg : {0.0, 0.1}) {
    Rng rng(1);
    const auto model = small_net({}, rng);
    tune::train_and_evaluate(*model, moons.x, moons.y, {.epochs = 2, .weight_decay = reg});
    with[reg > 0] = tune::hash_text(tune::hash_weights(*model));
  }
  CHECK(with[0] != with[1]);
}

TEST_CASE("grid_search: the winner is trained again bit for bit, and the test part opens once") {
  const Moons moons;
  tune::SearchResult best = tune::grid_search({{"lr", tune::log_grid(1e-3, 1e-1, 2)}}, small_net,
                                              moons.x, moons.y, {.epochs = 10});
  const tune::TrialResult trial = best.study.best_trial();
  CHECK(tune::hash_text(tune::hash_weights(*best.model())) ==
        tune::from_json(trial.user.at("attune:weights")).as_string());
  CHECK(!best.study.attribute("attune:test_opened"));
  tune::SearchResult copy = best;
  const double test = best.test();
  CHECK(test > 0.7);
  CHECK(test <= 1);
  CHECK(best.study.attribute("attune:test_opened") == std::to_string(trial.number));
  CHECK_THROWS_AS(best.test(), Error);
  CHECK_THROWS_AS(copy.test(), Error);
}

TEST_CASE("random_search and bayesian_search: the same trials for one job and for two") {
  const Moons moons;
  const tune::Space space{{"lr", tune::log_range(1e-4, 1e-1)},
                          {"batch_size", tune::powers_of_two(16, 64)},
                          {"width", tune::int_range(4, 32)},
                          {"optimizer", tune::choice({"adamw", "adam", "sgd"})}};
  std::vector<double> scores[2];
  for (const int jobs : {1, 2}) {
    const tune::SearchResult r = tune::random_search(
        space, small_net, moons.x, moons.y, {.epochs = 4, .seed = 3, .trials = 8, .jobs = jobs});
    for (const tune::TrialResult& trial : r.study.trials()) scores[jobs - 1].push_back(trial.value);
  }
  CHECK(scores[0] == scores[1]);
  CHECK(scores[0].size() == 8);
  const tune::SearchResult found = tune::bayesian_search(space, small_net, moons.x, moons.y,
                                                         {.epochs = 8, .seed = 3, .trials = 20});
  CHECK(found.score > 0.8);
}

TEST_CASE("searches: numbers as targets, and what cannot work is said") {
  const Moons moons;
  const Tensor line = moons.x.narrow(1, 0, 1) * 2.0 + 1.0;
  const auto one = [](const tune::Params&, Rng& rng) -> std::unique_ptr<nn::Module> {
    return std::make_unique<nn::Linear>(2, 1, rng);
  };
  Rng rng(2);
  nn::Linear linear(2, 1, rng);
  CHECK(tune::train_and_evaluate(linear, moons.x, line, {.epochs = 200, .learning_rate = 0.05}) >
        0.99);

  const tune::Space lr{{"lr", tune::log_grid(1e-3, 1e-1, 2)}};
  CHECK_THROWS_AS(tune::grid_search(lr, {}, moons.x, line), ValueError);
  CHECK_THROWS_AS(tune::grid_search(lr, one, moons.x, line, {.validation = 0}), ValueError);
  CHECK_THROWS_AS(tune::grid_search(lr, one, moons.x, line, {.optimizer = "magic"}), ValueError);
  CHECK_THROWS_AS(tune::grid_search({{"lr", tune::range(0, 1)}}, one, moons.x, line),
                  SearchSpaceError);
  const auto broken = [](const tune::Params&, Rng&) -> std::unique_ptr<nn::Module> { return {}; };
  CHECK_THROWS_AS(tune::grid_search(lr, broken, moons.x, line), ValueError);
  auto untested = tune::grid_search(lr, one, moons.x, line, {.epochs = 1, .test = 0});
  CHECK_THROWS_AS(untested.test(), ValueError);
}

TEST_CASE("hash_bytes: FNV-1a's own test vectors") {
  CHECK(tune::hash_bytes("", 0) == 0xcbf29ce484222325);
  CHECK(tune::hash_bytes("a", 1) == 0xaf63dc4c8601ec8c);
  CHECK(tune::hash_bytes("foobar", 6) == 0x85944171f73967e8);
  CHECK(tune::hash_bytes("bar", 3, tune::hash_bytes("foo", 3)) == 0x85944171f73967e8);
}

TEST_CASE("search: a study of other data is not resumed") {
  const Moons moons, fewer(160);
  const auto storage = tune::memory_storage();
  const auto run = [&](const Tensor& x, const Tensor& y, double validation) {
    return tune::random_search(
               {{"lr", tune::log_range(1e-3, 1e-1)}}, small_net, x, y,
               {.epochs = 2, .validation = validation, .trials = 2, .storage = storage})
        .study.size();
  };
  CHECK(run(moons.x, moons.y, 0.2) == 2);
  CHECK(run(moons.x, moons.y, 0.2) == 4);
  CHECK_THROWS_AS(run(fewer.x, fewer.y, 0.2), ValueError);
  CHECK_THROWS_AS(run(moons.x + 1, moons.y, 0.2), ValueError);
  CHECK_THROWS_AS(run(moons.x, 1 - moons.y, 0.2), ValueError);
  CHECK_THROWS_AS(run(moons.x, moons.y, 0.3), ValueError);
  CHECK(run(moons.x, moons.y, 0.2) == 6);
}

TEST_CASE("grid_search: progress has no number of trials that nobody asked for") {
  const Moons moons;
  std::vector<int64_t> wanted;
  tune::grid_search(
      {{"lr", tune::log_grid(1e-3, 1e-1, 3)}}, small_net, moons.x, moons.y,
      {.epochs = 1, .progress = [&](const tune::Progress& p) { wanted.push_back(p.wanted); }});
  CHECK(wanted == std::vector<int64_t>{0, 0, 0});
}
