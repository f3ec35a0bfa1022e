#include "attune/tune/internal/math/dense.h"

#include <cmath>
#include <limits>
#include <vector>

#include "attune/base/rng.h"
#include "doctest/doctest.h"

// Each function beside three plain loops, for every size about the kernels' strips and corners.
// What stands above the diagonal is NaN: none of it may reach a result.
namespace attune::tune::internal {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Lower {
  size_t n;
  std::vector<double> a;
  double& operator()(size_t i, size_t j) { return a[i + j * n]; }
  double at(size_t i, size_t j) const { return i < j ? 0 : a[i + j * n]; }
  double mirrored(size_t i, size_t j) const { return a[std::max(i, j) + std::min(i, j) * n]; }
};

Lower positive_definite(size_t n) {
  Lower s{n, std::vector<double>(n * n, kNaN)};
  for (size_t j = 0; j < n; ++j) {
    for (size_t i = j; i < n; ++i) {
      const double distance = static_cast<double>(i - j) / 5;
      s(i, j) = std::exp(-0.5 * distance * distance) + (i == j ? 0.01 : 0);
    }
  }
  return s;
}

Lower plain_cholesky(const Lower& s) {
  Lower l = s;
  for (size_t j = 0; j < s.n; ++j) {
    for (size_t i = j; i < s.n; ++i) {
      double sum = s.at(i, j);
      for (size_t p = 0; p < j; ++p) sum -= l(i, p) * l(j, p);
      l(i, j) = i == j ? std::sqrt(sum) : sum / l(j, j);
    }
  }
  return l;
}

void check_same(const Lower& got, const Lower& expected) {
  double largest = 0, off = 0;
  for (size_t j = 0; j < got.n; ++j) {
    for (size_t i = j; i < got.n; ++i) {
      REQUIRE(std::isfinite(got.at(i, j)));
      largest = std::max(largest, std::abs(expected.at(i, j)));
      off = std::max(off, std::abs(got.at(i, j) - expected.at(i, j)));
    }
  }
  CHECK(off <= 1e-12 * largest);
}

std::vector<double> numbers(size_t count, Rng& rng) {
  std::vector<double> x(count);
  for (double& v : x) v = rng.normal();
  return x;
}

}  // namespace

TEST_CASE("factors and inverses of matrices of every size") {
  for (size_t n = 1; n <= 80; ++n) {
    CAPTURE(n);
    const Lower s = positive_definite(n);
    const Lower expected = plain_cholesky(s);
    Lower l = s;
    REQUIRE(cholesky(l.a.data(), n));
    check_same(l, expected);

    Lower inverse = expected;
    invert_lower(inverse.a.data(), n);
    Lower product{n, std::vector<double>(n * n, 0.0)}, identity = product, squared = product;
    for (size_t j = 0; j < n; ++j) {
      identity(j, j) = 1;
      for (size_t i = j; i < n; ++i) {
        for (size_t p = j; p <= i; ++p) product(i, j) += expected.at(i, p) * inverse.at(p, j);
        for (size_t p = i; p < n; ++p) squared(i, j) += inverse.at(p, i) * inverse.at(p, j);
      }
    }
    check_same(product, identity);

    Lower whole = expected;
    invert_from_cholesky(whole.a.data(), n);
    check_same(whole, squared);
  }
}

TEST_CASE("products with triangles and symmetric matrices") {
  Rng rng(5);
  for (size_t n = 1; n <= 80; ++n) {
    CAPTURE(n);
    const Lower s = positive_definite(n);
    const std::vector<double> x = numbers(n, rng);
    std::vector<double> by_rows(n), by_columns(n), by_both(n), symmetric(n);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) {
        by_rows[i] += s.at(i, j) * x[j];
        by_columns[i] += s.at(j, i) * x[j];
        by_both[i] += s.mirrored(i, j) * x[j];
      }
    }
    std::vector<double> y = x, z = x;
    lower_times(s.a.data(), n, y.data());
    lower_transposed_times(s.a.data(), n, z.data());
    symmetric_times(s.a.data(), n, x.data(), symmetric.data());
    for (size_t i = 0; i < n; ++i) {
      CHECK(y[i] == doctest::Approx(by_rows[i]).epsilon(1e-12));
      CHECK(z[i] == doctest::Approx(by_columns[i]).epsilon(1e-12));
      CHECK(symmetric[i] == doctest::Approx(by_both[i]).epsilon(1e-12));
    }

    for (const size_t columns : {size_t{1}, size_t{3}, size_t{4}, size_t{9}}) {
      const std::vector<double> b = numbers(n * columns, rng);
      std::vector<double> product = b;
      lower_times(s.a.data(), n, product.data(), columns);
      for (size_t c = 0; c < columns; ++c) {
        std::vector<double> alone(b.begin() + static_cast<std::ptrdiff_t>(c * n),
                                  b.begin() + static_cast<std::ptrdiff_t>((c + 1) * n));
        lower_times(s.a.data(), n, alone.data());
        for (size_t i = 0; i < n; ++i) {
          CHECK(product[i + c * n] == doctest::Approx(alone[i]).epsilon(1e-12));
        }
      }
    }
  }
}

TEST_CASE("a matrix that is not positive definite, or not finite, is told") {
  for (const size_t n : {size_t{1}, size_t{5}, size_t{30}}) {
    for (const size_t bad : {size_t{0}, n / 2, n - 1}) {
      for (const double pivot : {0.0, -1.0, kNaN, std::numeric_limits<double>::infinity()}) {
        Lower s = positive_definite(n);
        s(bad, bad) = pivot;
        CHECK_FALSE(cholesky(s.a.data(), n));
      }
      Lower s = positive_definite(n);
      s(n - 1, bad) = kNaN;
      CHECK_FALSE(cholesky(s.a.data(), n));
    }
  }
}

}  // namespace attune::tune::internal
