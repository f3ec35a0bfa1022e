// mse, l1, huber, bce_with_logits: a function of prediction and target, element by element, or its
// mean or sum in one pass. To add one: write its formula, name it in PAIR_LOSSES, define and
// declare its function (below, and in tensor.h), and give it a row in tests/tensor/loss_test.cpp.

#include <algorithm>
#include <cmath>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/formula.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/op_list.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/loss.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/math-inl.h"

#ifndef ATTUNE_PAIR_LOSSES
#define ATTUNE_PAIR_LOSSES
#define PAIR_LOSSES(X) X(Mse) X(L1) X(Huber) X(BceWithLogits)

namespace attune {
enum class PairLoss : uint8_t { PAIR_LOSSES(ATTUNE_ENUMERATOR) };

inline Tensor bounded(const Tensor& x, double bound) { return x.clamp(-bound, bound); }
}  // namespace attune
#endif

// ---- Formulas and kernels ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

template <class T>
HWY_INLINE Pack<T> bounded(Pack<T> x, double bound) {
  return minimum(maximum(x, Pack<T>(-bound)), Pack<T>(bound));
}

// value(x, t, p) is the loss of one element, p the loss's parameter. slope_x and slope_t are its
// derivatives times s. They take Packs in the kernel, and Tensors where a gradient is itself
// recorded. s comes first into each product: the derivative alone may overflow.
template <class F>
struct OfDifference {
  static auto value(auto x, auto t, double p) { return F::of(x - t, p); }
  static auto slope_x(const auto& x, const auto& t, const auto& s, double p) {
    return F::slope(x - t, s, p);
  }
  static auto slope_t(const auto& x, const auto& t, const auto& s, double p) {
    return F::slope(t - x, s, p);
  }
};
struct Mse : OfDifference<Mse> {
  static auto of(auto d, double) { return square(d); }
  static auto slope(const auto& d, const auto& s, double) { return (s * 2.0) * d; }
};
struct L1 : OfDifference<L1> {
  static auto of(auto d, double) { return abs(d); }
  static auto slope(const auto& d, const auto& s, double) { return s * sign(d); }
};
// With c = min(|d|, delta), c (|d| - c / 2) is d^2 / 2 below delta and delta |d| - delta^2 / 2
// above.
struct Huber : OfDifference<Huber> {
  static auto of(auto d, double delta) {
    const auto distance = abs(d), c = minimum(distance, delta);
    return c * (distance - c * 0.5);
  }
  static auto slope(const auto& d, const auto& s, double delta) { return s * bounded(d, delta); }
};
// -t log s(x) - (1 - t) log(1 - s(x)), by the exponential of -|x|, which cannot overflow. The
// product is of x and what it is wrong by, so that it is 0 or small where the logit is large and
// right.
struct BceWithLogits {
  static auto value(auto x, auto t, double) {
    return select(x > 0.0, x * (1.0 - t), -(x * t)) + log1p(exp(-abs(x)));
  }
  static auto slope_x(const auto& x, const auto& t, const auto& s, double) {
    return s * (sigmoid(x) - t);
  }
  static auto slope_t(const auto& x, const auto&, const auto& s, double) { return -(s * x); }
};

ATTUNE_WITH_FORMULA(PairLoss, PAIR_LOSSES)

// The sum over a piece, in four running sums.
template <class T>
double LossSum(PairLoss loss, const T* x, const T* t, int64_t size, double p) {
  return with_formula(loss, [&]<class F>(F) HWY_ATTR {
    const auto term = [&](int64_t i, size_t n) HWY_ATTR {
      return first_or(n, F::value(load_some(n, x + i), load_some(n, t + i), p), Pack<T>());
    };
    const size_t whole = lanes<T>();
    const auto step = static_cast<int64_t>(whole);
    Pack<T> sums[4];
    int64_t i = 0;
    for (; i + 4 * step <= size; i += 4 * step) {
      for (int64_t k = 0; k < 4; ++k) sums[k] = sums[k] + term(i + k * step, whole);
    }
    for (; i + step <= size; i += step) sums[0] = sums[0] + term(i, whole);
    if (i < size) sums[1] = sums[1] + term(i, static_cast<size_t>(size - i));
    return static_cast<double>(sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])));
  });
}

template <class T>
void LossEach(PairLoss loss, const T* x, const T* t, T* y, int64_t size, double p) {
  with_formula(loss, [&]<class F>(F) HWY_ATTR {
    each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
      store_some(n, F::value(load_some(n, x + i), load_some(n, t + i), p), y + i);
    });
  });
}

// dx and dt, where not null: the slopes times `scale`, and times dy unless that is null.
template <class T>
void LossSlopes(PairLoss loss, const T* x, const T* t, const T* dy, double scale, T* dx, T* dt,
                int64_t size, double p) {
  const Pack<T> by = scale;
  with_formula(loss, [&]<class F>(F) HWY_ATTR {
    each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> a = load_some(n, x + i), b = load_some(n, t + i);
      const Pack<T> s = dy == nullptr ? by : by * load_some(n, dy + i);
      if (dx != nullptr) store_some(n, F::slope_x(a, b, s, p), dx + i);
      if (dt != nullptr) store_some(n, F::slope_t(a, b, s, p), dt + i);
    });
  });
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

ATTUNE_KERNEL(loss_sum, LossSum)
ATTUNE_KERNEL(loss_each, LossEach)
ATTUNE_KERNEL(loss_slopes, LossSlopes)

constexpr int64_t kCost = 4;      // of one element, in elements of a cheap op
constexpr int64_t kPiece = 4096;  // elements summed in T; the pieces' sums are added in f64

