#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/tabular/recipe.h"
#include "attune/tune/tabular/repeated_rows.h"
#include "attune/tune/tabular/row_split.h"

using namespace attune;
using namespace attune::tune;

namespace {

using Rows = std::vector<int64_t>;
using Texts = std::vector<std::string>;

// 300 rows, of which a third is of class b; ten rows for each of thirty groups.
Sheet grouped_table() {
  std::string text = "x,g,day,y\n";
  for (int i = 0; i < 300; ++i) {
    text += fmt::format("{},p{},{},{}\n", i * 7 % 300, i / 10, 299 - i, i % 3 == 0 ? "b" : "a");
  }
  return Sheet::parse(text, {}, "t.csv");
}

double share_of_b(const Target& target, const Rows& rows) {
  return static_cast<double>(
             std::ranges::count_if(rows, [&](int64_t row) { return target.value(row) == 1; })) /
         static_cast<double>(rows.size());
}

}  // namespace

TEST_CASE("split_rows: groups stay whole, and each part has its share of each class") {
  const Sheet sheet = grouped_table();
  const Target target = Target::find(sheet, "y");
  SplitRules rules;
  for (int64_t row = 0; row < 300; ++row) rules.groups.push_back(row / 10);
  const RowParts parts = split_rows(target, rules, Rng(1));
  CHECK(parts.train.size() + parts.validation.size() + parts.test.size() == 300);
  std::map<int64_t, std::set<int>> seen;
  int part = 0;
  for (const Rows* rows : {&parts.train, &parts.validation, &parts.test}) {
    for (const int64_t row : *rows) seen[row / 10].insert(part);
    ++part;
    CHECK(share_of_b(target, *rows) == doctest::Approx(1.0 / 3).epsilon(0.1));
  }
  CHECK(std::ranges::all_of(seen, [](const auto& group) { return group.second.size() == 1; }));
  CHECK(parts.test.size() == 60);
  CHECK(parts.validation.size() == 60);
  CHECK(split_rows(target, rules, Rng(1)).test == parts.test);
  CHECK(split_rows(target, rules, Rng(2)).test != parts.test);
  rules.groups.assign(300, 0);
  CHECK_THROWS_AS(split_rows(target, rules, Rng(1)), ValueError);
}

TEST_CASE("split_rows: by time the last rows are the test, and equal times are not divided") {
  const Sheet sheet = grouped_table();
  const Target target = Target::find(sheet, "y");
  SplitRules rules;
  for (int64_t row = 0; row < 300; ++row)
    rules.times.push_back(static_cast<double>((299 - row) / 7));
  const RowParts parts = split_rows(target, rules, Rng(1));
  const auto time = [&](int64_t row) { return rules.times[static_cast<size_t>(row)]; };
  const auto last = [&](const Rows& rows) {
    return time(*std::ranges::max_element(rows, {}, time));
  };
  const auto first = [&](const Rows& rows) {
    return time(*std::ranges::min_element(rows, {}, time));
  };
  CHECK(last(parts.train) < first(parts.validation));
  CHECK(last(parts.validation) < first(parts.test));
  CHECK(parts.test.size() >= 53);
  CHECK(parts.test.size() <= 67);
  const auto folds = fold_rows(target, parts.train, rules, 4, Rng(1));
  for (size_t i = 1; i < folds.size(); ++i) CHECK(last(folds[i - 1]) < first(folds[i]));
}

TEST_CASE("fold_rows: every row is in one fold, with its share of the classes") {
  const Sheet sheet = grouped_table();
  const Target target = Target::find(sheet, "y");
  const auto folds = fold_rows(target, target.rows(), {}, 5, Rng(1));
  std::set<int64_t> all;
  for (const Rows& fold : folds) {
    CHECK(fold.size() == 60);
    CHECK(share_of_b(target, fold) == doctest::Approx(1.0 / 3));
    all.insert(fold.begin(), fold.end());
  }
  CHECK(all.size() == 300);
  CHECK_THROWS_AS(fold_rows(target, {1, 2, 3}, {}, 5, Rng(1)), ValueError);
}

