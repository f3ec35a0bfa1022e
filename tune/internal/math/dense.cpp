#include "attune/tune/internal/math/dense.h"

#include <algorithm>
#include <cmath>
#include <vector>

// All of it goes by strips of four columns, down which vectors run; two kernels do the work: a
// strip plus a matrix times four numbers a step, and the inner products of a strip with other
// columns. The recurrences are those of Golub and Van Loan, "Matrix computations" (2013), chapters
// 3 and 4.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tune/internal/math/dense.cpp"  // compiled once per CPU
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "attune/base/internal/load-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::tune::internal::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, 8>;
using V = hn::Vec<D>;
using attune::HWY_NAMESPACE::load_first;
using attune::HWY_NAMESPACE::store_first;
constexpr size_t kStrip = 4;

// A matrix in memory: the address of its first element, and how far apart its columns are.
template <class T>
struct Columns {
  T* at;
  size_t stride;
  Columns from(size_t row, size_t column) const { return {at + row + column * stride, stride}; }
  T* column(size_t k) const { return at + k * stride; }
  T& operator()(size_t row, size_t column) const { return at[row + column * stride]; }
};
using Matrix = Columns<double>;
using ConstMatrix = Columns<const double>;

// c [rows, kWidth] += sign * a [rows, steps] s [kWidth, steps]', for kVectors vectors of rows, or
// where kVectors is 1 for at most one.
template <size_t kVectors, size_t kWidth>
HWY_INLINE void AddTile(ConstMatrix a, ConstMatrix s, size_t steps, double sign, size_t rows,
                        Matrix c) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  V sum[kWidth][kVectors];
  for (auto& column : sum) {
    for (auto& v : column) v = hn::Zero(tag);
  }
  for (size_t p = 0; p < steps; ++p) {
    const double* x = a.column(p);
    const double* factors = s.column(p);
    V rows_of_x[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      rows_of_x[v] = kVectors == 1 ? load_first(tag, rows, x) : hn::LoadU(tag, x + v * lanes);
    }
    for (size_t k = 0; k < kWidth; ++k) {
      const V factor = hn::Set(tag, factors[k]);
      for (size_t v = 0; v < kVectors; ++v) sum[k][v] = hn::MulAdd(rows_of_x[v], factor, sum[k][v]);
    }
  }
  const V signs = hn::Set(tag, sign);
  for (size_t k = 0; k < kWidth; ++k) {
    for (size_t v = 0; v < kVectors; ++v) {
      double* out = c.column(k) + v * lanes;
      const size_t count = kVectors == 1 ? rows : lanes;
      const V old = kVectors == 1 ? load_first(tag, count, out) : hn::LoadU(tag, out);
      const V now = hn::MulAdd(signs, sum[k][v], old);
      if (kVectors == 1) {
        store_first(tag, count, now, out);
      } else {
        hn::StoreU(now, tag, out);
      }
    }
  }
}

template <size_t kWidth>
HWY_INLINE void AddStrip(ConstMatrix a, ConstMatrix s, size_t steps, double sign, size_t rows,
                         Matrix c) {
  const size_t lanes = hn::Lanes(D());
  size_t i = 0;
  for (; i + 3 * lanes <= rows; i += 3 * lanes) {
    AddTile<3, kWidth>(a.from(i, 0), s, steps, sign, 3 * lanes, c.from(i, 0));
  }
  for (; i < rows; i += lanes) {
    const size_t count = std::min(lanes, rows - i);
    AddTile<1, kWidth>(a.from(i, 0), s, steps, sign, count, c.from(i, 0));
  }
}

// c [rows, width] += sign * a [rows, steps] s [width, steps]'; width is at most kStrip.
void AddProduct(ConstMatrix a, ConstMatrix s, size_t steps, double sign, size_t rows, size_t width,
                Matrix c) {
  if (width == kStrip) {
    AddStrip<kStrip>(a, s, steps, sign, rows, c);
  } else {
    for (size_t k = 0; k < width; ++k) {
      AddStrip<1>(a, s.from(k, 0), steps, sign, rows, c.from(0, k));
    }
  }
}

