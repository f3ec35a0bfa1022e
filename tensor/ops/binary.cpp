// y = f(a, b), element by element, broadcast.
// To add one: write its formula, name it in BINARY_METHODS, declare it in tensor.h, and give it a
// row in tests/tensor/op_rows_elementwise.cpp.

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/formula.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/scalar.h"
#include "attune/tensor/internal/walk.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/binary.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/math-inl.h"

#ifndef ATTUNE_BINARY_OPS
#define ATTUNE_BINARY_OPS
// method, formula, and what becomes of integers: kept, or computed as f32
#define BINARY_METHODS(X)    \
  X(maximum, Maximum, kKept) \
  X(minimum, Minimum, kKept)
#define BINARY_OPS(X)   \
  X(add, Add, kKept)    \
  X(sub, Sub, kKept)    \
  X(mul, Mul, kKept)    \
  X(div, Div, kAsFloat) \
  X(pow, Pow, kKept)    \
  BINARY_METHODS(X)

namespace attune {
enum class BinaryOp : uint8_t {
#define ENUMERATOR(method, F, integers) k##F,
  BINARY_OPS(ENUMERATOR)
#undef ENUMERATOR
};
// What a gradient is made from: that of the result, the operands, the result.
struct Terms {
  const Tensor &dy, &a, &b, &y;
};
enum Needs : uint8_t { kNothing = 0, kA = 1, kB = 2, kY = 4 };
}  // namespace attune
#endif

// ---- Formulas: value, for vectors (pack-inl.h) and for integers where they are kept (formula.h);
// the gradient of each operand, made of ops; and which of a, b and y the gradients need. ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

// clang-format off
struct Add {
  template <class V> static V value(V a, V b) { return a + b; }
  static Tensor gradient_a(Terms t) { return t.dy; }
  static Tensor gradient_b(Terms t) { return t.dy; }
  static constexpr int needs = kNothing;
};
struct Sub {
  template <class V> static V value(V a, V b) { return a - b; }
  static Tensor gradient_a(Terms t) { return t.dy; }
  static Tensor gradient_b(Terms t) { return -t.dy; }
  static constexpr int needs = kNothing;
};
struct Mul {
  template <class V> static V value(V a, V b) { return a * b; }
  static Tensor gradient_a(Terms t) { return t.dy * t.b; }
  static Tensor gradient_b(Terms t) { return t.dy * t.a; }
  static constexpr int needs = kA | kB;
};
struct Div {
  template <class V> static V value(V a, V b) { return a / b; }
  static Tensor gradient_a(Terms t) { return t.dy / t.b; }
  static Tensor gradient_b(Terms t) { return -t.dy * (t.y / t.b); }
  static constexpr int needs = kB | kY;
};
struct Maximum {  // equal operands get half each, and both get all where one is NaN: as in PyTorch
  template <class V> static V value(V a, V b) { return maximum(a, b); }
  static Tensor gradient_a(Terms t) { return larger(t.dy, t.a, t.b); }
  static Tensor gradient_b(Terms t) { return larger(t.dy, t.b, t.a); }
  static constexpr int needs = kA | kB;
  static Tensor larger(const Tensor& dy, const Tensor& a, const Tensor& b) {
    return where(a.eq(b), dy * 0.5, dy).masked_fill(a.lt(b), 0);
  }
};
struct Minimum {
  template <class V> static V value(V a, V b) { return minimum(a, b); }
  static Tensor gradient_a(Terms t) { return Maximum::larger(t.dy, t.b, t.a); }
  static Tensor gradient_b(Terms t) { return Maximum::larger(t.dy, t.a, t.b); }
  static constexpr int needs = kA | kB;
};
struct Pow {  // where a or b is 0 the slope is 0 by definition, not 0 times infinity
  template <class V> static V value(V a, V b) { return pow(a, b); }
  static Tensor gradient_a(Terms t) { return (t.dy * (t.b * t.a.pow(t.b - 1))).masked_fill(t.b.eq(0), 0); }
  static Tensor gradient_b(Terms t) { return (t.dy * (t.y * t.a.log())).masked_fill(t.a.eq(0).logical_and(t.b.ge(0)), 0); }
  static constexpr int needs = kA | kB | kY;
};
// clang-format on

// ---- Kernels ----

