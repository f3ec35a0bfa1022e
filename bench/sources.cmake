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
                      OpenMP::OpenMP_CXX PkgConfig::HWY)
target_include_directories(attune_gemm PRIVATE ${PROJECT_SOURCE_DIR})

# One training step, attune's and the floor's, with the same arguments and the same clock.
add_executable(attune_step bench/step.cpp)
target_link_libraries(attune_step PRIVATE attune::optim attune_build_flags PkgConfig::HWY)
target_include_directories(attune_step PRIVATE ${PROJECT_SOURCE_DIR})

# The same step of networks with convolutions, recurrence and attention.
add_executable(attune_nets bench/nets.cpp)
target_link_libraries(attune_nets PRIVATE attune::optim attune_build_flags PkgConfig::HWY)
target_include_directories(attune_nets PRIVATE ${PROJECT_SOURCE_DIR})

# The floor is as fast as loops by hand get: without -ffast-math its Adam stays scalar and denormal
# numbers slow it down.
foreach(processor native haswell)
  set(floor attune_floor)
  if(processor STREQUAL "haswell")  # as on a processor without AVX-512: bench/run.py --target avx2
    if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
      break()
    endif()
    set(floor attune_floor_avx2)
  endif()
  add_executable(${floor} bench/floor.cpp)
  target_compile_features(${floor} PRIVATE cxx_std_20)
  target_compile_options(${floor} PRIVATE -O3 -march=${processor} -ffast-math -fopenmp-simd)
  target_link_options(${floor} PRIVATE -ffast-math)
  target_link_libraries(${floor} PRIVATE attune_blas)
endforeach()
if(TARGET attune_floor_avx2)
  add_dependencies(attune_floor attune_floor_avx2)
endif()

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

# GridSearchCV's job on digits: see bench/grid_search.cpp and bench/peers/grid_search.py.
add_executable(attune_grid_search bench/grid_search.cpp)
target_link_libraries(attune_grid_search PRIVATE attune::attune attune_build_flags attune_fmt)

# How few epochs the schedulers need: see bench/quality/budgets.cpp.
add_executable(attune_budgets bench/quality/budgets.cpp)
target_link_libraries(attune_budgets PRIVATE attune::tune_core attune_build_flags attune_fmt)

# The same with several objectives: see bench/quality/hypervolume.cpp.
add_executable(attune_hypervolume bench/quality/hypervolume.cpp bench/quality/multi_objective.cpp)
target_link_libraries(attune_hypervolume PRIVATE attune::attune attune_build_flags attune_fmt)

# What isolation, forks and populations cost and bring: see bench/budget_costs.cpp.
add_executable(attune_budget_costs bench/budget_costs.cpp)
target_link_libraries(attune_budget_costs PRIVATE attune::attune attune_build_flags attune_fmt)