// c [rows, columns] += sign * L s' for the lower triangle of `l`, with s as TakeStrips leaves it.
// The corners of L on its diagonal are copied beside zeros: what stands above it is not part of L.
void AddTriangleProduct(ConstMatrix l, const double* s, double sign, size_t rows, size_t columns,
                        Matrix c) {
  constexpr size_t kCorner = 24;
  double corner[kCorner * kCorner];
  for (size_t i = 0; i < rows; i += kCorner) {
    const size_t size = std::min(kCorner, rows - i);
    for (size_t q = 0; q < size; ++q) {
      std::fill_n(corner + q * kCorner, q, 0.0);
      std::copy_n(l.column(i + q) + i + q, size - q, corner + q * kCorner + q);
    }
    for (size_t j = 0; j < columns; j += kStrip) {
      const size_t width = std::min(kStrip, columns - j);
      const ConstMatrix strip{s + j * rows, kStrip};
      AddProduct(l.from(i, 0), strip, i, sign, size, width, c.from(i, j));
      AddProduct({corner, kCorner}, strip.from(0, i), size, sign, size, width, c.from(i, j));
    }
  }
}

// b [rows, width] := b C'^-1, or b C^-1 where `transposed` is false, for a small lower triangle C.
void DivideByCorner(ConstMatrix corner, bool transposed, size_t width, Matrix b, size_t rows) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  for (size_t step = 0; step < width; ++step) {
    const size_t k = transposed ? step : width - 1 - step;
    const V inverse = hn::Set(tag, 1 / corner(k, k));
    const size_t first = transposed ? 0 : k + 1, last = transposed ? k : width;
    for (size_t i = 0; i < rows; i += lanes) {
      const size_t count = std::min(lanes, rows - i);
      V x = load_first(tag, count, &b(i, k));
      for (size_t q = first; q < last; ++q) {
        const V factor = hn::Set(tag, transposed ? corner(k, q) : corner(q, k));
        x = hn::NegMulAdd(factor, load_first(tag, count, &b(i, q)), x);
      }
      store_first(tag, count, hn::Mul(x, inverse), &b(i, k));
    }
  }
}

bool FactorCorner(Matrix a, size_t width) {
  for (size_t k = 0; k < width; ++k) {
    double pivot = a(k, k);
    for (size_t q = 0; q < k; ++q) pivot -= a(k, q) * a(k, q);
    if (!(pivot > 0) || !std::isfinite(pivot)) return false;
    a(k, k) = std::sqrt(pivot);
    for (size_t i = k + 1; i < width; ++i) {
      for (size_t q = 0; q < k; ++q) a(i, k) -= a(i, q) * a(k, q);
      a(i, k) /= a(k, k);
    }
  }
  return true;
}

void InvertCorner(Matrix l, size_t width) {
  for (size_t k = 0; k < width; ++k) l(k, k) = 1 / l(k, k);
  for (size_t k = 0; k < width; ++k) {
    for (size_t i = k + 1; i < width; ++i) {
      double sum = 0;
      for (size_t q = k; q < i; ++q) sum += l(i, q) * l(q, k);
      l(i, k) = -sum * l(i, i);
    }
  }
}

// Left-looking: a strip is written once, when all columns before it are known.
bool Cholesky(double* data, size_t n) {
  const Matrix a{data, n};
  for (size_t j = 0; j < n; j += kStrip) {
    const size_t width = std::min(kStrip, n - j);
    AddProduct({a.at + j, n}, {a.at + j, n}, j, -1, n - j, width, a.from(j, j));
    if (!FactorCorner(a.from(j, j), width)) return false;
    DivideByCorner({&a(j, j), n}, true, width, a.from(j + width, j), n - j - width);
  }
  return true;
}

