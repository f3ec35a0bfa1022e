// pad: elements added around a tensor: a constant, its mirror image, or its edge repeated.

#include <algorithm>
#include <cmath>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

constexpr int64_t kNowhere = -1;  // the source of a place that holds the constant

// Which place of x each place of y shows, axis by axis.
struct Frame {
  Shape inner, outer;  // the shapes of x and of y
  std::array<int64_t, kMaxRank> before{};
  PadMode mode = PadMode::constant;

  int64_t source(int axis, int64_t place) const {
    const int64_t at = place - before[static_cast<size_t>(axis)], size = inner[axis];
    if (at >= 0 && at < size) return at;
    switch (mode) {
      case PadMode::constant: return kNowhere;
      case PadMode::reflect: return at < 0 ? -at : 2 * (size - 1) - at;
      case PadMode::replicate: break;
    }
    return at < 0 ? 0 : size - 1;
  }

  // The source of each place of a row, i64 [row_length()].
  Tensor columns() const {
    Tensor from = make({row_length()}, DType::i64);
    for (int64_t i = 0; i < row_length(); ++i) {
      elements<int64_t>(from)[i] = source(outer.rank() - 1, i);
    }
    return from;
  }

  // Where the row of x begins that row number `row` of y shows (rows run along the last axis), or
  // kNowhere.
  int64_t row_source(int64_t row) const {
    int64_t offset = 0, stride = inner[inner.rank() - 1];
    for (int axis = inner.rank() - 2; axis >= 0; --axis) {
      const int64_t from = source(axis, row % outer[axis]);
      if (from == kNowhere) return kNowhere;
      offset += from * stride;
      row /= outer[axis];
      stride *= inner[axis];
    }
    return offset;
  }

  int64_t row_length() const { return outer[outer.rank() - 1]; }
  int64_t rows() const { return row_length() == 0 ? 0 : outer.numel() / row_length(); }
};

template <class T>
void surround(const T* x, T* y, const Frame& frame, T value) {
  const Tensor sources = frame.columns();
  const int64_t* columns = elements<int64_t>(sources);
  const int64_t n = frame.row_length();
  parallel_for(frame.rows(), n, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t from = frame.row_source(row);
      T* to = y + row * n;
      if (from == kNowhere) {
        std::fill_n(to, n, value);
        continue;
      }
      for (int64_t i = 0; i < n; ++i) {
        to[i] = columns[i] == kNowhere ? value : x[from + columns[i]];
      }
    }
  });
}

// The transpose: each element of dy is added to the element of dx whose place it shows.
template <class T>
void add_back(const T* dy, T* dx, const Frame& frame) {
  const Tensor sources = frame.columns();
  const int64_t* columns = elements<int64_t>(sources);
  const int64_t n = frame.row_length();
  for (int64_t row = 0; row < frame.rows(); ++row) {
    const int64_t to = frame.row_source(row);
    for (int64_t i = 0; i < n; ++i) dx[to + columns[i]] += dy[row * n + i];
  }
}

Tensor padded(const Tensor& x, const Frame& frame, const Tensor& value);

Tensor gradient_of(const Tensor& dy, const Frame& frame) {
  if (frame.mode == PadMode::constant) {
    Tensor dx = dy;
    for (int axis = 0; axis < dy.rank(); ++axis) {
      dx = dx.narrow(axis, frame.before[static_cast<size_t>(axis)], frame.inner[axis]);
    }
    return dx;
  }
  return through("pad", Takes::floating, dy, [&](const Tensor& source) {
    Tensor dx = Tensor::zeros(frame.inner, source.dtype());
    if (source.numel() > 0) {
      const Tensor from = dense(source);
      dispatch_floating("pad", source.dtype(),
                        [&]<class T>() { add_back(elements<T>(from), elements<T>(dx), frame); });
    }
    if (tracks(source)) {
      record("pad_gradient", dx, source, [frame](const Tensor& ddx) {
        return padded(ddx, frame, Tensor::zeros({}, ddx.dtype()));
      });
    }
    return dx;
  });
}

// `value`: 0-d, of x's dtype.
Tensor padded(const Tensor& x, const Frame& frame, const Tensor& value) {
  Tensor y = make(frame.outer, x.dtype());
  if (y.numel() > 0) {
    const Tensor from = dense(x);
    dispatch_bytes(x.dtype(), [&]<class T>() {
      surround(elements<T>(from), elements<T>(y), frame, *elements<T>(value));
    });
  }
  if (is_floating(x.dtype()) && tracks(x)) {
    record("pad", y, x, [frame](const Tensor& dy) { return gradient_of(dy, frame); });
  }
  return y;
}

}  // namespace

Tensor Tensor::pad(const std::vector<std::pair<int64_t, int64_t>>& widths, PadMode mode,
                   double value) const {
  require_defined("pad", *this);
  const int given = static_cast<int>(widths.size());
  check<ShapeError>(given <= rank(), "pad: widths for {} axes given, the tensor is {}", given,
                    shape());
  const Tensor filling = make_scalar("pad", value, dtype());
  if (given == 0) return *this;
  Frame frame{.inner = shape(), .outer = shape(), .before = {}, .mode = mode};
  for (int i = 0; i < given; ++i) {
    const int axis = rank() - given + i;
    const auto [before, after] = widths[static_cast<size_t>(i)];
    check<ValueError>(before >= 0 && after >= 0,
                      "pad: widths must not be negative, got ({}, {}) for axis {}; use narrow to "
                      "take elements away",
                      before, after, axis);
    const int64_t most = mode == PadMode::reflect ? size(axis) - 1 : 0;
    check<ShapeError>(
        mode != PadMode::reflect || std::max(before, after) <= std::max<int64_t>(most, 0),
        "pad: reflecting ({}, {}) needs more elements than axis {} of {} has; at "
        "most {} can be reflected",
        before, after, axis, shape(), std::max<int64_t>(most, 0));
    check<ShapeError>(mode != PadMode::replicate || size(axis) > 0 || (before == 0 && after == 0),
                      "pad: axis {} of {} has no edge to repeat", axis, shape());
    frame.before[static_cast<size_t>(axis)] = before;
    int64_t& outer = frame.outer[axis];
    check<OutOfMemory>(!__builtin_add_overflow(outer, before, &outer) &&
                           !__builtin_add_overflow(outer, after, &outer),
                       "pad: no memory for ({}, {}) more elements along axis {} of {}", before,
                       after, axis, shape());
  }
  return padded(*this, frame, filling);
}

}  // namespace attune
