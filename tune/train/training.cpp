#include "attune/tune/train/training.h"

#include <cmath>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "tune/train/internal/training_run.h"

namespace attune::tune {

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

namespace {

// As the ancestors of a fork have trained the model. The last one's run, of which the optimizer
// counts.
TrainingRun train_ancestors(nn::Module& model, const nn::Dataset& train,
                            const TrainingHooks& hooks) {
  std::optional<TrainingRun> run;
  for (const EarlierPart& part : hooks.before) {
    TrainingRun next(model, train, {}, part.settings, part.order, hooks);
    if (run) next.go_on_from(*run);
    run.emplace(std::move(next));
    for (int64_t epoch = part.first; epoch <= part.last; ++epoch) {
      if (!run->train_epoch(epoch)) throw Error("training: " + run->divergence()->to_string());
    }
  }
  return std::move(*run);
}

}  // namespace

Training train_scored(nn::Module& model, const nn::Dataset& train, const nn::Dataset& validation,
                      const TrainingSettings& settings, const Rng& order, const OnScore& on_score,
                      const TrainingHooks& hooks) {
  TrainingRun run(model, train, validation, settings, order, hooks);
  if (hooks.trial) run.keep_in(*hooks.trial);
  Training result;
  int64_t first = hooks.trial ? hooks.trial->first_step() : 0;
  if (!hooks.before.empty()) {
    run.go_on_from(train_ancestors(model, train, hooks));
    first = hooks.before.back().last + 1;
  }
  for (int64_t epoch = first; epoch < settings.epochs; ++epoch) {
    if (!run.train_epoch(epoch)) break;
    ++result.epochs;
    if (run.has_validation()) {
      const std::optional<double> score = run.score();
      if (!score) break;
      result.scores.push_back(*score);
      result.stopped = on_score && !on_score(epoch, *score);
      if (result.stopped && hooks.trial) result.outcome = hooks.trial->stopped();
    }
    const bool last = epoch + 1 == settings.epochs;
    result.cut = !last && hooks.go_on && !hooks.go_on();
    if (result.stopped || result.cut) break;
  }
  result.divergence = run.divergence();
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  result.score = result.divergence || result.scores.empty() ? kNone : result.scores.back();
  result.steps = run.steps();
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
