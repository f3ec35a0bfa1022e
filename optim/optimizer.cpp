#include "attune/optim/optimizer.h"

#include <cmath>
#include <map>

#include "attune/nn/internal/visit.h"
#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/io/safetensors.h"

namespace attune::optim {
namespace {

// Whether `name` fits a pattern with * and ?. On a mismatch, the last * takes one letter more.
bool fits(std::string_view pattern, std::string_view name) {
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

struct ResolveGroups : nn::internal::Named {
  const std::vector<Group>& groups;
  std::vector<int> found;
  explicit ResolveGroups(const std::vector<Group>& all) : groups(all) {}
  void on_parameter(std::string_view name, Tensor&) override {
    const std::string full = dotted(name);
    int group = -1;
    for (size_t i = 0; i < groups.size() && group < 0; ++i) {
      if (fits(groups[i].pattern, full)) group = static_cast<int>(i);
    }
    found.push_back(group);
  }
};

// Makes x writable: as it is if nobody else holds it, else a copy of its own.
void own(Tensor& x) {
  if (!internal::sole_owner(x)) x = x.clone();
}

}  // namespace

Optimizer::Optimizer(const char* kind, std::span<const char* const> slots, double learning_rate,
                     double weight_decay)
    : kind_(kind), slots_(slots), learning_rate_(0), weight_decay_(weight_decay) {
  set_learning_rate(learning_rate);
  check<ValueError>(weight_decay >= 0, "{}: weight_decay must not be negative, got {}", kind,
                    weight_decay);
}

void Optimizer::set_learning_rate(double rate) {
  check<ValueError>(std::isfinite(rate) && rate >= 0,
                    "{}: the learning rate must be a finite number, not negative, got {}", kind_,
                    rate);
  learning_rate_ = rate;
}

void Optimizer::add_group(Group group) {
  check<ValueError>(steps_ == 0, "{}: add groups before the first update", kind_);
  check<ValueError>(group.learning_rate.value_or(0) >= 0 && group.weight_decay.value_or(0) >= 0,
                    "{}: group '{}' has a negative learning rate or weight decay", kind_,
                    group.pattern);
  groups_.push_back(std::move(group));
}

void Optimizer::step_begins(size_t parameters, size_t grads) {
  check<ValueError>(parameters == grads, "{}: {} parameters, but {} gradients", kind_, parameters,
                    grads);
  check<ValueError>(steps_ == 0 || parameters == parameters_,
                    "{}: it has moved a model of {} parameters, now {} came; one optimizer serves "
                    "one model",
                    kind_, parameters_, parameters);
  parameters_ = parameters;
  state_.resize(parameters * slots_.size());
  factor_ = schedule_ ? schedule_(steps_) : 1;
  ++steps_;
  begin_step();
}

void Optimizer::step(size_t i, Tensor& parameter, const Tensor& grad) {
  internal::require_defined(kind_, grad);
  check<ShapeError>(internal::same_shape(parameter, grad),
                    "{}: gradient {} is {}, its parameter {}", kind_, i, grad.shape(),
                    parameter.shape());
  check<DTypeError>(is_floating(parameter.dtype()) && grad.dtype() == parameter.dtype(),
                    "{}: gradient {} is {}, its parameter {}; both must be f32 or f64", kind_, i,
                    grad.dtype(), parameter.dtype());
  Rates rates{learning_rate_, weight_decay_};
  if (i < group_of_.size() && group_of_[i] >= 0) {
    const Group& group = groups_[static_cast<size_t>(group_of_[i])];
    rates.learning_rate = group.learning_rate.value_or(rates.learning_rate);
    rates.weight_decay = group.weight_decay.value_or(rates.weight_decay);
  }
  rates.learning_rate *= factor_;

  const std::span<Tensor> state = std::span(state_).subspan(i * slots_.size(), slots_.size());
  for (Tensor& slot : state) {
    if (!slot.defined()) slot = Tensor::zeros(parameter.shape(), parameter.dtype());
    check<ShapeError>(internal::same_shape(slot, parameter) && slot.dtype() == parameter.dtype(),
                      "{}: the state of parameter {} is {} {}, the parameter {} {}", kind_, i,
                      slot.dtype(), slot.shape(), parameter.dtype(), parameter.shape());
    own(slot);
  }
  own(parameter);
  if (internal::block(grad).contiguous) {
    apply(parameter, grad, state, rates);
  } else {
    apply(parameter, grad.contiguous(), state, rates);
  }
}

// Counts the parameters of a module, or moves them as the visit comes to them.
class Optimizer::Step : public nn::Fields {
 public:
  Step(Optimizer* optimizer, std::span<const Tensor> grads)
      : optimizer_(optimizer), grads_(grads) {}
  size_t seen() const { return seen_; }

 protected:
  void on_parameter(std::string_view, Tensor& parameter) override {
    if (optimizer_ != nullptr) optimizer_->step(seen_, parameter, grads_[seen_]);
    ++seen_;
  }

 private:
  Optimizer* optimizer_;
  std::span<const Tensor> grads_;
  size_t seen_ = 0;
};

void Optimizer::update(nn::Module& model, std::span<const Tensor> grads) {
  if (!groups_.empty() && group_of_.empty()) {
    ResolveGroups resolve(groups_);
    model.fields(resolve);
    group_of_ = std::move(resolve.found);
  }
  Step count(nullptr, grads);  // first, so that a wrong number changes nothing
  model.fields(count);
  step_begins(count.seen(), grads.size());
  Step step(this, grads);
  model.fields(step);
}

void Optimizer::update(std::span<Tensor> parameters, std::span<const Tensor> grads) {
  step_begins(parameters.size(), grads.size());
  for (size_t i = 0; i < grads.size(); ++i) step(i, parameters[i], grads[i]);
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
    check<IoError>(found != tensors.end(), "{}: {} is no saved state of this kind: no '{}'", kind_,
                   path, name);
    return found->second;
  };
  const int64_t steps = take(std::string(kind_) + ".steps").item<int64_t>();
  const double rate = take("learning_rate").item<double>();
  const int64_t parameters = take(std::string(kind_) + ".parameters").item<int64_t>();
  check<IoError>(
      parameters >= 0 && tensors.size() - 3 == static_cast<size_t>(parameters) * slots_.size(),
      "{}: {} holds {} tensors for {} parameters, not {} each; made with other options?", kind_,
      path, tensors.size() - 3, parameters, slots_.size());
  std::vector<Tensor> state(tensors.size() - 3);
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
