// y = f(a, b), element by element, broadcast.
// To add one: write its formula, name it in BINARY_OPS, declare it in tensor.h, and give it a row
// in tests/tensor/binary_test.cpp.

#include <cmath>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/formula.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/scalar.h"
#include "attune/tensor/internal/walk.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/binary.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/pack-inl.h"

#ifndef ATTUNE_BINARY_OPS
#define ATTUNE_BINARY_OPS
#define BINARY_OPS(X) \
  X(add, Add)         \
  X(sub, Sub)         \
  X(mul, Mul)         \
  X(div, Div)         \
  X(maximum, Maximum) \
  X(minimum, Minimum) \
  X(pow, Pow)

namespace attune {
enum class BinaryOp : uint8_t {
#define ENUMERATOR(method, F) k##F,
  BINARY_OPS(ENUMERATOR)
#undef ENUMERATOR
};
}  // namespace attune
#endif

// ---- Formulas and kernels ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// clang-format off
struct Add {
  template <class V> static V value(V a, V b) { return a + b; }
};
struct Sub {
  template <class V> static V value(V a, V b) { return a - b; }
};
struct Mul {
  template <class V> static V value(V a, V b) { return a * b; }
};
struct Div {
  template <class V> static V value(V a, V b) { return a / b; }
};
struct Maximum {
  template <class V> static V value(V a, V b) { return maximum(a, b); }
};
struct Minimum {
  template <class V> static V value(V a, V b) { return minimum(a, b); }
};
struct Pow {
  template <class V> static V value(V a, V b) { return pow(a, b); }
};
// clang-format on

// A row: y[i] = f(a[i * step_a], b[i * step_b]) with steps of 1, or of 0 for an operand that
// repeats.
template <class F, class T>
void Row(const T* a, int64_t step_a, const T* b, int64_t step_b, T* y, size_t size) {
  if (size == 0) return;  // nothing lies at a or b then
  const size_t step = lanes<T>();
  const Pack<T> one_a(hn::Set(hn::ScalableTag<T>(), *a)), one_b(hn::Set(hn::ScalableTag<T>(), *b));
  size_t i = 0;
  for (; i + step <= size; i += step) {
    store(F::value(step_a == 0 ? one_a : load(a + i), step_b == 0 ? one_b : load(b + i)), y + i);
  }
  if (i < size) {
    const size_t n = size - i;
    store_first(n,
                F::value(step_a == 0 ? one_a : load_first(n, a + i),
                         step_b == 0 ? one_b : load_first(n, b + i)),
                y + i);
  }
}

template <class T>
void BinaryRow(BinaryOp op, const T* a, int64_t step_a, const T* b, int64_t step_b, T* y,
               size_t n) {
  switch (op) {
#define CASE(method, F) \
  case BinaryOp::k##F: return Row<F>(a, step_a, b, step_b, y, n);
    BINARY_OPS(CASE)
#undef CASE
  }
}