// One row: y[i] = f(a[i * step_a], b[i * step_b]), with steps of 1, or 0 for an operand that
// repeats.
template <class F, class T>
void Row(const T* a, int64_t step_a, const T* b, int64_t step_b, T* y, size_t size) {
  if (size == 0) return;  // there may be nothing at a and b
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
#define CASE(method, F, integers) \
  case BinaryOp::k##F: return Row<F>(a, step_a, b, step_b, y, n);
    BINARY_OPS(CASE)
#undef CASE
  }
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

ATTUNE_KERNEL(binary_row, BinaryRow)

constexpr Takes kKept = Takes::numbers, kAsFloat = Takes::floating;

struct Facts {
  const char* name;
  Takes takes;
  int needs;
};
constexpr Facts kFacts[] = {
#define FACTS(method, F, integers) {#method, integers, HWY_NAMESPACE::F::needs},
    BINARY_OPS(FACTS)
#undef FACTS
};
const Facts& facts_of(BinaryOp op) { return kFacts[static_cast<size_t>(op)]; }

template <class F, class T>
void integer_loop(const T* a, int64_t step_a, const T* b, int64_t step_b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    y[i] = F::value(Whole<T>(a[i * step_a]), Whole<T>(b[i * step_b])).v;
  }
}

template <class T>
void row(BinaryOp op, const T* a, int64_t step_a, const T* b, int64_t step_b, T* y, int64_t n) {
  if constexpr (std::is_floating_point_v<T>) {
    binary_row<T>(op, a, step_a, b, step_b, y, static_cast<size_t>(n));
  } else {
    switch (op) {
#define CASE(method, F, integers)                                 \
  case BinaryOp::k##F:                                            \
    if constexpr (integers == kKept) {                            \
      integer_loop<HWY_NAMESPACE::F>(a, step_a, b, step_b, y, n); \
    }                                                             \
    break;
      BINARY_OPS(CASE)
#undef CASE
    }
  }
}

// The same with any steps: elements that lie apart are gathered first, a piece at a time.
template <class T>
void strided_row(BinaryOp op, const T* a, int64_t step_a, const T* b, int64_t step_b, T* y,
                 int64_t n) {
  constexpr int64_t kPiece = 256;
  T near_a[kPiece], near_b[kPiece];
  const auto gather = [](const T* from, int64_t step, T* to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i * step];
  };
  const auto is_far = [](int64_t step) { return step != 0 && step != 1; };
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = std::min(kPiece, n - i);
    if (is_far(step_a)) gather(a + i * step_a, step_a, near_a, count);
    if (is_far(step_b)) gather(b + i * step_b, step_b, near_b, count);
    row(op, is_far(step_a) ? near_a : a + i * step_a, is_far(step_a) ? 1 : step_a,
        is_far(step_b) ? near_b : b + i * step_b, is_far(step_b) ? 1 : step_b, y + i, count);
  }
}

// A tensor, or one number, which has no tensor.
template <class T>
struct Operand {
  const T* at;
  const Tensor* tensor;

  bool repeats() const { return tensor == nullptr || block(*tensor).rank == 0; }
  bool is_row_of(const Tensor& y) const {
    return same_shape(*tensor, y) && block(*tensor).contiguous;
  }
  Shape strides(const char* op, Shape shape) const {
    if (tensor != nullptr) return broadcast_strides(op, *tensor, shape);
    for (int axis = 0; axis < shape.rank(); ++axis) shape[axis] = 0;
    return shape;
  }
};
template <class T>
Operand<T> operand(const Tensor& x) {
  return {elements<T>(x), &x};
}

template <class T>
void compute(BinaryOp op, const Operand<T>& a, const Operand<T>& b, const Tensor& y) {
  if ((a.repeats() || a.is_row_of(y)) && (b.repeats() || b.is_row_of(y))) {
    const int64_t step_a = a.repeats() ? 0 : 1, step_b = b.repeats() ? 0 : 1;
    parallel_for(y.numel(), 1, [&](int64_t begin, int64_t end) {
      row(op, a.at + begin * step_a, step_a, b.at + begin * step_b, step_b, elements<T>(y) + begin,
          end - begin);
    });
    return;
  }
  const char* name = facts_of(op).name;
  const Shape shape = y.shape();
  const auto walk =
      make_walk<3>(shape, {a.strides(name, shape), b.strides(name, shape), y.strides()});
  const int64_t n = walk.row_length(), step_a = walk.row_stride(0), step_b = walk.row_stride(1);
  parallel_for(walk.rows(), n, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const auto at = walk.offsets(r);
      strided_row(op, a.at + at[0], step_a, b.at + at[1], step_b, elements<T>(y) + at[2], n);
    }
  });
}

