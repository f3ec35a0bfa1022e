// One row per reduction: checked against a loop in double over every choice of axes, in every dtype
// and on every CPU target, for both gradients, any layout, empty and 0-d tensors.
#include "attune/base/threads.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

using Line = std::vector<double>;

enum Result { kSame, kWide, kFloating, kBoolean };

struct Row {
  std::string name;
  Tensor (*op)(const Tensor&, Axes, KeepDims);
  double (*value)(const Line&);
  double of_nothing;  // infinity: an error
  Result result;      // its dtype where elements are integers
  bool gradient = true;
};

double sum(const Line& x) {
  long double y = 0;
  for (const double e : x) y += e;
  return static_cast<double>(y);
}
double mean(const Line& x) { return sum(x) / static_cast<double>(x.size()); }
double var(const Line& x) {
  const double middle = mean(x);
  double y = 0;
  for (const double e : x) y += (e - middle) * (e - middle);
  return y / (static_cast<double>(x.size()) - 1);
}

#define CALL(method) [](const Tensor& x, Axes a, KeepDims k) { return x.method(a, k); }
const Row kRows[] = {
    {"sum", CALL(sum), sum, 0, kWide},
    {"mean", CALL(mean), mean, kNan, kFloating},
    {"max", CALL(max), [](const Line& x) { return *std::max_element(x.begin(), x.end()); }, kInf,
     kSame},
    {"min", CALL(min), [](const Line& x) { return *std::min_element(x.begin(), x.end()); }, kInf,
     kSame},
    {"prod", CALL(prod),
     [](const Line& x) {
       double y = 1;
       for (const double e : x) y *= e;
       return y;
     },
     1, kWide},
    {"var", [](const Tensor& x, Axes a, KeepDims k) { return x.var(a, 1, k); }, var, kNan,
     kFloating},
    {"std", [](const Tensor& x, Axes a, KeepDims k) { return x.std(a, 1, k); },
     [](const Line& x) { return std::sqrt(var(x)); }, kNan, kFloating},
    {"norm", CALL(norm),
     [](const Line& x) {
       double y = 0;
       for (const double e : x) y += e * e;
       return std::sqrt(y);
     },
     0, kFloating},
    {"logsumexp", CALL(logsumexp),
     [](const Line& x) {
       double y = 0;
       for (const double e : x) y += std::exp(e);
       return std::log(y);
     },
     -kInf, kFloating},
    {"any", CALL(any),
     [](const Line& x) {
       return double(std::any_of(x.begin(), x.end(), [](double e) { return e != 0; }));
     },
     0, kBoolean, false},
    {"all", CALL(all),
     [](const Line& x) {
       return double(std::all_of(x.begin(), x.end(), [](double e) { return e != 0; }));
     },
     1, kBoolean, false},
};
#undef CALL

// The lines of x along the axes in `mask`, in the order of the result.
std::vector<Line> lines(const Tensor& x, unsigned mask) {
  const Shape shape = x.shape();
  Shape kept = shape;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (mask >> axis & 1) kept[axis] = 1;
  }
  std::vector<Line> lines(static_cast<size_t>(kept.numel()));
  const std::vector<double> elements = values(x);
  for (size_t i = 0; i < elements.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), at = 0, stride = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (!(mask >> axis & 1)) at += rest % shape[axis] * stride;
      stride *= kept[axis];
      rest /= shape[axis];
    }
    lines[static_cast<size_t>(at)].push_back(elements[i]);
  }
  return lines;
}

Line reference(const Row& row, const Tensor& x, unsigned mask) {
  Line y;
  for (const Line& line : lines(x, mask)) y.push_back(row.value(line));
  return y;
}

Axes axes_of(unsigned mask) {
  Axes axes = Axes::none();
  for (int axis = 0; axis < kMaxRank; ++axis) {
    if (mask >> axis & 1) axes.push_back(axis);
  }
  return axes;
}

