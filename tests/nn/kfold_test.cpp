// Folds and parts by class, by group and by time.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "attune/base/error.h"
#include "attune/nn/split.h"

using namespace attune;

namespace {

using Rows = std::vector<int64_t>;

// Row i is i; class 1 is a fifth of the rows.
nn::Dataset numbered(int64_t rows) {
  Rows x, y;
  for (int64_t i = 0; i < rows; ++i) {
    x.push_back(i);
    y.push_back(i % 5 == 0);
  }
  return {Tensor::from(x, {rows, 1}), Tensor::from(y, {rows})};
}

int64_t of_class_one(const Rows& rows) {
  return std::ranges::count_if(rows, [](int64_t row) { return row % 5 == 0; });
}

}  // namespace

TEST_CASE(
    "fold_rows: stratified, each fold has its share of each class, and each row is held out") {
  Rng rng(1);
  const auto folds = nn::fold_rows(numbered(100), {.folds = 4, .stratify = true}, rng);
  std::set<int64_t> held;
  for (const nn::FoldRows& fold : folds) {
    CHECK(fold.validation.size() == 25);
    CHECK(fold.train.size() == 75);
    CHECK(of_class_one(fold.validation) == 5);
    held.insert(fold.validation.begin(), fold.validation.end());
    for (const int64_t row : fold.validation) {
      CHECK(std::ranges::find(fold.train, row) == fold.train.end());
    }
  }
  CHECK(held.size() == 100);
  // The generator moves on: repeats are other folds, and the same one draws the same.
  Rng again(1);
  CHECK(nn::fold_rows(numbered(100), {.folds = 4, .stratify = true}, again)[0].validation ==
        folds[0].validation);
  CHECK(nn::fold_rows(numbered(100), {.folds = 4, .stratify = true}, again)[0].validation !=
        folds[0].validation);
}

TEST_CASE("fold_rows: groups stay together, times go forward") {
  nn::FoldOptions grouped{.folds = 3};
  for (int64_t row = 0; row < 60; ++row) grouped.groups.push_back(row / 5);
  Rng rng(1);
  for (const nn::FoldRows& fold : nn::fold_rows(numbered(60), grouped, rng)) {
    CHECK(fold.validation.size() == 20);
    std::set<int64_t> train, validation;
    for (const int64_t row : fold.train) train.insert(row / 5);
    for (const int64_t row : fold.validation) validation.insert(row / 5);
    CHECK(train.size() + validation.size() == 12);
  }
  nn::FoldOptions timed{.folds = 3};
  for (int64_t row = 0; row < 60; ++row) timed.times.push_back(static_cast<double>(59 - row));
  const auto folds = nn::fold_rows(numbered(60), timed, rng);
  REQUIRE(folds.size() == 3);
  for (size_t k = 0; k < folds.size(); ++k) {
    CHECK(folds[k].train.size() == 15 * (k + 1));
    // Later rows have smaller numbers here.
    CHECK(std::ranges::min(folds[k].train) > std::ranges::max(folds[k].validation));
  }
}

TEST_CASE("split: by groups and by time") {
  nn::SplitOptions grouped{.validation = 0.25, .test = 0.25};
  for (int64_t row = 0; row < 40; ++row) grouped.groups.push_back(row / 4);
  Rng rng(3);
  const nn::SplitRows rows = nn::split_rows(numbered(40), grouped, rng);
  CHECK(rows.train.size() + rows.validation.size() + rows.test.size() == 40);
  std::set<int64_t> seen[3];
  for (const int64_t row : rows.train) seen[0].insert(row / 4);
  for (const int64_t row : rows.validation) seen[1].insert(row / 4);
  for (const int64_t row : rows.test) seen[2].insert(row / 4);
  CHECK(seen[0].size() + seen[1].size() + seen[2].size() == 10);
  nn::SplitOptions timed{.validation = 0, .test = 0.25};
  for (int64_t row = 0; row < 40; ++row) timed.times.push_back(static_cast<double>(row));
  const nn::SplitRows last = nn::split_rows(numbered(40), timed, rng);
  CHECK(last.test == Rows{30, 31, 32, 33, 34, 35, 36, 37, 38, 39});
  CHECK(last.validation.empty());
}

TEST_CASE("fold_rows and split: what cannot be divided is refused") {
  Rng rng(1);
  const nn::Dataset data = numbered(20);
  const auto folds = [&](const nn::FoldOptions& o) { return nn::fold_rows(data, o, rng); };
  CHECK_THROWS_AS(folds({.folds = 1}), ValueError);
  CHECK_THROWS_AS(folds({.folds = 21}), ValueError);
  CHECK_THROWS_AS(folds({.folds = 2, .groups = {1, 2}}), ValueError);
  CHECK_THROWS_AS(folds({.folds = 2, .groups = Rows(20, 0)}), ValueError);
  CHECK_THROWS_AS(folds({.folds = 2, .times = std::vector<double>(20, 1)}), ValueError);
  CHECK_THROWS_AS(folds({.folds = 2, .times = std::vector<double>(20, std::nan(""))}), ValueError);
  std::vector<double> times(20);
  for (size_t i = 0; i < 20; ++i) times[i] = static_cast<double>(i);
  CHECK_THROWS_AS(folds({.folds = 2, .stratify = true, .times = times}), ValueError);
  CHECK_THROWS_AS(folds({.folds = 2, .groups = Rows(20, 0), .times = times}), ValueError);
  const nn::Dataset numbers{data.x, data.x.cast(DType::f32)};
  CHECK_THROWS_AS(nn::fold_rows(numbers, {.folds = 2, .stratify = true}, rng), DTypeError);
  CHECK_THROWS_AS(nn::split_rows(data, {.groups = Rows(20, 0)}, rng), ValueError);
}
