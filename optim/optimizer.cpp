#include "attune/optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "attune/nn/internal/visit.h"
#include "attune/optim/internal/own.h"
#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/io/safetensors.h"

namespace attune::optim {
namespace {

// Whether `name` matches a pattern with * and ?. After a mismatch, the last * takes one character
// more.
bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n]) && pattern[p] != '*') {
      ++p, ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++, star_name = n;
    } else if (star != std::string_view::npos) {
      p = star + 1, n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// How a message calls parameter i. The names are looked up only then.
std::string label(const nn::ModuleBase* model, size_t i) {
  if (model == nullptr) return fmt::format("parameter {}", i);
  return fmt::format("parameter '{}'", model->named_parameters().at(i).first);
}

// For each parameter the first group whose pattern matches, or -1.
std::vector<int> resolve(const std::vector<Group>& groups, const nn::ModuleBase& model) {
  std::vector<int> found;
  for (const auto& [name, parameter] : model.named_parameters()) {
    const auto group = std::find_if(groups.begin(), groups.end(), [&name = name](const Group& g) {
      return matches(g.pattern, name);
    });
    found.push_back(group == groups.end() ? -1 : static_cast<int>(group - groups.begin()));
  }
  return found;
}

// A number that may serve as a learning rate, a weight decay or a factor of a schedule.
bool usable(double x) { return std::isfinite(x) && x >= 0; }

}  // namespace

Optimizer::Optimizer(const char* kind, std::vector<const char*> slots, double learning_rate,
                     double weight_decay)
    : kind_(kind), slots_(std::move(slots)), weight_decay_(weight_decay) {
  set_learning_rate(learning_rate);
  check<ValueError>(usable(weight_decay),
                    "{}: weight_decay must be a finite number, not negative, got {}", kind,
                    weight_decay);
}

double Optimizer::scheduled_learning_rate() const {
  return learning_rate_ * (schedule_ ? schedule_(steps_) : 1);
}

void Optimizer::set_learning_rate(double rate) {
  check<ValueError>(usable(rate),
                    "{}: the learning rate must be a finite number, not negative, got {}", kind_,
                    rate);
  learning_rate_ = rate;
}

void Optimizer::add_group(Group group) {
  check<ValueError>(steps_ == 0, "{}: add groups before the first update", kind_);
  const double rate = group.learning_rate.value_or(0), decay = group.weight_decay.value_or(0);
  check<ValueError>(usable(rate) && usable(decay),
                    "{}: group '{}' has learning rate {} and weight decay {}; both must be finite "
                    "numbers, not negative",
                    kind_, group.pattern, rate, decay);
  groups_.push_back(std::move(group));
}

void Optimizer::update(nn::ModuleBase& model, std::span<const Tensor> grads) {
  nn::internal::Writable parameters(model);
  std::vector<Item> items;
  items.reserve(parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) items.push_back({&parameters[i]});
  step(items, grads, &model);
}

void Optimizer::update(std::span<Tensor> parameters, std::span<const Tensor> grads) {
  std::vector<Item> items;
  items.reserve(parameters.size());
  for (Tensor& parameter : parameters) items.push_back({&parameter});
  step(items, grads, nullptr);
}

// Validates, then owns, then moves. What can fail comes before the first change.
void Optimizer::step(std::vector<Item>& items, std::span<const Tensor> grads,
                     const nn::ModuleBase* model) {
  validate(items, grads, model);
  std::vector<int> groups;  // of the parameters, where this step is the first to need them
  if (model != nullptr && group_of_.empty() && !groups_.empty()) groups = resolve(groups_, *model);
  set_rates(items, model == nullptr ? std::span<const int>() : groups.empty() ? group_of_ : groups);

  struct Copy {
    Tensor* place;
    Tensor tensor;
  };
  std::vector<Copy> copies;  // of what others hold too; none in the usual training loop
  const auto own = [&](Tensor& x) {
    if (!writable(x)) copies.push_back({&x, x.clone()});
  };
  std::vector<Tensor> state;
  if (state_.empty()) {
    for (const Item& item : items) {
      for (size_t k = 0; k < slots_.size(); ++k)
        state.push_back(Tensor::zeros_like(*item.parameter));
    }
  }
  for (Tensor& slot : state_) own(slot);
  for (Item& item : items) {
    own(*item.parameter);
    if (!item.gradient->is_contiguous()) {
      item.dense = item.gradient->contiguous();
      item.gradient = &item.dense;
    }
  }

  if (state_.empty()) state_ = std::move(state);
  for (Copy& copy : copies) *copy.place = std::move(copy.tensor);
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].state = std::span(state_).subspan(i * slots_.size(), slots_.size());
  }
  if (!groups.empty()) group_of_ = std::move(groups);
  parameters_ = items.size();
  ++steps_;
  move(items, steps_);
}

