// Loader, split, kfold and Standardizer: what must hold for any data.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "attune/nn/dataset.h"
#include "attune/nn/split.h"
#include "attune/nn/standardizer.h"
#include "attune/base/error.h"
#include "attune/tensor/tape.h"

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

TEST_CASE("Loader: loops over one loader nest, each over an order of its own") {
  nn::Loader loader(numbered(20), {.batch_size = 5, .shuffle = Rng(4)});
  nn::Loader fresh = loader;
  const auto expected = epoch_of(fresh);
  std::vector<int64_t> outer;
  for (const auto& [x, y] : loader) {
    for (const int64_t row : rows_of({x, y})) outer.push_back(row);
    CHECK(sorted(epoch_of(loader)) == up_to(20));
  }
  CHECK(outer == expected);
  CHECK(loader.epoch() == 5);
}

TEST_CASE("Loader, Dataset: batches of tracked data carry gradients, rows without columns work") {
  Rng rng(1);
  const Tensor x = Tensor::randn({6, 2}, rng);
  Tape tape{x};
  nn::Loader loader({x, Tensor::arange(0, 6)}, {.batch_size = 4, .shuffle = Rng(2)});
  Tensor sum(0.f);
  for (const auto& [batch, y] : loader) sum = sum + batch.square().sum();
  CHECK(tape.gradient(sum, {x})[0].eq(x * 2).all().item<bool>());

  const nn::Dataset bare{Tensor::zeros({3, 0}), Tensor::arange(0, 3)};
  CHECK(bare.rows({2, 2, 0}).x.shape() == Shape{3, 0});
  CHECK(bare.rows({}).y.shape() == Shape{0});
  const nn::Dataset nothing = numbered(0);
  CHECK(nothing.rows({}).x.shape() == Shape{0, 2});
  CHECK_THROWS_AS(nothing.rows({0}), IndexError);
  CHECK_THROWS_AS(bare.rows({-1}), IndexError);
}

TEST_CASE("Loader: huge batches, every dtype") {
  nn::Loader huge(numbered(10), {.batch_size = INT64_MAX});
  CHECK(huge.batches() == 1);
  CHECK(epoch_of(huge) == up_to(10));
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i8, DType::u8,
                            DType::i32, DType::i64, DType::boolean}) {
    const Tensor y = Tensor({1, 0, 1, 1, 0}).cast(dtype);
    for (const auto& [x, label] : nn::Loader({y, y}, {.batch_size = 2, .shuffle = Rng(1)})) {
      CHECK(x.cast(DType::i64).eq(label.cast(DType::i64)).all().item<bool>());
      CHECK(x.dtype() == dtype);
    }
  }
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
  CHECK_THROWS_AS(nn::Loader(numbered(4), {.batch_size = INT64_MIN}), ValueError);
  CHECK_THROWS_AS(nn::Loader(numbered(4), {}).seek(-1), ValueError);
  CHECK_THROWS_AS(nn::Loader(numbered(3), {.batch_size = 4, .drop_last = true}), ValueError);
  CHECK_THROWS_WITH_AS(nn::Loader({Tensor::zeros({3, 2}), Tensor::zeros({4})}, {}),
                       "Dataset: x and y must have the same number of rows, got x [3, 2] and y [4]",
                       ShapeError);
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
  refuses(data, {.validation = 0.5, .test = 0.5}, "leave a share to train on");
  refuses(data, {.test = NAN}, "must be in [0, 1)");
  refuses(numbered(2), {}, "too few");
  refuses(numbered(30, 1), {.stratify = true}, "all 30 rows are of class 0");
  refuses(numbered(30, 30), {.stratify = true}, "a class of its own");
  refuses(numbered(0), {}, "too few");
  refuses(numbered(0), {.validation = 0, .test = 0}, "too few");
  // Two rows of class 0 and one of class 1: the test part takes the only row that can be spared.
  refuses(numbered(3, 2), {.stratify = true}, "too few for both validation and test");
  refuses({data.x, data.x}, {.stratify = true}, "integer labels");
  refuses({data.x, Tensor::zeros({29})}, {}, "same number of rows");
}

