// The rows of products, layer_norm and dropout, the losses, and what makes, converts and reads
// tensors.

#include <algorithm>
#include <cmath>

#include "attune/nn/loss.h"
#include "tests/tensor/op_table.h"

namespace attune::ops {
namespace {

Values values_of(const Tensor& x) { return x.cast(DType::f64).to_vector<double>(); }

// x [m, k] times w [n, k] transposed, plus b [n] if it is there.
Values product(const Tensor& x, const Tensor& w, const Tensor& b = {}) {
  const Values left = values_of(x), right = values_of(w);
  const Values bias = b.defined() ? values_of(b) : Values(static_cast<size_t>(w.size(0)), 0.0);
  const size_t k = static_cast<size_t>(x.size(1));
  Values y;
  for (size_t i = 0; i < static_cast<size_t>(x.size(0)); ++i) {
    for (size_t j = 0; j < bias.size(); ++j) {
      long double sum = bias[j];
      for (size_t l = 0; l < k; ++l)
        sum += static_cast<long double>(left[i * k + l]) * right[j * k + l];
      y.push_back(static_cast<double>(sum));
    }
  }
  return y;
}

Values rectified(Tensors in) {
  Values y = product(in[0], in[1]);
  for (double& v : y) v = v <= 0 ? 0 : v;  // NaN stays
  return y;
}
Tensor dropped(Tensors in) {
  Rng rng(1);
  return in[0].dropout(0.4, rng);
}

// layer_norm of one row at a time, times w plus b.
Values normalized(Tensors in) {
  Values x = values_of(in[0]);
  const Values w = values_of(in[1]), b = values_of(in[2]);
  const size_t n = w.size();
  for (size_t begin = 0; n > 0 && begin < x.size(); begin += n) {
    long double mean = 0, square = 0;
    for (size_t j = 0; j < n; ++j) mean += x[begin + j] / static_cast<long double>(n);
    for (size_t j = 0; j < n; ++j) square += (x[begin + j] - mean) * (x[begin + j] - mean);
    const long double scale = 1 / std::sqrt(square / static_cast<long double>(n) + 1e-5L);
    for (size_t j = 0; j < n; ++j) {
      x[begin + j] = static_cast<double>((x[begin + j] - mean) * scale * w[j] + b[j]);
    }
  }
  return x;
}

// The mean of f over the elements of prediction and target.
Values mean_of(Tensors in, double (*f)(double x, double t)) {
  const Values x = values_of(in[0]), t = values_of(in[1]);
  long double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += f(x[i], t[i]);
  return {static_cast<double>(sum / static_cast<long double>(x.size()))};
}
// The mean over rows of minus the element at the label; of logits, the logarithm of the row's sum
// of exp is added.
Values label_loss(Tensors in, bool logits) {
  const Values x = values_of(in[0]), labels = values_of(in[1]);
  const size_t n = static_cast<size_t>(in[0].size(1));
  long double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double* row = x.data() + i * n;
    const double top = *std::max_element(row, row + n);
    long double total = 0;
    for (size_t j = 0; j < n; ++j) total += std::exp(static_cast<long double>(row[j] - top));
    sum += (logits ? std::log(total) + top : 0) - row[static_cast<size_t>(labels[i])];
  }
  return {static_cast<double>(sum / static_cast<long double>(labels.size()))};
}

#define ATTUNE_WHOLE(...) [](Tensors in) -> Values { return __VA_ARGS__; }
#define ATTUNE_MEAN(...)                                                          \
  [](Tensors in) -> Values {                                                      \
    return mean_of(in, [](double x, double t) -> double { return __VA_ARGS__; }); \
  }

using enum Types;

constexpr Operand kPrediction = matrix(), kTarget = matrix(0.1, 0.9);
constexpr Operand kLabels = index({kN}, 1);  // of a matrix [n, m]: m classes

constexpr Row kProducts[] = {
    Row("matmul", "a.matmul(b)",
        "[..., m, k] x [..., k, n] to [..., m, n]; vectors and broadcast as in NumPy",
        floating_only, {matrix(), Operand{{kN, 5}, 2}}, ATTUNE_CALL(in[0].matmul(in[1])),
        ATTUNE_WHOLE(product(in[0], in[1].t())))
        .with_zyx("matmul, dot_dtype"),
    Row("matmul", "", "batched", floating_only, {Operand{{2, kM, kN}, 3}, Operand{{kN, 3}, 2}},
        ATTUNE_CALL(in[0].matmul(in[1])), ATTUNE_WHOLE(product(in[0].flatten(0, 1), in[1].t()))),
    Row("dot", "a.dot(b)", "[n] x [n] to []", floating_only, {vector_of(kN), vector_of(kN)},
        ATTUNE_CALL(in[0].dot(in[1])),
        ATTUNE_WHOLE(product(in[0].unsqueeze(0), in[1].unsqueeze(0)))),
    Row("outer", "a.outer(b)", "[m] x [n] to [m, n]", numbers, {vector_of(kM), vector_of(kN)},
        ATTUNE_CALL(in[0].outer(in[1])),
        ATTUNE_WHOLE(product(in[0].unsqueeze(1), in[1].unsqueeze(1)))),
    Row("linear", "linear(x, w, b = none, activation = none)",
        "activation(x w^T + b), fused: x [..., in], w [out, in], b [out]", floating_only,
        {matrix(), Operand{{5, kN}, 2}, Operand{{5}, 1, -3, 3, Operand::number, true}},
        ATTUNE_CALL(linear(in[0], in[1], in[2])), ATTUNE_WHOLE(product(in[0], in[1], in[2]))),
    Row("linear", "", "relu, no bias", floating_only, {matrix(), Operand{{5, kN}, 2}},
        ATTUNE_CALL(linear(in[0], in[1], {}, Activation::relu)), rectified),
    Row("layer_norm", "layer_norm(x, weight = none, bias = none, epsilon = 1e-5, axes = 1)",
        "each row along the last axes to mean 0 and variance 1, times weight plus bias, fused",
        floating,
        {matrix(), Operand{{kN}, 1, -3, 3, Operand::number, true},
         Operand{{kN}, 1, -3, 3, Operand::number, true}},
        ATTUNE_CALL(layer_norm(in[0], in[1], in[2])), normalized)
        .no_extremes(),
    Row("dropout", "x.dropout(p, rng)", "0 with probability p, the rest divided by 1 - p",
        floating_only, matrix(), dropped),
};

constexpr Row kLosses[] = {
    Row("cross_entropy",
        "cross_entropy(logits, labels), nn::cross_entropy(logits, labels, {label_smoothing, "
        "weights, ignore_index, reduction})",
        "mean of -log softmax(logits)[label]: logits [batch, classes], labels [batch]", floating,
        {Operand{{kN, kM}, 2}, kLabels}, ATTUNE_CALL(cross_entropy(in[0], in[1])),
        ATTUNE_WHOLE(label_loss(in, true)))
        .with_zyx("cross_entropy_loss"),
    Row("cross_entropy", "", "label smoothing", floating, {Operand{{kN, kM}, 2}, kLabels},
        ATTUNE_CALL(nn::cross_entropy(in[0], in[1], {.label_smoothing = 0.1}))),
    Row("nll", "nn::nll(log_probabilities, labels, {weights, ignore_index, reduction})",
        "the same of log-probabilities", floating, {Operand{{kN, kM}, 2}, kLabels},
        ATTUNE_CALL(nn::nll(in[0], in[1])), ATTUNE_WHOLE(label_loss(in, false)))
        .with_zyx("nll_loss"),
    Row("mse", "mse(prediction, target, reduction = mean)", "mean of squared differences", floating,
        {kPrediction, kTarget}, ATTUNE_CALL(mse(in[0], in[1])), ATTUNE_MEAN((x - t) * (x - t)))
        .with_zyx("mse_loss"),
    Row("l1", "l1(prediction, target, reduction = mean)", "mean of absolute differences", floating,
        {kPrediction, kTarget}, ATTUNE_CALL(nn::l1(in[0], in[1])), ATTUNE_MEAN(std::abs(x - t)))
        .with_zyx("l1_loss"),
    Row("huber", "huber(prediction, target, delta = 1, reduction = mean)",
        "half the square up to delta, then straight", floating, {kPrediction, kTarget},
        ATTUNE_CALL(nn::huber(in[0], in[1])),
        ATTUNE_MEAN(std::abs(x - t) < 1 ? (x - t) * (x - t) / 2 : std::abs(x - t) - 0.5))
        .with_zyx("huber_loss"),
    Row("smooth_l1", "nn::smooth_l1(prediction, target, beta = 1, reduction = mean)",
        "huber over beta", floating, {kPrediction, kTarget},
        ATTUNE_CALL(nn::smooth_l1(in[0], in[1], 0.5)),
        ATTUNE_MEAN(std::abs(x - t) < 0.5 ? (x - t) * (x - t) : std::abs(x - t) - 0.25))
        .with_zyx("smooth_l1_loss"),
    Row("bce", "nn::bce(probability, target, reduction = mean)",
        "mean binary cross-entropy of probabilities", floating, {kTarget, kTarget},
        ATTUNE_CALL(nn::bce(in[0].sigmoid(), in[1])),
        ATTUNE_MEAN(-t* std::log(1 / (1 + std::exp(-x))) -
                    (1 - t) * std::log(1 / (1 + std::exp(x)))))
        .with_zyx("bce_loss")
        .no_extremes(),
    Row("kl_div",
        "nn::kl_div(prediction, target, {log_target = false, batch_mean = false, reduction})",
        "target (log target - prediction), prediction being log-probabilities", floating,
        {kPrediction, kTarget}, ATTUNE_CALL(nn::kl_div(in[0], in[1])),
        ATTUNE_MEAN(t > 0 ? t * (std::log(t) - x) : 0))
        .with_zyx("kl_div_loss")
        .no_extremes(),
    Row("cosine_similarity", "nn::cosine_similarity(a, b, axis = 1, epsilon = 1e-8)",
        "a b / (|a| |b|) along an axis", floating, {kPrediction, kTarget},
        ATTUNE_CALL(nn::cosine_similarity(in[0], in[1], 0)))
        .with_zyx("cosine_similarity_loss"),
    Row("cosine_embedding", "nn::cosine_embedding(a, b, target, margin = 0, reduction)",
        "1 - cosine_similarity where the target is 1, and where it is -1 what it is above the "
        "margin",
        floating, {kPrediction, kTarget},
        ATTUNE_CALL(
            nn::cosine_embedding(in[0].reshape({1, -1}), in[1].reshape({1, -1}), Tensor({1.f})))),
    Row("triplet_margin",
        "nn::triplet_margin(anchor, positive, negative, {margin = 1, p = 2, epsilon = 1e-6, swap = "
        "false, reduction})",
        "max(0, |anchor - positive| - |anchor - negative| + margin)", floating,
        {kPrediction, kTarget, kPrediction},
        ATTUNE_CALL(nn::triplet_margin(in[0], in[1], in[2] * 2, {.margin = 2})))
        .with_zyx("triplet_margin_loss"),
    Row("ctc", "nn::ctc(log_probabilities, targets, input_lengths, target_lengths, {blank = 0})",
        "-log of the probability of labels, whatever their places: [length, batch, classes]",
        floating, Operand{{6, 1, 4}, 3},
        ATTUNE_CALL(nn::ctc(in[0].log_softmax(), Tensor({{1, 2, 2}}), Tensor({6}), Tensor({3})))),
    Row("bce_with_logits",
        "bce_with_logits(logits, target, reduction = mean), "
        "nn::bce_with_logits(logits, target, {pos_weight, reduction})",
        "mean binary cross-entropy, target in [0, 1]", floating, {kPrediction, kTarget},
        ATTUNE_CALL(bce_with_logits(in[0], in[1])),
        ATTUNE_MEAN(std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::abs(x)))))
        .with_zyx("bce_with_logits_loss")
        .no_extremes(),
};

