// What holds for every op, checked over the table of all ops (op_table.h).

#include "tests/tensor/op_table.h"

#include "attune/base/threads.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::ops;
using namespace attune::support;

namespace {

constexpr Size kSmall{4, 6}, kTiny{3, 4}, kLarge{1200, 70};

// body(row) for every row that can be run on operands.
void for_each_row(const std::function<void(const Row&)>& body) {
  for (const Family& family : families()) {
    for (const Row& row : family.rows) {
      if (row.call == nullptr || row.in.count == 0) continue;
      CAPTURE(std::string(row.name) + ": " + row.text);
      try {
        body(row);
      } catch (const std::exception& error) {  // goes on with the next row
        const std::string what = error.what();
        FAIL_CHECK(what);
      }
    }
  }
}

// The op as a function of its floating operands alone, the others fixed: `at` is where.
struct Differentiable {
  std::vector<Tensor> at;
  TensorFunction f;
};
Differentiable differentiable(const Row& row, const std::vector<Tensor>& in,
                              Tensor (*laid_out)(const Tensor&) = nullptr) {
  Differentiable d;
  for (const Tensor& x : in) {
    if (is_floating(x.dtype())) d.at.push_back(x);
  }
  d.f = [&row, in, laid_out](std::span<const Tensor> at) {
    std::vector<Tensor> all = in;
    size_t next = 0;
    for (Tensor& x : all) {
      if (!is_floating(x.dtype())) continue;
      x = at[next++];
      if (laid_out != nullptr) x = laid_out(x);
    }
    return row.call(all);
  };
  return d;
}
bool has_gradient(const Row& row, const std::vector<Tensor>& in) {
  return is_floating(row.call(in).dtype()) && !differentiable(row, in).at.empty();
}

// The gradients of the result times fixed weights.
std::vector<Tensor> gradients(const Differentiable& d) {
  Tape tape(d.at);
  const Tensor y = d.f(d.at);
  return tape.gradient((y * random(y.shape(), y.dtype(), 0.5, 1.5, 7)).sum(), d.at);
}

// The same elements, lying otherwise.
struct Layout {
  const char* name;
  Tensor (*of)(const Tensor&);
};
const Layout kLayouts[] = {
    {"transposed",
     [](const Tensor& x) {
       return x.rank() < 2 ? x : x.transpose(0, -1).contiguous().transpose(0, -1);
     }},
    {"strided", [](const Tensor& x) { return spaced(x); }},
    {"offset",
     [](const Tensor& x) {
       return stack({x, x})[1];
     }},
    {"flipped", [](const Tensor& x) { return x.flip({}).contiguous().flip({}); }},
};
// Every place along the last axis like the first.
Tensor expanded(const Tensor& x) {
  return x.rank() == 0 || x.size(-1) < 2 ? x : x.narrow(-1, 0, 1).expand(x.shape());
}

double difference_of(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() ? max_error(a, b) : kInf;
}

// What the reference becomes in an integer dtype: it wraps round.
double as(DType dtype, double value) {
  if (dtype == DType::boolean) return value != 0;
  if (dtype == DType::i8) return static_cast<int8_t>(static_cast<int64_t>(value));
  return dtype == DType::u8 ? static_cast<double>(static_cast<uint8_t>(static_cast<int64_t>(value)))
                            : value;
}

void check_values(const Row& row, const std::vector<Tensor>& in, double allowed) {
  const Tensor y = row.call(in);
  Values want = reference(row, in);
  for (double& v : want)
    v = y.dtype() == DType::f32 ? static_cast<double>(static_cast<float>(v)) : as(y.dtype(), v);
  CHECK(max_error(y, want) <= allowed);
}

constexpr double kSpecials[] = {kNan, kInf, -kInf, 0.0,   -0.0,  1,
                                -1,   0.5,  1e30,  -1e30, 1e-30, 1e-40};
constexpr int64_t kSpecialCount = std::size(kSpecials);

// Operands of special values: in all pairs where the op goes by elements, else one in each line.
std::vector<Tensor> special_operands(const Row& row, DType dtype) {
  std::vector<Tensor> in = operands(row, {kSpecialCount, kSpecialCount}, dtype);
  int64_t step = 1;
  for (Tensor& x : in) {
    if (!is_floating(x.dtype())) continue;
    std::vector<double> v = values(x);
    for (size_t i = 0; i < v.size(); ++i) {
      const auto place = static_cast<int64_t>(i);
      const bool on_diagonal = place / kSpecialCount == place % kSpecialCount;
      if (row.each != nullptr)
        v[i] = kSpecials[place / step % kSpecialCount];
      else if (on_diagonal)
        v[i] = kSpecials[place % kSpecialCount];
    }
    x = Tensor::from(v, x.shape()).cast(dtype);
    step *= kSpecialCount;
  }
  return in;
}

}  // namespace

