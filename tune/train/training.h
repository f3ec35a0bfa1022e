#pragma once
// One training as the searches and `attune fit` do it: settings by name, nn::train's loop, a score
// on the validation part after every epoch. The same settings, model, data and rng give the same
// scores and weights bit for bit, at any number of threads.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attune/base/rng.h"
#include "attune/nn/forward.h"
#include "attune/optim/divergence.h"
#include "attune/tune/trial.h"
#include "attune/tune/value.h"

namespace attune::tune {

struct TrainingSettings {
  int64_t epochs = 20;
  int64_t passes = 1;  // over the rows, in an epoch: more than one where rows are few
  int64_t batch_size = 64;
  double learning_rate = 1e-3;
  double weight_decay = 0;
  std::string optimizer = "adamw";  // adamw, adam, sgd (momentum 0.9, Nesterov)
  std::string schedule = "cosine";  // cosine (down to 0 at the end), constant
};

// The settings that `params` name: lr, batch_size, epochs, weight_decay or reg, optimizer,
// schedule; the others as in `otherwise`. ValueError for a value of the wrong kind or range.
TrainingSettings settings_from(const Params& params, const TrainingSettings& otherwise = {});

struct Training {
  std::vector<double> scores;  // after each epoch
  double score = 0;            // the last of them; NaN when the training diverged
  int64_t epochs = 0, steps = 0;
  bool stopped = false;  // by on_score
  bool cut = false;      // by go_on, before the last epoch
  // Why there is no score: the step, op and layer where the first NaN or Inf appeared, the learning
  // rate, the norm of the gradient and the largest weight. Found by running that epoch again.
  std::optional<nn::Divergence> divergence = {};
  // By on_score, of a trial: what it is to return. It is asked for while the model is there to
  // keep.
  std::optional<Outcome> outcome = {};
};

// An earlier part of a lineage: with these settings the model trained from epoch first to epoch
// last.
struct EarlierPart {
  TrainingSettings settings;
  Rng order;
  int64_t first = 0, last = 0;
};

using OnScore = std::function<bool(int64_t epoch, double score)>;

struct TrainingHooks {
  // From the model's outputs and the labels of the validation part; absent: accuracy for integer
  // labels, R^2 for numbers.
  std::function<double(const Tensor& outputs, const Tensor& labels)> score = {};
  std::function<bool()> go_on = {};  // asked after each epoch; false ends the training
  // Keeps the model and the optimizer by Trial::checkpointable(): a trial that was paused goes on
  // at its first_step(), and scores and steps are those since.
  Trial* trial = nullptr;
  // What a fork's ancestors did, the eldest first; the training goes on after that. Not for the
  // trial itself, which has its parent's state.
  std::vector<EarlierPart> before = {};
};

// Trains the model in place. `order` shuffles the rows. After each epoch on_score(epoch, score) is
// called; false ends the training. Without validation rows (an empty Dataset) there are no scores.
Training train_scored(nn::Module& model, const nn::Dataset& train, const nn::Dataset& validation,
                      const TrainingSettings& settings, const Rng& order,
                      const OnScore& on_score = {}, const TrainingHooks& hooks = {});

// FNV-1a (Fowler, Noll and Vo, 1991), 64 bits; `hash` goes on from an earlier call's.
uint64_t hash_bytes(const void* bytes, size_t count, uint64_t hash = 0xcbf29ce484222325);
uint64_t hash_tensor(const Tensor& x, uint64_t hash);  // of its elements, not of its shape
// Of all parameters' and buffers' bytes, in the order of fields(): equal for equal weights.
uint64_t hash_weights(const nn::Module& model);
std::string hash_text(uint64_t hash);  // 16 hexadecimal digits

}  // namespace attune::tune