struct Loss {
  const char* name;
  PairLoss formula;
  Reduction reduction;
  double parameter = 0;
};

// The sum over x and t divided by `divisor`.
template <class T>
double sum_over(const Loss& loss, const Tensor& x, const Tensor& t, double divisor) {
  const int64_t n = x.numel();
  const auto sum_of = [&](int64_t from, int64_t size) {
    return loss_sum<T>(loss.formula, elements<T>(x) + from, elements<T>(t) + from, size,
                       loss.parameter);
  };
  double total = 0;
  if (n <= kPiece) {
    total = sum_of(0, n);
  } else {
    const int64_t pieces = (n + kPiece - 1) / kPiece;
    const Tensor sums = make({pieces}, DType::f64);
    double* sum = elements<double>(sums);
    parallel_for(pieces, kPiece * kCost, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        sum[i] = sum_of(i * kPiece, std::min(kPiece, n - i * kPiece));
      }
    });
    for (int64_t i = 0; i < pieces; ++i) total += sum[i];
  }
  if (std::isfinite(total)) return total / divisor;
  total = 0;  // the sum may overflow where the mean does not
  for (int64_t i = 0; i < n; ++i) total += sum_of(i, 1) / divisor;
  return total;
}

// The gradients made of ops, for the gradient of a gradient. s is dy, over n for a mean.
void gradients_of_ops(const Loss& loss, const Tensor& x, const Tensor& t, const Tensor& s,
                      Gradients& grads) {
  HWY_NAMESPACE::with_formula(loss.formula, [&]<class F>(F) {
    if (grads.wants(0)) grads.add(0, F::slope_x(x, t, s, loss.parameter));
    if (grads.wants(1)) grads.add(1, F::slope_t(x, t, s, loss.parameter));
  });
}

void add_gradients(const Loss& loss, const Tensor& x, const Tensor& t, const Tensor& given,
                   Gradients& grads) {
  const double n = loss.reduction == Reduction::mean ? static_cast<double>(x.numel()) : 1;
  if (recording()) return gradients_of_ops(loss, x, t, given / n, grads);
  const Tensor dy = given.contiguous();
  Tensor dx = grads.wants(0) ? make_like(x) : Tensor();
  Tensor dt = grads.wants(1) ? make_like(t) : Tensor();
  dispatch_floating(loss.name, x.dtype(), [&]<class T>() {
    const bool each = loss.reduction == Reduction::none;
    const double scale = each ? 1 : static_cast<double>(dy.item<T>()) / n;
    parallel_for(x.numel(), kCost, [&](int64_t begin, int64_t end) {
      const auto at = [&](const Tensor& y) {
        return y.defined() ? elements<T>(y) + begin : nullptr;
      };
      loss_slopes<T>(loss.formula, at(x), at(t), each ? at(dy) : nullptr, scale, at(dx), at(dt),
                     end - begin, loss.parameter);
    });
  });
  if (dx.defined()) grads.add(0, std::move(dx));
  if (dt.defined()) grads.add(1, std::move(dt));
}

// x and t: of one shape and floating dtype.
Tensor pair_loss_of(const Tensor& given_x, const Tensor& given_t, const Loss& loss) {
  const Tensor x = given_x.contiguous(), t = given_t.contiguous();
  Tensor y = dispatch_floating(loss.name, x.dtype(), [&]<class T>() {
    if (loss.reduction != Reduction::none) {
      const double n = loss.reduction == Reduction::mean ? static_cast<double>(x.numel()) : 1;
      return make_scalar(sum_over<T>(loss, x, t, n), x.dtype());
    }
    Tensor each = make_like(x);
    parallel_for(x.numel(), kCost, [&](int64_t begin, int64_t end) {
      loss_each<T>(loss.formula, elements<T>(x) + begin, elements<T>(t) + begin,
                   elements<T>(each) + begin, end - begin, loss.parameter);
    });
    return each;
  });
  if (tracks(x, t)) {
    record(loss.name, y, {&x, &t}, [loss, x, t](const Tensor& dy, Gradients& grads) {
      add_gradients(loss, x, t, dy, grads);
    });
  }
  return y;
}

Tensor pair_loss(const Loss& loss, const Tensor& prediction, const Tensor& target) {
  require_defined(loss.name, prediction, target);
  check<ShapeError>(same_shape(prediction, target),
                    "{}: prediction and target must have one shape, got {} and {}; reshape or "
                    "expand one of them",
                    loss.name, prediction.shape(), target.shape());
  check<ValueError>(prediction.numel() > 0 || loss.reduction != Reduction::mean,
                    "{}: the batch is empty; its mean has no value", loss.name);
  return through(loss.name, Takes::floating, prediction, target, pair_loss_of, loss);
}

}  // namespace

Tensor mse(const Tensor& prediction, const Tensor& target, Reduction reduction) {
  return pair_loss({"mse", PairLoss::kMse, reduction}, prediction, target);
}

Tensor l1(const Tensor& prediction, const Tensor& target, Reduction reduction) {
  return pair_loss({"l1", PairLoss::kL1, reduction}, prediction, target);
}

Tensor huber(const Tensor& prediction, const Tensor& target, double delta, Reduction reduction) {
  check<ValueError>(delta > 0, "huber: delta must be positive, got {}", delta);
  return pair_loss({"huber", PairLoss::kHuber, reduction, delta}, prediction, target);
}

Tensor bce_with_logits(const Tensor& logits, const Tensor& target, Reduction reduction) {
  return pair_loss({"bce_with_logits", PairLoss::kBceWithLogits, reduction}, logits, target);
}

}  // namespace attune
#endif  // HWY_ONCE
