// More of the ops that the driver knows by name: linear algebra, images, order, losses and layers.

#include <attune/nn.h>

#include <optional>
#include <stdexcept>

#include "tests/differential/driver_ops.h"

using namespace attune;

namespace {

// Sets the parameters of a module by their dotted names.
class Put : public nn::Fields {
 public:
  explicit Put(std::map<std::string, Tensor> values) : values_(std::move(values)) {}
  void on_parameter(std::string_view name, Tensor& x) override {
    x = values_.at(prefix_ + std::string(name));
  }
  void on_buffer(std::string_view name, Tensor& x) override {
    const auto found = values_.find(prefix_ + std::string(name));
    if (found != values_.end()) x = found->second;
  }

 protected:
  void enter(std::string_view name) override { prefix_ += std::string(name) + "."; }
  void leave(std::string_view name) override { prefix_.resize(prefix_.size() - name.size() - 1); }

 private:
  std::map<std::string, Tensor> values_;
  std::string prefix_;
};

// x begins with `first` operands; the rest are the parameters that a["names"] lists.
template <class Module>
Module with_parameters(Module module, const Tensors& x, size_t first, const Json& a) {
  std::map<std::string, Tensor> values;
  for (size_t i = first; i < x.size(); ++i) values[a["names"][i - first]] = x[i];
  module.to(x[0].dtype());
  Put put(std::move(values));
  module.fields(put);
  module.train(a.value("train", true));
  return module;
}

Extent2 extent(const Json& a, const char* key, int64_t otherwise) {
  if (!a.contains(key)) return otherwise;
  if (a[key].is_number()) return a[key].get<int64_t>();
  if (a[key].size() == 1) return a[key][0].get<int64_t>();
  return {a[key][0].get<int64_t>(), a[key][1].get<int64_t>()};
}
ConvOptions conv(const Json& a) {
  return {extent(a, "stride", 1), extent(a, "padding", 0), extent(a, "dilation", 1),
          a.value("groups", int64_t{1})};
}
PoolOptions pool(const Json& a) {
  return {extent(a, "stride", 0), extent(a, "padding", 0), a.value("count_padding", true)};
}
WindowOptions windows(const Json& a) {
  return {extent(a, "stride", 1), extent(a, "padding", 0), extent(a, "dilation", 1)};
}
Reduction reduction(const Json& a) {
  const std::string r = a.value("reduction", "mean");
  return r == "sum" ? Reduction::sum : r == "none" ? Reduction::none : Reduction::mean;
}
Tensor third(const Tensors& x) { return x.size() > 2 ? x[2] : Tensor(); }

}  // namespace

#define OP(name, ...)                                                                             \
  ops[#name] = []([[maybe_unused]] const Tensors& x, [[maybe_unused]] const Json& a) -> Tensors { \
    return __VA_ARGS__;                                                                           \
  };
#define UNARY(name) OP(name, {x[0].name()})

static void add_elementwise(std::map<std::string, Op>& ops) {
  UNARY(exp2)
  UNARY(log2)
  UNARY(log10)
  UNARY(tan)
  UNARY(asin)
  UNARY(acos)
  UNARY(atan)
  UNARY(sinh)
  UNARY(cosh)
  UNARY(erfc)
  UNARY(erfinv)
  UNARY(trunc)
  UNARY(frac)
  UNARY(deg2rad)
  UNARY(rad2deg)
  UNARY(bitwise_not)
  UNARY(relu6)
  UNARY(selu)
  UNARY(hard_sigmoid)
  UNARY(log_sigmoid)
  UNARY(hard_silu)
  UNARY(softsign)
  UNARY(mish)
  UNARY(tanh_shrink)
  OP(elu, {x[0].elu(number(a["alpha"]))})
  OP(celu, {x[0].celu(number(a["alpha"]))})
  OP(bitwise_and, {x[0].bitwise_and(x[1])})
  OP(bitwise_or, {x[0].bitwise_or(x[1])})
  OP(bitwise_xor, {x[0].bitwise_xor(x[1])})
  OP(isclose,
     {x[0].isclose(x[1], number(a["rtol"]), number(a["atol"]), a.value("equal_nan", false))})
  ops["atan2"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {a.contains("right") ? x[0].atan2(scalar(a["right"])) : x[0].atan2(x[1])};
  };
  ops["mod"] = [](const Tensors& x, const Json& a) -> Tensors {
    if (a.contains("right")) return {x[0] % scalar(a["right"])};
    if (a.contains("left")) return {scalar(a["left"]) % x[0]};
    return {x[0] % x[1]};
  };
}

