// y = f(a, b), element by element, broadcast.
// To add one: write its formula, name it in BINARY_METHODS, declare it in tensor.h, and give it a
// row in tests/tensor/op_rows_elementwise.cpp.

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/elementwise.h"
#include "attune/tensor/internal/formula.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/op_list.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/scalar.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/binary.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/math-inl.h"

#ifndef ATTUNE_BINARY_OPS
#define ATTUNE_BINARY_OPS
// formula, method, and what becomes of integers: kept, or computed as f32
#define BINARY_METHODS(X)    \
  X(Maximum, maximum, kKept) \
  X(Atan2, atan2, kAsFloat)  \
  X(Minimum, minimum, kKept)
#define BINARY_OPS(X)   \
  X(Add, add, kKept)    \
  X(Sub, sub, kKept)    \
  X(Mul, mul, kKept)    \
  X(Div, div, kAsFloat) \
  X(Pow, pow, kKept)    \
  X(Mod, mod, kKept)    \
  BINARY_METHODS(X)

namespace attune {
enum class BinaryOp : uint8_t { BINARY_OPS(ATTUNE_ENUMERATOR) };
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

struct Add {
  static auto value(auto a, auto b) { return a + b; }
  static Tensor gradient_a(Terms t) { return t.dy; }
  static Tensor gradient_b(Terms t) { return t.dy; }
  static constexpr int needs = kNothing;
};
struct Sub {
  static auto value(auto a, auto b) { return a - b; }
  static Tensor gradient_a(Terms t) { return t.dy; }
  static Tensor gradient_b(Terms t) { return -t.dy; }
  static constexpr int needs = kNothing;
};
struct Mul {
  static auto value(auto a, auto b) { return a * b; }
  static Tensor gradient_a(Terms t) { return t.dy * t.b; }
  static Tensor gradient_b(Terms t) { return t.dy * t.a; }
  static constexpr int needs = kA | kB;
};
struct Div {
  static auto value(auto a, auto b) { return a / b; }
  static Tensor gradient_a(Terms t) { return t.dy / t.b; }
  static Tensor gradient_b(Terms t) { return -t.dy * (t.y / t.b); }
  static constexpr int needs = kB | kY;
};
struct Maximum {  // equal operands get half each, and both get all where one is NaN: as in PyTorch
  static auto value(auto a, auto b) { return maximum(a, b); }
  static Tensor gradient_a(Terms t) { return larger(t.dy, t.a, t.b); }
  static Tensor gradient_b(Terms t) { return larger(t.dy, t.b, t.a); }
  static constexpr int needs = kA | kB;
  static Tensor larger(const Tensor& dy, const Tensor& a, const Tensor& b) {
    return where(a.eq(b), dy * 0.5, dy).masked_fill(a.lt(b), 0);
  }
};
struct Minimum {
  static auto value(auto a, auto b) { return minimum(a, b); }
  static Tensor gradient_a(Terms t) { return Maximum::larger(t.dy, t.b, t.a); }
  static Tensor gradient_b(Terms t) { return Maximum::larger(t.dy, t.a, t.b); }
  static constexpr int needs = kA | kB;
};
struct Mod {  // a - b floor(a / b); the quotient is rounded to the integer that it is but for
              // rounding
  static auto value(auto a, auto b) { return remainder(a, b); }
  static Tensor gradient_a(Terms t) { return t.dy; }
  static Tensor gradient_b(Terms t) { return -t.dy * ((t.a - t.y) / t.b).round(); }
  static constexpr int needs = kA | kB | kY;
};
struct Atan2 {  // where both are 0, or the square of their distance is infinite, the slopes are 0
  static auto value(auto a, auto b) { return atan2(a, b); }
  static Tensor gradient_a(Terms t) { return over(t.dy * t.b, t); }
  static Tensor gradient_b(Terms t) { return over(-t.dy * t.a, t); }
  static constexpr int needs = kA | kB;
  static Tensor over(const Tensor& x, Terms t) {
    const Tensor square = t.a.square() + t.b.square();
    const Tensor none = square.eq(0).logical_or(square.isinf());
    return (x / square.masked_fill(none, 1)).masked_fill(none, 0);
  }
};
struct Pow {  // where a or b is 0 the slope is 0 by definition, not 0 times infinity
  static auto value(auto a, auto b) { return pow(a, b); }
  static Tensor gradient_a(Terms t) {
    return (t.dy * (t.b * t.a.pow(t.b - 1))).masked_fill(t.b.eq(0), 0);
  }
  static Tensor gradient_b(Terms t) {
    return (t.dy * (t.y * t.a.log())).masked_fill(t.a.eq(0).logical_and(t.b.ge(0)), 0);
  }
  static constexpr int needs = kA | kB | kY;
};

ATTUNE_WITH_FORMULA(BinaryOp, BINARY_OPS)

// ---- Kernel ----

// One row: y[i] = f(a[i * step_a], b[i * step_b]), with steps of 1, or 0 for an operand that
// repeats.
template <class T>
void BinaryRow(BinaryOp op, const T* a, int64_t step_a, const T* b, int64_t step_b, T* y,
               int64_t size) {
  if (size == 0) return;  // there may be nothing at a and b
  const hn::ScalableTag<T> d;
  const Pack<T> one_a(hn::Set(d, *a)), one_b(hn::Set(d, *b));
  with_formula(op, [&]<class F>(F) HWY_ATTR {
    each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> from_a = step_a == 0 ? one_a : load_some(n, a + i);
      const Pack<T> from_b = step_b == 0 ? one_b : load_some(n, b + i);
      store_some(n, F::value(from_a, from_b), y + i);
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

ATTUNE_KERNEL(binary_row, BinaryRow)

constexpr Takes kKept = Takes::numbers, kAsFloat = Takes::floating;

struct Facts {
  const char* name;
  Takes takes;
  int needs;
};
constexpr Facts kFacts[] = {
#define FACTS(F, method, integers) {#method, integers, HWY_NAMESPACE::F::needs},
    BINARY_OPS(FACTS)
#undef FACTS
};
const Facts& facts_of(BinaryOp op) { return kFacts[static_cast<size_t>(op)]; }

template <class T>
void row(BinaryOp op, const T* a, int64_t step_a, const T* b, int64_t step_b, T* y, int64_t n) {
  if constexpr (std::is_floating_point_v<T>) {
    binary_row<T>(op, a, step_a, b, step_b, y, n);
  } else {
    const auto loop = [&]<class F>(F) {
      for (int64_t i = 0; i < n; ++i) {
        y[i] = F::value(Whole<T>(a[i * step_a]), Whole<T>(b[i * step_b])).v;
      }
    };
    switch (op) {
#define CASE(F, method, integers)                                     \
  case BinaryOp::k##F:                                                \
    if constexpr (integers == kKept) return loop(HWY_NAMESPACE::F()); \
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
  const auto is_far = [](int64_t step) { return step != 0 && step != 1; };
  const auto gathered = [&](const T* from, int64_t step, T* to, int64_t count) {
    if (!is_far(step)) return from;
    for (int64_t i = 0; i < count; ++i) to[i] = from[i * step];
    return static_cast<const T*>(to);
  };
  const int64_t piece = is_far(step_a) || is_far(step_b) ? kPiece : n;
  for (int64_t i = 0; i < n; i += piece) {
    const int64_t count = std::min(piece, n - i);
    row(op, gathered(a + i * step_a, step_a, near_a, count), is_far(step_a) ? 1 : step_a,
        gathered(b + i * step_b, step_b, near_b, count), is_far(step_b) ? 1 : step_b, y + i, count);
  }
}

void add_gradients(BinaryOp op, const Terms& terms, Gradients& grads) {
  HWY_NAMESPACE::with_formula(op, [&]<class F>(F) {
    if (grads.wants(0)) grads.add_broadcast(0, F::gradient_a(terms));
    if (grads.wants(1)) grads.add_broadcast(1, F::gradient_b(terms));
  });
}

[[gnu::noinline]] void record_binary(BinaryOp op, const Tensor& a, const Tensor& b,
                                     const Tensor& y) {
  const auto keep = [op](Needs what, const Tensor& x) {
    return (facts_of(op).needs & what) != 0 ? x : Tensor();
  };
  if (facts_of(op).needs == kNothing) {
    record(facts_of(op).name, y, {&a, &b}, [op](const Tensor& dy, Gradients& grads) {
      add_gradients(op, {dy, dy, dy, dy}, grads);
    });
  } else {
    record(facts_of(op).name, y, {&a, &b},
           [op, a = keep(kA, a), b = keep(kB, b), y = keep(kY, y)](const Tensor& dy,
                                                                   Gradients& grads) {
             add_gradients(op, {dy, a, b, y}, grads);
           });
  }
}

Tensor binary_same_dtype(BinaryOp op, const Tensor& a, const Tensor& b) {
  const char* name = facts_of(op).name;
  const DType dtype = a.dtype();
  Tensor y = make_broadcast(name, a, b, dtype);
  dispatch(dtype, [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      each_row<2>(name, {&a, &b}, y, [&](const auto& at, const auto& step, int64_t n) {
        strided_row(op, elements<T>(a) + at[0], step[0], elements<T>(b) + at[1], step[1],
                    elements<T>(y) + at[2], n);
      });
    }
  });
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
  require_defined(facts_of(op).name, a, b);
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
    return record(facts_of(op).name, y, x, [=](Tensor dy) {
      if (op == BinaryOp::kSub && number_first) dy = -dy;
      if (op == BinaryOp::kMul || op == BinaryOp::kDiv) dy = with_number(op, dy, number);
      return dy;
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
  if (!is_floating(dtype)) make_scalar(name, number, dtype);  // throws unless it is an integer
  return through(name, facts_of(op).takes, x, [&](const Tensor& computed) {
    Tensor y = make_like(computed);
    dispatch(computed.dtype(), [&]<class T>() {
      if constexpr (!std::is_same_v<T, bool>) {
        const auto value = element_of<T>(name, number);
        each_row<1>(name, {&computed}, y, [&](const auto& at, const auto& step, int64_t n) {
          const T *const one = &value, *const all = elements<T>(computed) + at[0];
          number_first ? strided_row(op, one, 0, all, step[0], elements<T>(y) + at[1], n)
                       : strided_row(op, all, step[0], one, 0, elements<T>(y) + at[1], n);
        });
        if (std::is_floating_point_v<T> && tracks(computed)) {
          record_number(op, computed, value, number_first, y);
        }
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

namespace {

// Of integers there is nothing that 0 leaves: ValueError.
void check_divisor(bool is_zero) {
  check<ValueError>(!is_zero, "mod: an integer cannot be divided by 0; cast to a floating dtype");
}
void check_divisors(const Tensor& a, const Tensor& b) {
  require_defined("mod", a, b);
  if (!is_floating(a.dtype()) && !is_floating(b.dtype())) {
    check_divisor(b.eq(0).any().item<bool>());
  }
}

}  // namespace

Tensor operator%(const Tensor& a, const Tensor& b) {
  check_divisors(a, b);
  return binary(BinaryOp::kMod, a, b);
}
Tensor operator%(const Tensor& a, Scalar b) {
  require_defined("mod", a);
  if (!is_floating(a.dtype())) check_divisor(b.value() == 0);
  return with_number(BinaryOp::kMod, a, b);
}
Tensor operator%(Scalar a, const Tensor& b) {
  check_divisors(b, b);
  return with_number(BinaryOp::kMod, b, a, true);
}

#define METHOD(F, name, integers)                                                                 \
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
