#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "attune/base/error.h"
#include "attune/nn/dataset.h"
#include "attune/nn/linear.h"
#include "attune/tune/train/training.h"

using namespace attune;
using namespace attune::tune;

namespace {

// Two classes of points on a line, and a model of them.
nn::Dataset points(int64_t rows, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x;
  std::vector<int64_t> y;
  for (int64_t i = 0; i < rows; ++i) {
    y.push_back(i % 2);
    x.push_back(static_cast<float>(rng.normal() + (y.back() == 1 ? 1.5 : -1.5)));
  }
  return {Tensor::from(x, {rows, 1}), Tensor::from(y, {rows})};
}

nn::Linear model() {
  Rng rng(1);
  return {1, 2, rng};
}

}  // namespace

TEST_CASE("train_scored: an epoch of several passes has more steps, and one score") {
  const nn::Dataset train = points(40, 1), validation = points(20, 2);
  nn::Linear once = model(), thrice = model();
  const TrainingSettings settings{.epochs = 4, .batch_size = 16};
  const Training one = train_scored(once, train, validation, settings, Rng(3));
  CHECK(one.epochs == 4);
  CHECK(one.steps == 4 * 3);
  CHECK(one.scores.size() == 4);

  TrainingSettings longer = settings;
  longer.passes = 3;
  std::vector<int64_t> epochs;
  const Training three =
      train_scored(thrice, train, validation, longer, Rng(3), [&](int64_t epoch, double) {
        epochs.push_back(epoch);
        return true;
      });
  CHECK(epochs == std::vector<int64_t>{0, 1, 2, 3});
  CHECK(three.epochs == 4);
  CHECK(three.steps == 4 * 3 * 3);
  CHECK(three.scores.size() == 4);
  CHECK(three.score == three.scores.back());

  // As many passes as epochs of one are the same training.
  nn::Linear twelve = model();
  TrainingSettings epochs_only = settings;
  epochs_only.epochs = 12;
  train_scored(twelve, train, validation, epochs_only, Rng(3));
  CHECK(hash_weights(twelve) == hash_weights(thrice));

  // It ends where it is asked to, at the end of an epoch.
  nn::Linear stopped = model();
  const Training short_one = train_scored(stopped, train, validation, longer, Rng(3),
                                          [](int64_t epoch, double) { return epoch < 1; });
  CHECK(short_one.stopped);
  CHECK(short_one.steps == 2 * 3 * 3);
  CHECK(short_one.epochs == 2);

  longer.passes = 0;
  CHECK_THROWS_WITH_AS(train_scored(once, train, validation, longer, Rng(3)),
                       "training: passes must be 1 or more, got 0", ValueError);
}
