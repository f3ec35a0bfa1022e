// cholesky, solve, triangular_solve, inverse, det, svd, eigh, qr, lstsq: LAPACK's, one matrix of a
// batch after the other. The gradients of the first five are made of them and of products, and so
// are there to any order.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "attune/tensor/internal/factor_gradients.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/lapack.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/one_blas_thread.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

void check_matrix(const char* op, const Tensor& x, bool square) {
  require_defined(op, x);
  check<DTypeError>(is_floating(x.dtype()), "{}: needs a floating dtype, got {}; cast it first", op,
                    x.dtype());
  check<ShapeError>(x.rank() >= 2, "{}: needs matrices [..., m, n], got {}", op, x.shape());
  check<ShapeError>(!square || x.size(-1) == x.size(-2), "{}: needs square matrices, got {}", op,
                    x.shape());
  constexpr int64_t kMost = std::numeric_limits<LapackInt>::max();
  check<ShapeError>(x.size(-1) <= kMost && x.size(-2) <= kMost,
                    "{}: {} is too large for LAPACK's 32-bit sizes", op, x.shape());
}

// What LAPACK cannot be trusted with.
void check_finite(const char* op, const Tensor& x) {
  check<ValueError>(x.isfinite().all().item<bool>(), "{}: {} holds NaN or infinities", op,
                    x.shape());
}

int64_t batch_of(const Tensor& x) {
  const int64_t each = x.size(-1) * x.size(-2);
  return each == 0 ? 0 : x.numel() / each;
}

Shape with_last(const Tensor& x, std::initializer_list<int64_t> sizes) {
  Shape shape(std::span<const int64_t>(x.shape().begin(), static_cast<size_t>(x.rank() - 2)));
  for (const int64_t n : sizes) shape.push_back(n);
  return shape;
}

// A copy whose elements lie row by row, or, with `columns`, column by column, as its own transpose.
Tensor copied(const Tensor& x, bool columns = false) {
  const Tensor plain = x.detach();
  return (columns ? plain.t() : plain).clone();
}

// LAPACK looks for pivots, of which NaN is none: it must not see one.
template <class T>
bool all_finite(const T* x, int64_t n) {
  return std::all_of(x, x + n, [](T e) { return std::isfinite(e); });
}
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

LapackInt small(int64_t n) { return static_cast<LapackInt>(n); }

// ---- With a gradient ----

Tensor cholesky_of(const Tensor& a) {
  Tensor l = copied(a.detach().tril());
  const int64_t n = a.size(-1), batch = batch_of(a);
  const OneBlasThread one;
  dispatch_floating("cholesky", a.dtype(), [&]<class T>() {
    for (int64_t i = 0; i < batch; ++i) {
      T* at = elements<T>(l) + i * n * n;
      const LapackInt info = all_finite(at, n * n) ? potrf(small(n), at) : 1;
      check<ValueError>(info == 0,
                        "cholesky: matrix {} of {} is not positive definite: its leading minor of "
                        "order {}",
                        i, a.shape(), info);
    }
  });
  if (tracks(a)) {
    record("cholesky", l, a, [l](const Tensor& dl) {
      // Murray, "Differentiation of the Cholesky decomposition" (2016).
      const Tensor halved = 1 - 0.5 * Tensor::eye(l.size(-1), l.dtype());
      const Tensor p = l.t().matmul(dl.tril()).tril() * halved;
      const Tensor left = l.t().triangular_solve(p, true);      // l^-T p
      const Tensor s = l.t().triangular_solve(left.t(), true);  // (l^-T p l^-1)^T
      return (s + s.t()) * 0.5;
    });
  }
  return l;
}

// Operands of one batch shape: their batch axes broadcast.
std::pair<Tensor, Tensor> batched(const char* op, const Tensor& a, const Tensor& b) {
  const Shape batch = broadcast(op, with_last(a, {}), with_last(b, {}));
  const auto widened = [&](const Tensor& x) {
    Shape shape = batch;
    shape.push_back(x.size(-2));
    shape.push_back(x.size(-1));
    return x.shape() == shape ? x : x.expand(shape);
  };
  return {widened(a), widened(b)};
}

