#include "tests/tensor/op_table.h"

#include <algorithm>
#include <cstring>

namespace attune::ops {

bool takes(Types types, DType dtype) {
  switch (types) {
    case Types::numbers:
    case Types::quotient: return dtype != DType::boolean;
    case Types::floating_only: return is_floating(dtype);
    default: return true;
  }
}

DType result_of(Types types, DType dtype) {
  switch (types) {
    case Types::floating:
    case Types::quotient: return is_floating(dtype) ? dtype : DType::f32;
    case Types::counted: return dtype == DType::boolean ? DType::i64 : dtype;
    case Types::summed: return is_floating(dtype) ? dtype : DType::i64;
    case Types::any_to_boolean: return DType::boolean;
    case Types::any_to_i64: return DType::i64;
    default: return dtype;
  }
}

const char* describe(Types types) {
  switch (types) {
    case Types::any: return "any, kept";
    case Types::numbers: return "numbers, kept";
    case Types::counted: return "any, kept; booleans as i64";
    case Types::floating: return "any; integers and booleans as f32";
    case Types::quotient: return "numbers; integers as f32";
    case Types::floating_only: return "floating, kept";
    case Types::summed: return "any; integers and booleans as i64";
    case Types::any_to_boolean: return "any to boolean";
    case Types::any_to_i64: return "any to i64";
    case Types::fixed: return "";
  }
  return "";
}

std::span<const Family> families() {
  static const Family all[] = {
      {"Making tensors", creation_rows()},
      {"Asking and converting", query_rows()},
      {"Element by element", unary_rows()},
      {"Activations", activation_rows()},
      {"Several operands, broadcast", binary_rows()},
      {"Reductions over axes", reduction_rows()},
      {"Along one axis", lane_rows()},
      {"Moving elements", view_rows()},
      {"Choosing by index", index_rows()},
      {"Products and layers", product_rows()},
      {"Linear algebra", linear_algebra_rows()},
      {"Images and sequences", spatial_rows()},
      {"Losses", loss_rows()},
  };
  return all;
}

std::vector<Tensor> operands(const Row& row, Size size, DType dtype) {
  std::vector<Tensor> in;
  for (const Operand& operand : row.in) {
    Shape shape;
    for (int axis = 0; axis < operand.rank; ++axis) {
      const int64_t s = operand.sizes[static_cast<size_t>(axis)];
      shape.push_back(s == kM ? size.m : s == kN ? size.n : s);
    }
    Rng rng = Rng(1).fork(static_cast<int64_t>(in.size()));
    if (operand.kind == Operand::index) {
      in.push_back(Tensor::randint(shape, 0, size.m, rng));
    } else if (operand.kind == Operand::boolean) {
      in.push_back(Tensor::bernoulli(shape, 0.5, rng));
    } else {
      const double low = dtype == DType::u8 ? std::max(operand.low, 0.0) : operand.low;
      in.push_back(Tensor::uniform(shape, low, operand.high, rng, DType::f64).cast(dtype));
    }
  }
  return in;
}

bool has_reference(const Row& row) {
  return row.each != nullptr || row.lane != nullptr || row.whole != nullptr;
}

bool has_gradient(const Row& row) {
  if (row.call == nullptr || std::strstr(row.name, "_like") != nullptr) return false;
  const std::vector<Tensor> in = operands(row, {4, 6}, DType::f32);
  return std::any_of(in.begin(), in.end(),
                     [](const Tensor& x) { return is_floating(x.dtype()); }) &&
         is_floating(row.call(in).dtype());
}

namespace {

Values values_of(const Tensor& x) { return x.cast(DType::f64).to_vector<double>(); }

Values by_elements(const Row& row, Tensors in) {
  // Adding zeros broadcasts, whatever the dtypes.
  Shape shape = in[0].shape();
  for (const Tensor& x : in) {
    shape = (Tensor::zeros(shape) + Tensor::zeros(x.shape())).shape();
  }
  std::vector<Values> columns;
  for (const Tensor& x : in) columns.push_back(values_of(x.expand(shape)));
  Values y(columns[0].size()), at(in.size());
  for (size_t i = 0; i < y.size(); ++i) {
    for (size_t k = 0; k < at.size(); ++k) at[k] = columns[k][i];
    y[i] = row.each(at.data());
  }
  return y;
}

Values by_lanes(const Row& row, const Tensor& x) {
  if (row.along == Along::all) return row.lane(values_of(x));
  const Tensor lanes = row.along == Along::m ? x.t() : x;
  Values y;
  for (int64_t i = 0; i < lanes.size(0); ++i) {
    const Values lane = row.lane(values_of(lanes[i]));
    y.insert(y.end(), lane.begin(), lane.end());
  }
  if (row.along == Along::n || y.empty()) return y;
  return values_of(
      Tensor::from(y, {lanes.size(0), static_cast<int64_t>(y.size()) / lanes.size(0)}).t());
}

}  // namespace

Values reference(const Row& row, Tensors in) {
  return row.each != nullptr   ? by_elements(row, in)
         : row.lane != nullptr ? by_lanes(row, in[0])
                               : row.whole(in);
}

}  // namespace attune::ops