// b [rows, columns] to s, strip after strip of [4, rows], and zeros in its place.
void TakeStrips(Matrix b, size_t rows, size_t columns, double* s) {
  for (size_t j = 0; j < columns; j += kStrip, s += rows * kStrip) {
    for (size_t k = 0; k < std::min(kStrip, columns - j); ++k) {
      for (size_t i = 0; i < rows; ++i) s[i * kStrip + k] = b(i, j + k);
      std::fill_n(b.column(j + k), rows, 0.0);
    }
  }
}

// From the last strip to the first: beneath its corner C, X_below (-B) C^-1.
void InvertLower(double* data, size_t n, double* scratch) {
  const Matrix l{data, n};
  for (size_t strips = (n + kStrip - 1) / kStrip; strips-- > 0;) {
    const size_t j = strips * kStrip, width = std::min(kStrip, n - j), next = j + width;
    const Matrix below = l.from(next, j);
    TakeStrips(below, n - next, width, scratch);
    AddTriangleProduct({l.at + next + next * n, n}, scratch, -1, n - next, width, below);
    DivideByCorner({&l(j, j), n}, false, width, below, n - next);
    InvertCorner(l.from(j, j), width);
  }
}

// out[i][k] = the inner product of column i of `x` and column k of `y`, for kStrip and kWidth of
// them.
template <size_t kWidth>
HWY_INLINE void InnerProducts(ConstMatrix x, ConstMatrix y, size_t rows, double (*out)[kStrip]) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  V sum[kStrip][kWidth];
  for (auto& row : sum) {
    for (auto& v : row) v = hn::Zero(tag);
  }
  const auto add = [&](size_t p, auto load) HWY_ATTR {
    V of_y[kWidth];
    for (size_t k = 0; k < kWidth; ++k) of_y[k] = load(y.column(k) + p);
    for (size_t i = 0; i < kStrip; ++i) {
      const V of_x = load(x.column(i) + p);
      for (size_t k = 0; k < kWidth; ++k) sum[i][k] = hn::MulAdd(of_x, of_y[k], sum[i][k]);
    }
  };
  size_t p = 0;
  for (; p + lanes <= rows; p += lanes) {
    add(p, [&](const double* at) HWY_ATTR { return hn::LoadU(tag, at); });
  }
  if (p < rows) {
    add(p, [&](const double* at) HWY_ATTR { return load_first(tag, rows - p, at); });
  }
  for (size_t i = 0; i < kStrip; ++i) {
    for (size_t k = 0; k < kWidth; ++k) out[i][k] = hn::GetLane(hn::SumOfLanes(tag, sum[i][k]));
  }
}

// X := X' X for a lower triangle X, by strips of rows from the first: row i of the product needs
// only rows i and below of X.
void SquareLower(double* data, size_t n, double* scratch) {
  const Matrix x{data, n};
  double out[kStrip][kStrip];
  for (size_t i = 0; i < n; i += kStrip) {
    const size_t width = std::min(kStrip, n - i), rows = n - i;
    std::fill_n(scratch, kStrip * rows, 0.0);
    for (size_t k = 0; k < width; ++k) {
      std::copy_n(x.column(i + k) + i + k, rows - k, scratch + k * rows + k);
    }
    const ConstMatrix strip{scratch, rows};
    const auto store = [&](size_t j, size_t columns) {
      for (size_t r = 0; r < width; ++r) {
        for (size_t k = 0; k < columns && j + k <= i + r; ++k) x(i + r, j + k) = out[r][k];
      }
    };
    for (size_t j = 0; j < i; j += 2) {
      InnerProducts<2>(strip, {x.at + i + j * n, n}, rows, out);
      store(j, 2);
    }
    for (size_t j = 0; j < width; j += 2) {
      InnerProducts<2>(strip, strip.from(0, j), rows, out);
      store(i + j, 2);
    }
  }
}

void LowerTimes(const double* l, size_t n, double* b, size_t columns, double* scratch) {
  TakeStrips({b, n}, n, columns, scratch);
  AddTriangleProduct({l, n}, scratch, 1, n, columns, {b, n});
}