// body(a, b) for a [..., n, n] and b [..., n, k] of one dtype and batch, or b [n].
template <class Body>
Tensor solved(const char* op, const Tensor& a, const Tensor& given, Body body) {
  check_matrix(op, a, true);
  require_defined(op, given);
  const bool vector = given.rank() == 1;
  const Tensor b = vector ? given.unsqueeze(1) : given;
  check_matrix(op, b, false);
  check<ShapeError>(b.size(-2) == a.size(-1), "{}: {} does not fit {}; {} is not {}", op,
                    given.shape(), a.shape(), b.size(-2), a.size(-1));
  const Tensor x = through(op, Takes::floating, a, b, [&](const Tensor& p, const Tensor& q) {
    const auto [left, right] = batched(op, p, q);
    return body(left, right);
  });
  return vector ? x.squeeze(-1) : x;
}

Tensor solve_general(const Tensor& a, const Tensor& b) {
  const Tensor factors = copied(a);  // as LAPACK reads it, a transposed
  const Tensor columns = copied(b, true);
  const int64_t n = a.size(-1), k = b.size(-1), batch = batch_of(a);
  const Tensor pivots = make({n}, DType::i32);
  const OneBlasThread one;
  dispatch_floating("solve", a.dtype(), [&]<class T>() {
    for (int64_t i = 0; i < batch; ++i) {
      T* lu = elements<T>(factors) + i * n * n;
      if (!all_finite(lu, n * n)) {
        std::fill_n(elements<T>(columns) + i * n * k, n * k, static_cast<T>(kNan));
        continue;
      }
      const LapackInt info = getrf(small(n), lu, elements<int32_t>(pivots));
      check<ValueError>(info == 0, "solve: matrix {} of {} is singular", i, a.shape());
      if (k == 0) continue;
      getrs_transposed(small(n), small(k), lu, elements<int32_t>(pivots),
                       elements<T>(columns) + i * n * k);
    }
  });
  Tensor x = columns.t().clone();
  if (tracks(a, b)) {
    record("solve", x, {&a, &b}, [a, x](const Tensor& dx, Gradients& grads) {
      const Tensor db = a.t().solve(dx);
      if (grads.wants(0)) grads.add(0, -db.matmul(x.t()));
      if (grads.wants(1)) grads.add(1, db);
    });
  }
  return x;
}

Tensor solve_triangle(const Tensor& a, const Tensor& b, bool upper, bool unit) {
  const Tensor factor = dense(a);
  Tensor x = copied(b);
  const int64_t n = a.size(-1), k = b.size(-1), batch = x.numel() == 0 ? 0 : batch_of(a);
  const OneBlasThread one;
  dispatch_floating("triangular_solve", a.dtype(), [&]<class T>() {
    for (int64_t i = 0; i < batch; ++i) {
      const T* f = elements<T>(factor) + i * n * n;
      for (int64_t j = 0; j < n && !unit; ++j) {
        check<ValueError>(f[j * n + j] != 0, "triangular_solve: matrix {} of {} is singular", i,
                          a.shape());
      }
      trsm(upper, unit, small(n), small(k), f, elements<T>(x) + i * n * k);
    }
  });
  if (tracks(a, b)) {
    record("triangular_solve", x, {&a, &b},
           [a, x, upper, unit](const Tensor& dx, Gradients& grads) {
             const Tensor db = a.t().triangular_solve(dx, !upper, unit);
             if (grads.wants(0)) {
               const Tensor da = -db.matmul(x.t());
               grads.add(0, upper ? da.triu(unit) : da.tril(unit ? -1 : 0));
             }
             if (grads.wants(1)) grads.add(1, db);
           });
  }
  return x;
}

Tensor inverse_of(const Tensor& a) {
  Tensor y = copied(a);
  const int64_t n = a.size(-1), batch = batch_of(a);
  const Tensor pivots = make({n}, DType::i32);
  const OneBlasThread one;
  dispatch_floating("inverse", a.dtype(), [&]<class T>() {
    for (int64_t i = 0; i < batch; ++i) {
      T* at = elements<T>(y) + i * n * n;
      if (!all_finite(at, n * n)) {
        std::fill_n(at, n * n, static_cast<T>(kNan));
        continue;
      }
      const LapackInt info = getrf(small(n), at, elements<int32_t>(pivots));
      check<ValueError>(info == 0, "inverse: matrix {} of {} is singular", i, a.shape());
      getri(small(n), at, elements<int32_t>(pivots));
    }
  });
  if (tracks(a)) {
    record("inverse", y, a, [y](const Tensor& dy) { return -y.t().matmul(dy).matmul(y.t()); });
  }
  return y;
}