DType result_of(const Row& row, DType from) {
  if (row.result == kBoolean) return DType::boolean;
  if (is_floating(from) || row.result == kSame) return from;
  return row.result == kWide ? DType::i64 : DType::f32;
}

}  // namespace

TEST_CASE("reduce: every choice of axes, every dtype, every CPU target") {
  on_all_targets([] {
    for (const Row& row : kRows) {
      CAPTURE(row.name);
      for (const DType dtype : kAllDTypes) {
        CAPTURE(std::string(name(dtype)));
        for (const Shape& shape : {Shape{3, 17, 4}, Shape{2, 1, 5, 3}, Shape{40}}) {
          CAPTURE(shape.to_string());
          const double low = dtype == DType::u8 ? 0 : -1.9;
          const Tensor x = random(shape, dtype, low, 2.9);
          for (unsigned mask = 1; mask < 1u << shape.rank(); ++mask) {
            CAPTURE(mask);
            const Tensor y = row.op(x, axes_of(mask), {});
            CHECK(y.dtype() == result_of(row, dtype));
            CHECK(max_error(y, reference(row, x, mask)) < 4 * tolerance(y.dtype()));
            const Tensor kept = row.op(x, axes_of(mask), keep_dims);
            CHECK(kept.rank() == x.rank());
            CHECK(max_error(kept.reshape(y.shape()), y) == 0);
            CHECK(max_error(row.op(spaced(x), axes_of(mask), {}), y) == 0);
          }
        }
      }
    }
  });
}

TEST_CASE("reduce: lengths below, at and above a vector, a block and a piece") {
  on_all_targets([] {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const int64_t n : {1, 2, 15, 16, 63, 64, 65, 1024, 1025, 5000, 70000, 140001}) {
        CAPTURE(n);
        const Tensor x = random({n}, dtype, -1, 2);
        for (const Row& row : kRows) {
          if (row.result == kBoolean || row.name == "prod") continue;
          if (n == 1 && row.of_nothing != row.of_nothing) continue;  // var of one: NaN, below
          CAPTURE(row.name);
          CHECK(max_error(row.op(x, {}, {}), {row.value(values(x))}) < 4 * tolerance(dtype));
        }
      }
      for (const Shape& shape :
           {Shape{300, 200}, Shape{1000, 3}, Shape{3, 9000}, Shape{70000, 2}}) {
        CAPTURE(shape.to_string());
        const Tensor x = random(shape, dtype, -1, 2);
        CHECK(max_error(x.sum(0), reference(kRows[0], x, 1)) < 4 * tolerance(dtype));
        CHECK(max_error(x.max(0), reference(kRows[2], x, 1)) == 0);
        CHECK(max_error(x.norm(0), reference(kRows[7], x, 1)) < 4 * tolerance(dtype));
      }
    }
  });
}

TEST_CASE("reduce: gradients match central differences, and so do theirs") {
  for (const Row& row : kRows) {
    if (!row.gradient) continue;
    CAPTURE(row.name);
    const Tensor x = random({2, 3, 4}, DType::f64, 0.5, 2);
    for (const unsigned mask : {1u, 2u, 4u, 5u, 7u}) {
      CAPTURE(mask);
      for (const bool keep : {false, true}) {
        const auto f = [&](std::span<const Tensor> in) {
          return row.op(in[0], axes_of(mask), KeepDims{keep});
        };
        CHECK(gradient_error(f, {x}) < 1e-6);
        CHECK(gradient_error(f, {spaced(x)}) < 1e-6);
        if (mask < 3) CHECK(second_gradient_error(f, {x}) < 1e-5);
      }
    }
  }
}

