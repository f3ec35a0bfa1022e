// One step of an LSTM or a GRU: tensor/internal/recurrent.h.

#include "attune/tensor/internal/recurrent.h"

#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/recurrent.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/math-inl.h"

#ifndef ATTUNE_RECURRENT_OPS
#define ATTUNE_RECURRENT_OPS
namespace attune::internal {
// Rows of gates, `n` elements a gate; each row of `input` is that far behind the one before.
template <class T>
struct GateRows {
  const T *input, *product;
  int64_t input_row, gates, n;
};
}  // namespace attune::internal
#endif

// ---- Kernels: of the rows [begin, end) ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

using internal::GateRows;

// What gate `g` of a row is made of.
template <class T>
HWY_INLINE Pack<T> SumAt(const GateRows<T>& x, int64_t row, int64_t g, int64_t i, size_t n) {
  return load_some(n, x.input + row * x.input_row + g * x.n + i) +
         load_some(n, x.product + (row * x.gates + g) * x.n + i);
}

// y [2, batch, n]; `open` [batch, 4 n]: the gates, for the gradient.
template <class T>
void LstmRows(const GateRows<T>& x, const T* cell, int64_t batch, int64_t begin, int64_t end, T* y,
              T* open) {
  for (int64_t row = begin; row < end; ++row) {
    T *hidden = y + row * x.n, *next = hidden + batch * x.n, *gates = open + row * 4 * x.n;
    each_pack<T>(x.n, [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> in = sigmoid(SumAt(x, row, 0, i, n)), keep = sigmoid(SumAt(x, row, 1, i, n));
      const Pack<T> fresh = tanh(SumAt(x, row, 2, i, n)), out = sigmoid(SumAt(x, row, 3, i, n));
      const Pack<T> c = keep * load_some(n, cell + row * x.n + i) + in * fresh;
      store_some(n, c, next + i);
      store_some(n, out * tanh(c), hidden + i);
      store_some(n, in, gates + i);
      store_some(n, keep, gates + x.n + i);
      store_some(n, fresh, gates + 2 * x.n + i);
      store_some(n, out, gates + 3 * x.n + i);
    });
  }
}

// dx [batch, 4 n] and dcell [batch, n] from dy and y [2, batch, n].
template <class T>
void LstmRowsBack(const T* dy, const T* y, const T* open, const T* cell, int64_t batch,
                  int64_t size, int64_t begin, int64_t end, T* dx, T* dcell) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t at = row * size, of_cell = (batch + row) * size;
    const T* gates = open + 4 * at;
    T* d = dx + 4 * at;
    each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> in = load_some(n, gates + i), keep = load_some(n, gates + size + i);
      const Pack<T> fresh = load_some(n, gates + 2 * size + i);
      const Pack<T> out = load_some(n, gates + 3 * size + i);
      const Pack<T> dh = load_some(n, dy + at + i), t = tanh(load_some(n, y + of_cell + i));
      const Pack<T> dc = load_some(n, dy + of_cell + i) + dh * out * (1.0 - t * t);
      store_some(n, dc * fresh * (in * (1.0 - in)), d + i);
      store_some(n, dc * load_some(n, cell + at + i) * (keep * (1.0 - keep)), d + size + i);
      store_some(n, dc * in * (1.0 - fresh * fresh), d + 2 * size + i);
      store_some(n, dh * t * (out * (1.0 - out)), d + 3 * size + i);
      store_some(n, dc * keep, dcell + at + i);
    });
  }
}

// y [batch, n]; `open` [batch, 3 n]: the gates, for the gradient.
template <class T>
void GruRows(const GateRows<T>& x, const T* hidden, int64_t begin, int64_t end, T* y, T* open) {
  for (int64_t row = begin; row < end; ++row) {
    T* gates = open + row * 3 * x.n;
    each_pack<T>(x.n, [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> reset = sigmoid(SumAt(x, row, 0, i, n));
      const Pack<T> update = sigmoid(SumAt(x, row, 1, i, n));
      const Pack<T> inner = load_some(n, x.product + (row * 3 + 2) * x.n + i);
      const Pack<T> fresh =
          tanh(load_some(n, x.input + row * x.input_row + 2 * x.n + i) + reset * inner);
      const Pack<T> h = load_some(n, hidden + row * x.n + i);
      store_some(n, fresh + update * (h - fresh), y + row * x.n + i);
      store_some(n, reset, gates + i);
      store_some(n, update, gates + x.n + i);
      store_some(n, fresh, gates + 2 * x.n + i);
    });
  }
}

