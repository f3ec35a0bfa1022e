// attune_op_table prints the table of all ops: --markdown is docs/ops.md, --names the names alone.

#include <cstdio>
#include <cstring>

#include "tests/tensor/op_table.h"

namespace {

using namespace attune::ops;

// Whether its rows are ops on tensors, so that dtypes and gradients say something.
bool has_ops(const Family& family) {
  return family.rows.data() != creation_rows().data() && family.rows.data() != query_rows().data();
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