TEST_CASE("reduce: gradients in f32 are those in f64, on every CPU target") {
  on_all_targets([] {
    const Tensor x = random({3, 21, 4}, DType::f64, 0.5, 1.5);
    for (const Row& row : kRows) {
      if (!row.gradient) continue;
      CAPTURE(row.name);
      for (const unsigned mask : {1u, 2u, 4u, 5u, 7u}) {
        const auto f = [&](std::span<const Tensor> in) { return row.op(in[0], axes_of(mask), {}); };
        CHECK(single_gradient_error(f, {x}) < 1e-5);
      }
    }
  });
}

TEST_CASE("reduce: empty and 0-d tensors") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    const Tensor nothing = Tensor::zeros({0, 3});
    CHECK(row.op(nothing, 1, {}).shape() == Shape{0});
    if (row.of_nothing == kInf) {
      CHECK_THROWS_WITH_AS(row.op(nothing, 0, {}), doctest::Contains("has no value over the 0"),
                           ValueError);
    } else {
      CHECK(max_error(row.op(nothing, 0, {}), Line(3, row.of_nothing)) == 0);
      CHECK(max_error(row.op(nothing, {}, {}), {row.of_nothing}) == 0);
    }
    const Tensor one = row.op(Tensor(2.0), {}, {});
    CHECK(one.shape() == Shape{});
    const bool spread = row.name == "var" || row.name == "std";
    CHECK(max_error(one, {spread ? kNan : row.value({2.0})}) == 0);
    CHECK(row.op(Tensor::ones({2, 3}), Axes::none(), {}).shape() == Shape{2, 3});
  }
}

TEST_CASE("reduce: mistakes are named") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    const Tensor x = Tensor::ones({2, 3});
    CHECK_THROWS_WITH_AS(row.op(x, 2, {}), doctest::Contains("axis 2 is out of range for 2 axes"),
                         IndexError);
    CHECK_THROWS_WITH_AS(row.op(x, {0, -2}, {}), doctest::Contains("axis -2 is named twice"),
                         ValueError);
    CHECK_THROWS_WITH_AS(row.op(x, {0, 1, 0}, {}), doctest::Contains("3 axes given for [2, 3]"),
                         ShapeError);
    CHECK_THROWS_WITH_AS(row.op(Tensor(), {}, {}), doctest::Contains("undefined"), ValueError);
  }
}

TEST_CASE("reduce: NaN and infinities") {
  on_all_targets([] {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const int64_t place : {0, 5, 36}) {
        std::vector<double> elements(37, 1.0);
        elements[static_cast<size_t>(place)] = kNan;
        const Tensor x = Tensor::from(elements, {37}).cast(dtype);
        for (const Row& row : kRows) {
          CAPTURE(row.name);
          if (row.result == kBoolean) continue;
          CHECK(std::isnan(values(row.op(x, {}, {}))[0]));
          CHECK(std::isnan(values(row.op(x.reshape({37, 1}).expand({37, 20}), 0, {}))[7]));
        }
        CHECK(x.any().item<bool>());  // NaN is not 0
      }
      const Tensor ends = Tensor({1.0, kInf, -kInf}).cast(dtype);
      CHECK(max_error(ends.max(), {kInf}) == 0);
      CHECK(max_error(ends.min(), {-kInf}) == 0);
      CHECK(max_error(ends.sum(), {kNan}) == 0);
      CHECK(max_error(ends.norm(), {kInf}) == 0);
      CHECK(max_error(ends.logsumexp(), {kInf}) == 0);
      CHECK(max_error(Tensor::full({4}, -kInf, dtype).logsumexp(), {-kInf}) == 0);
      CHECK(max_error(Tensor::full({4}, -kInf, dtype).max(), {-kInf}) == 0);
    }
  });
}

TEST_CASE("sum: long sums stay exact to the type") {
  const int64_t n = 4000000;
  CHECK(Tensor::full({n}, 0.1f).sum().item<float>() ==
        doctest::Approx(0.1f * double(n)).epsilon(1e-6));
  CHECK(max_error(Tensor::full({n / 4, 4}, 0.1f).sum(0), Line(4, double(0.1f) * double(n / 4))) <
        1e-6);
  const Tensor wide = Tensor::full({300}, 255, DType::u8);
  CHECK(wide.sum().item<int64_t>() == 300 * 255);
  CHECK(Tensor::full({300}, true, DType::boolean).sum().item<int64_t>() == 300);
}

