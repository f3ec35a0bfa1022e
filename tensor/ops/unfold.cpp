// unfold, fold: the windows of an image as columns, and columns added up in an image. Each is the
// other's gradient.

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/windows.h"

namespace attune {
namespace {

using namespace internal;

Tensor folded(const Windows& w, const Tensor& columns);

// x [batch, channels, h, w] -> [batch, elements, places]
Tensor unfolded(const Windows& w, const Tensor& given) {
  const Tensor x = given.contiguous();
  const int64_t batch = x.size(0), each = w.elements() * w.count();
  Tensor y = make({batch, w.elements(), w.count()}, x.dtype());
  if (y.numel() > 0) {
    dispatch(x.dtype(), [&]<class T>() {
      const int64_t image = w.channels * w.height * w.width;
      for (int64_t i = 0; i < batch; ++i) {
        unfold_rows(w, elements<T>(x) + i * image, 0, w.rows, elements<T>(y) + i * each);
      }
    });
  }
  if (is_floating(x.dtype()) && tracks(x)) {
    record("unfold", y, x, [w](const Tensor& dy) { return folded(w, dy); });
  }
  return y;
}

Tensor folded(const Windows& w, const Tensor& given) {
  const Tensor columns = given.contiguous();
  const int64_t batch = columns.size(0), each = w.elements() * w.count();
  Tensor y = Tensor::zeros({batch, w.channels, w.height, w.width}, columns.dtype());
  if (y.numel() > 0) {
    dispatch(columns.dtype(), [&]<class T>() {
      const int64_t image = w.channels * w.height * w.width;
      if constexpr (!std::is_same_v<T, bool>) {
        for (int64_t i = 0; i < batch; ++i) {
          fold_rows(w, elements<T>(columns) + i * each, 0, w.rows, elements<T>(y) + i * image);
        }
      }
    });
  }
  if (is_floating(columns.dtype()) && tracks(columns)) {
    record("fold", y, columns, [w](const Tensor& dy) { return unfolded(w, dy); });
  }
  return y;
}

}  // namespace

Tensor Tensor::unfold(Extent2 window, const WindowOptions& o) const {
  require_defined("unfold", *this);
  check<ShapeError>(rank() == 3 || rank() == 4,
                    "unfold: needs [channels, height, width], with a batch or without, got {}",
                    shape());
  const Windows w = windows_over("unfold", shape(), window, o.stride, o.padding, o.dilation);
  return through("unfold", Takes::any, *this, [&](const Tensor& x) {
    return x.rank() == 4 ? unfolded(w, x) : unfolded(w, x.unsqueeze(0)).squeeze(0);
  });
}

Tensor Tensor::fold(Extent2 size, Extent2 window, const WindowOptions& o) const {
  require_defined("fold", *this);
  check<ShapeError>(rank() == 2 || rank() == 3,
                    "fold: needs columns [elements, places], with a batch or without, got {}",
                    shape());
  const int64_t kernel = window.height * window.width;
  check<ShapeError>(kernel > 0 && this->size(-2) % kernel == 0,
                    "fold: {} elements are no channels of windows of {} by {}", this->size(-2),
                    window.height, window.width);
  check<ValueError>(size.height >= 0 && size.width >= 0,
                    "fold: sizes must not be negative, got {} and {}", size.height, size.width);
  const Shape image{this->size(-2) / kernel, size.height, size.width};
  const Windows w = windows_over("fold", image, window, o.stride, o.padding, o.dilation);
  check<ShapeError>(w.count() == this->size(-1),
                    "fold: {} columns are given, but {} by {} windows fit the image {}",
                    this->size(-1), w.rows, w.columns, image);
  return through("fold", Takes::numbers, *this, [&](const Tensor& x) {
    return x.rank() == 3 ? folded(w, x) : folded(w, x.unsqueeze(0)).squeeze(0);
  });
}

}  // namespace attune
