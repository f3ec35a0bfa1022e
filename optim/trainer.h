#pragma once
// The training loop on one page, and the measuring of what it made.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "attune/nn/dataset.h"
#include "attune/nn/module.h"
#include "attune/optim/optimizer.h"
#include "attune/tensor/rng.h"

namespace attune::nn {

using Loss = std::function<Tensor(const Tensor& prediction, const Tensor& target)>;

// cross_entropy for integer labels, mse for numbers.
Loss default_loss(const Dataset& dataset);

struct EpochReport {
  int64_t epoch;  // from 0
  int64_t steps;  // all so far
  double loss;    // mean over the rows of this epoch, as they were trained on
};

struct TrainOptions {
  int64_t epochs = 20;
  int64_t batch_size = 64;
  std::optional<Rng> shuffle{};  // a new order of the rows each epoch; none: always the same
  double clip_norm = 0;          // above 0: clip_grad_norm(grads, clip_norm)
  Loss loss{};                   // none: default_loss
  // Called after each epoch; false ends the training.
  std::function<bool(const EpochReport&)> on_epoch{};
};

struct TrainReport {
  int64_t epochs = 0, steps = 0;  // done
  std::vector<double> losses;     // of each epoch
  bool diverged = false;          // the loss became NaN or infinite, which ended the training
};

// Puts the model into training mode and takes epochs over the data. Shuffled by the same rng, from
// equal models and optimizers, it gives the same weights bit for bit at any number of threads.
TrainReport train(Module& model, optim::Optimizer& optimizer, const Dataset& data,
                  const TrainOptions& options = {});

struct EvaluateOptions {
  int64_t batch_size = 1024;
  Loss loss{};  // none: default_loss
};

struct Evaluation {
  int64_t rows = 0;
  double loss = 0;  // mean over the rows
  // For labels: the share of rows whose largest output is the label. For numbers: R^2, the share of
  // the target's variance that is explained; 0 for the mean, 1 for a perfect prediction, and 0 for
  // a target without variance unless it is met exactly.
  double score = 0;
};

// In evaluation mode, without recording; the mode is as before afterwards.
Evaluation evaluate(Module& model, const Dataset& data, const EvaluateOptions& options = {});

// The model's outputs for x [rows, ...] in the same way: [rows, ...].
Tensor predict(Module& model, const Tensor& x, int64_t batch_size = 1024);

}  // namespace attune::nn