Tensor det_of(const Tensor& a) {
  const Tensor factors = copied(a);
  Tensor y = Tensor::ones(with_last(a, {}), a.dtype());
  const int64_t n = a.size(-1), batch = batch_of(a);
  const Tensor pivots = make({n}, DType::i32);
  const OneBlasThread one;
  bool singular = n == 1;  // whose slope is 1, whatever it is
  dispatch_floating("det", a.dtype(), [&]<class T>() {
    for (int64_t i = 0; i < batch; ++i) {
      T* lu = elements<T>(factors) + i * n * n;
      if (n == 1 || !all_finite(lu, n * n)) {
        elements<T>(y)[i] = n == 1 ? *lu : static_cast<T>(kNan);
        continue;
      }
      const LapackInt* pivot = elements<int32_t>(pivots);
      const LapackInt info = getrf(small(n), lu, elements<int32_t>(pivots));
      T product = 1;
      for (int64_t j = 0; j < n; ++j) product *= pivot[j] == j + 1 ? lu[j * n + j] : -lu[j * n + j];
      elements<T>(y)[i] = product;
      singular = singular || info > 0;
    }
  });
  if (tracks(a)) {
    record("det", y, a, [a, y, singular](const Tensor& dy) {
      const Tensor weight = dy.unsqueeze(-1).unsqueeze(-1);
      if (singular) return weight * cofactors(a);
      return weight * y.unsqueeze(-1).unsqueeze(-1) * a.inverse().t();
    });
  }
  return y;
}

// ---- Without ----

// y, for which no gradient is known: it is not silently a constant.
template <class... Operands>
Tensor without_gradient(const char* op, Tensor y, const Operands&... x) {
  if (tracks(x...)) {
    record(op, y, {&x...}, [op](const Tensor&, Gradients&) {
      fail<ValueError>("{}: has no gradient; detach() its operand", op);
    });
  }
  return y;
}

// Runs body(computed) where computed is f32 or f64.
template <class Body>
auto factored(const char* op, const Tensor& x, Body body) {
  return body(into(x, types_of(op, Takes::floating, x.dtype()).computed));
}

}  // namespace

Tensor Tensor::cholesky() const {
  check_matrix("cholesky", *this, true);
  return through("cholesky", Takes::floating, *this, cholesky_of);
}

Tensor Tensor::solve(const Tensor& b) const { return solved("solve", *this, b, solve_general); }

Tensor Tensor::triangular_solve(const Tensor& b, bool upper, bool unit) const {
  return solved("triangular_solve", *this, b, [=](const Tensor& p, const Tensor& q) {
    return solve_triangle(p, q, upper, unit);
  });
}

Tensor Tensor::inverse() const {
  check_matrix("inverse", *this, true);
  return through("inverse", Takes::floating, *this, inverse_of);
}

Tensor Tensor::det() const {
  check_matrix("det", *this, true);
  return through("det", Takes::floating, *this, det_of);
}

Tensor::Svd Tensor::svd() const {
  check_matrix("svd", *this, false);
  check_finite("svd", *this);
  return factored("svd", *this, [this](const Tensor& x) -> Svd {
    const int64_t m = x.size(-2), n = x.size(-1), r = std::min(m, n), batch = batch_of(x);
    const Tensor a = copied(x);  // as LAPACK reads it, x^T = v s u^T
    const Tensor u = make(with_last(x, {m, r}), x.dtype());
    const Tensor s = make(with_last(x, {r}), x.dtype()), vt = make(with_last(x, {r, n}), x.dtype());
    const OneBlasThread one;
    dispatch_floating("svd", x.dtype(), [&]<class T>() {
      for (int64_t i = 0; i < batch; ++i) {
        const LapackInt info =
            gesdd(small(n), small(m), elements<T>(a) + i * m * n, elements<T>(s) + i * r,
                  elements<T>(vt) + i * r * n, elements<T>(u) + i * m * r);
        check<ValueError>(info == 0, "svd: matrix {} of {} did not converge", i, x.shape());
      }
    });
    if (tracks(x)) {
      record("svd", u, x, [=](const Tensor& du) { return svd_gradient(u, s, vt, du, {}, {}); });
      record("svd", s, x, [=](const Tensor& ds) { return svd_gradient(u, s, vt, {}, ds, {}); });
      record("svd", vt, x, [=](const Tensor& dvt) { return svd_gradient(u, s, vt, {}, {}, dvt); });
    }
    return {into(u, dtype()), into(s, dtype()), into(vt, dtype())};
  });
}

