#include "tests/differential/driver_ops.h"

#include <attune/nn.h>

#include <cstdlib>
#include <optional>
#include <stdexcept>

using namespace attune;

// ---- Arguments ----

// "i:5", "f:0x1p-3", "f:nan", "b:1", "u:18446744073709551615"
Scalar scalar(const Json& j) {
  const std::string s = j.get<std::string>(), v = s.substr(2);
  switch (s[0]) {
    case 'i': return Scalar(static_cast<int64_t>(std::strtoll(v.c_str(), nullptr, 10)));
    case 'u': return Scalar(static_cast<uint64_t>(std::strtoull(v.c_str(), nullptr, 10)));
    case 'b': return Scalar(v == "1");
    default: return Scalar(std::strtod(v.c_str(), nullptr));
  }
}
double number(const Json& j) { return scalar(j).value(); }
Axes axes(const Json& a, const char* key) {
  if (!a.contains(key) || a[key].is_null()) return Axes();
  if (a[key].is_number()) return Axes(a[key].get<int>());
  Axes axes = Axes::none();
  for (const auto& i : a[key]) axes.push_back(i.get<int>());
  return axes;
}
KeepDims keep(const Json& a) { return KeepDims{a.value("keep", false)}; }
Shape shape(const Json& j) {
  const auto v = j.get<std::vector<int64_t>>();
  return Shape(std::span<const int64_t>(v));
}
static DType dtype(const Json& j) {
  static const std::map<std::string, DType> names{
      {"f32", DType::f32},   {"f64", DType::f64}, {"f16", DType::f16},
      {"bf16", DType::bf16}, {"i32", DType::i32}, {"i64", DType::i64},
      {"i8", DType::i8},     {"u8", DType::u8},   {"bool", DType::boolean}};
  return names.at(j.get<std::string>());
}
static std::optional<int64_t> maybe(const Json& j) {
  return j.is_null() ? std::optional<int64_t>{} : j.get<int64_t>();
}
// operator[] takes an initializer_list only: a list made at run time needs this.
Tensor index(const Tensor& x, const Json& list) {
  std::vector<Index> at;
  for (const auto& i : list) {
    if (i.is_number())
      at.emplace_back(i.get<int64_t>());
    else if (i == "new")
      at.emplace_back(new_axis);
    else if (i == "...")
      at.emplace_back(ellipsis);
    else
      at.emplace_back(Slice{maybe(i[0]), maybe(i[1]), i[2].is_null() ? 1 : i[2].get<int64_t>()});
  }
  switch (at.size()) {
    case 0: return x[{}];
    case 1: return x[{at[0]}];
    case 2: return x[{at[0], at[1]}];
    case 3: return x[{at[0], at[1], at[2]}];
    case 4: return x[{at[0], at[1], at[2], at[3]}];
    case 5: return x[{at[0], at[1], at[2], at[3], at[4]}];
    case 6: return x[{at[0], at[1], at[2], at[3], at[4], at[5]}];
    default: throw std::logic_error("driver: too many places in an index");
  }
}
static std::vector<std::pair<int64_t, int64_t>> widths(const Json& j) {
  std::vector<std::pair<int64_t, int64_t>> w;
  for (const auto& p : j) w.emplace_back(p[0].get<int64_t>(), p[1].get<int64_t>());
  return w;
}
static PadMode pad_mode(const Json& a) {
  const std::string m = a.value("mode", "constant");
  return m == "reflect"     ? PadMode::reflect
         : m == "replicate" ? PadMode::replicate
                            : PadMode::constant;
}

// ---- Ops by name ----

