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
double remainder_of(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
// By Newton's method on erf, from an approximation by Winitzki (2008).
double erfinv_of(double x) {
  if (!(std::abs(x) < 1)) return std::abs(x) == 1 ? x * INFINITY : NAN;
  const double log = std::log1p(-x * x), half = 2 / (M_PI * 0.147) + log / 2;
  double y = std::copysign(std::sqrt(std::sqrt(half * half - log / 0.147) - half), x);
  for (int i = 0; i < 8; ++i) {
    const double above = x > 0 ? (1 - x) - std::erfc(y) : std::erfc(-y) - (1 + x);  // erf(y) - x
    y -= above * 0.5 * std::sqrt(M_PI) * std::exp(y * y);
  }
  return y;
}
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
bool is_close(double a, double b) {
  return a == b ||
         (std::isfinite(a) && std::isfinite(b) && std::abs(a - b) <= 1e-8 + 1e-5 * std::abs(b));
}
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
    Row("exp2", "x.exp2()", "2 to the power of x", floating, matrix(-4, 4),
        ATTUNE_CALL(in[0].exp2()), ATTUNE_EACH(std::exp2(v[0]))),
    Row("log2", "x.log2()", "logarithm to base 2", floating, matrix(1, 9),
        ATTUNE_CALL(in[0].log2()), ATTUNE_EACH(std::log2(v[0]))),
    Row("log10", "x.log10()", "logarithm to base 10", floating, matrix(1, 9),
        ATTUNE_CALL(in[0].log10()), ATTUNE_EACH(std::log10(v[0]))),
    Row("tan", "x.tan()", "tangent", floating, matrix(-1.2, 1.2), ATTUNE_CALL(in[0].tan()),
        ATTUNE_EACH(std::tan(v[0]))),
    Row("asin", "x.asin()", "inverse sine", floating, matrix(-0.9, 0.9), ATTUNE_CALL(in[0].asin()),
        ATTUNE_EACH(std::asin(v[0]))),
    Row("acos", "x.acos()", "inverse cosine", floating, matrix(-0.9, 0.9),
        ATTUNE_CALL(in[0].acos()), ATTUNE_EACH(std::acos(v[0]))),
    Row("atan", "x.atan()", "inverse tangent", floating, matrix(-4, 4), ATTUNE_CALL(in[0].atan()),
        ATTUNE_EACH(std::atan(v[0]))),
    Row("sinh", "x.sinh()", "hyperbolic sine", floating, matrix(-4, 4), ATTUNE_CALL(in[0].sinh()),
        ATTUNE_EACH(std::sinh(v[0]))),
    Row("cosh", "x.cosh()", "hyperbolic cosine", floating, matrix(-4, 4), ATTUNE_CALL(in[0].cosh()),
        ATTUNE_EACH(std::cosh(v[0]))),
    Row("erfc", "x.erfc()", "1 - erf(x), exact in the far tail", floating, matrix(-3, 3),
        ATTUNE_CALL(in[0].erfc()), ATTUNE_EACH(std::erfc(v[0]))),
    Row("erfinv", "x.erfinv()", "inverse error function", floating, matrix(-0.9, 0.9),
        ATTUNE_CALL(in[0].erfinv()), ATTUNE_EACH(erfinv_of(v[0]))),
    Row("trunc", "x.trunc()", "x without its fraction; its gradient is 0", numbers, matrix(-9, 9),
        ATTUNE_CALL(in[0].trunc()), ATTUNE_EACH(std::trunc(v[0]))),
    Row("frac", "x.frac()", "x - trunc(x)", floating, matrix(-9, 9), ATTUNE_CALL(in[0].frac()),
        ATTUNE_EACH(v[0] - std::trunc(v[0]))),
    Row("deg2rad", "x.deg2rad()", "degrees as radians", floating, matrix(-360, 360),
        ATTUNE_CALL(in[0].deg2rad()), ATTUNE_EACH(v[0] * (M_PI / 180))),
    Row("rad2deg", "x.rad2deg()", "radians as degrees", floating, matrix(-9, 9),
        ATTUNE_CALL(in[0].rad2deg()), ATTUNE_EACH(v[0] * (180 / M_PI))),
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
    Row("bitwise_not", "x.bitwise_not()", "every bit the other way, of integers and booleans",
        fixed, matrix(-9, 9), ATTUNE_CALL(in[0].cast(DType::i32).bitwise_not()),
        ATTUNE_EACH(-1 - std::trunc(v[0])))
        .no_extremes(),
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
        ATTUNE_CALL(in[0].softplus()), ATTUNE_EACH(softplus(v[0]))),
    Row("relu6", "x.relu6()", "min(max(x, 0), 6)", numbers, matrix(-9, 9),
        ATTUNE_CALL(in[0].relu6()), ATTUNE_EACH(smaller(larger(v[0], 0), 6))),
    Row("relu2", "x.relu2()", "max(x, 0) squared", numbers, matrix(-3, 3),
        ATTUNE_CALL(in[0].relu2()), ATTUNE_EACH(larger(v[0], 0) * larger(v[0], 0))),
    Row("elu", "x.elu(alpha = 1)", "x where positive, else alpha * (exp(x) - 1)", floating,
        matrix(-4, 4), ATTUNE_CALL(in[0].elu(1.5)),
        ATTUNE_EACH(v[0] > 0 ? v[0] : 1.5 * std::expm1(v[0]))),
    Row("celu", "x.celu(alpha = 1)", "x where positive, else alpha * (exp(x / alpha) - 1)",
        floating, matrix(-4, 4), ATTUNE_CALL(in[0].celu(1.5)),
        ATTUNE_EACH(v[0] > 0 ? v[0] : 1.5 * std::expm1(v[0] / 1.5))),
    Row("selu", "x.selu()", "elu, scaled so that mean 0 and variance 1 are kept", floating,
        matrix(-4, 4), ATTUNE_CALL(in[0].selu()),
        ATTUNE_EACH(1.0507009873554805 *
                    (v[0] > 0 ? v[0] : 1.6732632423543772 * std::expm1(v[0])))),
    Row("quick_gelu", "x.quick_gelu()", "x * sigmoid(1.702 x)", floating, matrix(-5, 5),
        ATTUNE_CALL(in[0].quick_gelu()), ATTUNE_EACH(v[0] * sigmoid(1.702 * v[0]))),
    Row("hard_sigmoid", "x.hard_sigmoid()", "x / 6 + 1/2, between 0 and 1", floating, matrix(-5, 5),
        ATTUNE_CALL(in[0].hard_sigmoid()), ATTUNE_EACH(smaller(larger(v[0] + 3, 0), 6) / 6)),
    Row("log_sigmoid", "x.log_sigmoid()", "log of sigmoid(x), without overflow", floating,
        matrix(-9, 9), ATTUNE_CALL(in[0].log_sigmoid()), ATTUNE_EACH(-softplus(-v[0]))),
    Row("hard_silu", "x.hard_silu()", "x * hard_sigmoid(x)", floating, matrix(-5, 5),
        ATTUNE_CALL(in[0].hard_silu()), ATTUNE_EACH(v[0] * smaller(larger(v[0] + 3, 0), 6) / 6)),
    Row("softsign", "x.softsign()", "x / (1 + |x|)", floating, matrix(-5, 5),
        ATTUNE_CALL(in[0].softsign()), ATTUNE_EACH(v[0] / (1 + std::abs(v[0])))),
    Row("mish", "x.mish()", "x * tanh(softplus(x))", floating, matrix(-5, 5),
        ATTUNE_CALL(in[0].mish()), ATTUNE_EACH(v[0] * std::tanh(softplus(v[0])))),
    Row("tanh_shrink", "x.tanh_shrink()", "x - tanh(x)", floating, matrix(-5, 5),
        ATTUNE_CALL(in[0].tanh_shrink()), ATTUNE_EACH(v[0] - std::tanh(v[0]))),
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
    Row("operator%", "a % b", "what a division rounded down leaves, with the sign of b", numbers,
        {matrix(-9, 9), matrix(1, 4)}, ATTUNE_CALL(in[0] % in[1]),
        ATTUNE_EACH(remainder_of(v[0], v[1]))),
    Row("operator%", "", "a % 3", counted, matrix(-9, 9), ATTUNE_CALL(in[0] % 3),
        ATTUNE_EACH(remainder_of(v[0], 3))),
    Row("operator%", "", "7 % a", counted, matrix(1, 4), ATTUNE_CALL(7 % in[0]),
        ATTUNE_EACH(remainder_of(7, v[0]))),
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
    Row("atan2", "y.atan2(x)", "angle of the point (x, y)", quotient,
        {matrix(0.5, 4), matrix(0.5, 4)}, ATTUNE_CALL(in[0].atan2(in[1])),
        ATTUNE_EACH(std::atan2(v[0], v[1]))),
    Row("atan2", "", "number", floating, matrix(-4, 4), ATTUNE_CALL(in[0].atan2(2)),
        ATTUNE_EACH(std::atan2(v[0], 2))),
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
    Row("isclose", "a.isclose(b, relative = 1e-5, absolute = 1e-8, equal_nan = false)",
        "|a - b| <= absolute + relative |b|", any_to_boolean, {matrix(0, 2), matrix(0, 2)},
        ATTUNE_CALL(in[0].isclose(in[1])), ATTUNE_EACH(is_close(v[0], v[1]))),
    Row("bitwise_and", "a.bitwise_and(b)", "bits set in both, of integers and booleans", fixed,
        {matrix(0, 99), matrix(0, 99)},
        ATTUNE_CALL(in[0].cast(DType::i32).bitwise_and(in[1].cast(DType::i64))),
        ATTUNE_EACH(static_cast<double>(int64_t(v[0]) & int64_t(v[1]))))
        .no_extremes(),
    Row("bitwise_or", "a.bitwise_or(b)", "bits set in one, of integers and booleans", fixed,
        {matrix(0, 99), matrix(0, 99)},
        ATTUNE_CALL(in[0].cast(DType::i64).bitwise_or(in[1].cast(DType::i64))),
        ATTUNE_EACH(static_cast<double>(int64_t(v[0]) | int64_t(v[1]))))
        .no_extremes(),
    Row("bitwise_xor", "a.bitwise_xor(b)", "bits set in just one, of integers and booleans", fixed,
        {matrix(0, 99), matrix(0, 99)},
        ATTUNE_CALL(in[0].cast(DType::u8).bitwise_xor(in[1].cast(DType::u8))),
        ATTUNE_EACH(static_cast<double>(int64_t(v[0]) ^ int64_t(v[1]))))
        .no_extremes(),
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