void Optimizer::validate(std::span<Item> items, std::span<const Tensor> grads,
                         const nn::ModuleBase* model) const {
  const size_t n = items.size();
  check<ValueError>(n > 0, "{}: there are no parameters to move{}", kind_,
                    model != nullptr ? "; does the module's fields() name them?" : "");
  check<ValueError>(n == grads.size(), "{}: {} parameters, but {} gradients", kind_, n,
                    grads.size());
  check<ValueError>(parameters_ == 0 || n == parameters_,
                    "{}: was used with {} parameters, now got {}; one optimizer serves one model",
                    kind_, parameters_, n);
  std::vector<std::pair<const internal::Block*, size_t>> shared;
  for (size_t i = 0; i < n; ++i) {
    const Tensor &parameter = *items[i].parameter, &grad = grads[i];
    items[i].gradient = &grad;
    if (!parameter.defined() || !grad.defined()) {
      fail<ValueError>("{}: {} or its gradient is undefined", kind_, label(model, i));
    }
    const DType dtype = parameter.dtype();
    if (dtype != DType::f32 && dtype != DType::f64) {
      fail<DTypeError>(
          "{}: {} is {}; parameters are trained in f32 or f64, so cast the model to f32", kind_,
          label(model, i), dtype);
    }
    if (grad.dtype() != dtype) {
      fail<DTypeError>("{}: {} is {}, its gradient {}", kind_, label(model, i), dtype,
                       grad.dtype());
    }
    if (!internal::same_shape(parameter, grad)) {
      fail<ShapeError>("{}: {} is {}, its gradient {}", kind_, label(model, i), parameter.shape(),
                       grad.shape());
    }
    if (internal::tracks(parameter, grad)) {
      fail<Error>(
          "{}: an open tape tracks {} or its gradient, and a step cannot be recorded; call "
          "update() inside a NoGradScope or after the tape's end",
          kind_, label(model, i));
    }
    for (size_t k = 0; k < slots_.size() && !state_.empty(); ++k) {
      const Tensor& slot = state_[i * slots_.size() + k];
      if (!internal::same_shape(slot, parameter) || slot.dtype() != dtype) {
        fail<ShapeError>("{}: {} is {} {}, but its state {} {}; one optimizer serves one model",
                         kind_, label(model, i), dtype, parameter.shape(), slot.dtype(),
                         slot.shape());
      }
    }
    const internal::Block& block = internal::block(parameter);
    if (block.refs.load(std::memory_order_relaxed) > 1) shared.emplace_back(&block, i);
  }
  std::sort(shared.begin(), shared.end());
  for (size_t i = 1; i < shared.size(); ++i) {
    if (shared[i].first != shared[i - 1].first) continue;
    fail<ValueError>(
        "{}: {} and {} are one tensor, so the gradient of each is the sum of both; "
        "clone() one of them, or name the tensor once",
        kind_, label(model, shared[i - 1].second), label(model, shared[i].second));
  }
}

void Optimizer::set_rates(std::span<Item> items, std::span<const int> group_of) const {
  const double factor = schedule_ ? schedule_(steps_) : 1;
  check<ValueError>(usable(factor),
                    "{}: the schedule returned {} for step {}; a factor must be a finite number, "
                    "not negative",
                    kind_, factor, steps_);
  for (size_t i = 0; i < items.size(); ++i) {
    Group rates;
    if (i < group_of.size() && group_of[i] >= 0) rates = groups_[static_cast<size_t>(group_of[i])];
    items[i].learning_rate = factor * rates.learning_rate.value_or(learning_rate_);
    items[i].weight_decay = rates.weight_decay.value_or(weight_decay_);
  }
}

void Optimizer::go_on_from(const Optimizer& other) {
  check<ValueError>(std::string_view(kind_) == other.kind_ && slots_.size() == other.slots_.size(),
                    "optimizer: {} cannot go on from {}", kind_, other.kind_);
  steps_ = other.steps_;
  parameters_ = other.parameters_;
  state_ = other.state_;
  group_of_.clear();  // by this one's groups
}

void Optimizer::save(const std::string& path) const {
  const std::string kind = kind_;
  nn::NamedTensors tensors{{kind + ".steps", Tensor(steps_)},
                           {kind + ".parameters", Tensor(static_cast<int64_t>(parameters_))},
                           {"learning_rate", Tensor(learning_rate_)}};
  for (size_t i = 0; i < state_.size(); ++i) {
    tensors.emplace_back(fmt::format("{}.{}", i / slots_.size(), slots_[i % slots_.size()]),
                         state_[i]);
  }
  save_safetensors(path, tensors);
}

void Optimizer::load(const std::string& path) {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, x] : load_safetensors(path)) tensors[name] = x;
  const auto take = [&](const std::string& name) {
    const auto found = tensors.find(name);
    check<IoError>(found != tensors.end(),
                   "{}: {} is not a saved state of this kind: it has no '{}'", kind_, path, name);
    return found->second;
  };
  const auto steps = take(std::string(kind_) + ".steps").item<int64_t>();
  const auto rate = take("learning_rate").item<double>();
  const auto parameters = take(std::string(kind_) + ".parameters").item<int64_t>();
  std::vector<Tensor> state(tensors.size() - 3);
  check<IoError>(steps >= 0 && steps < INT64_MAX && usable(rate),
                 "{}: {} holds {} steps and learning rate {}", kind_, path, steps, rate);
  check<IoError>(parameters >= 0 && parameters <= INT32_MAX &&
                     state.size() == static_cast<size_t>(parameters) * slots_.size(),
                 "{}: {} holds {} tensors for {} parameters, not {} each; was it saved with other "
                 "options?",
                 kind_, path, state.size(), parameters, slots_.size());
  for (size_t i = 0; i < state.size(); ++i) {
    state[i] = take(fmt::format("{}.{}", i / slots_.size(), slots_[i % slots_.size()]));
  }
  set_learning_rate(rate);
  steps_ = steps;
  state_ = std::move(state);
  parameters_ = static_cast<size_t>(parameters);
  group_of_.clear();
}

}  // namespace attune::optim