std::map<std::string, Op> make_ops() {
  std::map<std::string, Op> ops;
#define UNARY(name) \
  ops[#name] = [](const Tensors& x, const Json&) -> Tensors { return {x[0].name()}; };
  UNARY(neg)
  UNARY(abs)
  UNARY(sign)
  UNARY(square)
  UNARY(sqrt)
  UNARY(rsqrt)
  UNARY(reciprocal)
  UNARY(exp)
  UNARY(expm1)
  UNARY(log)
  UNARY(log1p)
  UNARY(sin)
  UNARY(cos)
  UNARY(tanh)
  UNARY(erf)
  UNARY(floor)
  UNARY(ceil)
  UNARY(round)
  UNARY(isnan)
  UNARY(isinf)
  UNARY(isfinite)
  UNARY(logical_not)
  UNARY(relu)
  UNARY(sigmoid)
  UNARY(silu)
  UNARY(softplus)
  UNARY(contiguous)
  UNARY(clone)
  UNARY(detach)
  UNARY(t)
#undef UNARY
  ops["operator-"] = [](const Tensors& x, const Json&) -> Tensors { return {-x[0]}; };
  ops["leaky_relu"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].leaky_relu(number(a["slope"]))};
  };
  ops["gelu"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].gelu(a.value("tanh", false) ? Gelu::tanh : Gelu::exact)};
  };
  ops["softmax"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].softmax(a["axis"])};
  };
  ops["log_softmax"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].log_softmax(a["axis"])};
  };
  ops["dropout"] = [](const Tensors& x, const Json& a) -> Tensors {
    Rng rng(a.value("seed", 1));
    return {x[0].dropout(number(a["p"]), rng)};
  };
  // Operators: two tensors, or a scalar on either side ("right" / "left").
#define OPERATOR(name, symbol)                                        \
  ops[#name] = [](const Tensors& x, const Json& a) -> Tensors {       \
    if (a.contains("right")) return {x[0] symbol scalar(a["right"])}; \
    if (a.contains("left")) return {scalar(a["left"]) symbol x[0]};   \
    return {x[0] symbol x[1]};                                        \
  };
  OPERATOR(add, +)
  OPERATOR(sub, -)
  OPERATOR(mul, *)
  OPERATOR(div, /)
#undef OPERATOR
#define BINARY(name)                                                 \
  ops[#name] = [](const Tensors& x, const Json& a) -> Tensors {      \
    if (a.contains("right")) return {x[0].name(scalar(a["right"]))}; \
    return {x[0].name(x[1])};                                        \
  };
  BINARY(pow)
  BINARY(maximum)
  BINARY(minimum)
  BINARY(eq)
  BINARY(ne)
  BINARY(lt)
  BINARY(le)
  BINARY(gt)
  BINARY(ge)
#undef BINARY
#define LOGICAL(name) \
  ops[#name] = [](const Tensors& x, const Json&) -> Tensors { return {x[0].name(x[1])}; };
  LOGICAL(logical_and)
  LOGICAL(logical_or)
  LOGICAL(logical_xor)
  LOGICAL(matmul)
  LOGICAL(dot)
  LOGICAL(outer)
#undef LOGICAL
  ops["clamp"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].clamp(scalar(a["low"]), scalar(a["high"]))};
  };
  ops["masked_fill"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].masked_fill(x[1], scalar(a["value"]))};
  };
#define REDUCE(name)                                            \
  ops[#name] = [](const Tensors& x, const Json& a) -> Tensors { \
    return {x[0].name(axes(a), keep(a))};                       \
  };
  REDUCE(sum)
  REDUCE(mean)
  REDUCE(max)
  REDUCE(min)
  REDUCE(prod)
  REDUCE(norm)
  REDUCE(logsumexp)
  REDUCE(any)
  REDUCE(all)
