#include <doctest/doctest.h>

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <numeric>
#include <sstream>

#include <fmt/format.h>

#include "attune/nn/linear.h"
#include "attune/base/error.h"
#include "attune/tune/tabular/fit.h"
#include "attune/tune/tabular/predict.h"
#include "attune/tune/tabular/replay.h"

using namespace attune;
using namespace attune::tune;

namespace {

using Texts = std::vector<std::string>;

Sheet line(int64_t rows) {
  Rng rng(4);
  std::string text = "x,y\n";
  for (int64_t i = 0; i < rows; ++i) {
    const double x = rng.normal();
    text += fmt::format("{},{}\n", x, 3 * x + 0.1 * rng.normal());
  }
  return Sheet::parse(text);
}

std::vector<int64_t> all_rows(const Sheet& sheet) {
  std::vector<int64_t> rows(static_cast<size_t>(sheet.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

TableEncoder encoder_of(const Sheet& sheet, const Texts& skip = {"y"}) {
  return TableEncoder::fit(read_columns(sheet, {.skip = skip}), all_rows(sheet));
}

// One input of each row.
std::vector<double> input(const TableEncoder& encoder, const Sheet& sheet, int64_t which) {
  const Tensor x = encoder.encode(encoder.read(sheet));
  return x.narrow(1, which, 1).squeeze(1).cast(DType::f64).to_vector<double>();
}

}  // namespace

TEST_CASE("TableEncoder: numbers, texts, missing values, constant columns") {
  const Sheet sheet =
      Sheet::parse("a,b,c,y\n1,u,7,0\n,v,7,1\n3,,7,0\n1,u,7,1\n1,v,7,0\n,,7,1\n", {}, "t.csv");
  const TableEncoder encoder = encoder_of(sheet);
  CHECK(encoder.inputs() == 4);  // a; missing, u, v
  REQUIRE(encoder.left_out().size() == 1);
  CHECK(encoder.left_out()[0].name == "c");
  const std::vector<double> a = input(encoder, sheet, 0);
  CHECK(a[0] == doctest::Approx(-0.5 / std::sqrt(0.75)));  // of mean 1.5
  CHECK(a[1] == 0);                                        // missing: the mean
  CHECK(input(encoder, sheet, 1)[2] == doctest::Approx(std::sqrt(2)));

  TableEncoder again = TableEncoder::from_json(encoder.to_json());
  again.set_scale(encoder.mean(), encoder.deviation());
  CHECK(again.encode(again.read(sheet)).to_vector<float>() ==
        encoder.encode(encoder.read(sheet)).to_vector<float>());
  CHECK(again.left_out()[0].reason == "it has one value in the training rows");

  // Other order, a value never seen, a missing one: found by name; said.
  const Sheet other = Sheet::parse("b,a\nw,\n", {}, "o.csv");
  CHECK(input(encoder, other, 0) == std::vector<double>{0});
  CHECK(input(encoder, other, 2) == input(encoder, other, 3));
  CHECK(encoder.remarks(encoder.read(other)) ==
        Texts{"o.csv: line 2, column 'b': 'w' is no category that the model knows (1 cell like "
              "it)"});
  CHECK_THROWS_WITH_AS(
      encoder.read(Sheet::parse("a\n1\n", {}, "o.csv")),
      "o.csv: no column 'b' among the 1, which are 'a'; if the delimiter is another, name "
      "it by --delimiter",
      ValueError);
  CHECK_THROWS_AS(TableEncoder::from_json("{}"), ValueError);
  CHECK_THROWS_WITH_AS(
      TableEncoder::fit(read_columns(sheet, {.skip = {"a", "b", "y"}}), all_rows(sheet)),
      "t.csv: no column is left to learn from: 'c' (it has one value in the training rows)",
      ValueError);
}

TEST_CASE("TableEncoder: numbers keep their last digits, and none is out of reach") {
  std::string text = "ns,huge,y\n";
  for (int i = 0; i < 100; ++i) {
    text +=
        fmt::format("{},{},0\n", 1700000000000000000 + 1000000LL * i, i % 2 ? "1e308" : "-1e308");
  }
  const Sheet sheet = Sheet::parse(text);
  const TableEncoder encoder = encoder_of(sheet);
  const std::vector<double> ns = input(encoder, sheet, 0), huge = input(encoder, sheet, 1);
  for (size_t i = 1; i < ns.size(); ++i) {
    CHECK(ns[i] - ns[i - 1] == doctest::Approx(1 / std::sqrt(9999 / 12.0)).epsilon(0.001));
    CHECK(huge[i] == doctest::Approx(i % 2 ? 1 : -1));
  }
  CHECK(input(encoder, Sheet::parse("ns,huge\n0,1e400\n"), 0)[0] == -10);  // a farthest value
}

TEST_CASE("TableEncoder: missing numbers and dates get inputs of their own") {
  std::string text = "a,day,y\n";
  for (int i = 0; i < 400; ++i) {
    text += fmt::format("{},20{}-{:02}-{:02},0\n", i % 10 ? fmt::format("{}", i) : "", 20 + i / 300,
                        i / 25 % 12 + 1, i % 25 + 1);
  }
  const Sheet sheet = Sheet::parse(text);
  const TableEncoder encoder = encoder_of(sheet);
  CHECK(encoder.inputs() == 2 + 1 + 2 + 2);  // a and whether it is there; day, weekday, season
  CHECK(input(encoder, sheet, 1)[0] == doctest::Approx(3));
  CHECK(input(encoder, sheet, 1)[1] == doctest::Approx(-1.0 / 3));
}

TEST_CASE("TableEncoder: only the most frequent values of a text column") {
  std::string text = "t,name,y\n";
  for (int i = 0; i < 200; ++i) text += fmt::format("t{},n{},0\n", i % 50, i % 199);
  for (int i = 0; i < 10; ++i) text += "often,n,0\n";
  const Sheet sheet = Sheet::parse(text);
  const TableEncoder encoder = encoder_of(sheet);
  CHECK(encoder.inputs() == TableEncoder::kMaxCategories);
  CHECK(input(encoder, sheet, 0)[205] == doctest::Approx(std::sqrt(20)));
  REQUIRE(encoder.left_out().size() == 1);
  CHECK(encoder.left_out()[0].reason == "200 different texts in 210 rows hardly repeat");
}

TEST_CASE("Target: classes and numbers") {
  std::string text = "few,many,fractions,words,codes,big,odd\n";
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("{},{},{},{},{},{},{}\n", i % 3 * 4, i, 0.5 * (i % 3), i % 2 ? "b" : "a",
                        i % 2 ? "007" : "012", 9007199254740992 + i % 3,
                        i == 30 ? "oops" : std::to_string(i));
  }
  const Sheet t = Sheet::parse(text, {}, "t.csv");
  CHECK(Target::find(t, "few").classes() == Texts{"0", "4", "8"});
  CHECK(Target::find(t, "many").task() == Task::regression);
  CHECK(Target::find(t, "fractions").task() == Task::regression);
  CHECK(Target::find(t, "words").classes() == Texts{"a", "b"});
  CHECK(Target::find(t, "codes").classes() == Texts{"007", "012"});
  CHECK(Target::find(t, "big").classes().size() == 3);
  CHECK(Target::find(t, "few", Task::regression).outputs() == 1);
  CHECK(Target::find(t, "codes", Task::regression).value(0) == 12);
  CHECK(Target::find(t, "few").encode({0, 1, 5}).to_vector<int64_t>() ==
        std::vector<int64_t>{0, 1, 2});
  CHECK_THROWS_WITH_AS(
      Target::find(t, "words", Task::regression),
      "t.csv: line 2, column 'words': 'a' is not a number; --task regression needs "
      "numbers",
      ValueError);
  CHECK_THROWS_AS(Target::find(t, "many", Task::classification), ValueError);
  CHECK_THROWS_WITH_AS(Target::find(t, "odd"),
                       "t.csv: line 32, column 'odd': 'oops' is not a number, as nearly all others "
                       "are; correct it, name it in --missing, or predict classes by --task "
                       "classification",
                       ValueError);
  const Target odd = Target::find(t, "odd", {}, MissingTexts({"oops"}));
  CHECK(odd.task() == Task::regression);
  CHECK(odd.rows().size() == 39);
  const Target same = Target::from_json(Target::find(t, "words").to_json());
  CHECK(same.classes() == Texts{"a", "b"});
}

TEST_CASE("Target: how it was read, and what a class may be called") {
  std::string text = "count,sign,money,none\n";
  for (int i = 0; i < 200; ++i) {
    text += fmt::format("{},{},\"${},234.50\",{}\n", i % 15, i % 2 ? "-" : "+", i + 1,
                        i % 3 ? "None" : "mild");
  }
  const Sheet t = Sheet::parse(text);
  CHECK(Target::find(t, "count").reading() ==
        "15 classes that are whole numbers (--task regression predicts them as numbers)");
  CHECK(Target::find(t, "sign").reading() == "2 classes");
  CHECK(Target::find(t, "sign").rows().size() == 200);
  CHECK(Target::find(t, "none").classes() == Texts{"None", "mild"});
  CHECK(Target::find(t, "money").value(0) == 1234.5);
}

TEST_CASE("replay: a report or a weight that is not the same is seen") {
  const Recipe recipe(line(100), {.target = "y"});
  Study study({.direction = maximize, .seed = 9});
  const auto keep = [&](double off, const char* hash) {
    Trial trial = study.ask(recipe.space());
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

TEST_CASE("TabularModel: a file comes back as it was; one that cannot be is refused") {
  const Sheet sheet = line(100);
  const Recipe recipe(sheet, {.target = "y"});
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("attune_model_{}", getpid())).string();
  TabularModel model = recipe.untrained_model();
  model.save(path);
  CHECK(TabularModel::load(path).predict(sheet).numbers == model.predict(sheet).numbers);
  const auto refused = [&](const TabularModel& bad, const std::string& why) {
    bad.save(path);
    try {
      TabularModel::load(path);
    } catch (const IoError& e) {
      CAPTURE(e.what());
      return std::string(e.what()).find(why) != std::string::npos;
    }
    return false;
  };
  TabularModel wide = model;
  wide.shapes[0].width = 20000;
  CHECK(refused(wide, "a network of its sizes has"));
  TabularModel deep = model;
  deep.shapes[0].layers = 6;
  CHECK(refused(deep, "a network of its sizes has"));
  TabularModel none = model;
  none.deviation = 0;
  CHECK(refused(none, "mean or deviation"));
  none.deviation = NAN;
  CHECK(refused(none, "no model of attune fit"));
  TabularModel holes = recipe.constant_model();
  Rng rng(1);
  nn::Linear layer(1, 1, rng);
  layer.weight = Tensor::full({1, 1}, NAN);
  holes.network = nn::Sequential();
  holes.network.add(layer);
  CHECK(refused(holes, "NaN or infinite"));
  std::filesystem::remove(path);
}

TEST_CASE("write_predictions: rows as they stand, new cells with quotes where they need them") {
  const Sheet sheet = Sheet::parse(
      "\xEF\xBB\xBF"
      "a;y_predicted\r\n\"x; \"\"y\"\"\"; 00501 \r\n\r\n1.50;NA");
  Predictions p{.names = {"y_predicted", "p_1"}, .classes = {"a;b", "007"}};
  p.probability = {{0.25, 1}};
  std::ostringstream out;
  write_predictions(out, sheet, p);
  CHECK(out.str() ==
        "\xEF\xBB\xBF"
        "a;y_predicted;y_predicted_2;p_1\r\n"
        "\"x; \"\"y\"\"\"; 00501 ;\"a;b\";0.250000\r\n1.50;NA;007;1.000000\r\n");
}

TEST_CASE("write_predictions: in the encoding of the table") {
  const Sheet sheet = Sheet::parse("a,b\nK\xF6ln,\x80\n", {.encoding = Encoding::latin1});
  std::ostringstream out;
  write_predictions(out, sheet,
                    {.names = {"p"},
                     .classes = {"stra\u00DF"
                                 "e"}});
  CHECK(out.str() ==
        "a,b,p\nK\xF6ln,\x80,stra\xDF"
        "e\n");
  CHECK_THROWS_WITH_AS(write_predictions(out, sheet, {.names = {"p"}, .classes = {"\u4E00"}}),
                       "'\u4E00' cannot be written in latin1; convert the table to UTF-8",
                       ValueError);
}