TEST_CASE("ops: values in every dtype, on every target") {
  on_all_targets([] {
    for_each_row([](const Row& row) {
      for (const DType dtype : kAllDTypes) {
        CAPTURE(std::string(name(dtype)));
        const std::vector<Tensor> in = operands(row, kSmall, dtype);
        if (row.types != Types::fixed && !takes(row.types, dtype)) {
          CHECK_THROWS_AS(row.call(in), DTypeError);
          continue;
        }
        const Tensor y = row.call(in);
        if (row.types != Types::fixed) CHECK(y.dtype() == result_of(row.types, dtype));
        if (has_reference(row)) check_values(row, in, tolerance(y.dtype()));
      }
    });
  });
}

TEST_CASE("ops: NaN, infinities, huge and tiny elements") {
  on_all_targets([] {
    for_each_row([](const Row& row) {
      for (const DType dtype : {DType::f32, DType::f64}) {
        CAPTURE(std::string(name(dtype)));
        const std::vector<Tensor> in = special_operands(row, dtype);
        if (has_reference(row) && row.extremes) check_values(row, in, 1e-5);
        if (has_gradient(row, in)) gradients(differentiable(row, in));
      }
    });
  });
}

TEST_CASE("ops: gradients match central differences, and so do theirs") {
  for_each_row([](const Row& row) {
    const std::vector<Tensor> in = operands(row, kTiny, DType::f64);
    if (!has_gradient(row, in)) return;
    const Differentiable d = differentiable(row, in);
    CHECK(gradient_error(d.f, d.at) < 1e-6);
    CHECK(second_gradient_error(d.f, d.at) < 1e-5);
    for (const Layout& layout : kLayouts) {
      CAPTURE(std::string(layout.name));
      const Differentiable through = differentiable(row, in, layout.of);
      CHECK(gradient_error(through.f, through.at) < 1e-6);
    }
  });
}

TEST_CASE("ops: gradients in f32 and less are the f64 gradients, on every target") {
  struct Precision {
    DType dtype;
    double tolerance;
  };
  on_all_targets([] {
    for (const Precision& p :
         {Precision{DType::f32, 2e-5}, Precision{DType::f16, 4e-3}, Precision{DType::bf16, 3e-2}}) {
      CAPTURE(std::string(name(p.dtype)));
      for_each_row([&](const Row& row) {
        std::vector<Tensor> in = operands(row, {17, 37}, p.dtype);
        if (!has_gradient(row, in)) return;
        const std::vector<Tensor> got = gradients(differentiable(row, in));
        for (Tensor& x : in) {
          if (is_floating(x.dtype())) x = x.cast(DType::f64);
        }
        const std::vector<Tensor> exact = gradients(differentiable(row, in));
        for (size_t i = 0; i < got.size(); ++i) {
          CHECK(got[i].dtype() == p.dtype);
          const double scale = exact[i].abs().max().item<double>();
          const double error = (got[i].cast(DType::f64) - exact[i]).abs().max().item<double>();
          CHECK(error <= p.tolerance * scale + 1e-30);
        }
      });
    }
  });
}

TEST_CASE("ops: any layout, as if it were contiguous") {
  for_each_row([](const Row& row) {
    for (const DType dtype : kAllDTypes) {
      if (!takes(row.types, dtype)) continue;
      CAPTURE(std::string(name(dtype)));
      const std::vector<Tensor> in = operands(row, kSmall, dtype);
      const Tensor want = row.call(in);
      for (const Layout& layout : kLayouts) {
        CAPTURE(std::string(layout.name));
        std::vector<Tensor> laid_out;
        for (const Tensor& x : in) laid_out.push_back(layout.of(x));
        CHECK(difference_of(row.call(laid_out), want) <= (row.each ? 0 : tolerance(want.dtype())));
      }
      std::vector<Tensor> views, copies;
      for (const Tensor& x : in) {
        views.push_back(expanded(x));
        copies.push_back(views.back().clone());
      }
      const Tensor y = row.call(copies);
      CHECK(difference_of(row.call(views), y) <= (row.each ? 0 : tolerance(y.dtype())));
    }
  });
}

