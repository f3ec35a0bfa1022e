#!/bin/bash
# op_docs.sh SOURCE PROGRAM: docs/ops.md is what PROGRAM (attune_op_table) prints, and every public op
# has a row in its table.
set -euo pipefail
cd "$1"
program=$2
failed=0
if ! diff -u docs/ops.md <("$program" --markdown); then
  echo "docs/ops.md is not up to date: $program --markdown >docs/ops.md"
  failed=1
fi

# The names of what a header declares to return tensors or to say something of one.
declared() {
  sed -n '/^class Tensor {/,$p; /^namespace attune::nn {/,$p' "$1" |
    sed '/^ private:/,/^};/d; /Templates above/,$d; s/internal::[A-Za-z]*//g' |
    grep -oP '^(  )?(static )?(Tensor|Sorted|Shape|bool|int|int64_t|DType|T|std::span<const T>|std::vector<\w+>) \K(operator\S{1,2}|\w+)(?=\()'
}
missing=$(comm -23 <(for header in tensor/tensor.h nn/loss.h; do declared $header; done | sort -u) \
                   <("$program" --names | sort -u))
if [ -n "$missing" ]; then
  echo "no row in tests/tensor/op_rows_*.cpp for:" $missing
  failed=1
fi
exit $failed
