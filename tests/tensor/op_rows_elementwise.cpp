// The rows of what works element by element: unary ops, activations, two and three operands.

#include <algorithm>
#include <cmath>

#include "tests/tensor/op_table.h"

namespace attune::ops {
namespace {

// NaN if either is, as maximum and minimum have it.
double larger(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b);
}
double smaller(double a, double b) { return -larger(-a, -b); }
double sigmoid(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
double sign(double x) { return double(x > 0) - double(x < 0); }
double gelu_tanh(double x) {  // 1 + tanh(u) = 2 sigmoid(2u), which keeps the far tail
  return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
}

using enum Types;

constexpr Row kUnary[] = {
    Row("neg", "x.neg(), -x", "-x", numbers, matrix(-9, 9), ATTUNE_CALL(in[0].neg()),
        ATTUNE_EACH(-v[0])),
    Row("abs", "x.abs()", "absolute value; its gradient at 0 is 0", numbers, matrix(-9, 9),
        ATTUNE_CALL(in[0].abs()), ATTUNE_EACH(std::abs(v[0]))),
    Row("sign", "x.sign()", "-1, 0 or 1, and 0 of NaN; its gradient is 0", numbers, matrix(-9, 9),
        ATTUNE_CALL(in[0].sign()), ATTUNE_EACH(sign(v[0]))),
    Row("square", "x.square()", "x * x", numbers, matrix(-9, 9), ATTUNE_CALL(in[0].square()),
        ATTUNE_EACH(v[0] * v[0])),
    Row("sqrt", "x.sqrt()", "square root", floating, matrix(0.5, 9), ATTUNE_CALL(in[0].sqrt()),
        ATTUNE_EACH(std::sqrt(v[0]))),
    Row("rsqrt", "x.rsqrt()", "1 / sqrt(x)", floating, matrix(1, 9), ATTUNE_CALL(in[0].rsqrt()),
        ATTUNE_EACH(1 / std::sqrt(v[0]))),
    Row("reciprocal", "x.reciprocal()", "1 / x", floating, matrix(1, 9),
        ATTUNE_CALL(in[0].reciprocal()), ATTUNE_EACH(1 / v[0])),
    Row("exp", "x.exp()", "e to the power of x", floating, matrix(-4, 4), ATTUNE_CALL(in[0].exp()),
        ATTUNE_EACH(std::exp(v[0]))),
    Row("expm1", "x.expm1()", "exp(x) - 1, exact near 0", floating, matrix(-2, 2),
        ATTUNE_CALL(in[0].expm1()), ATTUNE_EACH(std::expm1(v[0]))),
    Row("log", "x.log()", "natural logarithm", floating, matrix(1, 9), ATTUNE_CALL(in[0].log()),
        ATTUNE_EACH(std::log(v[0])))
        .with_zyx("ln"),
    Row("log1p", "x.log1p()", "log(1 + x), exact near 0", floating, matrix(-0.5, 9),
        ATTUNE_CALL(in[0].log1p()), ATTUNE_EACH(std::log1p(v[0]))),
    Row("sin", "x.sin()", "sine", floating, matrix(-9, 9), ATTUNE_CALL(in[0].sin()),
        ATTUNE_EACH(std::sin(v[0]))),
    Row("cos", "x.cos()", "cosine", floating, matrix(-9, 9), ATTUNE_CALL(in[0].cos()),
        ATTUNE_EACH(std::cos(v[0]))),
    Row("tanh", "x.tanh()", "hyperbolic tangent", floating, matrix(-5, 5),
        ATTUNE_CALL(in[0].tanh()), ATTUNE_EACH(std::tanh(v[0]))),
    Row("erf", "x.erf()", "error function", floating, matrix(-4, 4), ATTUNE_CALL(in[0].erf()),
        ATTUNE_EACH(std::erf(v[0]))),
    Row("floor", "x.floor()", "largest integer not above x; its gradient is 0", numbers,
        matrix(-9, 9), ATTUNE_CALL(in[0].floor()), ATTUNE_EACH(std::floor(v[0]))),
    Row("ceil", "x.ceil()", "smallest integer not below x; its gradient is 0", numbers,
        matrix(-9, 9), ATTUNE_CALL(in[0].ceil()), ATTUNE_EACH(std::ceil(v[0]))),
    Row("round", "x.round()", "nearest integer, halves to even; its gradient is 0", numbers,
        matrix(-9, 9), ATTUNE_CALL(in[0].round()), ATTUNE_EACH(std::nearbyint(v[0]))),
    Row("isnan", "x.isnan()", "true where x is NaN", any_to_boolean, matrix(-9, 9),
        ATTUNE_CALL(in[0].isnan()), ATTUNE_EACH(std::isnan(v[0]))),
    Row("isinf", "x.isinf()", "true where x is an infinity", any_to_boolean, matrix(-9, 9),
        ATTUNE_CALL(in[0].isinf()), ATTUNE_EACH(std::isinf(v[0]))),
    Row("isfinite", "x.isfinite()", "true where x is neither NaN nor an infinity", any_to_boolean,
        matrix(-9, 9), ATTUNE_CALL(in[0].isfinite()), ATTUNE_EACH(std::isfinite(v[0]))),
    Row("logical_not", "x.logical_not()", "true where x is 0", any_to_boolean, matrix(-9, 9),
        ATTUNE_CALL(in[0].logical_not()), ATTUNE_EACH(v[0] == 0)),
};

constexpr Row kActivations[] = {
    Row("relu", "x.relu()", "max(x, 0)", numbers, matrix(-9, 9), ATTUNE_CALL(in[0].relu()),
        ATTUNE_EACH(larger(v[0], 0))),
    Row("leaky_relu", "x.leaky_relu(slope = 0.01)", "x where positive, else slope * x", floating,
        matrix(-9, 9), ATTUNE_CALL(in[0].leaky_relu()), ATTUNE_EACH(v[0] > 0 ? v[0] : 0.01 * v[0])),
    Row("gelu", "x.gelu(form = Gelu::exact)",
        "x times the normal distribution function, or its tanh approximation", floating,
        matrix(-5, 5), ATTUNE_CALL(in[0].gelu()),
        ATTUNE_EACH(0.5 * v[0] * std::erfc(-v[0] / std::sqrt(2)))),
    Row("gelu", "", "tanh", floating, matrix(-5, 5), ATTUNE_CALL(in[0].gelu(Gelu::tanh)),
        ATTUNE_EACH(gelu_tanh(v[0]))),
    Row("sigmoid", "x.sigmoid()", "1 / (1 + exp(-x))", floating, matrix(-9, 9),
        ATTUNE_CALL(in[0].sigmoid()), ATTUNE_EACH(sigmoid(v[0]))),
    Row("silu", "x.silu()", "x * sigmoid(x)", floating, matrix(-9, 9), ATTUNE_CALL(in[0].silu()),
        ATTUNE_EACH(v[0] * sigmoid(v[0])))
        .with_zyx("swish"),
    Row("softplus", "x.softplus()", "log(1 + exp(x))", floating, matrix(-9, 9),
        ATTUNE_CALL(in[0].softplus()),
        ATTUNE_EACH(std::max(v[0], 0.0) + std::log1p(std::exp(-std::abs(v[0]))))),
};

constexpr Row kBinary[] = {
    Row("operator+", "a + b", "sum", numbers, {matrix(-4, 4), matrix(-4, 4)},
        ATTUNE_CALL(in[0] + in[1]), ATTUNE_EACH(v[0] + v[1])),
    Row("operator-", "a - b", "difference", numbers, {matrix(-4, 4), matrix(-4, 4)},
        ATTUNE_CALL(in[0] - in[1]), ATTUNE_EACH(v[0] - v[1])),
    Row("operator*", "a * b", "product", numbers, {matrix(-4, 4), matrix(-4, 4)},
        ATTUNE_CALL(in[0] * in[1]), ATTUNE_EACH(v[0] * v[1])),
    Row("operator/", "a / b", "quotient; integers are divided as f32", quotient,
        {matrix(1, 4), matrix(1, 4)}, ATTUNE_CALL(in[0] / in[1]), ATTUNE_EACH(v[0] / v[1])),
    Row("operator+", "", "2 + a", counted, matrix(-4, 4), ATTUNE_CALL(2 + in[0]),
        ATTUNE_EACH(2 + v[0])),
    Row("operator-", "", "2 - a", counted, matrix(-4, 4), ATTUNE_CALL(2 - in[0]),
        ATTUNE_EACH(2 - v[0])),
    Row("operator*", "", "a * 3", counted, matrix(-4, 4), ATTUNE_CALL(in[0] * 3),
        ATTUNE_EACH(v[0] * 3)),
    Row("operator/", "", "3 / a", floating, matrix(1, 4), ATTUNE_CALL(3 / in[0]),
        ATTUNE_EACH(3 / v[0])),
    Row("operator/", "", "a / 3", floating, matrix(1, 4), ATTUNE_CALL(in[0] / 3),
        ATTUNE_EACH(v[0] / 3)),
    Row("pow", "a.pow(b)",
        "a to the power of b; an integer power of a negative exponent is cut to 0, 1 or -1",
        numbers, {matrix(1, 3), matrix(1, 3)}, ATTUNE_CALL(in[0].pow(in[1])),
        ATTUNE_EACH(std::pow(v[0], v[1]))),
    Row("pow", "", "number", counted, matrix(1, 4), ATTUNE_CALL(in[0].pow(3)),
        ATTUNE_EACH(std::pow(v[0], 3))),
    Row("maximum", "a.maximum(b)",
        "the larger; NaN if either is; equal elements share the gradient", numbers,
        {matrix(-4, 4), matrix(-4, 4)}, ATTUNE_CALL(in[0].maximum(in[1])),
        ATTUNE_EACH(larger(v[0], v[1]))),
    Row("maximum", "", "number", counted, matrix(-4, 4), ATTUNE_CALL(in[0].maximum(1)),
        ATTUNE_EACH(larger(v[0], 1))),
    Row("minimum", "a.minimum(b)",
        "the smaller; NaN if either is; equal elements share the gradient", numbers,
        {matrix(-4, 4), matrix(-4, 4)}, ATTUNE_CALL(in[0].minimum(in[1])),
        ATTUNE_EACH(smaller(v[0], v[1]))),
    Row("minimum", "", "number", counted, matrix(-4, 4), ATTUNE_CALL(in[0].minimum(1)),
        ATTUNE_EACH(smaller(v[0], 1))),
    Row("clamp", "x.clamp(low, high)", "x, but not below low or above high", numbers, matrix(-4, 4),
        ATTUNE_CALL(in[0].clamp(0, 2)), ATTUNE_EACH(smaller(larger(v[0], 0), 2))),
    Row("clamp", "", "by tensors", numbers, {matrix(-4, 4), matrix(-3, 0), matrix(0, 3)},
        ATTUNE_CALL(in[0].clamp(in[1], in[2])), ATTUNE_EACH(smaller(larger(v[0], v[1]), v[2]))),
    Row("eq", "a.eq(b)", "a == b", any_to_boolean, {matrix(0, 4), matrix(0, 4)},
        ATTUNE_CALL(in[0].eq(in[1])), ATTUNE_EACH(v[0] == v[1]))
        .with_zyx("equal"),
    Row("eq", "", "number", any_to_boolean, matrix(0, 4), ATTUNE_CALL(in[0].eq(1)),
        ATTUNE_EACH(v[0] == 1)),
    Row("ne", "a.ne(b)", "a != b", any_to_boolean, {matrix(0, 4), matrix(0, 4)},
        ATTUNE_CALL(in[0].ne(in[1])), ATTUNE_EACH(v[0] != v[1])),
    Row("ne", "", "number", any_to_boolean, matrix(0, 4), ATTUNE_CALL(in[0].ne(1)),
        ATTUNE_EACH(v[0] != 1)),
    Row("lt", "a.lt(b)", "a < b", any_to_boolean, {matrix(-4, 4), matrix(-4, 4)},
        ATTUNE_CALL(in[0].lt(in[1])), ATTUNE_EACH(v[0] < v[1]))
        .with_zyx("cmplt"),
    Row("lt", "", "number", any_to_boolean, matrix(-4, 4), ATTUNE_CALL(in[0].lt(1)),
        ATTUNE_EACH(v[0] < 1)),
    Row("le", "a.le(b)", "a <= b", any_to_boolean, {matrix(-4, 4), matrix(-4, 4)},
        ATTUNE_CALL(in[0].le(in[1])), ATTUNE_EACH(v[0] <= v[1])),
    Row("le", "", "number", any_to_boolean, matrix(-4, 4), ATTUNE_CALL(in[0].le(1)),
        ATTUNE_EACH(v[0] <= 1)),
    Row("gt", "a.gt(b)", "a > b", any_to_boolean, {matrix(-4, 4), matrix(-4, 4)},
        ATTUNE_CALL(in[0].gt(in[1])), ATTUNE_EACH(v[0] > v[1]))
        .with_zyx("cmpgt"),
    Row("gt", "", "number", any_to_boolean, matrix(-4, 4), ATTUNE_CALL(in[0].gt(1)),
        ATTUNE_EACH(v[0] > 1)),
    Row("ge", "a.ge(b)", "a >= b", any_to_boolean, {matrix(-4, 4), matrix(-4, 4)},
        ATTUNE_CALL(in[0].ge(in[1])), ATTUNE_EACH(v[0] >= v[1])),
    Row("ge", "", "number", any_to_boolean, matrix(-4, 4), ATTUNE_CALL(in[0].ge(1)),
        ATTUNE_EACH(v[0] >= 1)),
    Row("logical_and", "a.logical_and(b)", "true where both are not 0", any_to_boolean,
        {matrix(0, 2), matrix(0, 2)}, ATTUNE_CALL(in[0].logical_and(in[1])),
        ATTUNE_EACH(v[0] != 0 && v[1] != 0)),
    Row("logical_or", "a.logical_or(b)", "true where one is not 0", any_to_boolean,
        {matrix(0, 2), matrix(0, 2)}, ATTUNE_CALL(in[0].logical_or(in[1])),
        ATTUNE_EACH(v[0] != 0 || v[1] != 0)),
    Row("logical_xor", "a.logical_xor(b)", "true where just one is not 0", any_to_boolean,
        {matrix(0, 2), matrix(0, 2)}, ATTUNE_CALL(in[0].logical_xor(in[1])),
        ATTUNE_EACH((v[0] != 0) != (v[1] != 0))),
    Row("masked_fill", "x.masked_fill(mask, value)", "value where the mask is true, else x", any,
        {matrix(-4, 4), mask()}, ATTUNE_CALL(in[0].masked_fill(in[1], 1)),
        ATTUNE_EACH(v[1] != 0 ? 1 : v[0])),
    Row("where", "where(condition, a, b)", "a where the condition is true, else b", any,
        {mask(), matrix(-4, 4), matrix(-4, 4)}, ATTUNE_CALL(where(in[0], in[1], in[2])),
        ATTUNE_EACH(v[0] != 0 ? v[1] : v[2]))
        .with_zyx("where_"),
};

}  // namespace

std::span<const Row> unary_rows() { return kUnary; }
std::span<const Row> activation_rows() { return kActivations; }
std::span<const Row> binary_rows() { return kBinary; }

}  // namespace attune::ops
