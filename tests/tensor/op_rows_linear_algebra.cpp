// The rows of linear algebra: sums of products over named axes, and LAPACK's.

#include <cmath>

#include "tests/tensor/op_table.h"

namespace attune::ops {
namespace {

using Wide = long double;

Values values_of(const Tensor& x) { return x.cast(DType::f64).to_vector<double>(); }

// A matrix that is far from singular: x [n, n] and 3 on the diagonal.
Tensor solid(const Tensor& x) { return x + 3 * Tensor::eye(x.size(0), x.dtype()); }
// The same, symmetric; elements that would spoil it, NaN and large ones, are 0.
Tensor symmetric(const Tensor& x) {
  const Tensor small = x.masked_fill(x.abs().lt(1).logical_not(), 0);
  return solid(small + small.t());
}
Tensor near_one(const Tensor& x) { return x + Tensor::eye(x.size(0), x.dtype()); }

std::vector<Wide> wide(const Tensor& x) {
  const Values v = values_of(x);
  return {v.begin(), v.end()};
}
Values narrow(const std::vector<Wide>& x) { return {x.begin(), x.end()}; }

// y with a y = b, by elimination, and the determinant of a [n, n].
std::vector<Wide> eliminated(std::vector<Wide> a, std::vector<Wide> b, size_t n, Wide& det) {
  const size_t k = n == 0 ? 0 : b.size() / n;
  det = 1;
  for (size_t p = 0; p < n; ++p) {
    det *= a[p * n + p];
    for (size_t i = 0; i < n; ++i) {
      if (i == p) continue;
      const Wide factor = a[i * n + p] / a[p * n + p];
      for (size_t j = p; j < n; ++j) a[i * n + j] -= factor * a[p * n + j];
      for (size_t j = 0; j < k; ++j) b[i * k + j] -= factor * b[p * k + j];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < k; ++j) b[i * k + j] /= a[i * n + i];
  }
  return b;
}
Values solution(const Tensor& a, const Tensor& b) {
  Wide det = 1;
  return narrow(eliminated(wide(a), wide(b), static_cast<size_t>(a.size(0)), det));
}
double determinant(const Tensor& a) {
  Wide det = 1;
  eliminated(wide(a), {}, static_cast<size_t>(a.size(0)), det);
  return static_cast<double>(det);
}

Values factor(const Tensor& x) {  // Cholesky's
  const size_t n = static_cast<size_t>(x.size(0));
  std::vector<Wide> l = wide(x);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      if (j > i) {
        l[i * n + j] = 0;
        continue;
      }
      for (size_t k = 0; k < j; ++k) l[i * n + j] -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i == j ? std::sqrt(l[i * n + j]) : l[i * n + j] / l[j * n + j];
    }
  }
  return narrow(l);
}

// sum over j of x[i][j] y[j][k], with both [m, n] and [n, 5]
Values product(Tensors in) {
  const Values a = values_of(in[0]), b = values_of(in[1]);
  const size_t m = static_cast<size_t>(in[0].size(0)), n = static_cast<size_t>(in[0].size(1));
  Values y;
  for (size_t i = 0; i < m; ++i) {
    for (size_t k = 0; k < 5; ++k) {
      Wide sum = 0;
      for (size_t j = 0; j < n; ++j) sum += static_cast<Wide>(a[i * n + j]) * b[j * 5 + k];
      y.push_back(static_cast<double>(sum));
    }
  }
  return y;
}
Values rows_with_rows(Tensors in) {
  const Values a = values_of(in[0]), b = values_of(in[1]);
  const size_t m = static_cast<size_t>(in[0].size(0)), n = static_cast<size_t>(in[0].size(1));
  Values y(m, 0.0);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) y[i] += a[i * n + j] * b[i * n + j];
  }
  return y;
}

#define ATTUNE_WHOLE(...) [](Tensors in) -> Values { return __VA_ARGS__; }

using enum Types;

constexpr Operand square(int64_t n) { return {{n, n}, 2, -0.05, 0.05}; }

constexpr Row kRows[] = {
    Row("einsum", "einsum(equation, {a, b, …})",
        "products summed over named axes, as \"bij,bjk->bik\"", numbers,
        {matrix(), Operand{{kN, 5}, 2}}, ATTUNE_CALL(einsum("ij,jk->ik", {in[0], in[1]})), product),
    Row("einsum", "", "row by row", numbers, {matrix(), matrix()},
        ATTUNE_CALL(einsum("ij,ij->i", {in[0], in[1]})), rows_with_rows),
    Row("tensordot", "tensordot(a, b, count = 2), tensordot(a, b, axes_a, axes_b)",
        "products summed over the last axes of a and the first of b, or over those named", numbers,
        {matrix(), Operand{{kN, 5}, 2}}, ATTUNE_CALL(tensordot(in[0], in[1], 1)), product),
    Row("cholesky", "x.cholesky()", "lower l with l l^T = x, for positive definite x [..., n, n]",
        floating_only, square(kM), ATTUNE_CALL(symmetric(in[0]).cholesky()),
        ATTUNE_WHOLE(factor(symmetric(in[0].cast(DType::f64)))))
        .no_extremes(),
    Row("solve", "a.solve(b)", "y with a y = b: a [..., n, n], b [n] or [..., n, k]", floating_only,
        {square(kM), matrix()}, ATTUNE_CALL(solid(in[0]).solve(in[1])),
        ATTUNE_WHOLE(solution(solid(in[0].cast(DType::f64)), in[1])))
        .no_extremes(),
    Row("triangular_solve", "a.triangular_solve(b, upper = false, unit = false)",
        "the same for a triangle a", floating_only, {square(kM), matrix()},
        ATTUNE_CALL(solid(in[0]).triangular_solve(in[1])),
        ATTUNE_WHOLE(solution(solid(in[0].cast(DType::f64)).tril(), in[1])))
        .no_extremes(),
    Row("inverse", "x.inverse()", "y with x y = 1, for x [..., n, n]", floating_only, square(kM),
        ATTUNE_CALL(solid(in[0]).inverse()),
        ATTUNE_WHOLE(
            solution(solid(in[0].cast(DType::f64)), Tensor::eye(in[0].size(0), DType::f64))))
        .no_extremes(),
    Row("det", "x.det()", "determinant, [..., n, n] to [...]", floating_only, square(kN),
        ATTUNE_CALL(near_one(in[0]).det()),
        ATTUNE_WHOLE({determinant(near_one(in[0].cast(DType::f64)))}))
        .no_extremes(),
    Row("svd", "x.svd()", "{u, s, vt} with u s vt = x [..., m, n]; each has a gradient",
        floating_only, matrix(), nullptr),
    Row("eigh", "x.eigh()", "{values, vectors} of symmetric x [..., n, n]; each has a gradient",
        floating_only, matrix(), nullptr),
    Row("qr", "x.qr()", "{q, r}, q with orthonormal columns, q r = x; each has a gradient",
        floating_only, matrix(), nullptr),
    Row("lstsq", "a.lstsq(b)", "the shortest y that minimizes |a y - b|; no gradient",
        floating_only, {matrix(), matrix()}, nullptr),
};

}  // namespace

std::span<const Row> linear_algebra_rows() { return kRows; }

}  // namespace attune::ops