// dx and dproduct [batch, 3 n] and dhidden [batch, n] from dy [batch, n].
template <class T>
void GruRowsBack(const T* dy, const T* open, const T* product, const T* hidden, int64_t size,
                 int64_t begin, int64_t end, T* dx, T* dproduct, T* dhidden) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t at = row * size;
    const T* gates = open + 3 * at;
    T *d = dx + 3 * at, *p = dproduct + 3 * at;
    each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> reset = load_some(n, gates + i), update = load_some(n, gates + size + i);
      const Pack<T> fresh = load_some(n, gates + 2 * size + i), g = load_some(n, dy + at + i);
      const Pack<T> dfresh = g * (1.0 - update) * (1.0 - fresh * fresh);
      const Pack<T> dreset =
          dfresh * load_some(n, product + 3 * at + 2 * size + i) * (reset * (1.0 - reset));
      const Pack<T> dupdate =
          g * (load_some(n, hidden + at + i) - fresh) * (update * (1.0 - update));
      store_some(n, dreset, d + i);
      store_some(n, dupdate, d + size + i);
      store_some(n, dfresh, d + 2 * size + i);
      store_some(n, dreset, p + i);
      store_some(n, dupdate, p + size + i);
      store_some(n, dfresh * reset, p + 2 * size + i);
      store_some(n, g * update, dhidden + at + i);
    });
  }
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

ATTUNE_KERNEL(lstm_rows, LstmRows)
ATTUNE_KERNEL(lstm_rows_back, LstmRowsBack)
ATTUNE_KERNEL(gru_rows, GruRows)
ATTUNE_KERNEL(gru_rows_back, GruRowsBack)

constexpr int64_t kCost = 40;  // of one hidden element, in elements of a cheap op

Tensor gate(const Tensor& x, int64_t g, int64_t n) { return x.narrow(-1, g * n, n); }

// Elements side by side in each row: kernels step from row to row.
Tensor rows_of(const Tensor& x) {
  return x.size(-1) == 1 || x.strides()[1] == 1 ? x : x.contiguous();
}

bool has_kernel(const Tensor& input, const Tensor& product, const Tensor& state) {
  const DType dtype = input.dtype();
  return (dtype == DType::f32 || dtype == DType::f64) && product.dtype() == dtype &&
         state.dtype() == dtype;
}

// ---- The same made of ops: for other dtypes, and gradients of gradients ----

Tensor lstm_by_ops(const Tensor& input, const Tensor& product, const Tensor& cell) {
  const int64_t n = cell.size(-1);
  const Tensor sum = input + product;
  const Tensor next =
      gate(sum, 1, n).sigmoid() * cell + gate(sum, 0, n).sigmoid() * gate(sum, 2, n).tanh();
  return stack({gate(sum, 3, n).sigmoid() * next.tanh(), next});
}

void lstm_gradient_by_ops(const Tensor& dy, const Tensor& sum, const Tensor& cell,
                          Gradients& grads) {
  const int64_t n = cell.size(-1);
  const Tensor in = gate(sum, 0, n).sigmoid(), keep = gate(sum, 1, n).sigmoid();
  const Tensor fresh = gate(sum, 2, n).tanh(), out = gate(sum, 3, n).sigmoid();
  const Tensor t = (keep * cell + in * fresh).tanh(), dh = dy[0];
  const Tensor dc = dy[1] + dh * out * (1 - t * t);
  const Tensor d = cat({dc * fresh * (in * (1 - in)), dc * cell * (keep * (1 - keep)),
                        dc * in * (1 - fresh * fresh), dh * t * (out * (1 - out))},
                       -1);
  if (grads.wants(0)) grads.add(0, d);
  if (grads.wants(1)) grads.add(1, d);
  if (grads.wants(2)) grads.add(2, dc * keep);
}

Tensor gru_by_ops(const Tensor& input, const Tensor& product, const Tensor& hidden) {
  const int64_t n = hidden.size(-1);
  const Tensor reset = (gate(input, 0, n) + gate(product, 0, n)).sigmoid();
  const Tensor update = (gate(input, 1, n) + gate(product, 1, n)).sigmoid();
  const Tensor fresh = (gate(input, 2, n) + reset * gate(product, 2, n)).tanh();
  return fresh + update * (hidden - fresh);
}

