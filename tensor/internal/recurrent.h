#pragma once
// One step of an LSTM or a GRU from its products with the weights, in one pass over memory instead
// of one for each sigmoid, product and sum.

#include "attune/tensor/tensor.h"

namespace attune::internal {

// `input` and `product` are [batch, 4 hidden]: what comes from the input and from the last hidden
// state, for the input, forget, cell and output gates; `cell` is [batch, hidden]. Returns
// [2, batch, hidden], the new hidden state and the new cell (Hochreiter and Schmidhuber 1997; Gers
// et al. 2000). All three have one dtype.
Tensor lstm_step(const Tensor& input, const Tensor& product, const Tensor& cell);

// `input` and `product` are [batch, 3 hidden], for the reset, update and new gates; `hidden` is
// [batch, hidden], as is what is returned (Cho et al. 2014, with the reset gate behind the product
// as in cuDNN and PyTorch).
Tensor gru_step(const Tensor& input, const Tensor& product, const Tensor& hidden);

}  // namespace attune::internal
