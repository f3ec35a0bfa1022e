#pragma once
// Student's t distribution, for intervals from few runs.

namespace attune::tune::internal {

// P(T <= t) with `dof` degrees of freedom (> 0, need not be whole; infinity: the normal
// distribution). Absolute error below 1e-12; 0 and 1 at the infinities.
double student_t_cdf(double t, double dof);

// The t with P(T <= t) = p, for p in (0, 1).
double student_t_quantile(double p, double dof);

}  // namespace attune::tune::internal