TEST_CASE(
    "reductions, order, losses: halves are computed in f32 and rounded once, i8 sums are i64") {
  for (const DType half : {DType::f16, DType::bf16}) {
    CAPTURE(std::string(name(half)));
    const Tensor x = random({40, 50}, DType::f32, -2, 2).cast(half), wide = x.cast(DType::f32);
    const auto once = [&](const Tensor& y, const Tensor& computed) {
      CHECK(y.dtype() == half);
      CHECK(max_error(y, computed.cast(half)) == 0);
    };
    for (const Row& row : kRows) {
      CAPTURE(row.name);
      if (row.result != kBoolean) once(row.op(x, 0, {}), row.op(wide, 0, {}));
    }
    once(x.softmax(0), wide.softmax(0));
    once(x.cumsum(1), wide.cumsum(1));
    once(x.sort().values, wide.sort().values);
    CHECK(max_error(x.argmax(1), wide.argmax(1)) == 0);
    CHECK(max_error(x.argsort(0), wide.argsort(0)) == 0);
    once(layer_norm(x), layer_norm(wide));
    once(mse(x, x.sort().values), mse(wide, wide.sort().values));
    const Tensor labels = random({40}, DType::f64, 0, 50).floor().cast(DType::i64);
    once(cross_entropy(x, labels), cross_entropy(wide, labels));
    CHECK(max_error(Tensor::ones({4096}).cast(half).sum(), {4096}) == 0);
    Tape tape({x});
    CHECK(tape.gradient(x.sort().values.softmax().norm().cast(DType::f32), {x})[0].dtype() == half);
  }
  const Tensor small = Tensor::full({300}, 100, DType::i8);
  CHECK(small.sum().item<int64_t>() == 30000);
  CHECK(small.cumsum(0)[-1].item<int64_t>() == 30000);
  CHECK(small.max().dtype() == DType::i8);
  CHECK(max_error(Tensor::from(std::vector<int8_t>{-3, 5, -128}, {3}).sort().values,
                  {-128, -3, 5}) == 0);
}

TEST_CASE("reduce: the same bits whatever the number of threads") {
  const Tensor x = random({300, 1000}, DType::f32, -1, 1);
  const auto all = [&] {
    return std::vector<Tensor>{x.sum(), x.sum(0), x.sum(1), x.var(0), x.norm(), x.logsumexp(0)};
  };
  std::vector<Tensor> one, four;
  {
    const ThreadScope scope(1);
    one = all();
  }
  {
    const ThreadScope scope(4);
    four = all();
  }
  for (size_t i = 0; i < one.size(); ++i)
    CHECK(one[i].to_vector<float>() == four[i].to_vector<float>());
}

TEST_CASE("max, min: equal elements share the gradient, and so do NaN where the result is NaN") {
  const auto slopes = [](const Tensor& x, bool largest) {
    Tape tape({x});
    return tape.gradient((largest ? x.max(1) : x.min(1)).sum(), {x})[0];
  };
  const Tensor x({{1.0, 3.0, 3.0}, {kNan, 3.0, kNan}, {kInf, -kInf, 0.0}});
  CHECK(max_error(slopes(x, true), {0, 0.5, 0.5, 0.5, 0, 0.5, 1, 0, 0}) == 0);
  CHECK(max_error(slopes(x, false), {1, 0, 0, 0.5, 0, 0.5, 0, 1, 0}) == 0);
  Tape tape({x});  // an infinite gradient stays where it belongs
  const Tensor slope = tape.gradient((x.max(1) * Tensor({kInf, 1.0, -kInf})).sum(), {x})[0];
  CHECK(max_error(slope, {0, kInf, kInf, 0.5, 0, 0.5, -kInf, 0, 0}) == 0);
  CHECK(max_error(x.max(1), {3, kNan, kInf}) == 0);
  CHECK(max_error(x.min(1), {1, kNan, -kInf}) == 0);
}

