attune_module(tensor
  SOURCES
    tensor/rng.cpp
  PRIVATE attune_blas OpenMP::OpenMP_CXX PkgConfig::HWY fmt::fmt-header-only)
