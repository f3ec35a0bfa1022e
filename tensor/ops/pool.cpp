// max_pool1d, max_pool2d, avg_pool1d, avg_pool2d: the largest element or the mean of each window.

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/windows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/pool.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/base/internal/load-inl.h"

#ifndef ATTUNE_POOL_OPS
#define ATTUNE_POOL_OPS
namespace attune::internal {
// A place in a plane, as wide as an element.
template <class T>
using PlaceOf = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
}  // namespace attune::internal
#endif

// ---- Kernels: over the windows of one plane, as many side by side as a vector has lanes ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using internal::PlaceOf, internal::Span, internal::Windows;

// p[0], p[stride], p[2 stride] ... in lanes [begin, end); the others are undefined.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LoadStrided(D d, const T* p, int64_t stride, size_t begin, size_t end) {
  if (begin == 0 && stride == 1) return load_first(d, end, p);
#if HWY_TARGET != HWY_SCALAR
  if (begin == 0 && stride == 2) {
    const size_t n = hn::Lanes(d), spread = 2 * end - 1;
    const auto low = load_first(d, std::min(spread, n), p);
    return hn::ConcatEven(d, spread > n ? load_first(d, spread - n, p + n) : hn::Zero(d), low);
  }
#endif
  HWY_ALIGN T lane[hn::MaxLanes(D())] = {};
  for (size_t j = begin; j < end; ++j) lane[j] = p[static_cast<int64_t>(j - begin) * stride];
  return hn::Load(d, lane);
}

template <class D>
HWY_INLINE auto NaNs(D d, hn::Vec<D> x) {
  if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
    return hn::IsNaN(x);
  } else {
    return hn::FirstN(d, 0);
  }
}

// The largest elements, and their places in the plane: the first of equals, or the last NaN.
// inside[l] are the windows of a row whose l-th column is inside the plane.
template <class T>
void LargestOfPlane(const Windows& w, const Span* inside, const T* plane, T* top,
                    PlaceOf<T>* place) {
  const hn::ScalableTag<T> d;
  const hn::Rebind<PlaceOf<T>, decltype(d)> places;
  const auto steps =
      hn::Mul(hn::Iota(places, 0), hn::Set(places, static_cast<PlaceOf<T>>(w.stride.width)));
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < w.rows; ++i, top += w.columns, place += w.columns) {
    for (int64_t j = 0; j < w.columns; j += lanes) {
      const int64_t n = std::min(lanes, w.columns - j);
      auto largest = hn::Zero(d);
      auto at = hn::Set(places, PlaceOf<T>{-1});
      for (int64_t k = 0; k < w.window.height; ++k) {
        const int64_t y = i * w.stride.height - w.padding.height + k * w.dilation.height;
        if (y < 0 || y >= w.height) continue;
        for (int64_t l = 0; l < w.window.width; ++l) {
          const int64_t begin = std::clamp<int64_t>(inside[l].first - j, 0, n);
          const int64_t end = std::clamp<int64_t>(inside[l].last - j, begin, n);
          if (begin == end) continue;
          const int64_t of_lane_0 =
              y * w.width + j * w.stride.width + l * w.dilation.width - w.padding.width;
          const auto from = static_cast<size_t>(begin), to = static_cast<size_t>(end);
          const auto x =
              LoadStrided(d, plane + of_lane_0 + begin * w.stride.width, w.stride.width, from, to);
          const auto fresh = hn::RebindMask(d, hn::Lt(at, hn::Zero(places)));
          const auto better = hn::Or(hn::Or(hn::Gt(x, largest), NaNs(d, x)), fresh);
          const auto taken = hn::And(hn::AndNot(hn::FirstN(d, from), hn::FirstN(d, to)), better);
          largest = hn::IfThenElse(taken, x, largest);
          at = hn::IfThenElse(hn::RebindMask(places, taken),
                              hn::Add(hn::Set(places, static_cast<PlaceOf<T>>(of_lane_0)), steps),
                              at);
        }
      }
      store_first(d, static_cast<size_t>(n), largest, top + j);
      store_first(places, static_cast<size_t>(n), at, place + j);
    }
  }
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

// Rows [begin, end) of a window along one axis, those inside the image, and those that the mean
// counts.
struct Reach {
  int64_t begin, end, counted;
};
Reach reach(int64_t place, int64_t window, int64_t stride, int64_t padding, int64_t size,
            bool count_padding) {
  const int64_t begin = place * stride - padding, end = begin + window;
  const int64_t first = std::max<int64_t>(begin, 0), last = std::min(end, size);
  return {first, last, count_padding ? std::min(end, size + padding) - begin : last - first};
}