TEST_CASE("mean: a sum may leave the range where the mean does not") {
  CHECK(max_error(Tensor({3e38f, 3e38f, 3e38f}).mean(), {3e38f}) < 1e-6);
  CHECK(max_error(Tensor({{1e308, 1e308}, {1.0, 2.0}}).mean(1), {1e308, 1.5}) < 1e-15);
  const float least = std::numeric_limits<float>::denorm_min();
  CHECK(values(Tensor({{3e38f, 3e38f}, {least, least}}).mean(1))[1] == double(least));
  CHECK(values(Tensor({{float(kInf), 1.f}, {least, least}}).mean(1))[1] == double(least));
  CHECK(max_error(Tensor({1.f, float(kInf)}).mean(), {kInf}) == 0);
  const int64_t last = std::numeric_limits<int64_t>::max();
  CHECK(max_error(Tensor({{last, last}, {int64_t{1}, int64_t{2}}}).mean(1), {0x1p63, 1.5}) == 0);
  CHECK(std::isnan(Tensor::zeros({0}, DType::i64).mean().item<float>()));
  CHECK(max_error(Tensor({1.f, float(kNan)}).mean(), {kNan}) == 0);
}

TEST_CASE("prod: gradients where elements are 0, in both orders") {
  const auto f = [](std::span<const Tensor> in) { return in[0].prod(1); };
  const Tensor x({{1.0, 2.0, 3.0}, {0.0, 2.0, 3.0}, {0.0, 0.0, 3.0}, {0.0, 0.0, 0.0}});
  CHECK(gradient_error(f, {x}) < 1e-6);
  CHECK(second_gradient_error(f, {x}) < 1e-5);
  const auto of_all = [](std::span<const Tensor> in) { return in[0].prod({0, 2}); };
  const Tensor y =
      random({3, 2, 5}, DType::f64, 0, 2).floor() * random({3, 2, 5}, DType::f64, 1, 2);
  CHECK(gradient_error(of_all, {y}) < 1e-6);
  CHECK(second_gradient_error(of_all, {y}) < 1e-5);
}

TEST_CASE("prod: a gradient is the product of the others, whatever they are") {
  const auto slopes = [](const Tensor& x) {
    Tape tape({x});
    return tape.gradient(x.prod(), {x})[0];
  };
  CHECK(max_error(slopes(Tensor({1e30f, 1e30f, 0.f})), {0, 0, kInf}) == 0);
  CHECK(max_error(slopes(Tensor({1e30f, 1e30f, 5.f, 0.f})), {0, 0, 0, kInf}) == 0);
  CHECK(max_error(slopes(Tensor({1e-30f, 1e-30f, 1e30f})), {1, 1, 0}) < 1e-6);
  CHECK(max_error(slopes(Tensor({-kInf})), {1}) == 0);
  CHECK(max_error(slopes(Tensor({-kInf, 2.0})), {2, -kInf}) == 0);
  CHECK(max_error(slopes(Tensor({kInf, 0.0, 1.0})), {0, kInf, kNan}) == 0);
  CHECK(max_error(slopes(Tensor({kNan, 3.0})), {3, kNan}) == 0);
  std::vector<double> long_line(40, 1e30);
  long_line[7] = 0;
  std::vector<double> want(40, 0.0);
  want[7] = kInf;
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = Tensor::from(long_line, {40}).cast(dtype);
    CHECK(max_error(x.prod(), {0}) == 0);
    CHECK(max_error(slopes(x), want) == 0);  // 1e1170 overflows in f64, too
  }
}
