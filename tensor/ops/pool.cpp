// max_pool1d, max_pool2d, avg_pool1d, avg_pool2d: the largest element or the mean of each window.

#include <algorithm>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/windows.h"

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

// x [..., h, w] at the places `from` [..., rows, columns] in its planes
Tensor taken(const Windows& w, const Tensor& given, const Tensor& from) {
  const Tensor x = given.contiguous();
  Tensor y = make(from.shape(), x.dtype());
  dispatch_bytes(x.dtype(), [&]<class T>() {
    parallel_for(planes_of(w, x), w.count(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * w.count(); i < end * w.count(); ++i) {
        const int64_t plane = i / w.count() * w.height * w.width;
        elements<T>(y)[i] = elements<T>(x)[plane + elements<int64_t>(from)[i]];
      }
    });
  });
  if (is_floating(x.dtype()) && tracks(x)) {
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
        elements<T>(x)[plane + elements<int64_t>(from)[i]] += elements<T>(y)[i];
      }
    });
  });
  if (tracks(y)) {
    record("max_pool_gradient", x, y, [w, from](const Tensor& dx) { return taken(w, dx, from); });
  }
  return x;
}

// The place of the largest element of each window, the first of equals, or the last NaN.
Tensor places_of_largest(const Windows& w, const Tensor& x) {
  Tensor place = make(with_last_two(x, w.rows, w.columns), DType::i64);
  dispatch(x.dtype(), [&]<class T>() {
    each_window(w, planes_of(w, x), false,
                [&](int64_t plane, int64_t at, const Reach& rows, const Reach& columns) {
                  const T* image = elements<T>(x) + plane * w.height * w.width;
                  int64_t best = rows.begin * w.width + columns.begin;
                  T top = image[best];
                  for (int64_t i = rows.begin; i < rows.end; ++i) {
                    for (int64_t j = columns.begin; j < columns.end; ++j) {
                      const T e = image[i * w.width + j];
                      if (e > top || e != e) top = e, best = i * w.width + j;
                    }
                  }
                  elements<int64_t>(place)[plane * w.count() + at] = best;
                });
  });
  return place;
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
                [](const Tensor& image, const Windows& w) {
                  return taken(w, image, places_of_largest(w, dense(image)));
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