// Calls body(plane, place, rows, columns) for the windows of all planes.
template <class Body>
void each_window(const Windows& w, int64_t planes, bool count_padding, const Body& body) {
  const int64_t work = w.count() * w.window.height * w.window.width;
  parallel_for(planes, work, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      for (int64_t i = 0; i < w.rows; ++i) {
        const Reach rows =
            reach(i, w.window.height, w.stride.height, w.padding.height, w.height, count_padding);
        for (int64_t j = 0; j < w.columns; ++j) {
          body(plane, i * w.columns + j, rows,
               reach(j, w.window.width, w.stride.width, w.padding.width, w.width, count_padding));
        }
      }
    }
  });
}

Shape with_last_two(const Tensor& x, int64_t rows, int64_t columns) {
  Shape shape = x.shape();
  shape[shape.rank() - 2] = rows;
  shape[shape.rank() - 1] = columns;
  return shape;
}
int64_t planes_of(const Windows& w, const Tensor& image) {
  return image.numel() / std::max<int64_t>(w.height * w.width, 1);
}

// ---- The largest: where it is, and elements taken from there or put there ----

Tensor put(const Windows& w, const Tensor& given, const Tensor& from);

// x [..., h, w] at the places `from` [..., rows, columns] in its planes: the gradient's gradient
Tensor taken(const Windows& w, const Tensor& given, const Tensor& from) {
  const Tensor x = given.contiguous();
  Tensor y = make(from.shape(), x.dtype());
  dispatch_floating("max_pool", x.dtype(), [&]<class T>() {
    parallel_for(planes_of(w, x), w.count(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * w.count(); i < end * w.count(); ++i) {
        const int64_t plane = i / w.count() * w.height * w.width;
        elements<T>(y)[i] = elements<T>(x)[plane + elements<PlaceOf<T>>(from)[i]];
      }
    });
  });
  if (tracks(x)) {
    record("max_pool", y, x, [w, from](const Tensor& dy) { return put(w, dy, from); });
  }
  return y;
}

// Its transpose: an image of zeros with the elements of y added.
Tensor put(const Windows& w, const Tensor& given, const Tensor& from) {
  const Tensor y = given.contiguous();
  Tensor x = Tensor::zeros(with_last_two(y, w.height, w.width), y.dtype());
  dispatch_floating("max_pool", y.dtype(), [&]<class T>() {
    parallel_for(planes_of(w, x), w.count(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * w.count(); i < end * w.count(); ++i) {
        const int64_t plane = i / w.count() * w.height * w.width;
        elements<T>(x)[plane + elements<PlaceOf<T>>(from)[i]] += elements<T>(y)[i];
      }
    });
  });
  if (tracks(y)) {
    record("max_pool_gradient", x, y, [w, from](const Tensor& dx) { return taken(w, dx, from); });
  }
  return x;
}

ATTUNE_KERNEL(largest_of_plane, LargestOfPlane)

// In f32, f64 or i64.
Tensor max_of_windows(const char* op, const Windows& w, const Tensor& given) {
  const Tensor x = given.contiguous();
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  check<ShapeError>(x.dtype() != DType::f32 || w.height <= kMost / w.width,
                    "{}: an image of f32 may have {} elements at most, got {} x {}", op, kMost,
                    w.height, w.width);
  std::vector<Span> spans;
  for (int64_t l = 0; l < w.window.width; ++l) {
    const int64_t offset = l * w.dilation.width - w.padding.width;
    spans.push_back(inside(w.columns, w.stride.width, offset, w.width));
  }
  const Shape shape = with_last_two(x, w.rows, w.columns);
  Tensor y = make(shape, x.dtype());
  const Tensor places = make(shape, x.dtype() == DType::f32 ? DType::i32 : DType::i64);
  const auto fill = [&]<class T>() {
    const int64_t work = w.count() * w.window.height * w.window.width;
    parallel_for(planes_of(w, x), work, [&](int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        largest_of_plane<T>(w, spans.data(), elements<T>(x) + plane * w.height * w.width,
                            elements<T>(y) + plane * w.count(),
                            elements<PlaceOf<T>>(places) + plane * w.count());
      }
    });
  };
  if (x.dtype() == DType::i64) {
    fill.template operator()<int64_t>();
  } else {
    dispatch_floating(op, x.dtype(), fill);
    if (tracks(x)) {
      record("max_pool", y, x, [w, places](const Tensor& dy) { return put(w, dy, places); });
    }
  }
  return y;
}

// ---- The mean, and its transpose ----

Tensor spread_means(const Windows& w, const Tensor& given, bool count_padding);

