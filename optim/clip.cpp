#include "attune/optim/clip.h"

#include <cmath>

#include "attune/optim/internal/own.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"

namespace attune::optim {
namespace {

// Of the elements times `scale`, in double, by eight sums that do not wait for each other: the
// order of adding is the same on every machine, whatever its registers.
template <class T>
double sum_of_squares(std::span<const T> x, double scale) {
  double sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= x.size(); i += 8) {
    for (size_t k = 0; k < 8; ++k) {
      const double e = scale * static_cast<double>(x[i + k]);
      sums[k] += e * e;
    }
  }
  for (size_t k = 0; i < x.size(); ++i, ++k) {
    const double e = scale * static_cast<double>(x[i]);
    sums[k] += e * e;
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

void check_floating(const char* name, const std::vector<Tensor>& grads) {
  for (const Tensor& grad : grads) {
    internal::require_defined(name, grad);
    check<DTypeError>(grad.dtype() == DType::f32 || grad.dtype() == DType::f64,
                      "{}: gradients must be f32 or f64, got {}", name, grad.dtype());
  }
}

// f(elements as a span) for each gradient.
template <class F>
void for_each(const std::vector<Tensor>& grads, F f) {
  for (const Tensor& grad : grads) {
    const Tensor x = internal::dense(grad);
    x.dtype() == DType::f32 ? f(x.data<float>()) : f(x.data<double>());
  }
}

double norm_of(const std::vector<Tensor>& grads) {
  const auto with = [&](double scale) {
    double sum = 0;
    for_each(grads, [&](auto x) { sum += sum_of_squares(x, scale); });
    return std::sqrt(sum) / scale;
  };
  const double norm = with(1);
  // Squares of f64 elements may overflow or vanish where the norm itself does not.
  if (std::isinf(norm)) return with(0x1p-600);
  return norm < 0x1p-450 ? with(0x1p600) : norm;
}

// f(element, as a double) for all elements, in place. What must not be written to is copied first,
// all of it before anything changes.
template <class F>
void change(std::vector<Tensor>& grads, F f) {
  std::vector<Tensor> copies(grads.size());
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!writable(grads[i])) copies[i] = grads[i].clone();
  }
  for (size_t i = 0; i < grads.size(); ++i) {
    if (copies[i].defined()) grads[i] = std::move(copies[i]);
    const auto run = [&]<class T>(T) {
      T* const p = internal::elements<T>(grads[i]);
      const int64_t n = grads[i].numel();
      for (int64_t k = 0; k < n; ++k) p[k] = static_cast<T>(f(static_cast<double>(p[k])));
    };
    grads[i].dtype() == DType::f32 ? run(float{}) : run(double{});
  }
}

}  // namespace

double clip_grad_norm(std::vector<Tensor>& grads, double max) {
  check<ValueError>(max > 0, "clip_grad_norm: max must be positive, got {}", max);
  check_floating("clip_grad_norm", grads);
  const double norm = norm_of(grads);
  if (!std::isfinite(norm) || norm <= max) return norm;
  if (!internal::tracks_any(grads)) {
    change(grads, [factor = max / norm](double e) { return e * factor; });
    return norm;
  }
  // The same in ops. Elements are divided by the norm first, so that their squares do not overflow.
  Tensor squares(0.0);
  for (const Tensor& grad : grads) {
    squares = squares + (grad.cast(DType::f64) / norm).square().sum();
  }
  const Tensor factor = max / norm / squares.sqrt();
  std::vector<Tensor> clipped;
  for (const Tensor& grad : grads) {
    clipped.push_back((grad.cast(DType::f64) * factor).cast(grad.dtype()));
  }
  grads = std::move(clipped);
  return norm;
}

void clip_grad_value(std::vector<Tensor>& grads, double limit) {
  check<ValueError>(limit > 0, "clip_grad_value: the limit must be positive, got {}", limit);
  check_floating("clip_grad_value", grads);
  if (!internal::tracks_any(grads)) {
    change(grads, [limit](double e) { return e > limit ? limit : e < -limit ? -limit : e; });
    return;
  }
  std::vector<Tensor> clipped;
  for (const Tensor& grad : grads) {
    clipped.push_back(grad.cast(DType::f64).clamp(-limit, limit).cast(grad.dtype()));
  }
  grads = std::move(clipped);
}

}  // namespace attune::optim