void BinaryRowF32(BinaryOp op, const float* a, int64_t step_a, const float* b, int64_t step_b,
                  float* y, size_t n) {
  BinaryRow(op, a, step_a, b, step_b, y, n);
}
void BinaryRowF64(BinaryOp op, const double* a, int64_t step_a, const double* b, int64_t step_b,
                  double* y, size_t n) {
  BinaryRow(op, a, step_a, b, step_b, y, n);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

HWY_EXPORT(BinaryRowF32);
HWY_EXPORT(BinaryRowF64);

// Integers, one by one. They wrap round, as unsigned ones do, rather than being undefined.
template <class T>
T integer_value(BinaryOp op, T a, T b) {
  using Unsigned = std::make_unsigned_t<T>;
  const auto ua = static_cast<Unsigned>(a), ub = static_cast<Unsigned>(b);
  switch (op) {
    case BinaryOp::kAdd: return static_cast<T>(ua + ub);
    case BinaryOp::kSub: return static_cast<T>(ua - ub);
    case BinaryOp::kMul: return static_cast<T>(static_cast<uint64_t>(ua) * ub);
    case BinaryOp::kMaximum: return a > b ? a : b;
    case BinaryOp::kMinimum: return a < b ? a : b;
    case BinaryOp::kPow: {
      Unsigned y = 1, base = ua;
      for (T e = b; e > 0; e = static_cast<T>(e / 2)) {
        if (e % 2 == 1) y = static_cast<Unsigned>(static_cast<uint64_t>(y) * base);
        base = static_cast<Unsigned>(static_cast<uint64_t>(base) * base);
      }
      return static_cast<T>(y);
    }
    case BinaryOp::kDiv: break;  // computed as f32
  }
  return T{};
}

template <class T>
void row(BinaryOp op, const T* a, int64_t step_a, const T* b, int64_t step_b, T* y, int64_t n) {
  if constexpr (std::is_same_v<T, float>) {
    HWY_DYNAMIC_DISPATCH(BinaryRowF32)(op, a, step_a, b, step_b, y, static_cast<size_t>(n));
  } else if constexpr (std::is_same_v<T, double>) {
    HWY_DYNAMIC_DISPATCH(BinaryRowF64)(op, a, step_a, b, step_b, y, static_cast<size_t>(n));
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = integer_value(op, a[i * step_a], b[i * step_b]);
  }
}

// A row whose elements lie apart is gathered first, a piece at a time.
template <class T>
void spread_row(BinaryOp op, const T* a, int64_t step_a, const T* b, int64_t step_b, T* y,
                int64_t n) {
  constexpr int64_t kPiece = 256;
  T near_a[kPiece], near_b[kPiece];
  const auto gather = [](const T* from, int64_t step, T* to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i * step];
  };
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = std::min(kPiece, n - i);
    const bool far_a = step_a > 1 || step_a<0, far_b = step_b> 1 || step_b < 0;
    if (far_a) gather(a + i * step_a, step_a, near_a, count);
    if (far_b) gather(b + i * step_b, step_b, near_b, count);
    row(op, far_a ? near_a : a + i * step_a, far_a ? 1 : step_a, far_b ? near_b : b + i * step_b,
        far_b ? 1 : step_b, y + i, count);
  }
}

template <class T>
void compute(BinaryOp op, const Tensor& a, const Tensor& b, const Tensor& y) {
  if (same_shape(a, b) && block(a).contiguous && block(b).contiguous) {
    parallel_for(y.numel(), 1, [&](int64_t begin, int64_t end) {
      row(op, elements<T>(a) + begin, 1, elements<T>(b) + begin, 1, elements<T>(y) + begin,
          end - begin);
    });
    return;
  }
  const Shape shape = y.shape();
  const auto walk = make_walk<3>(
      shape, {broadcast_strides("op", a, shape), broadcast_strides("op", b, shape), y.strides()});
  const int64_t n = walk.row_length(), step_a = walk.row_stride(0), step_b = walk.row_stride(1);
  parallel_for(walk.rows(), n, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const auto at = walk.offsets(r);
      spread_row(op, elements<T>(a) + at[0], step_a, elements<T>(b) + at[1], step_b,
                 elements<T>(y) + at[2], n);
    }
  });
}

