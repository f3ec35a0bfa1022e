// Searches with folds, tables of results, refits, halving; and why trainings diverge.
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <sstream>

#include "attune/base/error.h"
#include "attune/nn/activation.h"
#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/tune/pruner.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/train/search.h"
#include "attune/tune/train/training.h"
#include "tests/tune/moons.h"

using namespace attune;
using namespace attune::tune;

namespace {

std::string weights_of(const nn::Module& model) { return hash_text(hash_weights(model)); }

}  // namespace

TEST_CASE("grid_search: folds, the table of results, and the model of all rows but the test") {
  const Moons moons;
  SearchResult best = grid_search({{"lr", log_grid(1e-4, 1e-1, 4)}}, small_net, moons.x, moons.y,
                                  {.epochs = 8, .folds = 4, .jobs = 2});
  const SearchTable table = best.table();
  REQUIRE(table.size() == 4);
  std::set<int64_t> ranks;
  for (const SearchRow& row : table) {
    REQUIRE(row.scores.size() == 4);
    double sum = 0;
    for (const double score : row.scores) sum += score / 4;
    CHECK(row.mean == doctest::Approx(sum));
    CHECK(row.mean == doctest::Approx(best.study.trial(row.number).value));
    CHECK(row.deviation >= 0);
    CHECK(row.steps == 4);
    CHECK(row.seconds > 0);
    CHECK(row.params == best.study.trial(row.number).params);
    ranks.insert(row.rank);
    if (row.rank == 1) CHECK(row.mean == best.score);
    for (const SearchRow& other : table) CHECK((row.rank < other.rank) == (row.mean > other.mean));
  }
  CHECK(ranks.contains(1));
  std::ostringstream text;
  text << table;
  CHECK(text.str().find("rank") != std::string::npos);
  CHECK(text.str().find("lr = 0.1") != std::string::npos);

  CHECK_THROWS_AS(best.model(), ValueError);
  CHECK(weights_of(*best.refit()) == weights_of(*best.refit()));
  CHECK(best.test() > 0.7);
  CHECK_THROWS_AS(best.test(), Error);
}

TEST_CASE("searches: paired trials begin with the same weights; scores by name and by function") {
  const Moons moons;
  std::set<std::string> starts;
  const auto noting = [&](const Params& p, Rng& rng) {
    auto model = small_net(p, rng);
    starts.insert(weights_of(*model));
    return model;
  };
  const Space grid{{"lr", log_grid(1e-3, 1e-1, 3)}};
  grid_search(grid, noting, moons.x, moons.y, {.epochs = 1});
  CHECK(starts.size() == 1);
  starts.clear();
  grid_search(grid, noting, moons.x, moons.y, {.epochs = 1, .paired = false});
  CHECK(starts.size() == 3);
  starts.clear();
  grid_search(grid, noting, moons.x, moons.y, {.epochs = 1, .repeats = 2});
  CHECK(starts.size() == 2);

  SearchResult by_loss =
      grid_search(grid, small_net, moons.x, moons.y, {.epochs = 6, .score = "log_loss"});
  for (const SearchRow& row : by_loss.table()) {
    CHECK(row.mean >= by_loss.score);
    CHECK((row.rank == 1) == (row.mean == by_loss.score));
  }
  CHECK(by_loss.test() < 0.6);
  const auto minus_one = [](const Tensor& outputs, const Tensor& labels) {
    return static_cast<double>(outputs.size(0) - labels.size(0)) - 1;
  };
  CHECK(grid_search(grid, small_net, moons.x, moons.y, {.epochs = 1, .score = minus_one}).score ==
        -1);
  CHECK_THROWS_AS(grid_search(grid, small_net, moons.x, moons.y, {.score = "rmse"}), ValueError);
  CHECK_THROWS_AS(grid_search(grid, small_net, moons.x, moons.y, {.folds = 1}), ValueError);
}

