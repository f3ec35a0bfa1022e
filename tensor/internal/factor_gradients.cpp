// Townsend, "Differentiating the singular value decomposition" (2016); Giles, "Collected matrix
// derivative results" (2008); Walter and Lehmann, "Algorithmic differentiation of linear algebra
// functions with application in optimum experimental design" (2010), and Roberts and Roberts, "QR
// and LQ decomposition matrix backpropagation algorithms" (2020), for QR.

#include "attune/tensor/internal/factor_gradients.h"

#include <vector>

namespace attune::internal {
namespace {

// x diag(d), and diag(d): d [..., n].
Tensor scaled(const Tensor& x, const Tensor& d) { return x * d.unsqueeze(-2); }
Tensor diagonal_matrix(const Tensor& d) {
  return Tensor::eye(d.size(-1), d.dtype()) * d.unsqueeze(-1);
}

// d_j - d_i at (i, j), and 1 on the diagonal, where the numerators are 0.
Tensor gaps(const Tensor& d) {
  return d.unsqueeze(-2) - d.unsqueeze(-1) + Tensor::eye(d.size(-1), d.dtype());
}

Tensor skew(const Tensor& x) { return x - x.t(); }

// y minus its part in the space of q's columns.
Tensor rest(const Tensor& y, const Tensor& q) { return y - q.matmul(q.t().matmul(y)); }

Tensor square_or_tall(const Tensor& q, const Tensor& r, const Tensor& dq, const Tensor& dr) {
  Tensor m = dr.defined() ? dr.matmul(r.t()) : -q.t().matmul(dq);
  if (dr.defined() && dq.defined()) m = m - q.t().matmul(dq);
  m = m.triu();
  const Tensor eye = Tensor::eye(m.size(-1), m.dtype());
  Tensor b = q.matmul(m + m.t() - m * eye);
  if (dq.defined()) b = b + dq;
  return r.triangular_solve(b.t(), true).t();  // b r^-T
}

// x without one row and one column.
Tensor minor_of(const Tensor& x, int64_t row, int64_t column) {
  const auto without = [](const Tensor& y, int axis, int64_t place) {
    return cat({y.narrow(axis, 0, place), y.narrow(axis, place + 1, y.size(axis) - place - 1)},
               axis);
  };
  return without(without(x, -2, row), -1, column);
}

}  // namespace

Tensor svd_gradient(const Tensor& u, const Tensor& s, const Tensor& vt, const Tensor& du,
                    const Tensor& ds, const Tensor& dvt) {
  if (ds.defined()) return scaled(u, ds).matmul(vt);
  const Tensor gap = gaps(s.square());
  if (du.defined()) {
    Tensor left = u.matmul(scaled(skew(u.t().matmul(du)) / gap, s));
    if (u.size(-2) > u.size(-1)) left = left + scaled(rest(du, u), s.reciprocal());
    return left.matmul(vt);
  }
  const Tensor v = vt.t(), dv = dvt.t();
  Tensor right = v.matmul(scaled(skew(vt.matmul(dv)) / gap, s));  // transposed
  if (v.size(-2) > v.size(-1)) right = right + scaled(rest(dv, v), s.reciprocal());
  return u.matmul(right.t());
}

Tensor eigh_gradient(const Tensor& values, const Tensor& vectors, const Tensor& dvalues,
                     const Tensor& dvectors) {
  const Tensor inner = dvalues.defined() ? diagonal_matrix(dvalues)
                                         : skew(vectors.t().matmul(dvectors)) * 0.5 / gaps(values);
  return vectors.matmul(inner).matmul(vectors.t());
}

Tensor qr_gradient(const Tensor& q, const Tensor& r, const Tensor& dq, const Tensor& dr) {
  const int64_t k = r.size(-2), n = r.size(-1);
  if (n == k) return square_or_tall(q, r, dq, dr);
  // A wide matrix is [x, y] = q [r1, r2]: y = q r2 is a product, x is square.
  const Tensor r1 = r.narrow(-1, 0, k), r2 = r.narrow(-1, k, n - k);
  if (!dr.defined()) {
    const Tensor dx = square_or_tall(q, r1, dq, {});
    return cat({dx, Tensor::zeros_like(q.matmul(r2)).detach()}, -1);
  }
  const Tensor dr2 = dr.narrow(-1, k, n - k), y = q.matmul(r2);
  Tensor to_q = y.matmul(dr2.t());  // r2 = q^T y
  if (dq.defined()) to_q = to_q + dq;
  const Tensor dx = square_or_tall(q, r1, to_q, dr.narrow(-1, 0, k));
  return cat({dx, q.matmul(dr2)}, -1);
}

Tensor cofactors(const Tensor& a) {
  const int64_t n = a.size(-1);
  std::vector<Tensor> all;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const Tensor d = minor_of(a, i, j).det();
      all.push_back((i + j) % 2 == 0 ? d : -d);
    }
  }
  return stack(all, -1).reshape(a.shape());
}

}  // namespace attune::internal
