// interpolate: images of another size. Each new row is a mixture of two old ones, and each column.

#include <algorithm>
#include <cmath>
#include <vector>

#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

// A place along one axis: so much of one old place and the rest of the next.
struct Mixture {
  int64_t first, second;
  double share;  // of the second
};

std::vector<Mixture> mixtures(int64_t from, int64_t to, Interpolation mode, bool align_corners) {
  std::vector<Mixture> all;
  guard_memory("interpolate", [&] { all.reserve(static_cast<size_t>(to)); });
  const double ratio = static_cast<double>(from) / static_cast<double>(to);
  for (int64_t i = 0; i < to; ++i) {
    const auto place = static_cast<double>(i);
    if (mode == Interpolation::nearest) {
      const auto at = std::min(static_cast<int64_t>(std::floor(place * ratio)), from - 1);
      all.push_back({at, at, 0});
      continue;
    }
    double at = std::max(0.0, (place + 0.5) * ratio - 0.5);
    if (align_corners) {
      at = to > 1 ? place * static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0;
    }
    const auto first = std::min(static_cast<int64_t>(at), from - 1);
    all.push_back({first, std::min(first + 1, from - 1), at - static_cast<double>(first)});
  }
  return all;
}

struct Resize {
  std::vector<Mixture> rows, columns;
  int64_t height, width;  // of what it resizes

  int64_t to_height() const { return static_cast<int64_t>(rows.size()); }
  int64_t to_width() const { return static_cast<int64_t>(columns.size()); }
};

Shape with_last_two(const Tensor& x, int64_t rows, int64_t columns) {
  Shape shape = x.shape();
  shape[shape.rank() - 2] = rows;
  shape[shape.rank() - 1] = columns;
  return shape;
}

// Calls body(plane, place, row, column) for each place of each new plane.
template <class Body>
void each_place(const Resize& r, int64_t planes, const Body& body) {
  parallel_for(planes, r.to_height() * r.to_width() * 4, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      int64_t place = 0;
      for (const Mixture& row : r.rows) {
        for (const Mixture& column : r.columns) body(plane, place++, row, column);
      }
    }
  });
}

Tensor resized_back(const Resize& r, const Tensor& given);

Tensor resized(const Resize& r, const Tensor& given) {
  const Tensor x = given.contiguous();
  Tensor y = make(with_last_two(x, r.to_height(), r.to_width()), x.dtype());
  const int64_t planes = x.numel() / (r.height * r.width), size = r.to_height() * r.to_width();
  dispatch_floating("interpolate", x.dtype(), [&]<class T>() {
    each_place(r, planes, [&](int64_t plane, int64_t at, const Mixture& row, const Mixture& col) {
      const T* top = elements<T>(x) + (plane * r.height + row.first) * r.width;
      const T* low = elements<T>(x) + (plane * r.height + row.second) * r.width;
      const auto across = static_cast<T>(col.share), down = static_cast<T>(row.share);
      T value = top[col.first];  // shares of 0 take nothing, of infinities either
      if (across != 0) value = (1 - across) * top[col.first] + across * top[col.second];
      if (down != 0) {
        const T below =
            across == 0 ? low[col.first] : (1 - across) * low[col.first] + across * low[col.second];
        value = (1 - down) * value + down * below;
      }
      elements<T>(y)[plane * size + at] = value;
    });
  });
  if (tracks(x)) {
    record("interpolate", y, x, [r = Resize(r)](const Tensor& dy) { return resized_back(r, dy); });
  }
  return y;
}

// The transpose.
Tensor resized_back(const Resize& r, const Tensor& given) {
  const Tensor y = given.contiguous();
  Tensor x = Tensor::zeros(with_last_two(y, r.height, r.width), y.dtype());
  const int64_t planes = x.numel() / (r.height * r.width), size = r.to_height() * r.to_width();
  dispatch_floating("interpolate", y.dtype(), [&]<class T>() {
    each_place(r, planes, [&](int64_t plane, int64_t at, const Mixture& row, const Mixture& col) {
      T* top = elements<T>(x) + (plane * r.height + row.first) * r.width;
      T* low = elements<T>(x) + (plane * r.height + row.second) * r.width;
      const auto across = static_cast<T>(col.share), down = static_cast<T>(row.share);
      const T e = elements<T>(y)[plane * size + at];
      const auto add = [e](T& to, T share) {  // as above: 0 takes nothing, of infinities either
        if (share != 0) to += share * e;
      };
      add(top[col.first], (1 - down) * (1 - across));
      add(top[col.second], (1 - down) * across);
      add(low[col.first], down * (1 - across));
      add(low[col.second], down * across);
    });
  });
  if (tracks(y)) {
    record("interpolate_gradient", x, y,
           [r = Resize(r)](const Tensor& dx) { return resized(r, dx); });
  }
  return x;
}

}  // namespace

Tensor Tensor::interpolate(Extent2 size, Interpolation mode, bool align_corners) const {
  require_defined("interpolate", *this);
  check<ShapeError>(rank() == 3 || rank() == 4,
                    "interpolate: needs [channels, height, width], with a batch or without, got {}",
                    shape());
  check<ValueError>(size.height > 0 && size.width > 0,
                    "interpolate: sizes must be above 0, got {} and {}", size.height, size.width);
  check<ValueError>(!align_corners || mode == Interpolation::bilinear,
                    "interpolate: align_corners is for bilinear alone");
  const int64_t height = this->size(-2), width = this->size(-1);
  check<ShapeError>(height > 0 && width > 0, "interpolate: there is nothing to see in {}", shape());
  return through("interpolate", Takes::floating, *this, [&](const Tensor& x) {
    return resized({mixtures(height, size.height, mode, align_corners),
                    mixtures(width, size.width, mode, align_corners), height, width},
                   x);
  });
}

}  // namespace attune
