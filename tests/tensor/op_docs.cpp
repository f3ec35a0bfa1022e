// attune_op_table prints the table of all ops: --markdown is docs/ops.md, --names the names alone.

#include <cstdio>
#include <cstring>

#include "tests/tensor/op_table.h"

namespace {

using namespace attune::ops;

// From the list of planned ops: what the table has not yet.
const char* const kPlanned[] = {"logspace",
                                "tri",
                                "multinomial",
                                "kaiming_uniform",
                                "kaiming_normal",
                                "xavier_uniform",
                                "xavier_normal",
                                "orthogonal",
                                "bitcast",
                                "exp2",
                                "log2",
                                "log10",
                                "tan",
                                "asin",
                                "acos",
                                "atan",
                                "sinh",
                                "cosh",
                                "erfc",
                                "erfinv",
                                "trunc",
                                "frac",
                                "deg2rad",
                                "rad2deg",
                                "bitwise_not",
                                "nonzero",
                                "relu6",
                                "relu2",
                                "elu",
                                "celu",
                                "selu",
                                "quick_gelu",
                                "hard_sigmoid",
                                "log_sigmoid",
                                "hard_silu",
                                "softsign",
                                "mish",
                                "tanh_shrink",
                                "operator%",
                                "atan2",
                                "isclose",
                                "bitwise_and",
                                "bitwise_or",
                                "bitwise_xor",
                                "cumprod",
                                "cummax",
                                "count_nonzero",
                                "median",
                                "quantile",
                                "unique",
                                "searchsorted",
                                "unflatten",
                                "roll",
                                "shrink",
                                "repeat",
                                "tile",
                                "triu",
                                "tril",
                                "chunk",
                                "diagonal",
                                "scatter",
                                "index_add",
                                "take_along_axis",
                                "einsum",
                                "tensordot",
                                "cholesky",
                                "solve",
                                "triangular_solve",
                                "inverse",
                                "det",
                                "svd",
                                "eigh",
                                "qr",
                                "lstsq",
                                "conv1d",
                                "conv2d",
                                "conv_transpose2d",
                                "max_pool1d",
                                "max_pool2d",
                                "avg_pool1d",
                                "avg_pool2d",
                                "unfold",
                                "fold",
                                "interpolate",
                                "rope",
                                "bce",
                                "smooth_l1",
                                "kl_div",
                                "cosine_similarity",
                                "triplet_margin",
                                "ctc"};

// Whether its rows are ops on tensors, so that dtypes and gradients say something.
bool has_ops(const Family& family) {
  return family.rows.data() != creation_rows().data() && family.rows.data() != query_rows().data();
}

bool is_there(const char* name) {
  for (const Family& family : families()) {
    for (const Row& row : family.rows) {
      if (std::strcmp(row.name, name) == 0) return true;
    }
  }
  return false;
}

void markdown() {
  std::puts(
      "<!-- Written by attune_op_table --markdown from the table that also drives the tests:\n"
      "tests/tensor/op_table.h. -->\n"
      "# The ops\n\n"
      "Every op takes any strides, empty and 0-d tensors, and broadcasts where it takes several\n"
      "tensors. A gradient is there to any order. *dtypes* says what an op takes and returns;\n"
      "*numbers* are all dtypes but booleans. Operands of several dtypes are promoted first.");
  for (const Family& family : families()) {
    const bool ops = has_ops(family);
    std::printf("\n## %s\n\n| op | what it does |%s in zyx |\n| --- | --- |%s --- |\n",
                family.title, ops ? " dtypes | gradient |" : "", ops ? " --- | --- |" : "");
    for (const Row& row : family.rows) {
      if (*row.signature == '\0') continue;
      std::printf("| `%s` | %s |", row.signature, row.text);
      if (ops) std::printf(" %s | %s |", describe(row.types), has_gradient(row) ? "yes" : "");
      std::printf(" %s |\n", row.zyx);
    }
  }
  std::fputs("\n## Not there yet\n\n", stdout);
  const char* before = "";
  size_t column = 0;
  for (const char* name : kPlanned) {
    if (is_there(name)) continue;
    column += std::strlen(name) + 4;
    const bool wrap = column > 100;
    std::printf("%s%s`%s`", before, wrap ? "\n" : *before ? " " : "", name);
    if (wrap) column = std::strlen(name) + 4;
    before = ",";
  }
  std::fputs(".\n", stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--markdown") == 0) {
    markdown();
  } else if (argc == 2 && std::strcmp(argv[1], "--names") == 0) {
    for (const Family& family : families()) {
      for (const Row& row : family.rows) std::puts(row.name);
    }
  } else {
    std::fprintf(stderr, "usage: attune_op_table --markdown | --names\n");
    return 2;
  }
  return 0;
}
