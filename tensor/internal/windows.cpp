#include "attune/tensor/internal/windows.h"

namespace attune::internal {
namespace {

constexpr int64_t kMost = int64_t{1} << 40;  // far more than memory holds, and safe to multiply

int64_t places(const char* op, int64_t size, int64_t window, int64_t stride, int64_t padding,
               int64_t dilation) {
  check<ValueError>(
      window > 0 && stride > 0 && padding >= 0 && dilation > 0 && window < kMost &&
          stride < kMost && padding < kMost && dilation < kMost,
      "{}: window {}, stride {} and dilation {} must be above 0, padding {} not below", op, window,
      stride, dilation, padding);
  check<ValueError>(window < kMost / dilation, "{}: window {} by dilation {} is too large", op,
                    window, dilation);
  const int64_t covered = dilation * (window - 1) + 1, room = size + 2 * padding;
  check<ShapeError>(covered <= room,
                    "{}: a window over {} elements does not fit {} with padding {}", op, covered,
                    size, padding);
  return (room - covered) / stride + 1;
}

}  // namespace

Windows windows_over(const char* op, const Shape& image, Extent2 window, Extent2 stride,
                     Extent2 padding, Extent2 dilation) {
  const int rank = image.rank();
  Windows w{image[rank - 3], image[rank - 2], image[rank - 1], window, stride, padding, dilation};
  w.rows = places(op, w.height, window.height, stride.height, padding.height, dilation.height);
  w.columns = places(op, w.width, window.width, stride.width, padding.width, dilation.width);
  return w;
}

}  // namespace attune::internal