TEST_CASE(
    "searches: a pruner ends trials between folds, a scheduler compares epochs of all folds") {
  const Moons moons;
  const Space space{{"lr", log_grid(1e-6, 1e-1, 6)}};
  SearchResult pruned =
      grid_search(space, small_net, moons.x, moons.y,
                  {.epochs = 6, .folds = 3, .pruner = median({.startup_trials = 1})});
  for (const SearchRow& row : pruned.table()) {
    CHECK(row.scores.size() == static_cast<size_t>(row.steps));
    if (row.state == State::complete) CHECK(row.steps == 3);
  }
  SearchResult halved =
      grid_search(space, small_net, moons.x, moons.y,
                  {.epochs = 9, .folds = 3, .scheduler = asha({.min_steps = 1, .reduction = 3})});
  int64_t complete = 0;
  for (const SearchRow& row : halved.table()) {
    CHECK(row.scores.size() == 3);
    if (row.state != State::complete) continue;
    CHECK(row.steps == 9);
    ++complete;
  }
  CHECK(complete >= 1);
  CHECK(complete < 6);
}

TEST_CASE(
    "halving_grid_search: few train long, none is trained twice, and paused ones go on exactly") {
  const Moons moons;
  const Space grid{{"lr", log_grid(1e-4, 1e-1, 9)}};
  std::string whole;
  for (const int jobs : {1, 2}) {
    SearchResult best = halving_grid_search(grid, small_net, moons.x, moons.y,
                                            {.epochs = 9, .jobs = jobs, .reduction = 3});
    std::vector<int64_t> steps;
    for (const SearchRow& row : best.table()) steps.push_back(row.steps);
    std::ranges::sort(steps);
    CHECK(steps == std::vector<int64_t>{1, 1, 1, 1, 1, 1, 3, 3, 9});
    CHECK(best.study.total_steps() == 6 + 6 + 9);
    // The winner's weights are those of a training in one go.
    const TrialResult trial = best.study.best_trial();
    CHECK(weights_of(*best.model()) == from_json(trial.user.at("attune:weights")).as_string());
    CHECK(best.table()[static_cast<size_t>(trial.number)].rank == 1);
    const std::string text = std::to_string(trial.number) + weights_of(*best.model());
    if (jobs == 1) whole = text;
    CHECK(text == whole);
    CHECK(best.test() > 0.7);
  }
  SearchResult folded = halving_grid_search(grid, small_net, moons.x, moons.y,
                                            {.epochs = 9, .folds = 2, .min_epochs = 3});
  int64_t nine = 0;
  for (const SearchRow& row : folded.table()) {
    CHECK(row.scores.size() == 2);
    nine += row.steps == 9;
  }
  CHECK(nine == 3);  // compared after 3 and after 9, their last
  CHECK_THROWS_AS(halving_grid_search(grid, small_net, moons.x, moons.y, {.pruner = median()}),
                  ValueError);
  CHECK_THROWS_AS(halving_grid_search(grid, small_net, moons.x, moons.y, {.reduction = 1}),
                  ValueError);
  CHECK_THROWS_AS(
      halving_grid_search({{"lr", range(0, 1)}}, small_net, moons.x, moons.y, {.epochs = 2}),
      SearchSpaceError);
}

TEST_CASE("searches: a fork of a population is trained again by its lineage") {
  const Moons moons;
  SearchResult best = random_search(
      {{"lr", log_range(1e-3, 1e-1)}, {"reg", log_range(1e-5, 1e-1)}}, small_net, moons.x, moons.y,
      {.epochs = 8, .trials = 14, .scheduler = population({.size = 6, .interval = 2})});
  int64_t forks = 0;
  for (const TrialResult& trial : best.study.trials()) forks += trial.parent.has_value();
  CHECK(forks > 0);
  const TrialResult trial = best.study.best_trial();
  CHECK(weights_of(*best.model()) == from_json(trial.user.at("attune:weights")).as_string());
}

