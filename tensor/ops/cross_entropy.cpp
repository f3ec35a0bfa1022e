// cross_entropy: the mean over rows of log(sum(exp(logits))) - logits[label]. The forward pass
// keeps (softmax - one_hot) / rows, which is the gradient but for the factor dy.

#include <cmath>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/labels.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tensor/ops/cross_entropy.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/rows-inl.h"

// ---- Kernel ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

// Each row's loss, and its gradient times `scale` in g unless g is null. The distance of the
// label's logit to the largest is taken before the logarithm is added: the other way round, the
// logarithm would drown in a large logit. What a row stores is read again only after some other
// rows: a load right behind a store of other width would wait for it.
template <class T>
void CrossEntropyRows(const T* z, const int64_t* label, T* loss, T* g, size_t rows, size_t n,
                      T scale) {
  constexpr size_t kRun = 64;
  T total[kRun];  // the sum of exp of each row, and then the factor of its gradient
  for (size_t first = 0; first < rows; first += kRun) {
    const size_t run = std::min(kRun, rows - first);
    for (size_t i = 0; i < run; ++i, z += n) {
      const T top = row_max(z, n);
      total[i] = sum_of_exp(z, top, g == nullptr ? g : g + i * n, n);
      loss[i] = top - z[label[i]];
    }
    const Pack<T> each(hn::Set(hn::ScalableTag<T>(), scale));
    each_pack<T>(run, [&](size_t i, size_t some) HWY_ATTR {
      const Pack<T> sum = first_or(some, load_some(some, total + i), Pack<T>(1.0));
      store_some(some, load_some(some, loss + i) + log(sum), loss + i);
      store_some(some, each / sum, total + i);
    });
    for (size_t i = 0; g != nullptr && i < run; ++i, g += n) {
      const Pack<T> factor(hn::Set(hn::ScalableTag<T>(), total[i]));
      each_pack<T>(n, [&](size_t j, size_t some)
                          HWY_ATTR { store_some(some, load_some(some, g + j) * factor, g + j); });
      g[label[i]] -= scale;
    }
    label += run, loss += run;
  }
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Op ----

#if HWY_ONCE
namespace attune {

Tensor internal::checked_labels(const char* op, const Tensor& scores, const Tensor& labels,
                                std::optional<int64_t> ignore) {
  require_defined(op, scores);
  require_defined(op, labels);
  check<ShapeError>(scores.rank() == 2 && labels.rank() == 1 && scores.size(0) == labels.size(0),
                    "{}: needs scores [batch, classes] and labels [batch], got {} and {}", op,
                    scores.shape(), labels.shape());
  check<DTypeError>(labels.dtype() == DType::i64 || labels.dtype() == DType::i32,
                    "{}: labels must be i32 or i64, got {}", op, labels.dtype());
  Tensor wide = labels.cast(DType::i64).contiguous();
  const int64_t classes = scores.size(1), *label = elements<int64_t>(wide);
  for (int64_t row = 0; row < wide.numel(); ++row) {
    if ((label[row] >= 0 && label[row] < classes) || label[row] == ignore) [[likely]]
      continue;
    fail<ValueError>("{}: label {} at row {} is not one of the {} classes 0 to {}", op, label[row],
                     row, classes, classes - 1);
  }
  return wide;
}

namespace {

using namespace internal;

ATTUNE_KERNEL(cross_entropy_rows, CrossEntropyRows)

constexpr int64_t kCost = 8;  // of one element, in elements of a cheap op

// labels: checked. logits floating.
Tensor cross_entropy_of(const Tensor& logits, const Tensor& labels) {
  const Tensor z = logits.contiguous();
  const int64_t rows = z.size(0), n = z.size(1);
  const bool tracked = tracks(z);
  const Tensor losses = make({rows}, z.dtype());
  Tensor g = tracked ? make_like(z) : Tensor();
  dispatch_floating("cross_entropy", z.dtype(), [&]<class T>() {
    const T scale = T{1} / static_cast<T>(rows);
    parallel_for(rows, n * kCost, [&](int64_t begin, int64_t end) {
      cross_entropy_rows<T>(elements<T>(z) + begin * n, elements<int64_t>(labels) + begin,
                            elements<T>(losses) + begin,
                            tracked ? elements<T>(g) + begin * n : nullptr,
                            static_cast<size_t>(end - begin), static_cast<size_t>(n), scale);
    });
  });
  Tensor loss = losses.mean();
  if (tracked) {
    record("cross_entropy", loss, {&z}, [z, labels, g](const Tensor& dy, Gradients& grads) {
      if (recording()) {
        const Tensor target = labels.one_hot(z.size(1)).cast(z.dtype());
        grads.add(0, dy * (z.softmax(-1) - target) / z.size(0));
        return;
      }
      const double factor = dy.dtype() == DType::f32 ? dy.item<float>() : dy.item<double>();
      grads.add(0, factor == 1 ? g : g * factor);
    });
  }
  return loss;
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  const Tensor checked = checked_labels("cross_entropy", logits, labels);
  check<ValueError>(checked.numel() > 0,
                    "cross_entropy: the batch is empty; its mean has no value");
  return through("cross_entropy", Takes::floating, logits,
                 [&](const Tensor& z) { return cross_entropy_of(z, checked); });
}

}  // namespace attune
#endif  // HWY_ONCE