// The gradients, as ops. Each is summed back to its operand's own shape.
void add_gradients(BinaryOp op, const Tensor& a, const Tensor& b, const Tensor& y, const Tensor& dy,
                   Gradients& grads) {
  const auto give = [&](uint32_t input, const Tensor& operand, const Tensor& gradient) {
    grads.add(input, same_shape(gradient, operand) ? gradient : sum_to(gradient, operand.shape()));
  };
  const bool wants_a = grads.wants(0), wants_b = grads.wants(1);
  switch (op) {
    case BinaryOp::kAdd:
      if (wants_a) give(0, a, dy);
      if (wants_b) give(1, b, dy);
      break;
    case BinaryOp::kSub:
      if (wants_a) give(0, a, dy);
      if (wants_b) give(1, b, -dy);
      break;
    case BinaryOp::kMul:
      if (wants_a) give(0, a, dy * b);
      if (wants_b) give(1, b, dy * a);
      break;
    case BinaryOp::kDiv:
      if (wants_a) give(0, a, dy / b);
      if (wants_b) give(1, b, -(dy * y) / b);
      break;
    case BinaryOp::kMaximum:
    case BinaryOp::kMinimum: {
      // Equal operands share: each gets half, as PyTorch has it.
      const Tensor half = a.eq(b).cast(dy.dtype()) * 0.5;
      const Tensor first = (op == BinaryOp::kMaximum ? a.gt(b) : a.lt(b)).cast(dy.dtype()) + half;
      if (wants_a) give(0, a, dy * first);
      if (wants_b) give(1, b, dy * (1 - first));
      break;
    }
    case BinaryOp::kPow:
      // 0^0 = 1 has the slope 0 in a; log(a) counts only where a > 0.
      if (wants_a) give(0, a, dy * where(b.eq(0), Tensor::zeros_like(y), b * a.pow(b - 1)));
      if (wants_b) {
        const Tensor usable = a.gt(0);
        give(1, b, dy * y * where(usable, a, Tensor::ones_like(a)).log());
      }
      break;
  }
}

[[gnu::noinline]] void record_binary(BinaryOp op, const Tensor& a, const Tensor& b,
                                     const Tensor& y) {
  // Sums need to know no operand, only its shape; saving fewer handles keeps small ops cheap.
  if (op == BinaryOp::kAdd && same_shape(a, b)) {
    record(y, {&a, &b}, [](const Tensor& dy, Gradients& grads) {
      if (grads.wants(0)) grads.add(0, dy);
      if (grads.wants(1)) grads.add(1, dy);
    });
    return;
  }
  const bool needs_y = op == BinaryOp::kDiv || op == BinaryOp::kPow;
  record(y, {&a, &b}, [op, a, b, y = needs_y ? y : Tensor()](const Tensor& dy, Gradients& grads) {
    add_gradients(op, a, b, y, dy, grads);
  });
}

Tensor binary_same_dtype(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  Tensor y = same_shape(a, b) ? make(shape_of(block(a)), a.dtype())
                              : make(broadcast(name, a.shape(), b.shape()), a.dtype());
  if (y.numel() > 0) {
    dispatch(a.dtype(), [&]<class T>() {
      if constexpr (!std::is_same_v<T, bool>) compute<T>(op, a, b, y);
    });
  }
  if (tracks(a, b)) record_binary(op, a, b, y);
  return y;
}

[[gnu::noinline]] Tensor binary_mixed(const char* name, BinaryOp op, const Tensor& a,
                                      const Tensor& b) {
  DType dtype = promote(a.dtype(), b.dtype());
  check<DTypeError>(
      dtype != DType::boolean,
      "{}: takes numbers, got booleans; use logical_and, logical_or, or cast them first", name);
  if (op == BinaryOp::kDiv && !is_floating(dtype)) dtype = DType::f32;
  return binary_same_dtype(name, op, a.cast(dtype), b.cast(dtype));
}

// Two contiguous f32 tensors of one shape, small enough for one thread: most of what small networks
// do, and nothing to decide about.
bool is_plain(const Tensor& a, const Tensor& b) {
  const Block &p = block(a), &q = block(b);
  return p.dtype == DType::f32 && q.dtype == DType::f32 && p.contiguous && q.contiguous &&
         p.numel < kParallelWork && p.numel > 0 && same_shape(a, b);
}

Tensor binary(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  require_defined(name, a);
  require_defined(name, b);
  if (is_plain(a, b)) [[likely]] {
    Tensor y = make_like(a);
    row(op, elements<float>(a), 1, elements<float>(b), 1, elements<float>(y), block(a).numel);
    if (tracks(a, b)) record_binary(op, a, b, y);
    return y;
  }
  const DType dtype = block(a).dtype;
  if (dtype == block(b).dtype && is_floating(dtype)) return binary_same_dtype(name, op, a, b);
  return binary_mixed(name, op, a, b);
}

