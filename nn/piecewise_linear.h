#pragma once
// PiecewiseLinear: numbers as how far they have come through each piece of their range.

#include "attune/nn/module.h"

namespace attune::nn {

// Each column's range is cut into pieces that hold about as many rows; one output for each piece is
// 0 below it, 1 above it, and rises in between. A linear layer on these learns any function that is
// straight between the cuts, which one on the number itself cannot. Gorishniy, Rubachev and
// Babenko, "On embeddings for numerical features in tabular deep learning" (2022); here the number
// itself stays beside its pieces, so that what lies outside all of them still makes a difference.
//
// x [..., columns] -> [..., columns + pieces]: the columns, then the pieces of the first, of the
// second … Nothing in it is trained. Fit it on the training part only.
class PiecewiseLinear : public Module {
 public:
  // Measures x [rows, columns], f32 or f64. A column has at most `most` pieces, fewer where it
  // repeats, and none where it has less than three values. ValueError unless most > 0, and for a
  // number that is NaN or infinite.
  static PiecewiseLinear fit(const Tensor& x, int64_t most);

  // With so many pieces in all, of column 0 from 0 to 1 until load() fills them.
  PiecewiseLinear(int64_t columns, int64_t pieces);  // ValueError unless columns > 0, pieces >= 0

  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override {
    f.buffer("column", column).buffer("low", low).buffer("width", width);
  }
  std::string describe() const override;

  int64_t columns() const { return columns_; }
  int64_t pieces() const { return low.size(0); }
  int64_t outputs() const { return columns() + pieces(); }

  Tensor column;      // i64 [pieces]: of which column a piece is
  Tensor low, width;  // [pieces]: where it begins, and how far it goes

 private:
  int64_t columns_;
};

}  // namespace attune::nn
