// What a model of a table is made of: networks behind pieces, the mean of several, the trials they
// come from; files of this version and the one before.
#include <doctest/doctest.h>

#include <unistd.h>

#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tensor/io/safetensors.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/tabular/best_trials.h"
#include "attune/tune/tabular/fit.h"
#include "tune/tabular/internal/fit_clock.h"

using namespace attune;
using namespace attune::tune;

namespace {

// y jumps at three places of x, and depends on a category.
Sheet steps(int64_t rows, bool classes = false) {
  Rng rng(4);
  std::string text = "x,c,y\n";
  for (int64_t i = 0; i < rows; ++i) {
    const double x = 10 * rng.uniform();
    const double y = std::floor(x / 2.5) * (i % 3 == 0 ? -1.25 : 1.25);
    text += fmt::format("{},{},{}\n", x, i % 3 == 0 ? "a" : "b",
                        classes ? (y > 0 ? "up" : "down") : fmt::format("{}", y));
  }
  return Sheet::parse(text);
}

Params settings(const Recipe& recipe, int64_t pieces, int64_t width) {
  Params params = recipe.space().to_params(recipe.space().default_values());
  params.set("pieces", pieces);
  params.set("width", width);
  params.set("lr", 0.01);
  return params;
}

Streams streams(uint64_t seed) { return {Rng(seed), Rng(seed + 1), Rng(seed + 2)}; }

std::string place() {
  return (std::filesystem::temp_directory_path() / fmt::format("attune_table_model_{}", getpid()))
      .string();
}

TrialResult trial(int64_t number, double value, double loss, State state = State::complete) {
  TrialResult t{.number = number};
  t.value = value;
  t.state = state;
  t.params = {{"lr", static_cast<double>(number)}};
  if (std::isfinite(loss)) t.user["loss"] = fmt::format("{}", loss);
  return t;
}

std::vector<int64_t> numbers(const std::vector<TrialResult>& trials) {
  std::vector<int64_t> all;
  for (const TrialResult& t : trials) all.push_back(t.number);
  return all;
}

}  // namespace

TEST_CASE("Recipe: pieces of the inputs' ranges are learned with, and only where there are any") {
  CHECK(Recipe(steps(400), {.target = "y"}).space().find("pieces") == nullptr);  // few rows
  const Sheet sheet = steps(1000);
  const Recipe recipe(sheet, {.target = "y"});
  CHECK(recipe.space().find("pieces") != nullptr);
  const double plain = recipe.train(settings(recipe, 0, 32), streams(1)).training.score;
  const double cut = recipe.train(settings(recipe, 16, 32), streams(1)).training.score;
  CHECK(cut > plain);  // the jumps are where a piece can be
  CHECK(recipe.train(settings(recipe, 16, 32), streams(1)).training.score == cut);

  std::string binary = "a,b,y\n";
  for (int i = 0; i < 1000; ++i) binary += fmt::format("{},{},{}\n", i % 2, i / 2 % 2, i / 7 + 0.5);
  CHECK(Recipe(Sheet::parse(binary), {.target = "y"}).space().find("pieces") == nullptr);
}

TEST_CASE("TabularModel: the mean of several networks, as numbers and as probabilities") {
  for (const bool classes : {false, true}) {
    CAPTURE(classes);
    const Sheet sheet = steps(200, classes);
    const Recipe recipe(sheet, {.target = "y"});
    const std::vector<TabularModel> models = {
        recipe.final_model(settings(recipe, 8, 16), streams(1)),
        recipe.final_model(settings(recipe, 0, 32), streams(5)),
        recipe.final_model(recipe.linear(), streams(9))};
    const TabularModel mean = TabularModel::mean_of(models);
    CHECK(mean.shapes.size() == 3);
    const Predictions said = mean.predict(sheet);
    for (size_t row = 0; row < 200; row += 37) {
      double sum = 0;
      for (const TabularModel& model : models) {
        const Predictions one = model.predict(sheet);
        sum += classes ? one.probability[1][row] : one.numbers[row];
      }
      CHECK((classes ? said.probability[1][row] : said.numbers[row]) ==
            doctest::Approx(sum / 3).epsilon(1e-4));
    }
    mean.save(place());
    const Predictions again = TabularModel::load(place()).predict(sheet);
    CHECK(again.numbers == said.numbers);
    CHECK(again.probability == said.probability);

    const TabularModel one = TabularModel::mean_of({models[0]});
    CHECK(hash_weights(one.network) == hash_weights(models[0].network));
  }
  CHECK_THROWS_AS(TabularModel::mean_of({}), ValueError);
  std::filesystem::remove(place());
}

