#include "attune/nn/augment.h"

#include "attune/tensor/internal/check.h"

namespace attune::nn {
namespace {

// x as a batch, with what makes it an image again if it was one.
Tensor batch_of(const char* op, const Tensor& x) {
  check<ShapeError>(
      x.rank() == 3 || x.rank() == 4,
      "{}: takes [batch, channels, height, width] or [channels, height, width], got {}", op,
      x.shape());
  return x.rank() == 4 ? x : x.unsqueeze(0);
}

Tensor like(const Tensor& x, const Tensor& batch) {
  return x.rank() == 4 ? batch : batch.squeeze(0);
}

}  // namespace

Tensor random_flip(const Tensor& x, Rng& rng, double probability) {
  check<ValueError>(probability >= 0 && probability <= 1,
                    "random_flip: the probability must be in [0, 1], got {}", probability);
  const Tensor images = batch_of("random_flip", x);
  const Tensor flipped = Tensor::bernoulli({images.size(0), 1, 1, 1}, probability, rng);
  return like(x, where(flipped, images.flip(3), images));
}

Tensor random_crop(const Tensor& x, Extent2 size, Rng& rng, int64_t padding) {
  check<ValueError>(padding >= 0, "random_crop: padding must not be negative, got {}", padding);
  Tensor images = batch_of("random_crop", x);
  if (padding > 0) images = images.pad({{padding, padding}, {padding, padding}});
  const int64_t rows = images.size(2) - size.height, columns = images.size(3) - size.width;
  check<ShapeError>(size.height > 0 && size.width > 0 && rows >= 0 && columns >= 0,
                    "random_crop: no window of {} x {} in images of {} x {} with the padding",
                    size.height, size.width, images.size(2), images.size(3));
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < images.size(0); ++i) {
    const auto top = static_cast<int64_t>(rng.below(static_cast<uint64_t>(rows) + 1));
    const auto left = static_cast<int64_t>(rng.below(static_cast<uint64_t>(columns) + 1));
    parts.push_back(images[i].narrow(1, top, size.height).narrow(2, left, size.width));
  }
  if (parts.empty()) return images.narrow(2, 0, size.height).narrow(3, 0, size.width);
  return like(x, stack(parts));
}

Tensor normalize(const Tensor& x, const std::vector<double>& mean, const std::vector<double>& std) {
  const int64_t channels = batch_of("normalize", x).size(1);
  check<ShapeError>(std::cmp_equal(mean.size(), channels) && std::cmp_equal(std.size(), channels),
                    "normalize: {} means and {} deviations for {} channels", mean.size(),
                    std.size(), channels);
  for (const double s : std) {
    check<ValueError>(s > 0, "normalize: a deviation must be above 0, got {}", s);
  }
  const DType dtype = x.dtype() == DType::f64 ? DType::f64 : DType::f32;
  const Shape shape{channels, 1, 1};
  return (x - Tensor::from(mean, shape).cast(dtype)) / Tensor::from(std, shape).cast(dtype);
}

}  // namespace attune::nn