static void add_order_and_moves(std::map<std::string, Op>& ops) {
  OP(cumprod, {x[0].cumprod(a["axis"])})
  OP(cummax, {x[0].cummax(a["axis"])})
  OP(count_nonzero, {x[0].count_nonzero(axes(a))})
  OP(median, {x[0].median(axes(a), keep(a))})
  OP(quantile, {x[0].quantile(number(a["q"]), axes(a), keep(a))})
  OP(unique, {x[0].unique()})
  OP(searchsorted, {x[0].searchsorted(x[1], a.value("right", false))})
  OP(unflatten, {x[0].unflatten(a["axis"], shape(a["sizes"]))})
  OP(tile, {x[0].tile(shape(a["counts"]))})
  OP(repeat, {x[0].repeat(shape(a["counts"]))})
  OP(triu, {x[0].triu(a.value("diagonal", int64_t{0}))})
  OP(tril, {x[0].tril(a.value("diagonal", int64_t{0}))})
  OP(chunk, x[0].chunk(a["count"], a.value("axis", 0)))
  OP(diagonal, {x[0].diagonal(a["offset"], a["axis1"], a["axis2"])})
  ops["roll"] = [](const Tensors& x, const Json& a) -> Tensors {
    if (!a.contains("axes")) return {x[0].roll(a["shifts"][0].get<int64_t>())};
    return {x[0].roll(a["shifts"].get<std::vector<int64_t>>(), axes(a))};
  };
  OP(scatter, {x[0].scatter(a["axis"], x[1], x[2])})
  OP(scatter_value, {x[0].scatter(a["axis"], x[1], scalar(a["value"]))})
  OP(index_add, {x[0].index_add(a["axis"], x[1], x[2])})
  OP(take_along_axis, {x[0].take_along_axis(a["axis"], x[1])})
  UNARY(nonzero)
  OP(masked_select, {x[0][x[1]]})
}

static void add_linear_algebra(std::map<std::string, Op>& ops) {
  OP(einsum, {einsum(a["equation"].get<std::string>(), x)})
  OP(tensordot, {tensordot(x[0], x[1], axes(a, "axes_a"), axes(a, "axes_b"))})
  UNARY(cholesky)
  UNARY(inverse)
  UNARY(det)
  OP(solve, {x[0].solve(x[1])})
  OP(triangular_solve, {x[0].triangular_solve(x[1], a["upper"], a["unit"])})
  ops["svdvals"] = [](const Tensors& x, const Json&) -> Tensors { return {x[0].svd().s}; };
  ops["eigvalsh"] = [](const Tensors& x, const Json&) -> Tensors { return {x[0].eigh().values}; };
  ops["qr_product"] = [](const Tensors& x, const Json&) -> Tensors {
    const auto [q, r] = x[0].qr();
    return {q.matmul(r)};
  };
  OP(lstsq, {x[0].lstsq(x[1])})
}

static void add_images(std::map<std::string, Op>& ops) {
  OP(conv1d, {x[0].conv1d(x[1], third(x), conv(a))})
  OP(conv2d, {x[0].conv2d(x[1], third(x), conv(a))})
  OP(conv_transpose2d,
     {x[0].conv_transpose2d(
         x[1], third(x),
         {extent(a, "stride", 1), extent(a, "padding", 0), extent(a, "dilation", 1),
          extent(a, "output_padding", 0), a.value("groups", int64_t{1})})})
  OP(max_pool1d, {x[0].max_pool1d(extent(a, "window", 1).width, pool(a))})
  OP(max_pool2d, {x[0].max_pool2d(extent(a, "window", 1), pool(a))})
  OP(avg_pool1d, {x[0].avg_pool1d(extent(a, "window", 1).width, pool(a))})
  OP(avg_pool2d, {x[0].avg_pool2d(extent(a, "window", 1), pool(a))})
  OP(unfold, {x[0].unfold(extent(a, "window", 1), windows(a))})
  OP(fold, {x[0].fold(extent(a, "size", 1), extent(a, "window", 1), windows(a))})
  OP(interpolate,
     {x[0].interpolate(extent(a, "size", 1),
                       a["bilinear"] ? Interpolation::bilinear : Interpolation::nearest,
                       a.value("align_corners", false))})
}

