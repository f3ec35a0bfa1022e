// dropout: elements zeroed at random and the others scaled up, in one pass. The gradient keeps only
// the position in the random stream, from which it draws the same mask again.

#include <bit>
#include <cmath>
#include <type_traits>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/words.h"

namespace attune {
namespace {

using namespace internal;

// Bits are masked instead of branched on: a branch would be mispredicted at rate min(p, 1 - p).
template <class T>
void keep_above(uint32_t limit, const uint32_t* words, T scale, const T* x, T* y, int64_t n) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  for (int64_t i = 0; i < n; ++i) {
    const Bits mask = Bits{0} - static_cast<Bits>(words[i] > limit);
    y[i] = std::bit_cast<T>(std::bit_cast<Bits>(x[i] * scale) & mask);
  }
}

// y[i] = scale x[i] where word i of `rng` is above `limit`, else 0. Linear in x, so the gradient
// and the gradient's gradient are this function again.
Tensor drop(const Tensor& x, const Rng& rng, uint32_t limit, double scale) {
  Tensor y = make(x.shape(), x.dtype());
  const Tensor from = dense(x);
  dispatch_floating("dropout", x.dtype(), [&]<class T>() {
    const T* in = elements<T>(from);
    T* out = elements<T>(y);
    const int64_t numel = x.numel();
    parallel_for((numel + kPieceWords - 1) / kPieceWords, kPieceWords * 4,
                 [&](int64_t begin, int64_t end) {
                   uint32_t words[kPieceWords];
                   for (int64_t i = begin * kPieceWords; i < std::min(end * kPieceWords, numel);
                        i += kPieceWords) {
                     const int64_t n = std::min(kPieceWords, numel - i);
                     random_words(rng, static_cast<uint64_t>(i), static_cast<size_t>(n), words);
                     keep_above(limit, words, static_cast<T>(scale), in + i, out + i, n);
                   }
                 });
  });
  if (tracks(x)) {
    record("dropout", y, x,
           [rng, limit, scale](const Tensor& dy) { return drop(dy, rng, limit, scale); });
  }
  return y;
}

}  // namespace

Tensor Tensor::dropout(double p, Rng& rng) const {
  require_defined("dropout", *this);
  check<ValueError>(p >= 0 && p <= 1, "dropout: the probability must be in [0, 1], got {}", p);
  check<DTypeError>(is_floating(dtype()), "dropout: needs a floating dtype, got {}; cast it first",
                    dtype());
  const Rng here = rng;
  rng.skip(static_cast<uint64_t>(numel()));  // whatever p: the next draw does not depend on it
  // A word is at most `limit` with probability (limit + 1) / 2^32.
  const auto dropped = static_cast<uint64_t>(std::llround(p * 0x1p32));
  if (dropped == 0) return *this;
  return through("dropout", Takes::floating, *this, [&](const Tensor& x) {
    return drop(x, here, static_cast<uint32_t>(dropped - 1), p < 1 ? 1 / (1 - p) : 0);
  });
}

}  // namespace attune