constexpr Row kMaking[] = {
    Row("empty", "Tensor::empty(shape, dtype = f32)", "elements undefined", fixed, {}, nullptr),
    Row("zeros", "Tensor::zeros(shape, dtype = f32)", "0", fixed, {},
        ATTUNE_CALL(Tensor::zeros({2, 2})), ATTUNE_WHOLE(Values(in.size() + 4, 0.0))),
    Row("zeros_like", "Tensor::zeros_like(x)", "0, in the shape and dtype of x", any, matrix(),
        ATTUNE_CALL(Tensor::zeros_like(in[0])), ATTUNE_EACH(v[0] * 0))
        .no_extremes(),
    Row("ones", "Tensor::ones(shape, dtype = f32)", "1", fixed, {},
        ATTUNE_CALL(Tensor::ones({2, 2})), ATTUNE_WHOLE(Values(in.size() + 4, 1.0))),
    Row("ones_like", "Tensor::ones_like(x)", "1, in the shape and dtype of x", any, matrix(),
        ATTUNE_CALL(Tensor::ones_like(in[0])), ATTUNE_EACH(v[0] * 0 + 1))
        .no_extremes(),
    Row("full", "Tensor::full(shape, value, dtype = f32)", "one value", fixed, {},
        ATTUNE_CALL(Tensor::full({2, 2}, 2.5)), ATTUNE_WHOLE(Values(in.size() + 4, 2.5))),
    Row("eye", "Tensor::eye(n, dtype = f32)", "the identity [n, n]", fixed, {},
        ATTUNE_CALL(Tensor::eye(2)), ATTUNE_WHOLE(Values{1, 0, 0, in.empty() ? 1.0 : 0.0})),
    Row("arange", "Tensor::arange(begin, end, step = 1, dtype = i64)",
        "begin, begin + step, … below end", fixed, {}, ATTUNE_CALL(Tensor::arange(3, 9, 2)),
        ATTUNE_WHOLE(Values{3, 5, in.empty() ? 7.0 : 0.0})),
    Row("linspace", "Tensor::linspace(begin, end, count, dtype = f32)",
        "count values from begin to end, both included", fixed, {},
        ATTUNE_CALL(Tensor::linspace(0, 1, 3)),
        ATTUNE_WHOLE(Values{0, 0.5, in.empty() ? 1.0 : 0.0})),
    Row("logspace", "Tensor::logspace(begin, end, count, base = 10, dtype = f32)",
        "base to the powers of linspace", fixed, {}, ATTUNE_CALL(Tensor::logspace(0, 2, 3)),
        ATTUNE_WHOLE(Values{1, 10, in.empty() ? 100.0 : 0.0})),
    Row("tri", "Tensor::tri(rows, columns, diagonal = 0, dtype = f32)", "1 on and below a diagonal",
        fixed, {}, ATTUNE_CALL(Tensor::tri(2, 2)),
        ATTUNE_WHOLE(Values{1, 0, 1, in.empty() ? 1.0 : 0.0})),
    Row("rand", "Tensor::rand(shape, rng, dtype = f32)", "evenly in [0, 1)", fixed, {}, nullptr),
    Row("randn", "Tensor::randn(shape, rng, dtype = f32)", "normal, mean 0 and deviation 1", fixed,
        {}, nullptr),
    Row("uniform", "Tensor::uniform(shape, low, high, rng, dtype = f32)", "evenly in [low, high)",
        fixed, {}, nullptr),
    Row("randint", "Tensor::randint(shape, low, high, rng, dtype = i64)", "integers in [low, high)",
        fixed, {}, nullptr),
    Row("bernoulli", "Tensor::bernoulli(shape, probability, rng)",
        "booleans, true with the probability", fixed, {}, nullptr),
    Row("multinomial", "Tensor::multinomial(weights, count, rng, replacement = false)",
        "positions in proportion to weights [..., n], i64 [..., count]", fixed, {}, nullptr),
    Row("permutation", "Tensor::permutation(n, rng)", "0 to n - 1 in random order, i64", fixed, {},
        nullptr),
    Row("kaiming_uniform", "Tensor::kaiming_uniform(shape, rng, slope = 0)",
        "variance 2 / ((1 + slope^2) fan_in), even", fixed, {}, nullptr),
    Row("kaiming_normal", "Tensor::kaiming_normal(shape, rng, slope = 0)", "the same, normal",
        fixed, {}, nullptr),
    Row("xavier_uniform", "Tensor::xavier_uniform(shape, rng, gain = 1)",
        "variance 2 gain^2 / (fan_in + fan_out), even", fixed, {}, nullptr)
        .with_zyx("glorot_uniform"),
    Row("xavier_normal", "Tensor::xavier_normal(shape, rng, gain = 1)", "the same, normal", fixed,
        {}, nullptr),
    Row("orthogonal", "Tensor::orthogonal(shape, rng, gain = 1)",
        "orthonormal rows or columns, times gain", fixed, {}, nullptr),
    Row("from", "Tensor::from(values, shape)", "a copy of a span or vector", fixed, {}, nullptr),
    Row("borrow", "Tensor::borrow(elements, shape, owner = none)",
        "the caller's elements, not copied", fixed, {}, nullptr),
};