static void add_losses(std::map<std::string, Op>& ops) {
  OP(bce, {nn::bce(x[0], x[1], reduction(a))})
  OP(smooth_l1, {nn::smooth_l1(x[0], x[1], number(a["beta"]), reduction(a))})
  OP(kl_div, {nn::kl_div(x[0], x[1],
                         {a.value("log_target", false), a.value("reduction", "") == "batchmean",
                          reduction(a)})})
  OP(cosine_similarity, {nn::cosine_similarity(x[0], x[1], a["axis"], number(a["eps"]))})
  OP(cosine_embedding, {nn::cosine_embedding(x[0], x[1], x[2], number(a["margin"]), reduction(a))})
  OP(triplet_margin, {nn::triplet_margin(x[0], x[1], x[2],
                                         {number(a["margin"]), number(a["p"]), number(a["eps"]),
                                          a.value("swap", false), reduction(a)})})
  OP(ctc, {nn::ctc(x[0], x[1], x[2], x[3],
                   {a.value("blank", int64_t{0}), a.value("zero_infinity", false), reduction(a)})})
}

static void add_layers(std::map<std::string, Op>& ops) {
  ops["attention"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {nn::attention(
        x[0], x[1], x[2],
        {.mask = x.size() > 3 ? x[3] : Tensor(), .causal = a.value("causal", false)})};
  };
  ops["BatchNorm1d"] = [](const Tensors& x, const Json& a) -> Tensors {
    auto m = with_parameters(nn::BatchNorm1d(x[0].size(1)), x, 1, a);
    const Tensor y = m(x[0]);
    return {y, m.running_mean, m.running_var};
  };
  ops["BatchNorm2d"] = [](const Tensors& x, const Json& a) -> Tensors {
    auto m = with_parameters(nn::BatchNorm2d(x[0].size(1)), x, 1, a);
    const Tensor y = m(x[0]);
    return {y, m.running_mean, m.running_var};
  };
  ops["GroupNorm"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {with_parameters(nn::GroupNorm(a["groups"], x[0].size(1)), x, 1, a)(x[0])};
  };
  ops["RMSNorm"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {with_parameters(nn::RMSNorm(x[0].size(-1)), x, 1, a)(x[0])};
  };
#define RECURRENT(name, ...)                                                                 \
  ops[#name] = [](const Tensors& x, const Json& a) -> Tensors {                              \
    Rng rng(1);                                                                              \
    auto m = with_parameters(                                                                \
        nn::name(x[0].size(2), a["hidden"].get<int64_t>(), rng,                              \
                 {.layers = a["layers"], .bidirectional = a.value("bidirectional", false)}), \
        x, 2, a);                                                                            \
    auto [y, state] = m.forward(x[0], {}, x[1]);                                             \
    return {y, __VA_ARGS__};                                                                 \
  };
  RECURRENT(RNN, state)
  RECURRENT(GRU, state)
  RECURRENT(LSTM, state.hidden, state.cell)
#undef RECURRENT
  ops["MultiheadAttention"] = [](const Tensors& x, const Json& a) -> Tensors {
    Rng rng(1);
    auto m = with_parameters(nn::MultiheadAttention(x[0].size(2), a["heads"], rng), x, 3, a);
    return {m(x[0], x[1], x[1], nn::AttentionMasks{.keys = x[2]})};
  };
  ops["TransformerEncoderLayer"] = [](const Tensors& x, const Json& a) -> Tensors {
    Rng rng(1);
    auto m = with_parameters(nn::TransformerEncoderLayer(x[0].size(2), a["heads"], rng,
                                                         {.feedforward = a["feedforward"],
                                                          .dropout = 0,
                                                          .gelu = a["gelu"],
                                                          .norm_first = a["norm_first"]}),
                             x, 1, a);
    return {m(x[0])};
  };
  ops["TransformerDecoderLayer"] = [](const Tensors& x, const Json& a) -> Tensors {
    Rng rng(1);
    auto m = with_parameters(nn::TransformerDecoderLayer(x[0].size(2), a["heads"], rng,
                                                         {.feedforward = a["feedforward"],
                                                          .dropout = 0,
                                                          .gelu = a["gelu"],
                                                          .norm_first = a["norm_first"]}),
                             x, 2, a);
    return {m(x[0], x[1], nn::AttentionMasks{.causal = true})};
  };
}

void add_more_ops(std::map<std::string, Op>& ops) {
  add_elementwise(ops);
  add_order_and_moves(ops);
  add_linear_algebra(ops);
  add_images(ops);
  add_losses(ops);
  add_layers(ops);
}