#undef REDUCE
  ops["var"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].var(axes(a), a.value("correction", 1), keep(a))};
  };
  ops["std"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].std(axes(a), a.value("correction", 1), keep(a))};
  };
  const auto axis_or_none = [](const Json& a) {
    return a.contains("axis") && !a["axis"].is_null() ? std::optional<int>(a["axis"].get<int>())
                                                      : std::optional<int>{};
  };
  ops["argmax"] = [=](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].argmax(axis_or_none(a), keep(a))};
  };
  ops["argmin"] = [=](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].argmin(axis_or_none(a), keep(a))};
  };
  ops["cumsum"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].cumsum(a["axis"])};
  };
  ops["sort"] = [](const Tensors& x, const Json& a) -> Tensors {
    const auto s = x[0].sort(a.value("axis", -1), a.value("descending", false));
    return {s.values, s.indices};
  };
  ops["argsort"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].argsort(a.value("axis", -1), a.value("descending", false))};
  };
  ops["topk"] = [](const Tensors& x, const Json& a) -> Tensors {
    const auto s = x[0].topk(a["k"], a.value("axis", -1), a.value("largest", true));
    return {s.values, s.indices};
  };
  ops["reshape"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].reshape(shape(a["shape"]))};
  };
  ops["flatten"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].flatten(a.value("begin", 0), a.value("end", -1))};
  };
  ops["permute"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].permute(axes(a))};
  };
  ops["transpose"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].transpose(a["a"], a["b"])};
  };
  ops["expand"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].expand(shape(a["shape"]))};
  };
  ops["squeeze"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].squeeze(axes(a))};
  };
  ops["unsqueeze"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].unsqueeze(a["axis"])};
  };
  ops["flip"] = [](const Tensors& x, const Json& a) -> Tensors { return {x[0].flip(axes(a))}; };
  ops["index"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {index(x[0], a["index"])};
  };
  ops["narrow"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].narrow(a["axis"], a["begin"], a["length"])};
  };
  ops["split"] = [](const Tensors& x, const Json& a) -> Tensors {
    return x[0].split(a["size"].get<int64_t>(), a.value("axis", 0));
  };
  ops["pad"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {
        x[0].pad(widths(a["widths"]), pad_mode(a), a.contains("value") ? number(a["value"]) : 0)};
  };
  ops["gather"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].gather(a["axis"], x[1])};
  };
  ops["scatter_add"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].scatter_add(a["axis"], x[1], x[2])};
  };
  ops["index_select"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].index_select(a["axis"], x[1])};
  };
  ops["one_hot"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].one_hot(a["classes"])};
  };
  ops["cast"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0].cast(dtype(a["dtype"]))};
  };
  ops["where"] = [](const Tensors& x, const Json&) -> Tensors { return {where(x[0], x[1], x[2])}; };
  ops["cat"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {cat(x, a.value("axis", 0))};
  };
  ops["stack"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {stack(x, a.value("axis", 0))};
  };
  ops["linear"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {linear(x[0], x[1], x.size() > 2 ? x[2] : Tensor(),
                   a.value("relu", false) ? Activation::relu : Activation::none)};
  };
  ops["layer_norm"] = [](const Tensors& x, const Json& a) -> Tensors {
    const bool w = a.value("weight", false), b = a.value("bias", false);
    return {layer_norm(x[0], w ? x[1] : Tensor(), b ? x[1 + w] : Tensor(), number(a["eps"]))};
  };
  ops["cross_entropy"] = [](const Tensors& x, const Json&) -> Tensors {
    return {cross_entropy(x[0], x[1])};
  };
  ops["nn.cross_entropy"] = [](const Tensors& x, const Json& a) -> Tensors {
    nn::CrossEntropyOptions o;
    if (a.contains("smoothing")) o.label_smoothing = number(a["smoothing"]);
    if (x.size() > 2) o.weights = x[2];
    return {nn::cross_entropy(x[0], x[1], o)};
  };
  ops["nll"] = [](const Tensors& x, const Json&) -> Tensors {
    return {nn::nll(x[0], x[1], x.size() > 2 ? x[2] : Tensor())};
  };
  ops["mse"] = [](const Tensors& x, const Json&) -> Tensors { return {mse(x[0], x[1])}; };
  ops["bce_with_logits"] = [](const Tensors& x, const Json&) -> Tensors {
    return {bce_with_logits(x[0], x[1])};
  };
  ops["l1"] = [](const Tensors& x, const Json&) -> Tensors { return {nn::l1(x[0], x[1])}; };
  ops["huber"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {nn::huber(x[0], x[1], number(a["delta"]))};
  };
  ops["embedding"] = [](const Tensors& x, const Json&) -> Tensors {
    Rng rng(1);
    nn::Embedding e(std::max<int64_t>(1, x[0].size(0)), std::max<int64_t>(1, x[0].size(1)), rng);
    e.weight = x[0];
    return {e(x[1])};
  };
  ops["at"] = [](const Tensors& x, const Json& a) -> Tensors {
    return {x[0][a["at"].get<int64_t>()]};
  };
  ops["LayerNorm"] = [](const Tensors& x, const Json& a) -> Tensors {
    const bool affine = x.size() > 1;
    nn::LayerNorm m(x[0].size(-1), {.epsilon = number(a["eps"]), .affine = affine});
    if (affine) {
      m.weight = x[1];
      m.bias = x[2];
    }
    return {m(x[0])};
  };
  // Creation
  ops["empty"] = [](const Tensors&, const Json& a) -> Tensors {
    return {Tensor::empty(shape(a["shape"]), dtype(a["dtype"]))};
  };
  ops["zeros"] = [](const Tensors&, const Json& a) -> Tensors {
    return {Tensor::zeros(shape(a["shape"]), dtype(a["dtype"]))};
  };
  ops["ones"] = [](const Tensors&, const Json& a) -> Tensors {
    return {Tensor::ones(shape(a["shape"]), dtype(a["dtype"]))};
  };
  ops["full"] = [](const Tensors&, const Json& a) -> Tensors {
    return {Tensor::full(shape(a["shape"]), scalar(a["value"]), dtype(a["dtype"]))};
  };
  ops["zeros_like"] = [](const Tensors& x, const Json&) -> Tensors {
    return {Tensor::zeros_like(x[0])};
  };
  ops["ones_like"] = [](const Tensors& x, const Json&) -> Tensors {
    return {Tensor::ones_like(x[0])};
  };
  ops["eye"] = [](const Tensors&, const Json& a) -> Tensors {
    return {Tensor::eye(a["n"], dtype(a["dtype"]))};
  };
  ops["arange"] = [](const Tensors&, const Json& a) -> Tensors {
    return {
        Tensor::arange(scalar(a["begin"]), scalar(a["end"]), scalar(a["step"]), dtype(a["dtype"]))};
  };
  ops["linspace"] = [](const Tensors&, const Json& a) -> Tensors {
    return {Tensor::linspace(number(a["begin"]), number(a["end"]), a["count"], dtype(a["dtype"]))};
  };
  ops["rand"] = [](const Tensors&, const Json& a) -> Tensors {
    Rng r(1);
    return {Tensor::rand(shape(a["shape"]), r, dtype(a["dtype"]))};
  };
  ops["randn"] = [](const Tensors&, const Json& a) -> Tensors {
    Rng r(1);
    return {Tensor::randn(shape(a["shape"]), r, dtype(a["dtype"]))};
  };
  ops["uniform"] = [](const Tensors&, const Json& a) -> Tensors {
    Rng r(1);
    return {Tensor::uniform(shape(a["shape"]), number(a["low"]), number(a["high"]), r,
                            dtype(a["dtype"]))};
  };
  ops["randint"] = [](const Tensors&, const Json& a) -> Tensors {
    Rng r(1);
    return {Tensor::randint(shape(a["shape"]), a["low"], a["high"], r, dtype(a["dtype"]))};
  };
  ops["bernoulli"] = [](const Tensors&, const Json& a) -> Tensors {
    Rng r(1);
    return {Tensor::bernoulli(shape(a["shape"]), number(a["p"]), r)};
  };
  ops["permutation"] = [](const Tensors&, const Json& a) -> Tensors {
    Rng r(1);
    return {Tensor::permutation(a["n"], r)};
  };
  add_more_ops(ops);
  return ops;
}
