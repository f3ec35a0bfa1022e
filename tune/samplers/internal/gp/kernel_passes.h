#pragma once
// The inner loops of the Gaussian process: passes over arrays of doubles, compiled for each CPU.
// Every count is a multiple of kPad; callers pad their arrays with zeros.

#include <cstddef>

namespace attune::tune::internal {

inline constexpr size_t kPad = 8;  // doubles in the widest vector used
constexpr size_t padded(size_t n) { return (n + kPad - 1) / kPad * kPad; }

// With r = sqrt(5 w d): m = (1 + r + r^2/3) exp(-r), the Matern-5/2 correlation at the squared
// distance w d, and g = 5/3 (1 + r) exp(-r), which is -2 dm/d(w d). `g` may be null.
void matern52(const double* d, double w, size_t count, double* m, double* g);

void add_scaled(const double* x, double a, size_t count, double* y);             // y += a x
void multiply_affine(const double* x, double a, double b, size_t n, double* y);  // y *= a + b x
void multiply(const double* x, double a, size_t count, double* y);               // y *= a x
double dot(const double* x, const double* y, size_t count);
double dot(const double* x, const double* y, const double* z, size_t count);

// One factor (1 + w m) of a product p. v = c p w / (1 + w m) is the product's slope in m times c:
// anova_slope gives v g; anova_sums gives sum(v g d) and sum(v m), with p already in c and c = 1.
void anova_slope(const double* p, const double* m, const double* g, double w, double c, size_t n,
                 double* slope);
struct AnovaSums {
  double length, weight;
};
AnovaSums anova_sums(const double* p, const double* m, const double* g, const double* d, double w,
                     size_t count);

}  // namespace attune::tune::internal
