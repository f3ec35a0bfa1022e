// The Gaussian process' inner loops against their formulas, on every CPU target.
#include "attune/tune/samplers/internal/gp/kernel_passes.h"

#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;
using namespace attune::tune::internal;

namespace {

std::vector<double> some(size_t n, int64_t seed) {
  return values(random({static_cast<int64_t>(n)}, DType::f64, 0.1, 2, seed));
}

}  // namespace

TEST_CASE("passes: the Matern correlation and its slope, from equal to far points") {
  std::vector<double> d(24), m(24), g(24), alone(24);
  for (size_t i = 0; i < d.size(); ++i) d[i] = i == 0 ? 0 : 1e-6 * std::pow(3.0, double(i));
  on_all_targets([&] {
    matern52(d.data(), 0.7, d.size(), m.data(), g.data());
    matern52(d.data(), 0.7, d.size(), alone.data(), nullptr);
    CHECK(alone == m);
    for (size_t i = 0; i < d.size(); ++i) {
      CAPTURE(d[i]);
      const double r = std::sqrt(5 * 0.7 * d[i]);
      CHECK(m[i] == doctest::Approx((1 + r + r * r / 3) * std::exp(-r)).epsilon(1e-13));
      CHECK(g[i] == doctest::Approx(5.0 / 3 * (1 + r) * std::exp(-r)).epsilon(1e-13));
    }
  });
}

TEST_CASE("passes: products, sums and the slopes of a factor") {
  on_all_targets([] {
    for (const size_t n : {kPad, 3 * kPad, 10 * kPad}) {
      CAPTURE(n);
      const auto p = some(n, 1), m = some(n, 2), g = some(n, 3), d = some(n, 4);
      auto added = m, affine = m, scaled = m, slope = m;
      add_scaled(p.data(), 0.3, n, added.data());
      multiply_affine(p.data(), 1.5, -0.3, n, affine.data());
      multiply(p.data(), 0.3, n, scaled.data());
      anova_slope(p.data(), m.data(), g.data(), 0.4, 2.5, n, slope.data());
      double two = 0, three = 0, length = 0, weight = 0;
      for (size_t i = 0; i < n; ++i) {
        CHECK(added[i] == doctest::Approx(m[i] + 0.3 * p[i]).epsilon(1e-14));
        CHECK(affine[i] == doctest::Approx(m[i] * (1.5 - 0.3 * p[i])).epsilon(1e-14));
        CHECK(scaled[i] == doctest::Approx(m[i] * 0.3 * p[i]).epsilon(1e-14));
        const double v = p[i] * 0.4 / (1 + 0.4 * m[i]);
        CHECK(slope[i] == doctest::Approx(2.5 * v * g[i]).epsilon(1e-14));
        two += p[i] * m[i];
        three += p[i] * m[i] * g[i];
        length += v * g[i] * d[i];
        weight += v * m[i];
      }
      CHECK(dot(p.data(), m.data(), n) == doctest::Approx(two).epsilon(1e-13));
      CHECK(dot(p.data(), m.data(), g.data(), n) == doctest::Approx(three).epsilon(1e-13));
      const AnovaSums sums = anova_sums(p.data(), m.data(), g.data(), d.data(), 0.4, n);
      CHECK(sums.length == doctest::Approx(length).epsilon(1e-13));
      CHECK(sums.weight == doctest::Approx(weight).epsilon(1e-13));
    }
  });
}