Tensor gradient(BinaryOp op, uint32_t input, const Terms& terms) {
  switch (op) {
#define CASE(method, F, integers) \
  case BinaryOp::k##F:            \
    return input == 0 ? HWY_NAMESPACE::F::gradient_a(terms) : HWY_NAMESPACE::F::gradient_b(terms);
    BINARY_OPS(CASE)
#undef CASE
  }
  return {};
}

[[gnu::noinline]] void record_binary(BinaryOp op, const Tensor& a, const Tensor& b,
                                     const Tensor& y) {
  const auto keep = [op](Needs what, const Tensor& x) {
    return (facts_of(op).needs & what) != 0 ? x : Tensor();
  };
  // A number has no gradient, so nothing is summed to its shape.
  const auto needs_no_sum = [&y](const Tensor& x) {
    return same_shape(x, y) || (block(x).rank == 0 && !tracks(x));
  };
  if (needs_no_sum(a) && needs_no_sum(b) && facts_of(op).needs == kNothing) {
    record(facts_of(op).name, y, {&a, &b}, [op](const Tensor& dy, Gradients& grads) {
      for (uint32_t i = 0; i < 2; ++i) {
        if (grads.wants(i)) grads.add(i, gradient(op, i, {dy, dy, dy, dy}));
      }
    });
  } else if (needs_no_sum(a) && needs_no_sum(b)) {
    record(facts_of(op).name, y, {&a, &b},
           [op, a = keep(kA, a), b = keep(kB, b), y = keep(kY, y)](const Tensor& dy,
                                                                   Gradients& grads) {
             for (uint32_t i = 0; i < 2; ++i) {
               if (grads.wants(i)) grads.add(i, gradient(op, i, {dy, a, b, y}));
             }
           });
  } else {
    const std::array<Shape, 2> shapes{a.shape(), b.shape()};
    record(facts_of(op).name, y, {&a, &b},
           [op, shapes, a = keep(kA, a), b = keep(kB, b), y = keep(kY, y)](const Tensor& dy,
                                                                           Gradients& grads) {
             for (uint32_t i = 0; i < 2; ++i) {
               if (grads.wants(i)) grads.add(i, sum_to(gradient(op, i, {dy, a, b, y}), shapes[i]));
             }
           });
  }
}

Tensor binary_same_dtype(BinaryOp op, const Tensor& a, const Tensor& b) {
  const DType dtype = a.dtype();
  Tensor y = same_shape(a, b) ? make(shape_of(block(a)), dtype)
                              : make(broadcast(facts_of(op).name, a.shape(), b.shape()), dtype);
  if (y.numel() > 0) {
    dispatch(dtype, [&]<class T>() {
      if constexpr (!std::is_same_v<T, bool>) compute(op, operand<T>(a), operand<T>(b), y);
    });
  }
  if (is_floating(dtype) && tracks(a, b)) record_binary(op, a, b, y);
  return y;
}

[[gnu::noinline]] Tensor binary_at_door(BinaryOp op, const Tensor& a, const Tensor& b) {
  check<DTypeError>(
      a.dtype() != DType::boolean || b.dtype() != DType::boolean,
      "{}: takes numbers, got booleans; use logical_and, logical_or, or cast them first",
      facts_of(op).name);
  return through(facts_of(op).name, facts_of(op).takes, a, b,
                 [op](const Tensor& x, const Tensor& y) { return binary_same_dtype(op, x, y); });
}

// Contiguous f32, small enough for one thread: most of what small networks compute with, and
// nothing to decide about.
bool is_plain(const Tensor& x) {
  const Block& b = block(x);
  return b.dtype == DType::f32 && b.contiguous && b.numel < kParallelWork && b.numel > 0;
}

Tensor binary(BinaryOp op, const Tensor& a, const Tensor& b) {
  require_defined(facts_of(op).name, a);
  require_defined(facts_of(op).name, b);
  if (is_plain(a) && is_plain(b) && same_shape(a, b)) [[likely]] {
    Tensor y = make_like(a);
    row(op, elements<float>(a), 1, elements<float>(b), 1, elements<float>(y), block(a).numel);
    if (tracks(a, b)) record_binary(op, a, b, y);
    return y;
  }
  return binary_at_door(op, a, b);
}

