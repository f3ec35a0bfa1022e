#pragma once
// One table of all public ops. It drives the tests that hold for every op (op_table_test.cpp),
// docs/ops.md (op_docs.cpp) and the benchmark rows (bench/ops_bench.cpp).

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "attune/tensor/tensor.h"

namespace attune::ops {

// Which dtypes an op takes, and which it returns for them.
enum class Types : uint8_t {
  any,             // all, and returns the same
  numbers,         // all but booleans, and returns the same
  counted,         // all, and returns the same; booleans become i64
  floating,        // all, computed as floating: integers and booleans as f32
  quotient,        // the same, but refuses booleans
  floating_only,   // refuses integers and booleans
  summed,          // all; integers and booleans return i64
  any_to_boolean,  // all, returns booleans
  any_to_i64,      // all, returns i64
  fixed,           // the dtype of its result does not depend on the operands
};
bool takes(Types types, DType dtype);
DType result_of(Types types, DType dtype);
const char* describe(Types types);

// The table states shapes in two numbers, so that one row serves for every size.
struct Size {
  int64_t m, n;
};
inline constexpr int64_t kM = -1, kN = -2;

struct Operand {
  enum Kind : uint8_t { number, boolean, index };  // an index is drawn from [0, m)
  std::array<int64_t, 3> sizes{kM, kN};            // kM, kN, or themselves
  int rank = 2;
  double low = -3, high = 3;  // numbers are drawn evenly from here
  Kind kind = number;
  bool optional = false;  // may be undefined
};
struct Operands {
  constexpr Operands() = default;
  constexpr Operands(Operand a) : list{a}, count(1) {}
  constexpr Operands(Operand a, Operand b) : list{a, b}, count(2) {}
  constexpr Operands(Operand a, Operand b, Operand c) : list{a, b, c}, count(3) {}
  constexpr const Operand* begin() const { return list.data(); }
  constexpr const Operand* end() const { return list.data() + count; }

  std::array<Operand, 3> list{};
  int count = 0;
};
constexpr Operand matrix(double low = -3, double high = 3) { return {{kM, kN}, 2, low, high}; }
constexpr Operand vector_of(int64_t size, double low = -3, double high = 3) {
  return {{size}, 1, low, high};
}
constexpr Operand mask() { return {{kM, kN}, 2, 0, 1, Operand::boolean}; }
constexpr Operand index(std::array<int64_t, 3> sizes, int rank) {
  return {sizes, rank, 0, 0, Operand::index};
}

using Tensors = std::span<const Tensor>;
using Values = std::vector<double>;
using Call = Tensor (*)(Tensors in);

// A reference in double, by the elements of its broadcast operands; by lanes of a matrix, of any
// length in and any length out; or by whole operands.
using Each = double (*)(const double* v);
using Lane = Values (*)(Values x);
using Whole = Values (*)(Tensors in);
enum class Along : uint8_t { n, m, all };  // the axis that a lane runs along

struct Row {
  constexpr Row(const char* a_name, const char* a_signature, const char* a_text, Types a_types,
                Operands a_in, Call a_call)
      : name(a_name),
        signature(a_signature),
        text(a_text),
        types(a_types),
        in(a_in),
        call(a_call) {}
  constexpr Row(const char* a_name, const char* a_signature, const char* a_text, Types a_types,
                Operands a_in, Call a_call, Each a_each)
      : Row(a_name, a_signature, a_text, a_types, a_in, a_call) {
    each = a_each;
  }
  constexpr Row(const char* a_name, const char* a_signature, const char* a_text, Types a_types,
                Operands a_in, Call a_call, Lane a_lane, Along an_axis = Along::n)
      : Row(a_name, a_signature, a_text, a_types, a_in, a_call) {
    lane = a_lane;
    along = an_axis;
  }
  constexpr Row(const char* a_name, const char* a_signature, const char* a_text, Types a_types,
                Operands a_in, Call a_call, Whole a_whole)
      : Row(a_name, a_signature, a_text, a_types, a_in, a_call) {
    whole = a_whole;
  }
  constexpr Row with_zyx(const char* zyx_name) const {
    Row row = *this;
    row.zyx = zyx_name;
    return row;
  }
  constexpr Row no_extremes() const {
    Row row = *this;
    row.extremes = false;
    return row;
  }

  const char* name;       // as declared; operators are "operator+"
  const char* signature;  // as a caller writes it; empty in a further row of the same op
  const char* text;       // what it does, in a line; in a further row: what is special about it
  Types types;
  Operands in;
  Call call;            // null if there is nothing to run: documentation alone
  Each each = nullptr;  // at most one reference
  Lane lane = nullptr;
  Whole whole = nullptr;
  Along along = Along::n;
  const char* zyx = "";  // zyx's name where it differs
  bool extremes = true;  // the reference holds for NaN, infinities, huge and tiny elements, too
};

#define ATTUNE_CALL(...) []([[maybe_unused]] Tensors in) -> Tensor { return __VA_ARGS__; }
#define ATTUNE_EACH(...) [](const double* v) -> double { return __VA_ARGS__; }

struct Family {
  const char* title;
  std::span<const Row> rows;
};
std::span<const Family> families();

// The operands of a row: numbers in `dtype`, indices in i64.
std::vector<Tensor> operands(const Row& row, Size size, DType dtype);
bool has_reference(const Row& row);
bool has_gradient(const Row& row);  // a floating result of floating operands
Values reference(const Row& row, Tensors in);

// The families, by file.
std::span<const Row> unary_rows();
std::span<const Row> activation_rows();
std::span<const Row> binary_rows();
std::span<const Row> reduction_rows();
std::span<const Row> lane_rows();
std::span<const Row> view_rows();
std::span<const Row> index_rows();
std::span<const Row> product_rows();
std::span<const Row> linear_algebra_rows();
std::span<const Row> spatial_rows();
std::span<const Row> loss_rows();
std::span<const Row> creation_rows();
std::span<const Row> query_rows();

}  // namespace attune::ops
