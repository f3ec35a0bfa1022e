#pragma once
// The optimizers that the suites run over. A new optimizer is one line of all_optimizers(), with
// its update written out for one number.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attune/nn/activation.h"
#include "attune/nn/linear.h"
#include "attune/nn/loss.h"
#include "attune/nn/sequential.h"
#include "attune/optim/adagrad.h"
#include "attune/optim/adam.h"
#include "attune/optim/adamw.h"
#include "attune/optim/lion.h"
#include "attune/optim/rmsprop.h"
#include "attune/optim/sgd.h"
#include "attune/tensor/tape.h"

namespace attune::optim::test {

// An optimizer's formula, in double: moves p by the gradient g; t counts steps from 1; a and b keep
// its state.
using Formula = std::function<void(double& p, double g, int t, double& a, double& b)>;

struct Case {
  std::string name;
  std::function<std::unique_ptr<optim::Optimizer>()> make;
  std::function<std::unique_ptr<optim::Optimizer>(const optim::Optimizer&)> copy;
  Formula formula;
};

template <class O, class Options>
Case optimizer(const std::string& name, const Options& options, Formula formula) {
  return {name, [options] { return std::make_unique<O>(options); },
          [](const optim::Optimizer& o) { return std::make_unique<O>(static_cast<const O&>(o)); },
          std::move(formula)};
}

inline Formula sgd(double rate, double momentum, double dampening, bool nesterov, double decay) {
  return [=](double& p, double g, int t, double& v, double&) {
    g += decay * p;
    v = t == 1 ? g : momentum * v + (1 - dampening) * g;
    p -= rate * (momentum == 0 ? g : nesterov ? g + momentum * v : v);
  };
}

inline Formula adam(double rate, double beta1, double beta2, double epsilon, double decay,
                    bool decoupled) {
  return [=](double& p, double g, int t, double& m, double& v) {
    if (decoupled) p *= 1 - rate * decay;
    if (!decoupled) g += decay * p;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    p -=
        rate * (m / (1 - std::pow(beta1, t))) / (std::sqrt(v / (1 - std::pow(beta2, t))) + epsilon);
  };
}

inline std::vector<Case> all_optimizers() {
  using namespace optim;
  return {
      optimizer<SGD>("SGD", SGDOptions{.learning_rate = 0.1}, sgd(0.1, 0, 0, false, 0)),
      optimizer<SGD>("SGD, decay", SGDOptions{.learning_rate = 0.1, .weight_decay = 0.3},
                     sgd(0.1, 0, 0, false, 0.3)),
      optimizer<SGD>("SGD, momentum",
                     SGDOptions{.learning_rate = 0.05, .momentum = 0.9, .dampening = 0.2},
                     sgd(0.05, 0.9, 0.2, false, 0)),
      optimizer<SGD>(
          "SGD, Nesterov",
          SGDOptions{.learning_rate = 0.05, .momentum = 0.8, .nesterov = true, .weight_decay = 0.1},
          sgd(0.05, 0.8, 0, true, 0.1)),
      optimizer<Adam>("Adam", AdamOptions{.learning_rate = 0.01},
                      adam(0.01, 0.9, 0.999, 1e-8, 0, false)),
      optimizer<Adam>("Adam, decay",
                      AdamOptions{.learning_rate = 0.02,
                                  .beta1 = 0.8,
                                  .beta2 = 0.95,
                                  .epsilon = 1e-4,
                                  .weight_decay = 0.2},
                      adam(0.02, 0.8, 0.95, 1e-4, 0.2, false)),
      optimizer<AdamW>("AdamW", AdamWOptions{.learning_rate = 0.02, .weight_decay = 0.2},
                       adam(0.02, 0.9, 0.999, 1e-8, 0.2, true)),
      optimizer<RMSprop>("RMSprop",
                         RMSpropOptions{.learning_rate = 0.02, .alpha = 0.9, .weight_decay = 0.2},
                         [](double& p, double g, int, double& v, double&) {
                           g += 0.2 * p;
                           v = 0.9 * v + 0.1 * g * g;
                           p -= 0.02 * g / (std::sqrt(v) + 1e-8);
                         }),
      optimizer<RMSprop>("RMSprop, momentum",
                         RMSpropOptions{.learning_rate = 0.02, .epsilon = 1e-3, .momentum = 0.8},
                         [](double& p, double g, int, double& v, double& b) {
                           v = 0.99 * v + 0.01 * g * g;
                           b = 0.8 * b + g / (std::sqrt(v) + 1e-3);
                           p -= 0.02 * b;
                         }),
      optimizer<RMSprop>("RMSprop, centered",
                         RMSpropOptions{.learning_rate = 0.02, .epsilon = 1e-3, .centered = true},
                         [](double& p, double g, int, double& v, double& m) {
                           v = 0.99 * v + 0.01 * g * g;
                           m = 0.99 * m + 0.01 * g;
                           p -= 0.02 * g / (std::sqrt(v - m * m) + 1e-3);
                         }),
      optimizer<Adagrad>(
          "Adagrad",
          AdagradOptions{.learning_rate = 0.1, .rate_decay = 0.2, .initial_accumulator = 0.5},
          [](double& p, double g, int t, double& v, double&) {
            v = (t == 1 ? 0.5 : v) + g * g;
            p -= 0.1 / (1 + (t - 1) * 0.2) * g / (std::sqrt(v) + 1e-10);
          }),
      optimizer<Adadelta>("Adadelta", AdadeltaOptions{.weight_decay = 0.1},
                          [](double& p, double g, int, double& v, double& d) {
                            g += 0.1 * p;
                            v = 0.9 * v + 0.1 * g * g;
                            const double step = std::sqrt(d + 1e-6) / std::sqrt(v + 1e-6) * g;
                            d = 0.9 * d + 0.1 * step * step;
                            p -= step;
                          }),
      optimizer<Lion>("Lion", LionOptions{.learning_rate = 0.01, .weight_decay = 0.2},
                      [](double& p, double g, int, double& m, double&) {
                        const double c = 0.9 * m + 0.1 * g;
                        p = p * (1 - 0.01 * 0.2) - 0.01 * ((c > 0) - (c < 0));
                        m = 0.99 * m + 0.01 * g;
                      }),
  };
}

inline nn::Sequential small_net(uint64_t seed = 1) {
  Rng rng(seed);
  return nn::Sequential{nn::Linear(5, 8, rng), nn::ReLU(), nn::Linear(8, 3, rng)};
}

inline std::vector<Tensor> gradients(nn::Module& model, int step) {
  Rng rng = Rng(77).fork(step);
  const Tensor x = Tensor::randn({6, 5}, rng);
  const Tensor y = Tensor::randint({6}, 0, 3, rng);
  Tape tape(model.parameters());
  return tape.gradient(nn::cross_entropy(model(x), y), model.parameters());
}

inline void train(nn::Module& model, optim::Optimizer& optimizer, int begin, int end) {
  for (int step = begin; step < end; ++step) optimizer.update(model, gradients(model, step));
}

// The same shapes and the same bits.
inline bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  const auto equal = [](const Tensor& x, const Tensor& y) {
    if (x.shape() != y.shape() || x.dtype() != y.dtype()) return false;
    const auto bits = [](const Tensor& t) {
      if (t.dtype() == DType::f32) return t.cast(DType::f64).to_vector<double>();
      return t.to_vector<double>();
    };
    const std::vector<double> u = bits(x), v = bits(y);
    return std::memcmp(u.data(), v.data(), u.size() * sizeof(double)) == 0;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

}  // namespace attune::optim::test