TEST_CASE("split: labels of any integer dtype, and of booleans") {
  const nn::Dataset data = numbered(30, 2);
  for (const DType dtype : {DType::i8, DType::u8, DType::i32, DType::i64, DType::boolean}) {
    CAPTURE(dtype);
    Rng rng(1);
    nn::Split parts = nn::split({data.x, data.y.cast(dtype)}, {.stratify = true}, rng);
    CHECK(parts.validation.y.dtype() == dtype);
    CHECK(parts.validation.y.cast(DType::i64).sum().item<int64_t>() == 3);
    CHECK(parts.test.open().y.cast(DType::i64).sum().item<int64_t>() == 3);
  }
}

TEST_CASE("Sealed: opens once, and copies share the seal") {
  nn::Sealed<int> sealed(5);
  nn::Sealed<int> copy = sealed;
  CHECK_FALSE(copy.opened());
  CHECK(sealed.open() == 5);
  CHECK(copy.opened());
  CHECK_THROWS_AS(copy.open(), Error);
  CHECK_THROWS_AS(sealed.open(), Error);
  const std::string& kept = nn::Sealed<std::string>("of a temporary").open();  // by value
  CHECK(kept == "of a temporary");
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

TEST_CASE("Standardizer: large offsets, huge, tiny and denormal columns") {
  const auto check_column = [](const Tensor& column, double mean, double deviation) {
    nn::Standardizer scale = nn::Standardizer::fit(column);
    CAPTURE(mean);
    CAPTURE(deviation);
    CHECK(scale.mean.cast(DType::f64).item<double>() == doctest::Approx(mean).epsilon(1e-6));
    CHECK(scale.std.cast(DType::f64).item<double>() == doctest::Approx(deviation).epsilon(1e-6));
    const Tensor y = scale(column).cast(DType::f64);
    CHECK(y.isfinite().all().item<bool>());
    CHECK(y.square().mean().item<double>() == doctest::Approx(1).epsilon(1e-4));
  };
  const Tensor signs = Tensor({1.0, -1.0, -1.0, 1.0}).reshape({4, 1});  // mean 0, deviation 1
  check_column(signs * 1e-3 + 1e9, 1e9, 1e-3);
  check_column(signs * 1e200, 0, 1e200);  // squares beyond f64
  check_column(signs * 1e-200, 0, 1e-200);
  check_column(signs * 1e-200 + 3e-200, 3e-200, 1e-200);
  check_column((signs * 1e30).cast(DType::f32), 0, 1e30);
  check_column((signs * 1e-30).cast(DType::f32), 0, 1e-30);

  // Its deviation is less than the smallest float: the output must not be infinite.
  const Tensor denormal = Tensor({0.f, 1e-45f, 0.f, 0.f}).reshape({4, 1});
  CHECK(nn::Standardizer::fit(denormal)(denormal).isfinite().all().item<bool>());
  const Tensor zeros = Tensor::zeros({4, 1});
  CHECK(nn::Standardizer::fit(zeros)(zeros).abs().max().item<float>() == 0);

  // The mean of many rows, to the last bits of f64.
  const int64_t n = 200'000;
  const Tensor ramp = Tensor::arange(0, n).cast(DType::f64).reshape({n, 1}) + 1e12;
  const double exact = 1e12 + static_cast<double>(n - 1) / 2;
  CHECK(std::abs(nn::Standardizer::fit(ramp).mean.item<double>() - exact) <= 2e-4);

  const nn::Standardizer three = nn::Standardizer::fit(Tensor::zeros({2, 3}));
  CHECK_THROWS_AS(three.inverse(Tensor::zeros({5, 1})), ShapeError);  // would broadcast
  CHECK_THROWS_AS(three(Tensor(1.f)), ShapeError);
  CHECK_THROWS_AS(nn::Standardizer(-1), ValueError);
}
