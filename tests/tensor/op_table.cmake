# The table of all ops: for what the suite checks of it, docs/ops.md and the benchmarks.
include_guard()
add_library(attune_op_rows OBJECT
  tests/tensor/op_rows_elementwise.cpp
  tests/tensor/op_rows_linear_algebra.cpp
  tests/tensor/op_rows_move.cpp
  tests/tensor/op_rows_other.cpp
  tests/tensor/op_rows_reduction.cpp
  tests/tensor/op_rows_spatial.cpp
  tests/tensor/op_table.cpp)
target_include_directories(attune_op_rows PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(attune_op_rows PUBLIC attune::nn PRIVATE attune_build_flags attune_o1)
target_compile_options(attune_op_rows PRIVATE -Wno-sign-conversion)  # Clang's, as in the tests