constexpr Row kAsking[] = {
    Row("defined", "x.defined()", "false for a Tensor() that holds nothing", fixed, {}, nullptr),
    Row("shape", "x.shape()", "sizes of the axes", fixed, {}, nullptr).with_zyx("dims"),
    Row("size", "x.size(axis)", "size of one axis", fixed, {}, nullptr).with_zyx("rdims"),
    Row("rank", "x.rank()", "number of axes", fixed, {}, nullptr),
    Row("numel", "x.numel()", "number of elements", fixed, {}, nullptr),
    Row("dtype", "x.dtype()", "type of the elements", fixed, {}, nullptr),
    Row("strides", "x.strides()", "distance between neighbours along each axis, in elements", fixed,
        {}, nullptr),
    Row("is_contiguous", "x.is_contiguous()", "whether the elements lie in order without gaps",
        fixed, {}, nullptr),
    Row("item", "x.item<T>()", "the only element", fixed, {}, nullptr),
    Row("data", "x.data<T>()", "span of the elements of a contiguous tensor", fixed, {}, nullptr),
    Row("to_vector", "x.to_vector<T>()", "copy of the elements, in order", fixed, {}, nullptr),
    Row("cast", "x.cast(dtype)", "another dtype: fractions are cut, to boolean x != 0", fixed,
        matrix(-9, 9), ATTUNE_CALL(in[0].cast(DType::f64)), ATTUNE_EACH(v[0])),
    Row("bitcast", "x.bitcast(dtype)", "the same bytes as another dtype of that size; a view",
        fixed, {}, nullptr),
    Row("detach", "x.detach()", "the same elements, unknown to any tape", any, matrix(), nullptr),
};

}  // namespace

std::span<const Row> product_rows() { return kProducts; }
std::span<const Row> loss_rows() { return kLosses; }
std::span<const Row> creation_rows() { return kMaking; }
std::span<const Row> query_rows() { return kAsking; }

}  // namespace attune::ops
