attune_module(tensor
  SOURCES
    tensor/dtype.cpp
    tensor/rng.cpp
    tensor/shape.cpp
    tensor/tape.cpp
    tensor/tensor.cpp
    tensor/threads.cpp
    tensor/internal/pool.cpp
    tensor/internal/walk.cpp
    tensor/ops/binary.cpp
    tensor/ops/convert.cpp
    tensor/ops/create.cpp
    tensor/ops/slice.cpp
    tensor/ops/unary.cpp
    tensor/ops/view.cpp
  PRIVATE attune_blas OpenMP::OpenMP_CXX PkgConfig::HWY fmt::fmt-header-only)