Tensor with_number(BinaryOp op, const Tensor& x, Scalar number, bool number_first = false);

// Where y is linear in x, the gradient is made with the number itself. The other gradients need it
// as a tensor.
template <class T>
[[gnu::noinline]] void record_number(BinaryOp op, const Tensor& x, T number, bool number_first,
                                     const Tensor& y) {
  if (op == BinaryOp::kAdd || op == BinaryOp::kSub || op == BinaryOp::kMul ||
      (op == BinaryOp::kDiv && !number_first)) {
    return record(facts_of(op).name, y, {&x}, [=](Tensor dy, Gradients& grads) {
      if (op == BinaryOp::kSub && number_first) dy = -dy;
      if (op == BinaryOp::kMul || op == BinaryOp::kDiv) dy = with_number(op, dy, number);
      grads.add(0, std::move(dy));
    });
  }
  const Tensor other = make({}, dtype_of<T>);
  *elements<T>(other) = number;
  number_first ? record_binary(op, other, x, y) : record_binary(op, x, other, y);
}

// A number on either side takes x's dtype; a boolean x becomes i64, or f32 beside a fraction.
Tensor with_number(BinaryOp op, const Tensor& x, Scalar number, bool number_first) {
  const char* name = facts_of(op).name;
  require_defined(name, x);
  if (is_plain(x)) [[likely]] {
    Tensor y = make_like(x);
    const auto value = element_of<float>(name, number);
    const float *const one = &value, *const all = elements<float>(x);
    number_first ? row(op, one, 0, all, 1, elements<float>(y), block(x).numel)
                 : row(op, all, 1, one, 0, elements<float>(y), block(x).numel);
    if (tracks(x)) record_number(op, x, value, number_first, y);
    return y;
  }
  const DType dtype = block(x).dtype;
  if (dtype == DType::boolean) {
    return with_number(op, x.cast(number.is_integral() ? DType::i64 : DType::f32), number,
                       number_first);
  }
  if (!is_floating(dtype)) {  // also where it is computed as f32
    dispatch(dtype, [&]<class T>() { element_of<T>(name, number); });
  }
  return through(name, facts_of(op).takes, x, [&](const Tensor& computed) {
    Tensor y = make_like(computed);
    dispatch(computed.dtype(), [&]<class T>() {
      if constexpr (!std::is_same_v<T, bool>) {
        const auto value = element_of<T>(name, number);
        const Operand<T> one{&value, nullptr}, all = operand<T>(computed);
        if (y.numel() > 0) number_first ? compute(op, one, all, y) : compute(op, all, one, y);
        if (std::is_floating_point_v<T> && tracks(computed))
          record_number(op, computed, value, number_first, y);
      }
    });
    return y;
  });
}

}  // namespace

#define OPERATOR(symbol, op)                                                            \
  Tensor operator symbol(const Tensor& a, const Tensor& b) { return binary(op, a, b); } \
  Tensor operator symbol(const Tensor& a, Scalar b) { return with_number(op, a, b); }   \
  Tensor operator symbol(Scalar a, const Tensor& b) { return with_number(op, b, a, true); }
OPERATOR(+, BinaryOp::kAdd)
OPERATOR(-, BinaryOp::kSub)
OPERATOR(*, BinaryOp::kMul)
OPERATOR(/, BinaryOp::kDiv)
#undef OPERATOR

#define METHOD(name, F, integers)                                                                 \
  Tensor Tensor::name(const Tensor& other) const { return binary(BinaryOp::k##F, *this, other); } \
  Tensor Tensor::name(Scalar other) const { return with_number(BinaryOp::k##F, *this, other); }
BINARY_METHODS(METHOD)
#undef METHOD

Tensor Tensor::pow(const Tensor& exponent) const { return binary(BinaryOp::kPow, *this, exponent); }

// The powers that formulas are full of cost a product each.
Tensor Tensor::pow(Scalar exponent) const {
  require_defined("pow", *this);
  if (is_floating(dtype())) {
    const double b = exponent.value();
    if (b == 2) return square();
    if (b == -1) return reciprocal();
    if (b == 3) {
      return through("pow", Takes::numbers, *this, [](const Tensor& x) { return x.square() * x; });
    }
  }
  return with_number(BinaryOp::kPow, *this, exponent);
}

}  // namespace attune
#endif  // HWY_ONCE