Tensor::Eigh Tensor::eigh() const {
  check_matrix("eigh", *this, true);
  check_finite("eigh", tril());
  return factored("eigh", *this, [this](const Tensor& x) -> Eigh {
    const int64_t n = x.size(-1), batch = batch_of(x);
    const Tensor vectors = copied(x), values = make(with_last(x, {n}), x.dtype());
    const OneBlasThread one;
    dispatch_floating("eigh", x.dtype(), [&]<class T>() {
      for (int64_t i = 0; i < batch; ++i) {
        const LapackInt info =
            syevd(small(n), elements<T>(vectors) + i * n * n, elements<T>(values) + i * n);
        check<ValueError>(info == 0, "eigh: matrix {} of {} did not converge", i, x.shape());
      }
    });
    const Tensor columns = vectors.t().clone();
    if (tracks(x)) {
      record("eigh", values, x,
             [=](const Tensor& dw) { return eigh_gradient(values, columns, dw, {}); });
      record("eigh", columns, x,
             [=](const Tensor& dv) { return eigh_gradient(values, columns, {}, dv); });
    }
    return {into(values, dtype()), into(columns, dtype())};
  });
}

Tensor::Qr Tensor::qr() const {
  check_matrix("qr", *this, false);
  return factored("qr", *this, [this](const Tensor& x) -> Qr {
    const int64_t m = x.size(-2), n = x.size(-1), k = std::min(m, n), batch = batch_of(x);
    const Tensor a = copied(x, true), tau = make({k}, x.dtype());  // [..., n, m]
    Tensor r = Tensor::zeros(with_last(x, {k, n}), x.dtype());
    const OneBlasThread one;
    dispatch_floating("qr", x.dtype(), [&]<class T>() {
      for (int64_t i = 0; i < batch; ++i) {
        T* at = elements<T>(a) + i * m * n;
        geqrf(small(m), small(n), at, elements<T>(tau));
        T* to = elements<T>(r) + i * k * n;
        for (int64_t row = 0; row < k; ++row) {
          for (int64_t column = row; column < n; ++column) {
            to[row * n + column] = at[column * m + row];
          }
        }
        orgqr(small(m), small(k), at, elements<T>(tau));
      }
    });
    const Tensor q = a.narrow(-2, 0, k).t().clone();
    if (tracks(x)) {
      record("qr", q, x, [=](const Tensor& dq) { return qr_gradient(q, r, dq, {}); });
      record("qr", r, x, [=](const Tensor& dr) { return qr_gradient(q, r, {}, dr); });
    }
    return {into(q, dtype()), into(r, dtype())};
  });
}

Tensor Tensor::lstsq(const Tensor& b) const {
  check_matrix("lstsq", *this, false);
  require_defined("lstsq", b);
  const bool vector = b.rank() == 1;
  const Tensor right = vector ? b.unsqueeze(1) : b;
  check_matrix("lstsq", right, false);
  check<ShapeError>(right.size(-2) == size(-2), "lstsq: {} does not fit {}; {} is not {}",
                    b.shape(), shape(), right.size(-2), size(-2));
  check_finite("lstsq", *this);
  check_finite("lstsq", right);
  const Tensor x =
      through("lstsq", Takes::floating, *this, right, [](const Tensor& p, const Tensor& q) {
        const auto [a, c] = batched("lstsq", p, q);
        const int64_t m = a.size(-2), n = a.size(-1), k = c.size(-1), rows = std::max(m, n);
        const Tensor columns = copied(a, true);
        const Tensor y = copied(c.detach().pad({{0, rows - m}, {0, 0}}), true);  // [..., k, rows]
        const int64_t batch = k == 0 ? 0 : batch_of(a);
        const OneBlasThread one;
        dispatch_floating("lstsq", a.dtype(), [&]<class T>() {
          for (int64_t i = 0; i < batch; ++i) {
            const LapackInt info =
                gelsd(small(m), small(n), small(k), elements<T>(columns) + i * m * n,
                      elements<T>(y) + i * k * rows);
            check<ValueError>(info == 0, "lstsq: matrix {} of {} did not converge", i, a.shape());
          }
        });
        const Tensor solution = y.t().narrow(-2, 0, n).clone();
        return without_gradient("lstsq", solution, a, c);
      });
  return vector ? x.squeeze(-1) : x;
}

}  // namespace attune