TEST_CASE("searches: groups and times hold for the test part and the folds") {
  const Moons moons;
  std::vector<int64_t> group;
  std::vector<double> time;
  for (int64_t row = 0; row < 200; ++row) {
    group.push_back(row / 4);
    time.push_back(static_cast<double>(row));
  }
  const Space grid{{"lr", log_grid(1e-2, 1e-1, 2)}};
  SearchResult grouped =
      grid_search(grid, small_net, moons.x, moons.y, {.epochs = 3, .folds = 3, .group = group});
  CHECK(grouped.table()[0].scores.size() == 3);
  SearchResult timed =
      grid_search(grid, small_net, moons.x, moons.y, {.epochs = 3, .folds = 3, .time = time});
  CHECK(timed.table()[1].scores.size() == 3);
  CHECK(timed.test() > 0.4);
}

TEST_CASE(
    "a training that diverges fails its trial with the step, the op, the layer and the rest") {
  const Moons moons;
  const Tensor line = moons.x.narrow(1, 0, 1) * 2.0;
  const auto net = [](const Params&, Rng& rng) -> std::unique_ptr<nn::Module> {
    return std::make_unique<nn::Sequential>(nn::Linear(2, 8, rng), nn::Linear(8, 1, rng));
  };
  SearchResult found =
      grid_search({{"lr", choice({1e-3, 1e25})}}, net, moons.x, line,
                  {.epochs = 40, .optimizer = "sgd", .schedule = "constant", .test = 0});
  TrialResult failed;
  for (const TrialResult& trial : found.study.trials()) {
    if (trial.state == State::failed) failed = trial;
  }
  REQUIRE(failed.state == State::failed);
  CAPTURE(failed.error());
  CHECK(failed.error().starts_with("diverged in step "));
  CHECK(failed.error().find("of epoch 0: ") != std::string::npos);
  CHECK(failed.error().find("(in layer ") != std::string::npos);
  CHECK(failed.error().find("learning rate 1e+25, gradient norm ") != std::string::npos);
  CHECK(failed.error().find("largest weight ") != std::string::npos);
  CHECK(failed.user.at("attune:divergence").find("\"op\"") != std::string::npos);
  CHECK(found.params.at("lr") == ParamValue(1e-3));

  // The same in folds, and by train_and_evaluate as an objective.
  SearchResult folded =
      grid_search({{"lr", choice({1e-3, 1e12})}}, net, moons.x, line,
                  {.epochs = 5, .optimizer = "sgd", .schedule = "constant", .test = 0, .folds = 2});
  CHECK(folded.study.trial(1).error() + folded.study.trial(0).error() != "");
  Study study({.direction = maximize, .seed = 1});
  study.optimize(
      [&](Trial& trial) -> Outcome {
        Rng rng = trial.rng("weights");
        const auto model = net({}, rng);
        return train_and_evaluate(*model, moons.x, line, trial,
                                  {.epochs = 5,
                                   .learning_rate = trial.number() == 0 ? 1e-3 : 1e12,
                                   .optimizer = "sgd",
                                   .test = 0});
      },
      {.trials = 2});
  CHECK(study.trial(0).state == State::complete);
  CHECK(study.trial(0).intermediate.size() == 5);
  CHECK(study.trial(1).error().starts_with("diverged in step "));
}

TEST_CASE("searches: what cannot fit a memory limit is refused before it starts") {
  const Moons moons;
  SearchResult found = grid_search({{"width", choice({8, 2000, 2'000'000'000})}}, small_net,
                                   moons.x, moons.y, {.epochs = 1, .memory_limit = 200'000});
  int64_t refused = 0;
  for (const TrialResult& trial : found.study.trials()) {
    if (trial.state != State::failed) continue;
    ++refused;
    CAPTURE(trial.error());
    CHECK(trial.error().starts_with("refused before it started: "));
    CHECK(trial.intermediate.empty());
  }
  CHECK(refused >= 2);  // the grid tries what failed once more
  CHECK(found.params.at("width") == ParamValue(8));
}
