#include "attune/optim/clip.h"

#include <cmath>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/dispatch.h"

namespace attune::optim {
namespace {

// In double, by eight sums that do not wait for each other: the order of adding is the same on
// every machine, whatever its registers.
template <class T>
double sum_of_squares(std::span<const T> x) {
  double sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= x.size(); i += 8) {
    for (size_t k = 0; k < 8; ++k) {
      const auto e = static_cast<double>(x[i + k]);
      sums[k] += e * e;
    }
  }
  for (size_t k = 0; i < x.size(); ++i, ++k) {
    sums[k] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

// f(element) for all elements, in place where nobody else holds them.
template <class F>
void change(const char* name, Tensor& x, F f) {
  x = x.contiguous();
  if (!internal::sole_owner(x)) x = x.clone();
  internal::dispatch_floating(name, x.dtype(), [&]<class T>() {
    T* const p = internal::elements<T>(x);
    for (int64_t i = 0; i < x.numel(); ++i) p[i] = f(p[i]);
  });
}

}  // namespace

double clip_grad_norm(std::vector<Tensor>& grads, double max) {
  check<ValueError>(max > 0, "clip_grad_norm: max must be positive, got {}", max);
  double sum = 0;
  for (const Tensor& grad : grads) {
    const Tensor x = grad.contiguous();
    sum += internal::dispatch_floating("clip_grad_norm", x.dtype(),
                                       [&]<class T>() { return sum_of_squares(x.data<T>()); });
  }
  const double norm = std::sqrt(sum);
  if (!std::isfinite(norm) || norm <= max) return norm;
  const double factor = max / norm;
  for (Tensor& grad : grads) {
    change("clip_grad_norm", grad,
           [factor]<class T>(T e) { return static_cast<T>(e * static_cast<T>(factor)); });
  }
  return norm;
}

void clip_grad_value(std::vector<Tensor>& grads, double limit) {
  check<ValueError>(limit > 0, "clip_grad_value: the limit must be positive, got {}", limit);
  for (Tensor& grad : grads) {
    change("clip_grad_value", grad, [limit]<class T>(T e) {
      const T top = static_cast<T>(limit);
      return e > top ? top : e < -top ? -top : e;  // NaN stays
    });
  }
}

}  // namespace attune::optim