// The scalar as a 0-d tensor of x's dtype.
Tensor beside(const char* name, const Tensor& x, Scalar scalar) {
  require_defined(name, x);
  Tensor y = make({}, x.dtype() == DType::boolean ? DType::i64 : x.dtype());
  dispatch(y.dtype(), [&]<class T>() { *elements<T>(y) = element_of<T>(name, scalar); });
  return y;
}

// x + 2 and its like: no tensor is made of the scalar.
Tensor with_scalar(const char* name, BinaryOp op, const Tensor& x, Scalar scalar,
                   bool scalar_first) {
  require_defined(name, x);
  const double s = scalar.value();
  if (!is_floating(x.dtype()) || !block(x).contiguous) {
    const Tensor other = beside(name, x, scalar);
    return scalar_first ? binary(name, op, other, x) : binary(name, op, x, other);
  }
  Tensor y = make_like(x);
  const auto run = [&]<class T>(T one) {
    parallel_for(y.numel(), 1, [&](int64_t begin, int64_t end) {
      const T* at = elements<T>(x) + begin;
      T* to = elements<T>(y) + begin;
      if (scalar_first) {
        row(op, &one, 0, at, 1, to, end - begin);
      } else {
        row(op, at, 1, &one, 0, to, end - begin);
      }
    });
  };
  x.dtype() == DType::f32 ? run(static_cast<float>(s)) : run(s);
  if (tracks(x)) {
    record(y, {&x},
           [op, s, scalar_first, kept = scalar_first ? x : Tensor(), y](const Tensor& dy,
                                                                        Gradients& grads) {
             switch (op) {
               case BinaryOp::kSub: return grads.add(0, scalar_first ? -dy : dy);
               case BinaryOp::kMul: return grads.add(0, dy * s);
               case BinaryOp::kDiv: return grads.add(0, scalar_first ? -(dy * y) / kept : dy / s);
               default: return grads.add(0, dy);
             }
           });
  }
  return y;
}

}  // namespace

#define OPERATOR(symbol, name, op)                                                                 \
  Tensor operator symbol(const Tensor& a, const Tensor& b) { return binary(name, op, a, b); }      \
  Tensor operator symbol(const Tensor& a, Scalar b) { return with_scalar(name, op, a, b, false); } \
  Tensor operator symbol(Scalar a, const Tensor& b) { return with_scalar(name, op, b, a, true); }
OPERATOR(+, "add", BinaryOp::kAdd)
OPERATOR(-, "sub", BinaryOp::kSub)
OPERATOR(*, "mul", BinaryOp::kMul)
OPERATOR(/, "div", BinaryOp::kDiv)
#undef OPERATOR

#define METHOD(name, op)                                                                     \
  Tensor Tensor::name(const Tensor& other) const { return binary(#name, op, *this, other); } \
  Tensor Tensor::name(Scalar other) const {                                                  \
    return binary(#name, op, *this, beside(#name, *this, other));                            \
  }
METHOD(maximum, BinaryOp::kMaximum)
METHOD(minimum, BinaryOp::kMinimum)
#undef METHOD

Tensor Tensor::pow(const Tensor& exponent) const {
  return binary("pow", BinaryOp::kPow, *this, exponent);
}

// The powers that formulas are full of cost a product, not a call of libm for each element.
Tensor Tensor::pow(Scalar exponent) const {
  require_defined("pow", *this);
  if (is_floating(block_->dtype)) {
    if (exponent.value() == 2) return square();
    if (exponent.value() == 3) return square() * *this;
    if (exponent.value() == -1) return reciprocal();
  }
  return binary("pow", BinaryOp::kPow, *this, beside("pow", *this, exponent));
}

}  // namespace attune
#endif  // HWY_ONCE
