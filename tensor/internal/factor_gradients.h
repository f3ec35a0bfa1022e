#pragma once
// Gradients of matrix factorizations, made of ops, so that they can be differentiated again. Each
// is linear in the gradients of the factors, of which one is given and the others are undefined;
// they are of f32 or f64, and all matrices may have batch axes in front.

#include "attune/tensor/tensor.h"

namespace attune::internal {

Tensor svd_gradient(const Tensor& u, const Tensor& s, const Tensor& vt, const Tensor& du,
                    const Tensor& ds, const Tensor& dvt);
Tensor eigh_gradient(const Tensor& values, const Tensor& vectors, const Tensor& dvalues,
                     const Tensor& dvectors);  // symmetric, as what it is of
Tensor qr_gradient(const Tensor& q, const Tensor& r, const Tensor& dq, const Tensor& dr);

// The derivatives of det: each is the determinant of a minor, with a sign. It holds where a is
// singular, unlike det(a) a^-T, but takes long.
Tensor cofactors(const Tensor& a);

}  // namespace attune::internal
