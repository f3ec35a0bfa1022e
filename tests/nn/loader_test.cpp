// A Loader with workers: the same batches, whatever happens to them; and augmentations.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "attune/nn/augment.h"
#include "attune/nn/dataset.h"
#include "attune/tensor/memory.h"
#include "attune/tensor/tape.h"

using namespace attune;

namespace {

nn::Dataset numbered(int64_t rows) {
  return {Tensor::arange(0, rows, 1, DType::f32).unsqueeze(1), Tensor::arange(0, rows)};
}

nn::Dataset noisy(nn::Dataset batch, Rng& rng) {
  return {batch.x + Tensor::randn(batch.x.shape(), rng), batch.y};
}

// All numbers of so many epochs.
std::vector<float> all(nn::Loader loader, int epochs) {
  std::vector<float> numbers;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (const auto& [x, y] : loader) {
      for (const float v : x.to_vector<float>()) numbers.push_back(v);
      for (const int64_t v : y.to_vector<int64_t>()) numbers.push_back(static_cast<float>(v));
    }
  }
  return numbers;
}

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace

TEST_CASE("Loader: the same bits at any number of workers") {
  for (const bool shuffled : {false, true}) {
    for (const int64_t rows : {1, 10, 103}) {
      nn::LoaderOptions options{.batch_size = 4, .transform = noisy, .transform_rng = Rng(5)};
      if (shuffled) options.shuffle = Rng(3);
      const auto want = all({numbered(rows), options}, 3);
      CHECK(want.size() == static_cast<size_t>(6 * rows));
      for (const int workers : {1, 2, 3, 8}) {
        options.workers = workers;
        CHECK(all({numbered(rows), options}, 3) == want);
      }
    }
  }
}

TEST_CASE("Loader: what a worker throws arrives with its batch, and the others go on") {
  nn::Loader loader(numbered(40),
                    {.batch_size = 4, .workers = 3, .transform = [](auto batch, Rng&) {
                       if (batch.y[0].template item<int64_t>() == 12) {
                         throw Failure("row 12");
                       }
                       return batch;
                     }});
  int failed = 0, fine = 0;
  for (auto it = loader.begin(); it != loader.end(); ++it) {
    for (int twice = 0; twice < 2; ++twice) {
      try {
        const int64_t rows = (*it).y.size(0);  // CHECK itself may catch what is thrown
        CHECK(rows == 4);
        ++fine;
      } catch (const Failure& e) {
        CHECK(std::string(e.what()) == "row 12");
        CHECK(fine == 6);
        ++failed;
      }
    }
  }
  CHECK(failed == 2);
  CHECK(fine == 18);
}

TEST_CASE("Loader: an epoch left early, an iterator asked out of order, a loader gone before it") {
  std::atomic<int> made{0};
  const nn::LoaderOptions options{
      .batch_size = 1, .workers = 2, .transform = [&](nn::Dataset batch, Rng&) {
        ++made;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return batch;
      }};
  {
    nn::Loader loader(numbered(1000), options);
    for (const auto& [x, y] : loader) {
      if (y.item<int64_t>() == 3) break;
    }
  }
  CHECK(made >= 4);
  CHECK(made <= 4 + 2 * 2 + 2);
  { const auto unused = nn::Loader(numbered(1000), options).begin(); }

  nn::Loader::Iterator it = nn::Loader(numbered(20), options).begin();
  for (int i = 0; i < 7; ++i) ++it;
  const nn::Loader::Iterator seventh = it;
  for (int i = 0; i < 5; ++i) ++it;
  CHECK((*it).y.item<int64_t>() == 12);
  CHECK((*seventh).y.item<int64_t>() == 7);  // long gone: made again
  CHECK((*it).y.item<int64_t>() == 12);
  int left = 0;
  for (; it != std::default_sentinel; ++it) ++left;
  CHECK(left == 8);
  CHECK_THROWS_AS(nn::Loader(numbered(3), {.workers = -1}), ValueError);
}

TEST_CASE("Loader: workers do not cut a watched data set from its gradient") {
  nn::Dataset data = numbered(6);
  Tape tape({data.x});
  Tensor sum(0.f);
  nn::Loader loader(data, {.batch_size = 4, .workers = 2});
  for (const auto& [x, y] : loader) sum = sum + (x * x).sum();
  CHECK(tape.gradient(sum, {data.x})[0].to_vector<float>() ==
        std::vector<float>{0, 2, 4, 6, 8, 10});
}

TEST_CASE("Loader: workers count towards the limit of whoever iterates") {
  const nn::Transform large = [](nn::Dataset batch, Rng&) {
    return nn::Dataset{Tensor::zeros({1 << 20}), batch.y};
  };
  nn::Loader loader(numbered(8), {.batch_size = 1, .workers = 2, .transform = large});
  {
    MemoryLimitScope scope(1 << 20);
    CHECK_THROWS_AS(*loader.begin(), OutOfMemory);
    CHECK(scope.used() == 0);
  }
  CHECK((*loader.begin()).x.numel() == 1 << 20);
}

TEST_CASE("augment: flips and crops are of each image, normalize of each channel") {
  Rng rng(1);
  const Tensor x = Tensor::arange(0, 64 * 2 * 3 * 4).reshape({64, 2, 3, 4});
  const Tensor flipped = nn::random_flip(x, rng);
  int count = 0;
  for (int64_t i = 0; i < 64; ++i) {
    const bool as_is = flipped[i].eq(x[i]).all().item<bool>();
    CHECK((as_is || flipped[i].eq(x[i].flip(2)).all().item<bool>()));
    count += as_is;
  }
  CHECK(count > 16);
  CHECK(count < 48);
  CHECK(nn::random_flip(x, rng, 1).eq(x.flip(3)).all().item<bool>());
  CHECK(nn::random_flip(x[0], rng, 0).eq(x[0]).all().item<bool>());

  Rng again = rng;
  const Tensor cropped = nn::random_crop(x, {2, 3}, rng, 1);
  CHECK(cropped.shape() == Shape{64, 2, 2, 3});
  CHECK(cropped.dtype() == DType::i64);
  CHECK(nn::random_crop(x, {2, 3}, again, 1).eq(cropped).all().item<bool>());
  CHECK(nn::random_crop(x, {3, 4}, rng).eq(x).all().item<bool>());
  int zeros = 0;
  for (int64_t i = 1; i < 64; ++i) zeros += cropped[i].min().item<int64_t>() == 0;
  CHECK(zeros > 10);
  CHECK(zeros < 63);
  CHECK(nn::random_crop(Tensor::zeros({0, 1, 5, 5}), 3, rng).shape() == Shape{0, 1, 3, 3});

  const Tensor scaled = nn::normalize(Tensor::ones({2, 2, 1, 1}), {1, 3}, {1, 4});
  CHECK(scaled.to_vector<float>() == std::vector<float>{0, -0.5f, 0, -0.5f});
  CHECK_THROWS_AS(nn::random_flip(Tensor::ones({2, 2}), rng), ShapeError);
  CHECK_THROWS_AS(nn::random_flip(x, rng, 1.5), ValueError);
  CHECK_THROWS_AS(nn::random_crop(x, {4, 4}, rng), ShapeError);
  CHECK_THROWS_AS(nn::random_crop(x, 2, rng, -1), ValueError);
  CHECK_THROWS_AS(nn::normalize(x, {1}, {1}), ShapeError);
  CHECK_THROWS_AS(nn::normalize(x, {1, 1}, {1, 0}), ValueError);
}