// From the last columns to the first: each reads its own numbers before they change.
void LowerTimesVector(const double* data, size_t n, double* x) {
  const ConstMatrix l{data, n};
  for (size_t strips = (n + kStrip - 1) / kStrip; strips-- > 0;) {
    const size_t j = strips * kStrip, width = std::min(kStrip, n - j), next = j + width;
    AddStrip<1>(l.from(next, j), {x + j, 1}, width, 1, n - next, {x + next, n});
    for (size_t i = width; i-- > 0;) {
      double sum = 0;
      for (size_t q = 0; q <= i; ++q) sum += l(j + i, j + q) * x[j + q];
      x[j + i] = sum;
    }
  }
}

void LowerTransposedTimesVector(const double* data, size_t n, double* x) {
  const ConstMatrix l{data, n};
  double out[kStrip][kStrip];
  for (size_t j = 0; j < n; j += kStrip) {
    const size_t width = std::min(kStrip, n - j), next = j + width;
    if (next < n) InnerProducts<1>(l.from(next, j), {x + next, n}, n - next, out);
    for (size_t k = 0; k < width; ++k) {
      double sum = next < n ? out[k][0] : 0;
      for (size_t q = k; q < width; ++q) sum += l(j + q, j + k) * x[j + q];
      x[j + k] = sum;
    }
  }
}

// Below its corner each strip counts twice: as columns, and as the rows they mirror.
void SymmetricTimes(const double* data, size_t n, const double* x, double* y) {
  const ConstMatrix s{data, n};
  double out[kStrip][kStrip];
  std::fill_n(y, n, 0.0);
  for (size_t j = 0; j < n; j += kStrip) {
    const size_t width = std::min(kStrip, n - j), next = j + width;
    if (next < n) {
      AddStrip<1>(s.from(next, j), {x + j, 1}, width, 1, n - next, {y + next, n});
      InnerProducts<1>(s.from(next, j), {x + next, n}, n - next, out);
    }
    for (size_t k = 0; k < width; ++k) {
      double sum = next < n ? out[k][0] : 0;
      for (size_t q = 0; q < width; ++q)
        sum += s(j + std::max(k, q), j + std::min(k, q)) * x[j + q];
      y[j + k] += sum;
    }
  }
}

}  // namespace attune::tune::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::tune::internal {

HWY_EXPORT(Cholesky);
HWY_EXPORT(InvertLower);
HWY_EXPORT(SquareLower);
HWY_EXPORT(LowerTimes);
HWY_EXPORT(LowerTimesVector);
HWY_EXPORT(LowerTransposedTimesVector);
HWY_EXPORT(SymmetricTimes);

bool cholesky(double* a, size_t n) { return HWY_DYNAMIC_DISPATCH(Cholesky)(a, n); }

void invert_lower(double* l, size_t n) {
  std::vector<double> scratch(4 * n);
  HWY_DYNAMIC_DISPATCH(InvertLower)(l, n, scratch.data());
}

void invert_from_cholesky(double* l, size_t n) {
  std::vector<double> scratch(4 * n);
  HWY_DYNAMIC_DISPATCH(InvertLower)(l, n, scratch.data());
  HWY_DYNAMIC_DISPATCH(SquareLower)(l, n, scratch.data());
}

void lower_times(const double* l, size_t n, double* x) {
  HWY_DYNAMIC_DISPATCH(LowerTimesVector)(l, n, x);
}

void lower_transposed_times(const double* l, size_t n, double* x) {
  HWY_DYNAMIC_DISPATCH(LowerTransposedTimesVector)(l, n, x);
}

void lower_times(const double* l, size_t n, double* b, size_t m) {
  std::vector<double> scratch(n * ((m + 3) / 4 * 4));
  HWY_DYNAMIC_DISPATCH(LowerTimes)(l, n, b, m, scratch.data());
}

void symmetric_times(const double* s, size_t n, const double* x, double* y) {
  HWY_DYNAMIC_DISPATCH(SymmetricTimes)(s, n, x, y);
}

}  // namespace attune::tune::internal
#endif
