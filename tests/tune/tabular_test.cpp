#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <sstream>

#include "attune/tensor/error.h"
#include "attune/tune/tabular/fit.h"
#include "attune/tune/tabular/predict.h"
#include "attune/tune/tabular/replay.h"

using namespace attune;
using namespace attune::tune;

namespace {

using Numbers = std::vector<double>;
using Texts = std::vector<std::string>;

Table table_of(std::vector<std::string> names, std::vector<CsvColumn> columns, int64_t rows) {
  return {std::move(names), std::move(columns), rows};
}

Table line(int64_t rows) {
  Rng rng(4);
  Numbers x, y;
  for (int64_t i = 0; i < rows; ++i) {
    x.push_back(rng.normal());
    y.push_back(3 * x.back() + 0.1 * rng.normal());
  }
  return table_of({"x", "y"}, {x, y}, rows);
}

}  // namespace

TEST_CASE("TableEncoder: numbers, texts, missing values, constant columns") {
  const Table table = table_of(
      {"a", "b", "c", "y"},
      {Numbers{1, NAN, 3, 1}, Texts{"u", "v", "", "u"}, Numbers{7, 7, 7, 7}, Numbers{0, 1, 0, 1}},
      4);
  const std::vector<int64_t> all{0, 1, 2, 3};
  const TableEncoder encoder = TableEncoder::fit(table, all, "y");
  CHECK(encoder.inputs() == 4);  // a; u, missing, v
  CHECK(encoder.dropped() == Texts{"c"});
  const auto mean = static_cast<float>(5.0 / 3);
  CHECK(encoder.encode(table).to_vector<float>() ==
        std::vector<float>{1, 1, 0, 0, mean, 0, 0, 1, 3, 0, 1, 0, 1, 1, 0, 0});
  const TableEncoder again = TableEncoder::from_json(encoder.to_json());
  CHECK(again.encode(table).to_vector<float>() == encoder.encode(table).to_vector<float>());

  // Rows 0 and 3 alone: only u is known, so b teaches nothing, and neither do a and c.
  CHECK_THROWS_AS(TableEncoder::fit(table, std::vector<int64_t>{0, 3}, "y"), ValueError);
  // Other order, a value never seen, a missing one: found by name, zeros, the mean.
  const Table other = table_of({"b", "a"}, {Texts{"w"}, Numbers{NAN}}, 1);
  CHECK(encoder.encode(other).to_vector<float>() == std::vector<float>{mean, 0, 0, 0});
  CHECK_THROWS_AS(encoder.encode(table_of({"a"}, {Numbers{1}}, 1)), ValueError);
  CHECK_THROWS_AS(TableEncoder::from_json("{}"), ValueError);
}

TEST_CASE("TableEncoder: only the most frequent values of a text column") {
  Texts texts;
  for (int i = 0; i < 200; ++i) texts.push_back(std::to_string(i % 50).append("t"));
  texts.insert(texts.end(), 10, "often");
  std::vector<int64_t> rows(texts.size());
  std::iota(rows.begin(), rows.end(), 0);
  const Table table = table_of({"t"}, {texts}, static_cast<int64_t>(texts.size()));
  const TableEncoder encoder = TableEncoder::fit(table, rows, "y");
  CHECK(encoder.inputs() == TableEncoder::kMaxCategories);
  CHECK(encoder.encode(table, std::vector<int64_t>{205}).to_vector<float>()[0] == 1.f);
}

TEST_CASE("Target: classes and numbers") {
  const int64_t n = 40;
  Numbers few, many, fractions;
  Texts words;
  for (int64_t i = 0; i < n; ++i) {
    few.push_back(static_cast<double>(i % 3));
    many.push_back(static_cast<double>(i));
    fractions.push_back(0.5 * static_cast<double>(i % 3));
    words.push_back(i % 2 ? "b" : "a");
  }
  const Table t = table_of({"few", "many", "fractions", "words"}, {few, many, fractions, words}, n);
  CHECK(Target::find(t, "few").classes() == Texts{"0", "1", "2"});
  CHECK(Target::find(t, "many").task() == Task::regression);
  CHECK(Target::find(t, "fractions").task() == Task::regression);
  CHECK(Target::find(t, "words").classes() == Texts{"a", "b"});
  CHECK(Target::find(t, "few", Task::regression).outputs() == 1);
  CHECK(Target::find(t, "few").encode(t, {0, 1, 5}).to_vector<int64_t>() ==
        std::vector<int64_t>{0, 1, 2});
  CHECK_THROWS_AS(Target::find(t, "words", Task::regression), ValueError);
  CHECK_THROWS_AS(Target::find(t, "many", Task::classification), ValueError);
  CHECK_THROWS_WITH_AS(Target::find(t, "Wrds"),
                       "no column 'Wrds' among the 4; the nearest is 'words'", ValueError);
  const Target same = Target::from_json(Target::find(t, "words").to_json());
  CHECK(same.classes() == Texts{"a", "b"});
}

TEST_CASE("replay: a report or a weight that is not the same is seen") {
  const Recipe recipe(line(100), {.target = "y"});
  Study study({.direction = maximize, .seed = 9});
  const auto keep = [&](double off, const char* hash) {
    Trial trial = study.ask(Recipe::space());
    const Recipe::Trained trained = recipe.train(trial.params(), streams_of(study, trial.number()));
    for (size_t i = 0; i < trained.training.scores.size(); ++i) {
      const double score = trained.training.scores[i];
      trial.report(static_cast<int64_t>(i),
                   i == 2 && off != 0 ? std::nextafter(score, off) : score);
    }
    trial.set_attribute(kWeightsAttribute, hash ? hash : hash_text(hash_weights(trained.network)));
    study.tell(trial, trained.training.score);
  };
  keep(0, nullptr);
  keep(1e9, nullptr);
  keep(0, "0123456789abcdef");
  CHECK(replay(study, recipe, 0).same());
  CHECK(replay(study, recipe, 1).different == std::vector<int64_t>{2});
  CHECK(!replay(study, recipe, 1).same());
  CHECK(replay(study, recipe, 2).different.empty());
  CHECK(!replay(study, recipe, 2).same());
  CHECK_THROWS_AS(replay(study, recipe, 3), ValueError);
}

TEST_CASE("Recipe: the test part opens once; the fingerprint knows data, target and seed") {
  Recipe recipe(line(100), {.target = "y"});
  CHECK(recipe.train_rows() + recipe.validation_rows() + recipe.test_rows() == 100);
  CHECK(recipe.open_test().size() == recipe.test_rows());
  CHECK_THROWS_AS(recipe.open_test(), Error);
  CHECK(Recipe(line(100), {.target = "y"}).fingerprint() == recipe.fingerprint());
  CHECK(Recipe(line(101), {.target = "y"}).fingerprint() != recipe.fingerprint());
  CHECK(Recipe(line(100), {.target = "x"}).fingerprint() != recipe.fingerprint());
  CHECK(Recipe(line(100), {.target = "y", .seed = 1}).fingerprint() != recipe.fingerprint());
}

TEST_CASE("write_predictions: cells that need quotes have them") {
  const Table table = table_of({"a", "y_predicted"}, {Texts{"x, \"y\""}, Numbers{1e-7}}, 1);
  Predictions p{.names = {"y_predicted"}, .numbers = {2.5}};
  std::ostringstream out;
  write_predictions(out, table, p);
  CHECK(out.str() == "a,y_predicted,y_predicted_2\n\"x, \"\"y\"\"\",1e-07,2.5\n");
}
