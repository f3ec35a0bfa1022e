# The measuring programs. script/bench builds and runs them; nothing here runs in CI.
find_package(benchmark REQUIRED)

# Google Benchmark rows, a file per topic.
include(tests/tensor/op_table.cmake)
add_executable(attune_bench
  bench/ops_bench.cpp
  bench/threads_bench.cpp
  bench/trial_bench.cpp)
target_link_libraries(attune_bench PRIVATE attune_op_rows attune::attune attune_blas attune_build_flags
                      OpenMP::OpenMP_CXX benchmark::benchmark benchmark::benchmark_main)
target_include_directories(attune_bench PRIVATE ${PROJECT_SOURCE_DIR})

# Matrix products against OpenBLAS, by turns.
add_executable(attune_gemm bench/gemm_bench.cpp)
target_link_libraries(attune_gemm PRIVATE attune::tensor attune_blas attune_build_flags
                      PkgConfig::HWY)
target_include_directories(attune_gemm PRIVATE ${PROJECT_SOURCE_DIR})

# One training step, attune's and the floor's, with the same arguments and the same clock.
add_executable(attune_step bench/step.cpp)
target_link_libraries(attune_step PRIVATE attune::attune attune_build_flags)

# The floor is as fast as loops by hand get: without -ffast-math its Adam stays scalar and denormal
# numbers slow it down.
add_executable(attune_floor bench/floor.cpp)
target_compile_features(attune_floor PRIVATE cxx_std_20)
target_compile_options(attune_floor PRIVATE -O3 -march=native -ffast-math -fopenmp-simd)
target_link_options(attune_floor PRIVATE -ffast-math)
target_link_libraries(attune_floor PRIVATE attune_blas)

# How few trials the samplers need: see bench/quality/quality.cpp.
add_executable(attune_quality
  bench/quality/more_problems.cpp
  bench/quality/more_spaces.cpp
  bench/quality/problems.cpp
  bench/quality/quality.cpp)
target_link_libraries(attune_quality PRIVATE attune::attune attune_build_flags attune_fmt)

# How many live trainings it takes to reach what random search has: see bench/real_search.cpp.
add_executable(attune_real_search bench/real_search.cpp)
target_link_libraries(attune_real_search PRIVATE attune::attune attune_build_flags attune_fmt)

# The same with several objectives: see bench/quality/hypervolume.cpp.
add_executable(attune_hypervolume bench/quality/hypervolume.cpp bench/quality/multi_objective.cpp)
target_link_libraries(attune_hypervolume PRIVATE attune::attune attune_build_flags attune_fmt)
