#include "attune/optim/ema.h"

#include "attune/tensor/internal/check.h"
#include "attune/tensor/tape.h"

namespace attune::optim {

Ema::Ema(const nn::ModuleBase& model, double decay) : average_(model.checkpoint()), decay_(decay) {
  check<ValueError>(decay >= 0 && decay < 1, "Ema: the decay must be in [0, 1), got {}", decay);
}

void Ema::update(const nn::ModuleBase& model) {
  const NoGradScope constant;
  nn::Checkpoint now = model.checkpoint();
  check<ValueError>(now.tensors.size() == average_.tensors.size(),
                    "Ema: a model of {} tensors is averaged, this one has {}",
                    average_.tensors.size(), now.tensors.size());
  for (size_t i = 0; i < now.tensors.size(); ++i) {
    Tensor& x = now.tensors[i];
    const Tensor& before = average_.tensors[i];
    check<ValueError>(x.shape() == before.shape() && x.dtype() == before.dtype(),
                      "Ema: tensor {} is {} {}, it was {} {}", i, x.dtype(), x.shape(),
                      before.dtype(), before.shape());
    if (is_floating(x.dtype())) x = before * decay_ + x * (1 - decay_);
  }
  average_ = std::move(now);
  ++updates_;
}

void Ema::copy_to(nn::ModuleBase& model) const { model.restore(average_); }

}  // namespace attune::optim
