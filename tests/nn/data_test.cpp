// Loader, split, kfold and Standardizer: what must hold for any data.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "attune/nn/dataset.h"
#include "attune/nn/split.h"
#include "attune/nn/standardizer.h"
#include "attune/tensor/error.h"

using namespace attune;

namespace {

// Row i is (i, 2 i), labelled i % classes.
nn::Dataset numbered(int64_t rows, int64_t classes = 3) {
  std::vector<float> x;
  std::vector<int64_t> y;
  for (int64_t i = 0; i < rows; ++i) {
    x.push_back(static_cast<float>(i));
    x.push_back(static_cast<float>(2 * i));
    y.push_back(i % classes);
  }
  return {Tensor::from(x, {rows, 2}), Tensor::from(y, {rows})};
}

// Which rows of numbered() these are; checks that x and y still belong together.
std::vector<int64_t> rows_of(const nn::Dataset& part, int64_t classes = 3) {
  std::vector<int64_t> rows;
  const auto x = part.x.to_vector<float>();
  const auto y = part.y.to_vector<int64_t>();
  for (size_t i = 0; i < y.size(); ++i) {
    rows.push_back(static_cast<int64_t>(x[2 * i]));
    CHECK(x[2 * i + 1] == 2 * x[2 * i]);
    CHECK(y[i] == rows.back() % classes);
  }
  return rows;
}

std::vector<int64_t> epoch_of(nn::Loader& loader) {
  std::vector<int64_t> rows;
  for (const auto& [x, y] : loader) {
    const auto batch = rows_of({x, y});
    rows.insert(rows.end(), batch.begin(), batch.end());
  }
  return rows;
}

std::vector<int64_t> sorted(std::vector<int64_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<int64_t> up_to(int64_t n) {
  std::vector<int64_t> all;
  for (int64_t i = 0; i < n; ++i) all.push_back(i);
  return all;
}

}  // namespace

TEST_CASE("Loader: every row once an epoch, in an order of its own") {
  const Rng rng(4);
  for (const int64_t rows : {1, 7, 32, 100}) {
    for (const int64_t size : {1, 3, 32, 200}) {
      CAPTURE(rows);
      CAPTURE(size);
      nn::Loader loader(numbered(rows), {.batch_size = size, .shuffle = rng.fork("order")});
      CHECK(loader.batches() == (rows + size - 1) / size);
      const auto first = epoch_of(loader), second = epoch_of(loader);
      CHECK(sorted(first) == up_to(rows));
      CHECK(sorted(second) == up_to(rows));
      if (rows > 30) {
        CHECK(first != second);
        CHECK(first != up_to(rows));
      }
    }
  }
}

TEST_CASE("Loader: the order is a function of the stream and the epoch alone") {
  const Rng rng(4);
  const nn::LoaderOptions options{.batch_size = 8, .shuffle = rng.fork("order")};
  nn::Loader a(numbered(50), options), b(numbered(50), options);
  const auto first = epoch_of(a);
  b.begin();  // an epoch broken off
  CHECK(epoch_of(b) == epoch_of(a));
  nn::Loader copy = a;
  CHECK(epoch_of(copy) == epoch_of(a));
  a.seek(0);
  CHECK(epoch_of(a) == first);
  nn::Loader other(numbered(50), {.batch_size = 8, .shuffle = rng.fork("other")});
  CHECK(epoch_of(other) != first);
}

TEST_CASE("Loader: without shuffle, the rows as they are; drop_last drops the short batch") {
  nn::Loader plain(numbered(10), {.batch_size = 4});
  CHECK(epoch_of(plain) == up_to(10));
  nn::Loader full(numbered(10), {.batch_size = 4, .drop_last = true});
  CHECK(full.batches() == 2);
  CHECK(epoch_of(full) == up_to(8));
  const Tensor wide = Tensor::arange(0, 24).reshape({4, 3, 2});
  nn::Loader deep({wide, Tensor::arange(0, 4)}, {.batch_size = 2, .shuffle = Rng(1)});
  for (const auto& [x, y] : deep) {
    CHECK(x.shape() == Shape{2, 3, 2});
    CHECK(x.eq(wide.index_select(0, y)).all().item<bool>());
  }
}

TEST_CASE("Loader: what it refuses") {
  CHECK_THROWS_AS(nn::Loader(numbered(4), {.batch_size = 0}), ValueError);
  CHECK_THROWS_AS(nn::Loader(numbered(0), {}), ValueError);
  CHECK_THROWS_AS(nn::Loader(numbered(3), {.batch_size = 4, .drop_last = true}), ValueError);
  CHECK_THROWS_WITH_AS(nn::Loader({Tensor::zeros({3, 2}), Tensor::zeros({4})}, {}),
                       "Dataset: x and y need as many rows, got x [3, 2] and y [4]", ShapeError);
}

TEST_CASE("split: parts are disjoint, complete, of the wanted sizes and repeatable") {
  for (const bool stratify : {false, true}) {
    for (const int64_t rows : {10, 57, 300}) {
      CAPTURE(stratify);
      CAPTURE(rows);
      const nn::SplitOptions options{.validation = 0.2, .test = 0.1, .stratify = stratify};
      Rng rng(9), again(9), other(10);
      nn::Split parts = nn::split(numbered(rows), options, rng);
      const auto train = rows_of(parts.train), validation = rows_of(parts.validation);
      const auto test = rows_of(parts.test.open());
      CHECK(static_cast<int64_t>(validation.size()) == (rows * 2 + 5) / 10);
      CHECK(static_cast<int64_t>(test.size()) == (rows + 5) / 10);
      std::vector<int64_t> all = train;
      all.insert(all.end(), validation.begin(), validation.end());
      all.insert(all.end(), test.begin(), test.end());
      CHECK(sorted(all) == up_to(rows));
      CHECK(rows_of(nn::split(numbered(rows), options, again).train) == train);
      CHECK(rows_of(nn::split(numbered(rows), options, other).train) != train);
      CHECK(train != sorted(train));
    }
  }
}

TEST_CASE("split: stratified, every class has its share everywhere") {
  std::vector<int64_t> labels;  // 100 of class 5, 40 of class -1, 2 of class 8, 1 of class 9
  for (int i = 0; i < 143; ++i) labels.push_back(i < 100 ? 5 : i < 140 ? -1 : i < 142 ? 8 : 9);
  const nn::Dataset data{Tensor::arange(0, 143), Tensor::from(labels, {143})};
  const auto count = [](const nn::Dataset& part) {
    std::map<int64_t, int> counts;
    for (const int64_t label : part.y.to_vector<int64_t>()) ++counts[label];
    return counts;
  };
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    nn::Split parts = nn::split(data, {.validation = 0.25, .test = 0.2, .stratify = true}, rng);
    auto train = count(parts.train), validation = count(parts.validation);
    auto test = count(parts.test.open());
    CHECK(test[5] >= 20);
    CHECK(test[5] <= 21);
    CHECK(test[-1] >= 8);
    CHECK(test[-1] <= 9);
    CHECK(validation[5] >= 25);
    CHECK(validation[5] <= 26);
    CHECK(validation[-1] >= 10);
    CHECK(validation[-1] <= 11);
    CHECK(train[8] >= 1);
    CHECK(train[9] == 1);
  }
}

