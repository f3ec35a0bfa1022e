#pragma once
// Convolution layers.

#include "attune/nn/module.h"

namespace attune::nn {

struct ConvLayerOptions {
  Extent2 stride = 1, padding = 0, dilation = 1;  // the widths, of sequences
  int64_t groups = 1;
  bool bias = true;
};

// x [batch, in, length] -> [batch, out, places], by weight [out, in / groups, window]. Weight and
// bias start uniform within 1 / sqrt of a window's elements, as PyTorch's. ValueError for sizes
// that do not go together, here and below.
class Conv1d : public Module {
 public:
  Conv1d(int64_t in, int64_t out, int64_t window, Rng& rng, const ConvLayerOptions& options = {});
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override { f("weight", weight)("bias", bias); }
  std::string describe() const override;

  Tensor weight, bias;

 private:
  ConvOptions options_;
};

// The same for images: x [batch, in, height, width], weight [out, in / groups, height, width].
class Conv2d : public Module {
 public:
  Conv2d(int64_t in, int64_t out, Extent2 window, Rng& rng, const ConvLayerOptions& options = {});
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override { f("weight", weight)("bias", bias); }
  std::string describe() const override;

  Tensor weight, bias;

 private:
  ConvOptions options_;
};

struct ConvTransposeLayerOptions {
  Extent2 stride = 1, padding = 0, dilation = 1, output_padding = 0;
  int64_t groups = 1;
  bool bias = true;
};

// The transpose of Conv2d, which makes images larger: weight [in, out / groups, height, width].
class ConvTranspose2d : public Module {
 public:
  ConvTranspose2d(int64_t in, int64_t out, Extent2 window, Rng& rng,
                  const ConvTransposeLayerOptions& options = {});
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override { f("weight", weight)("bias", bias); }
  std::string describe() const override;

  Tensor weight, bias;

 private:
  ConvTransposeOptions options_;
};

}  // namespace attune::nn