TEST_CASE("TabularModel: files of version 2 load; pieces that are none are refused") {
  const Sheet sheet = steps(120);
  const Recipe recipe(sheet, {.target = "y"});
  const TabularModel model = recipe.final_model(settings(recipe, 0, 16), streams(1));
  model.save(place());
  const TensorFile file = load_safetensors(place());
  NamedTensors tensors(file.begin(), file.end());
  const Document now = Document::parse(file.metadata().at("attune"));
  CHECK(now.at("version").as<int64_t>() == 3);
  const Document before = {{"version", 2},
                           {"target", now.at("target")},
                           {"encoder", now.at("encoder")},
                           {"mean", now.at("mean")},
                           {"deviation", now.at("deviation")},
                           {"inputs", now.at("inputs")},
                           {"outputs", now.at("outputs")},
                           {"layers", 2},
                           {"width", 16},
                           {"dropout", 0.1}};
  save_safetensors(place(), tensors, {{"attune", before.dump()}});
  CHECK(TabularModel::load(place()).predict(sheet).numbers == model.predict(sheet).numbers);

  const auto refused = [&](const std::string& name, double value) {
    const TabularModel whole = recipe.final_model(settings(recipe, 8, 16), streams(1));
    whole.save(place());
    const TensorFile good = load_safetensors(place());
    NamedTensors bad;
    for (const auto& [key, tensor] : good) {
      const bool this_one = key.ends_with(name);
      bad.emplace_back(
          key, this_one ? Tensor::full(tensor.shape(), value).cast(tensor.dtype()) : tensor);
    }
    save_safetensors(place(), bad, {{"attune", good.metadata().at("attune")}});
    CHECK_THROWS_AS(TabularModel::load(place()), IoError);
  };
  refused("pieces.column", 99);
  refused("pieces.column", -1);
  refused("pieces.width", 0);
  refused("pieces.low", NAN);
  std::filesystem::remove(place());
}

TEST_CASE("best_trials: by value, then by loss, then the earlier; each setting once") {
  std::vector<TrialResult> trials = {trial(0, 0.7, 0.1), trial(1, 0.9, 0.4),
                                     trial(2, 0.9, 0.2), trial(3, 0.95, 0.1, State::pruned),
                                     trial(4, 0.9, 0.5), trial(5, 0.8, NAN),
                                     trial(6, 0.8, 0.9), trial(7, 0.9, 0.2)};
  CHECK(numbers(best_trials(trials, false, 6, "loss")) == std::vector<int64_t>{2, 7, 1, 4, 6, 5});
  CHECK(numbers(best_trials(trials, true, 3, "loss")) == std::vector<int64_t>{0, 6, 5});
  trials[7].params = trials[2].params;
  CHECK(numbers(best_trials(trials, false, 3, "loss")) == std::vector<int64_t>{2, 1, 4});
  CHECK(numbers(best_trials(trials, false, 1, "loss")) == std::vector<int64_t>{2});
  CHECK(best_trials(trials, false, 100, "loss").size() == 6);
}

TEST_CASE("FitClock: a further network is trained only if there is time for what must be") {
  const FitClock::Time now = FitClock::Clock::now();
  FitClock clock(FitClock::Seconds(1000), now);
  clock.complete(100, 0.5);
  CHECK(clock.leaves(500));
  CHECK(!clock.leaves(600));  // 1.5 (600 + 100) are more than 1000
  CHECK(FitClock({}, now).leaves(1e9));
}

TEST_CASE("fit: the model is the mean of the best trials; without a test it learns from all rows") {
  const std::string table = place() + ".csv";
  std::string text = "x,y\n";
  Rng rng(2);
  for (int i = 0; i < 90; ++i) {
    const double x = rng.normal();
    text += fmt::format("{:.4f},{:.4f}\n", x, std::abs(x) + 0.1 * rng.normal());
  }
  {
    std::FILE* file = std::fopen(table.c_str(), "w");
    REQUIRE(file != nullptr);
    std::fputs(text.c_str(), file);
    std::fclose(file);
  }
  FitOptions options{.data = table, .target = "y", .networks = 3, .trials = 6, .seed = 1};
  const FitResult three = fit(options);
  CHECK(three.networks == 3);
  CHECK(three.model.shapes.size() == 3);
  CHECK(std::isfinite(three.test));
  options.jobs = 2;
  CHECK(fit(options).weights == three.weights);
  options.networks = 1;
  CHECK(fit(options).networks == 1);
  CHECK(fit(options).best.number == three.best.number);

  options.test = 0;
  const FitResult all = fit(options);
  CHECK(all.test_rows == 0);
  CHECK(all.train_rows + all.validation_rows == 90);
  CHECK(std::isnan(all.test));
  CHECK(std::isfinite(all.validation));
  options.networks = 0;  // a tenth of 6 trials
  CHECK(fit(options).networks == 1);
  options.networks = -1;
  CHECK_THROWS_AS(fit(options), ValueError);
  std::filesystem::remove(table);
}