TEST_CASE("split: what it refuses") {
  Rng rng(1);
  const auto refuses = [&](const nn::Dataset& data, const nn::SplitOptions& options,
                           const char* word) {
    std::string message;
    try {
      nn::split(data, options, rng);
    } catch (const Error& error) {
      message = error.what();
    }
    CAPTURE(message);
    CHECK(message.find(word) != std::string::npos);
  };
  const nn::Dataset data = numbered(30);
  refuses(data, {.validation = -0.1}, "must be in [0, 1)");
  refuses(data, {.validation = 0.5, .test = 0.5}, "leave something to train on");
  refuses(data, {.test = NAN}, "must be in [0, 1)");
  refuses(numbered(2), {}, "too few");
  refuses(numbered(30, 1), {.stratify = true}, "all 30 rows are of class 0");
  refuses(numbered(30, 30), {.stratify = true}, "a class of its own");
  refuses({data.x, data.x}, {.stratify = true}, "integer labels");
  refuses({data.x, Tensor::zeros({29})}, {}, "as many rows");
}

TEST_CASE("Sealed: opens once, and copies share the seal") {
  nn::Sealed<int> sealed(5);
  nn::Sealed<int> copy = sealed;
  CHECK_FALSE(copy.opened());
  CHECK(sealed.open() == 5);
  CHECK(copy.opened());
  CHECK_THROWS_AS(copy.open(), Error);
  CHECK_THROWS_AS(sealed.open(), Error);
}

TEST_CASE("kfold: each row is held out once") {
  for (const int64_t k : {2, 3, 7, 10}) {
    CAPTURE(k);
    Rng rng(2);
    std::vector<int64_t> held;
    for (const nn::Fold& fold : nn::kfold(numbered(10), k, rng)) {
      auto train = rows_of(fold.train);
      const auto validation = rows_of(fold.validation);
      CHECK(static_cast<int64_t>(validation.size()) >= 10 / k);
      CHECK(static_cast<int64_t>(validation.size()) <= 10 / k + 1);
      held.insert(held.end(), validation.begin(), validation.end());
      train.insert(train.end(), validation.begin(), validation.end());
      CHECK(sorted(train) == up_to(10));
    }
    CHECK(sorted(held) == up_to(10));
  }
  Rng rng(2);
  CHECK_THROWS_AS(nn::kfold(numbered(10), 1, rng), ValueError);
  CHECK_THROWS_AS(nn::kfold(numbered(10), 11, rng), ValueError);
}

TEST_CASE("Standardizer: mean 0, deviation 1, constant columns 0, and back") {
  Rng rng(3);
  const Tensor x = cat({Tensor::randn({500, 2}, rng) * 7 + 1000, Tensor::full({500, 1}, 0.1f),
                        Tensor::full({500, 1}, 1e20f)},
                       1);
  const nn::Standardizer fitted = nn::Standardizer::fit(x);
  nn::Standardizer scale = fitted;
  const Tensor y = scale(x);
  CHECK(y.mean(0).abs().max().item<float>() < 1e-4f);
  for (const int64_t column : {0, 1}) {
    CHECK(y.narrow(1, column, 1).std({}, 0).item<float>() == doctest::Approx(1).epsilon(1e-4));
  }
  CHECK(y.narrow(1, 2, 2).abs().max().item<float>() == 0);
  CHECK(((scale.inverse(y) - x) / x).abs().max().item<float>() < 1e-5f);
  CHECK(scale.parameters().empty());

  CHECK_THROWS_WITH_AS(nn::Standardizer::fit(Tensor({{1.f, 2.f}, {3.f, NAN}})),
                       "Standardizer: row 1 of column 1 is nan; fill missing values first",
                       ValueError);
  CHECK_THROWS_AS(nn::Standardizer::fit(Tensor::zeros({0, 3})), ShapeError);
  CHECK_THROWS_AS(nn::Standardizer::fit(Tensor({{1, 2}})), DTypeError);
  CHECK_THROWS_AS(scale(Tensor::zeros({2, 3})), ShapeError);
}