Tensor means(const Windows& w, const Tensor& given, bool count_padding) {
  const Tensor x = given.contiguous();
  Tensor y = make(with_last_two(x, w.rows, w.columns), x.dtype());
  dispatch_floating("avg_pool", x.dtype(), [&]<class T>() {
    each_window(w, planes_of(w, x), count_padding,
                [&](int64_t plane, int64_t at, const Reach& rows, const Reach& columns) {
                  const T* image = elements<T>(x) + plane * w.height * w.width;
                  T sum = 0;
                  for (int64_t i = rows.begin; i < rows.end; ++i) {
                    for (int64_t j = columns.begin; j < columns.end; ++j) {
                      sum += image[i * w.width + j];
                    }
                  }
                  elements<T>(y)[plane * w.count() + at] =
                      sum / static_cast<T>(rows.counted * columns.counted);
                });
  });
  if (tracks(x)) {
    record("avg_pool", y, x,
           [w, count_padding](const Tensor& dy) { return spread_means(w, dy, count_padding); });
  }
  return y;
}

Tensor spread_means(const Windows& w, const Tensor& given, bool count_padding) {
  const Tensor y = given.contiguous();
  Tensor x = Tensor::zeros(with_last_two(y, w.height, w.width), y.dtype());
  dispatch_floating("avg_pool", y.dtype(), [&]<class T>() {
    each_window(w, planes_of(w, x), count_padding,
                [&](int64_t plane, int64_t at, const Reach& rows, const Reach& columns) {
                  T* image = elements<T>(x) + plane * w.height * w.width;
                  const T share = elements<T>(y)[plane * w.count() + at] /
                                  static_cast<T>(rows.counted * columns.counted);
                  for (int64_t i = rows.begin; i < rows.end; ++i) {
                    for (int64_t j = columns.begin; j < columns.end; ++j) {
                      image[i * w.width + j] += share;
                    }
                  }
                });
  });
  if (tracks(y)) {
    record("avg_pool_gradient", x, y,
           [w, count_padding](const Tensor& dx) { return means(w, dx, count_padding); });
  }
  return x;
}

// ---- The door ----

Windows windows_of(const char* op, const Tensor& x, Extent2 window, const PoolOptions& o) {
  const Extent2 stride{o.stride.height == 0 ? window.height : o.stride.height,
                       o.stride.width == 0 ? window.width : o.stride.width};
  check<ShapeError>(x.size(-1) > 0 && x.size(-2) > 0, "{}: there is nothing to see in {}", op,
                    x.shape());
  check<ValueError>(
      o.padding.height <= window.height / 2 && o.padding.width <= window.width / 2,
      "{}: the padding must be at most half of the window, got {} and {} of {} and {}", op,
      o.padding.height, o.padding.width, window.height, window.width);
  return windows_over(op, x.shape(), window, stride, o.padding, 1);
}

// body(x, windows) for an image, or for a sequence as an image of one row.
template <class Body>
Tensor pooled(const char* op, Takes takes, const Tensor& input, Extent2 window,
              const PoolOptions& options, bool sequence, Body body) {
  require_defined(op, input);
  const int rank = sequence ? 2 : 3;
  check<ShapeError>(input.rank() == rank || input.rank() == rank + 1,
                    "{}: needs {} axes, or {} with a batch, got {}", op, rank, rank + 1,
                    input.shape());
  return through(op, takes, input, [&](const Tensor& x) {
    if (!sequence) return body(x, windows_of(op, x, window, options));
    const PoolOptions along{.stride = {1, options.stride.width},
                            .padding = {0, options.padding.width},
                            .count_padding = options.count_padding};
    const Tensor row = x.unsqueeze(-2);
    return body(row, windows_of(op, row, {1, window.width}, along)).squeeze(-2);
  });
}

Tensor max_pool(const char* op, const Tensor& x, Extent2 window, const PoolOptions& options,
                bool sequence) {
  return pooled(op, Takes::numbers, x, window, options, sequence,
                [op](const Tensor& image, const Windows& w) {
                  const bool whole = !is_floating(image.dtype());
                  const Tensor y = max_of_windows(op, w, whole ? image.cast(DType::i64) : image);
                  return whole ? y.cast(image.dtype()) : y;
                });
}

Tensor avg_pool(const char* op, const Tensor& x, Extent2 window, const PoolOptions& options,
                bool sequence) {
  return pooled(op, Takes::floating, x, window, options, sequence,
                [&](const Tensor& image, const Windows& w) {
                  return means(w, image, options.count_padding);
                });
}

}  // namespace

Tensor Tensor::max_pool1d(int64_t window, const PoolOptions& options) const {
  return max_pool("max_pool1d", *this, window, options, true);
}
Tensor Tensor::max_pool2d(Extent2 window, const PoolOptions& options) const {
  return max_pool("max_pool2d", *this, window, options, false);
}
Tensor Tensor::avg_pool1d(int64_t window, const PoolOptions& options) const {
  return avg_pool("avg_pool1d", *this, window, options, true);
}
Tensor Tensor::avg_pool2d(Extent2 window, const PoolOptions& options) const {
  return avg_pool("avg_pool2d", *this, window, options, false);
}

}  // namespace attune
#endif  // HWY_ONCE
