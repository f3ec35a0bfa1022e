#pragma once
// Bringing columns to one scale.

#include "attune/nn/module.h"

namespace attune::nn {

// y = (x - mean) / std for each column: x [..., columns] -> same. A module, so that it can stand
// first in a Sequential and is saved with the model: its buffers "mean" and "std" [columns] are not
// trained. Fit it on the training part only, so that nothing is learned from the others.
class Standardizer : public Module {
 public:
  // Measures x [rows, columns], f32 or f64, in double. std is that of the whole population (divided
  // by rows). A constant column gets std 1, so that it becomes 0. ValueError names a row and column
  // that is NaN or infinite.
  static Standardizer fit(const Tensor& x);

  // For `columns` columns: the identity until load() fills it.
  explicit Standardizer(int64_t columns);

  Tensor forward(const Tensor& x) override;
  Tensor inverse(const Tensor& y) const;  // y * std + mean
  void fields(Fields& f) override { f.buffer("mean", mean).buffer("std", std); }
  std::string describe() const override;

  Tensor mean, std;
};

}  // namespace attune::nn
