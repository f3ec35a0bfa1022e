#include "attune/tune/train/training.h"

#include <cmath>
#include <limits>
#include <memory>

#include <fmt/format.h>

#include "attune/optim/adam.h"
#include "attune/optim/adamw.h"
#include "attune/optim/schedule.h"
#include "attune/optim/sgd.h"
#include "attune/optim/trainer.h"
#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune {
namespace {

std::unique_ptr<optim::Optimizer> make_optimizer(const TrainingSettings& s) {
  const double rate = s.learning_rate, decay = s.weight_decay;
  if (s.optimizer == "adamw") {
    return std::make_unique<optim::AdamW>(
        optim::AdamWOptions{.learning_rate = rate, .weight_decay = decay});
  }
  if (s.optimizer == "adam") {
    return std::make_unique<optim::Adam>(
        optim::AdamOptions{.learning_rate = rate, .weight_decay = decay});
  }
  if (s.optimizer == "sgd") {
    return std::make_unique<optim::SGD>(optim::SGDOptions{
        .learning_rate = rate, .momentum = 0.9, .nesterov = true, .weight_decay = decay});
  }
  throw ValueError(fmt::format("training: unknown optimizer {}; there are adamw, adam, sgd",
                               in_quotes(s.optimizer)));
}

void check(const TrainingSettings& s) {
  const auto need = [](bool holds, std::string_view what, double got) {
    if (!holds) throw ValueError(fmt::format("training: {}, got {}", what, got));
  };
  need(s.epochs >= 1, "epochs must be 1 or more", static_cast<double>(s.epochs));
  need(s.passes >= 1, "passes must be 1 or more", static_cast<double>(s.passes));
  need(s.batch_size >= 1, "batch_size must be 1 or more", static_cast<double>(s.batch_size));
  need(s.learning_rate >= 0 && std::isfinite(s.learning_rate), "lr must be 0 or more",
       s.learning_rate);
  need(s.weight_decay >= 0 && std::isfinite(s.weight_decay), "weight_decay must be 0 or more",
       s.weight_decay);
  if (s.schedule != "cosine" && s.schedule != "constant") {
    throw ValueError(fmt::format("training: unknown schedule {}; there are cosine, constant",
                                 in_quotes(s.schedule)));
  }
}

}  // namespace

TrainingSettings settings_from(const Params& params, const TrainingSettings& otherwise) {
  TrainingSettings s = otherwise;
  s.epochs = params.get("epochs", s.epochs);
  s.batch_size = params.get("batch_size", s.batch_size);
  s.learning_rate = params.get("lr", s.learning_rate);
  s.weight_decay = params.get("weight_decay", params.get("reg", s.weight_decay));
  s.optimizer = params.get("optimizer", s.optimizer);
  s.schedule = params.get("schedule", s.schedule);
  check(s);
  return s;
}

Training train_scored(nn::Module& model, const nn::Dataset& train, const nn::Dataset& validation,
                      const TrainingSettings& settings, const Rng& order, const OnScore& on_score,
                      const TrainingHooks& hooks) {
  check(settings);
  const std::unique_ptr<optim::Optimizer> optimizer = make_optimizer(settings);
  const int64_t batches = (train.size() + settings.batch_size - 1) / settings.batch_size;
  if (settings.schedule == "cosine") {
    optimizer->set_schedule(optim::cosine(settings.epochs * settings.passes * batches));
  }
  const bool scored = validation.x.defined() && validation.size() > 0;
  const auto score = [&] {
    if (!hooks.score) return nn::evaluate(model, validation).score;
    return hooks.score(nn::predict(model, validation.x), validation.y);
  };
  Training result;
  const nn::TrainReport report =
      nn::train(model, *optimizer, train,
                {.epochs = settings.epochs * settings.passes,
                 .batch_size = settings.batch_size,
                 .shuffle = order,
                 .on_epoch = [&](const nn::EpochReport& pass) {
                   if ((pass.epoch + 1) % settings.passes != 0) return true;
                   const int64_t epoch = result.epochs++;
                   if (scored) {
                     result.scores.push_back(score());
                     result.stopped = on_score && !on_score(epoch, result.scores.back());
                   }
                   const bool last = epoch + 1 == settings.epochs;
                   result.cut = !last && hooks.go_on && !hooks.go_on();
                   return !result.stopped && !result.cut;
                 }});
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  result.score = report.diverged || result.scores.empty() ? kNone : result.scores.back();
  result.steps = report.steps;
  return result;
}

uint64_t hash_bytes(const void* bytes, size_t count, uint64_t hash) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (size_t i = 0; i < count; ++i) hash = (hash ^ at[i]) * 0x100000001b3;
  return hash;
}

uint64_t hash_tensor(const Tensor& tensor, uint64_t hash) {
  const bool half = is_floating(tensor.dtype()) && byte_size(tensor.dtype()) == 2;
  const Tensor x = half ? tensor.cast(DType::f32) : tensor.contiguous();
  switch (x.dtype()) {
    case DType::f32: return hash_bytes(x.data<float>().data(), x.data<float>().size_bytes(), hash);
    case DType::f64:
      return hash_bytes(x.data<double>().data(), x.data<double>().size_bytes(), hash);
    default: break;
  }
  const std::vector<int64_t> whole = x.cast(DType::i64).to_vector<int64_t>();
  return hash_bytes(whole.data(), whole.size() * sizeof(int64_t), hash);
}

uint64_t hash_weights(const nn::Module& model) {
  uint64_t hash = hash_bytes(nullptr, 0);
  for (const Tensor& tensor : model.parameters()) hash = hash_tensor(tensor, hash);
  for (const Tensor& tensor : model.buffers()) hash = hash_tensor(tensor, hash);
  return hash;
}

std::string hash_text(uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace attune::tune