TEST_CASE("ops: operands broadcast") {
  for_each_row([](const Row& row) {
    if (row.each == nullptr || row.in.count < 2) return;
    const std::vector<Tensor> in = operands(row, kSmall, DType::f64);
    for (size_t i = 0; i < in.size(); ++i) {
      for (const Shape& shape : {Shape{1, 6}, Shape{4, 1}, Shape{6}, Shape{}}) {
        if (row.name == std::string("masked_fill") && i == 0) continue;  // never grows
        CAPTURE(i);
        CAPTURE(shape.rank());
        std::vector<Tensor> some = in;
        some[i] = in[i].flatten()[{Slice{0, shape.numel()}}].reshape(shape);
        check_values(row, some, tolerance(DType::f64));
        const Differentiable d = differentiable(row, some);
        if (has_gradient(row, some)) CHECK(gradient_error(d.f, d.at) < 1e-6);
      }
    }
  });
}

TEST_CASE("ops: empty tensors, 0-d tensors and axes of size 1") {
  for_each_row([](const Row& row) {
    for (const Size size :
         {Size{0, 3}, Size{3, 0}, Size{0, 0}, Size{1, 1}, Size{1, 5}, Size{5, 1}}) {
      CAPTURE(size.m);
      CAPTURE(size.n);
      const bool indices = std::any_of(row.in.begin(), row.in.end(),
                                       [](const Operand& o) { return o.kind == Operand::index; });
      if (size.m == 0 && indices) continue;  // no index is inside
      const std::vector<Tensor> in = operands(row, size, DType::f64);
      try {
        const Tensor y = row.call(in);
        if (has_reference(row)) check_values(row, in, tolerance(DType::f64));
        if (has_gradient(row, in)) {
          const Differentiable d = differentiable(row, in);
          const std::vector<Tensor> dx = gradients(d);
          for (size_t i = 0; i < dx.size(); ++i) CHECK(dx[i].shape() == d.at[i].shape());
        }
      } catch (const Error&) {
        CHECK((size.m < 2 || size.n < 2));  // refused, with a reason
      }
    }
    if (row.each == nullptr) return;
    std::vector<Tensor> in = operands(row, {1, 1}, DType::f64);
    for (Tensor& x : in) x = x.reshape({});
    CHECK(row.call(in).rank() == 0);
    check_values(row, in, tolerance(DType::f64));
  });
}

TEST_CASE("ops: a shape that no memory holds is refused") {
  const int64_t many = int64_t{1} << 31;
  for_each_row([&](const Row& row) {
    if (row.each == nullptr) return;
    std::vector<Tensor> in = operands(row, {1, 1}, DType::f32);
    for (size_t i = 0; i < in.size(); ++i) {
      const std::vector<Tensor> before = in;
      in[i] = in[i].expand({many, many});
      CHECK_THROWS_AS(row.call(in), Error);
      if (in.size() > 1) {
        const size_t other = (i + 1) % in.size();
        in[i] = before[i].expand({many * 4096, 1});
        in[other] = before[other].expand({1, many * 4096});
        CHECK_THROWS_AS(row.call(in), Error);
      }
      in = before;
    }
  });
}

TEST_CASE("ops: one thread and two compute the same bits") {
  for_each_row([](const Row& row) {
    const std::vector<Tensor> in = operands(row, kLarge, DType::f32);
    const auto run = [&](int threads) {
      const ThreadScope scope(threads);
      std::vector<Tensor> results{row.call(in)};
      if (!has_gradient(row, in)) return results;
      for (Tensor& dx : gradients(differentiable(row, in))) results.push_back(std::move(dx));
      return results;
    };
    const std::vector<Tensor> one = run(1), two = run(2);
    for (size_t i = 0; i < one.size(); ++i) CHECK(difference_of(one[i], two[i]) == 0);
  });
}

TEST_CASE("ops: an undefined operand is a ValueError") {
  for_each_row([](const Row& row) {
    const std::vector<Tensor> in = operands(row, kSmall, DType::f32);
    for (size_t i = 0; i < in.size(); ++i) {
      if (row.in.list[i].optional) continue;
      CAPTURE(i);
      std::vector<Tensor> some = in;
      some[i] = Tensor();
      try {
        row.call(some);
        CHECK_MESSAGE(false, "accepted");
      } catch (const ValueError& error) {
        CHECK(std::string(error.what()).find("undefined") != std::string::npos);
      }
    }
  });
}