void gru_gradient_by_ops(const Tensor& dy, const Tensor& input, const Tensor& product,
                         const Tensor& hidden, Gradients& grads) {
  const int64_t n = hidden.size(-1);
  const Tensor reset = (gate(input, 0, n) + gate(product, 0, n)).sigmoid();
  const Tensor update = (gate(input, 1, n) + gate(product, 1, n)).sigmoid();
  const Tensor inner = gate(product, 2, n), fresh = (gate(input, 2, n) + reset * inner).tanh();
  const Tensor dfresh = dy * (1 - update) * (1 - fresh * fresh);
  const Tensor dreset = dfresh * inner * (reset * (1 - reset));
  const Tensor dupdate = dy * (hidden - fresh) * (update * (1 - update));
  if (grads.wants(0)) grads.add(0, cat({dreset, dupdate, dfresh}, -1));
  if (grads.wants(1)) grads.add(1, cat({dreset, dupdate, dfresh * reset}, -1));
  if (grads.wants(2)) grads.add(2, dy * update);
}

}  // namespace

Tensor internal::lstm_step(const Tensor& input, const Tensor& given_product,
                           const Tensor& given_cell) {
  if (!has_kernel(input, given_product, given_cell)) {
    return lstm_by_ops(input, given_product, given_cell);
  }
  const Tensor x = rows_of(input), product = given_product.contiguous();
  const Tensor cell = given_cell.contiguous();
  const int64_t batch = cell.size(0), n = cell.size(1);
  Tensor y = make({2, batch, n}, x.dtype());
  const Tensor open = make_like(product);
  dispatch_floating("lstm", x.dtype(), [&]<class T>() {
    const GateRows<T> rows{elements<T>(x), elements<T>(product), x.strides()[0], 4, n};
    parallel_for(batch, n * kCost, [&](int64_t begin, int64_t end) {
      lstm_rows<T>(rows, elements<T>(cell), batch, begin, end, elements<T>(y), elements<T>(open));
    });
  });
  if (!tracks(x, product, cell)) return y;
  record("lstm", y, {&x, &product, &cell},
         [x, product, cell, open, states = y.detach()](const Tensor& given, Gradients& grads) {
           if (recording()) return lstm_gradient_by_ops(given, x + product, cell, grads);
           const Tensor dy = given.contiguous();
           Tensor dx = make_like(open), dcell = make_like(cell);
           dispatch_floating("lstm", dx.dtype(), [&]<class T>() {
             parallel_for(cell.size(0), cell.size(1) * kCost, [&](int64_t begin, int64_t end) {
               lstm_rows_back<T>(elements<T>(dy), elements<T>(states), elements<T>(open),
                                 elements<T>(cell), cell.size(0), cell.size(1), begin, end,
                                 elements<T>(dx), elements<T>(dcell));
             });
           });
           if (grads.wants(0)) grads.add(0, dx);
           if (grads.wants(1)) grads.add(1, std::move(dx));
           if (grads.wants(2)) grads.add(2, std::move(dcell));
         });
  return y;
}

Tensor internal::gru_step(const Tensor& input, const Tensor& given_product,
                          const Tensor& given_hidden) {
  if (!has_kernel(input, given_product, given_hidden)) {
    return gru_by_ops(input, given_product, given_hidden);
  }
  const Tensor x = rows_of(input), product = given_product.contiguous();
  const Tensor hidden = given_hidden.contiguous();
  const int64_t batch = hidden.size(0), n = hidden.size(1);
  Tensor y = make_like(hidden);
  const Tensor open = make_like(product);
  dispatch_floating("gru", x.dtype(), [&]<class T>() {
    const GateRows<T> rows{elements<T>(x), elements<T>(product), x.strides()[0], 3, n};
    parallel_for(batch, n * kCost, [&](int64_t begin, int64_t end) {
      gru_rows<T>(rows, elements<T>(hidden), begin, end, elements<T>(y), elements<T>(open));
    });
  });
  if (!tracks(x, product, hidden)) return y;
  record("gru", y, {&x, &product, &hidden},
         [x, product, hidden, open](const Tensor& given, Gradients& grads) {
           if (recording()) return gru_gradient_by_ops(given, x, product, hidden, grads);
           const Tensor dy = given.contiguous();
           Tensor dx = make_like(open), dproduct = make_like(open), dhidden = make_like(hidden);
           dispatch_floating("gru", dx.dtype(), [&]<class T>() {
             parallel_for(hidden.size(0), hidden.size(1) * kCost, [&](int64_t begin, int64_t end) {
               gru_rows_back<T>(elements<T>(dy), elements<T>(open), elements<T>(product),
                                elements<T>(hidden), hidden.size(1), begin, end, elements<T>(dx),
                                elements<T>(dproduct), elements<T>(dhidden));
             });
           });
           if (grads.wants(0)) grads.add(0, std::move(dx));
           if (grads.wants(1)) grads.add(1, std::move(dproduct));
           if (grads.wants(2)) grads.add(2, std::move(dhidden));
         });
  return y;
}

}  // namespace attune
#endif  // HWY_ONCE