TEST_CASE("rows that repeat others are found, unless they are equal by chance") {
  std::string copies = "p,q,y\n", coarse = "p,q,y\n";
  Rng rng(1);
  Texts rows;
  for (int i = 0; i < 60; ++i) {
    rows.push_back(fmt::format("{:.4f},{:.4f},{}\n", rng.uniform(), rng.uniform(),
                               rng.uniform() < 0.5 ? "a" : "b"));
  }
  for (int i = 0; i < 360; ++i) {
    copies += rows[static_cast<size_t>(i % 60)];
    coarse +=
        fmt::format("{},{},{}\n", rng.below(4), rng.below(5), rng.uniform() < 0.5 ? "a" : "b");
  }
  const Sheet sheet = Sheet::parse(copies);
  const Target target = Target::find(sheet, "y");
  const RepeatedRows found = find_repeated_rows(read_columns(sheet, {.skip = {"y"}}), target);
  CHECK(found.repeats == 300);
  REQUIRE(found.groups.size() == 360);
  CHECK(found.groups[0] == found.groups[60]);
  CHECK(found.groups[0] != found.groups[1]);
  const Sheet other = Sheet::parse(coarse);
  CHECK(find_repeated_rows(read_columns(other, {.skip = {"y"}}), Target::find(other, "y"))
            .groups.empty());

  const Recipe recipe(sheet, {.target = "y"});
  const auto says = [](const Recipe& r, const std::string& what) {
    return std::ranges::any_of(r.remarks(), [&](const std::string& remark) {
      return remark.find(what) != std::string::npos;
    });
  };
  CHECK(says(recipe, "300 of 360 rows repeat others; equal rows are kept in one part"));
}

TEST_CASE("Recipe: groups, times, folds and scores") {
  const Sheet sheet = grouped_table();
  const Recipe plain(sheet, {.target = "y"});
  const Recipe grouped(sheet, {.target = "y", .group = "g"});
  const Recipe timed(sheet, {.target = "y", .time = "day"});
  const Recipe folded(sheet, {.target = "y", .folds = 3});
  CHECK(plain.inputs() == 2 + 30);
  CHECK(grouped.inputs() == 2);
  CHECK(timed.inputs() == 1 + 18);  // the groups of the first three fifths
  CHECK(plain.fingerprint() != grouped.fingerprint());
  CHECK(plain.fingerprint() != folded.fingerprint());
  CHECK(plain.constant_score() == doctest::Approx(2.0 / 3));

  const Streams streams{Rng(1), Rng(2), Rng(3)};
  Params params = plain.space().to_params(plain.space().default_values());
  std::vector<std::pair<int64_t, double>> reports;
  const Recipe::Trained trained = folded.train(params, streams, [&](int64_t fold, double score) {
    reports.emplace_back(fold, score);
    return true;
  });
  REQUIRE(reports.size() == 3);
  CHECK(reports[2].second == trained.training.score);
  CHECK(folded.train(params, streams).training.score == trained.training.score);

  int epochs = 0;
  const Recipe::Trained cut = plain.train(params, streams, {}, [&] { return ++epochs < 3; });
  CHECK(cut.training.cut);
  CHECK(cut.training.epochs == 3);
  CHECK(std::isfinite(cut.training.score));

  CHECK_THROWS_AS(Recipe(sheet, {.target = "y", .score = Score::rmse}), ValueError);
  CHECK_THROWS_AS(Recipe(sheet, {.target = "y", .group = "g", .time = "day"}), ValueError);
  CHECK_THROWS_WITH_AS(
      Recipe(sheet, {.target = "y", .time = "g"}),
      "t.csv: line 2, column 'g': 'p0' is neither a number nor a date; --time needs them",
      ValueError);
  CHECK_THROWS_AS(Recipe(sheet, {.target = "y", .group = "z"}), ValueError);
}
