# attune_test(attune_nn_tests SOURCES tests/nn/module_test.cpp ... LINK attune::nn)
# makes one doctest program of the sources and a test that runs it; target attune_tests is all such.
add_custom_target(attune_tests)
# Clang's -Wconversion, unlike GCC's, minds for (const int n : {1, 8}) where an unsigned is wanted.
add_library(attune_test_flags INTERFACE)
target_compile_options(attune_test_flags INTERFACE -Wno-sign-conversion)
target_link_libraries(attune_test_flags INTERFACE doctest::doctest attune_build_flags attune_o1)
if(ATTUNE_PCH)  # all of the tests share them, and so have to have the same flags
  target_compile_definitions(attune_test_flags INTERFACE DOCTEST_CONFIG_SUPER_FAST_ASSERTS)
  target_link_libraries(attune_test_flags INTERFACE attune_fmt OpenMP::OpenMP_CXX)
endif()
# doctest itself and the precompiled headers, once for all programs. (CMake wants a file that uses them.)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_pch.cpp CONTENT "")
add_library(attune_test_main OBJECT tests/main.cpp ${PROJECT_BINARY_DIR}/test_pch.cpp)
target_compile_features(attune_test_main PRIVATE cxx_std_20)
target_link_libraries(attune_test_main PRIVATE attune_test_flags)
attune_precompile(attune_test_main ${attune_pch} <doctest/doctest.h>)
set_source_files_properties(tests/main.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
function(attune_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES} $<TARGET_OBJECTS:attune_test_main>)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} attune_test_flags)
  attune_precompile(${name} REUSE_FROM attune_test_main)
  add_dependencies(attune_tests ${name})
  add_test(NAME ${name} COMMAND ${name})
endfunction()

attune_test(attune_analysis_tests
  SOURCES
    tests/tune/confirm_test.cpp
    tests/tune/importance_test.cpp
    tests/tune/predict_test.cpp
    tests/tune/stopping_test.cpp
    tests/tune/what_if_test.cpp
  LINK attune::tune)
if(ATTUNE_WITH_SQLITE)  # all_storages() has SQLite's in it
  target_compile_definitions(attune_analysis_tests PRIVATE ATTUNE_WITH_SQLITE)
endif()

if(ATTUNE_WITH_SQLITE)  # its study is in a file
  attune_test(attune_api_tests SOURCES tests/api_test.cpp LINK attune::attune)
endif()

attune_test(attune_fuzz_tests
  SOURCES tests/fuzz/fuzz_test.cpp tests/fuzz/targets.cpp
  LINK attune::tensor)
option(ATTUNE_FUZZERS "libFuzzer programs, one for each target of tests/fuzz (Clang)" OFF)
if(ATTUNE_FUZZERS)
  foreach(target safetensors mapped_safetensors npy npz idx csv einsum index)
    add_executable(attune_fuzz_${target} tests/fuzz/libfuzzer.cpp tests/fuzz/targets.cpp)
    target_compile_definitions(attune_fuzz_${target} PRIVATE ATTUNE_FUZZ_TARGET="${target}")
    target_include_directories(attune_fuzz_${target} PRIVATE ${PROJECT_SOURCE_DIR})
    target_compile_options(attune_fuzz_${target} PRIVATE -fsanitize=fuzzer,address)
    target_link_options(attune_fuzz_${target} PRIVATE -fsanitize=fuzzer,address)
    target_link_libraries(attune_fuzz_${target} PRIVATE attune::tensor attune_build_flags)
  endforeach()
endif()

attune_test(attune_nn_tests
  SOURCES
    tests/nn/checkpoint_test.cpp
    tests/nn/data_test.cpp
    tests/nn/edges_test.cpp
    tests/nn/ensemble_test.cpp
    tests/nn/fields_test.cpp
    tests/nn/kfold_test.cpp
    tests/nn/layers_test.cpp
    tests/nn/loader_test.cpp
    tests/nn/loss_test.cpp
    tests/nn/module_file_test.cpp
    tests/nn/module_test.cpp
    tests/nn/module_of_test.cpp
    tests/nn/more_loss_test.cpp
    tests/nn/recurrent_test.cpp
    tests/nn/piecewise_linear_test.cpp
  LINK attune::nn)

include(tests/tensor/op_table.cmake)
attune_test(attune_op_tests
  SOURCES tests/tensor/op_table_test.cpp
  LINK attune_op_rows PkgConfig::HWY)
add_executable(attune_op_table tests/tensor/op_docs.cpp)
target_link_libraries(attune_op_table PRIVATE attune_op_rows attune_build_flags)
add_dependencies(attune_tests attune_op_table)
add_test(NAME ops_document
         COMMAND bash ${PROJECT_SOURCE_DIR}/tests/tensor/op_docs.sh
                 ${PROJECT_SOURCE_DIR} $<TARGET_FILE:attune_op_table>)

attune_test(attune_optim_tests
  SOURCES
    tests/optim/clip_test.cpp
    tests/optim/divergence_test.cpp
    tests/optim/lbfgs_test.cpp
    tests/optim/optimizers_test.cpp
    tests/optim/schedule_test.cpp
    tests/optim/trainer_test.cpp
    tests/optim/update_test.cpp
  LINK attune::optim PkgConfig::HWY)

attune_test(attune_tensor_tests
  SOURCES
    tests/tensor/binary_test.cpp
    tests/tensor/choose_test.cpp
    tests/tensor/compare_test.cpp
    tests/tensor/conv_test.cpp
    tests/tensor/windows_test.cpp
    tests/tensor/cross_entropy_test.cpp
    tests/tensor/cumsum_test.cpp
    tests/tensor/custom_gradient_test.cpp
    tests/tensor/dropout_test.cpp
    tests/tensor/dtype_test.cpp
    tests/tensor/einsum_test.cpp
    tests/tensor/gemm_test.cpp
    tests/tensor/gradcheck_test.cpp
    tests/tensor/index_test.cpp
    tests/tensor/io/csv_test.cpp
    tests/tensor/io/dlpack_test.cpp
    tests/tensor/io/eigen_test.cpp
    tests/tensor/io/idx_test.cpp
    tests/tensor/io/npy_test.cpp
    tests/tensor/io/safetensors_test.cpp
    tests/tensor/join_test.cpp
    tests/tensor/layer_norm_test.cpp
    tests/tensor/linear_algebra_test.cpp
    tests/tensor/linear_test.cpp
    tests/tensor/loss_test.cpp
    tests/tensor/matmul_test.cpp
    tests/tensor/memory_test.cpp
    tests/tensor/moments_test.cpp
    tests/tensor/pad_test.cpp
    tests/tensor/pool_test.cpp
    tests/tensor/print_test.cpp
    tests/tensor/random_test.cpp
    tests/tensor/reduce_index_test.cpp
    tests/tensor/reduce_test.cpp
    tests/tensor/select_test.cpp
    tests/tensor/slice_test.cpp
    tests/tensor/softmax_test.cpp
    tests/tensor/sort_test.cpp
    tests/tensor/tape_test.cpp
    tests/tensor/tape_threads_test.cpp
    tests/tensor/tensor_test.cpp
    tests/tensor/text_test.cpp
    tests/tensor/threads_test.cpp
    tests/tensor/trap_test.cpp
    tests/tensor/unary_test.cpp
    tests/tensor/view_test.cpp
  LINK attune::tensor PkgConfig::HWY OpenMP::OpenMP_CXX attune_fmt)

if(ATTUNE_WITH_ZLIB)
  set_source_files_properties(tests/fuzz/targets.cpp tests/tensor/io/idx_test.cpp tests/tensor/io/npy_test.cpp
                              PROPERTIES COMPILE_DEFINITIONS ATTUNE_WITH_ZLIB)
endif()

# Every product of a list of sides: seconds with vector instructions and optimisation.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ATTUNE_SIMD STREQUAL "scalar")
  add_test(NAME attune_gemm_sweep COMMAND attune_tensor_tests --no-skip "--test-case=gemm sweep*")
  set_tests_properties(attune_gemm_sweep PROPERTIES LABELS slow)
endif()

set(attune_sqlite_tests "")
if(ATTUNE_WITH_SQLITE)
  set(attune_sqlite_tests tests/tune/broken_off_test.cpp tests/tune/program_test.cpp)
endif()
attune_test(attune_tune_tests
  SOURCES
    tests/tune/acquisition_test.cpp
    tests/tune/automatic_test.cpp
    tests/tune/bayesian_test.cpp
    tests/tune/cma_parts_test.cpp
    tests/tune/cmaes_test.cpp
    tests/tune/constraint_test.cpp
    tests/tune/expected_hypervolume_test.cpp
    tests/tune/failures_test.cpp
    tests/tune/gp_test.cpp
    tests/tune/findings_test.cpp
    tests/tune/report_test.cpp
    tests/tune/card_test.cpp
    tests/tune/live_test.cpp
    tests/tune/history_test.cpp
    tests/tune/hostile_text_test.cpp
    tests/tune/hypervolume_test.cpp
    tests/tune/kernel_passes_test.cpp
    tests/tune/multi_objective_test.cpp
    tests/tune/nondominated_test.cpp
    tests/tune/param_test.cpp
    tests/tune/parzen_test.cpp
    tests/tune/sampler_test.cpp
    tests/tune/space_text_test.cpp
    tests/tune/study_test.cpp
    tests/tune/tpe_test.cpp
    tests/tune/trial_ledger_test.cpp
    tests/tune/value_test.cpp
    ${attune_sqlite_tests}
  LINK attune::tune OpenMP::OpenMP_CXX PkgConfig::HWY attune_fmt ${attune_sqlite_library})
if(ATTUNE_WITH_SQLITE)  # all_storages() has SQLite's in it
  target_compile_definitions(attune_tune_tests PRIVATE ATTUNE_WITH_SQLITE)
endif()

if(ATTUNE_WITH_SQLITE)
  attune_test(attune_storage_tests
    SOURCES
      tests/tune/copy_study_test.cpp
      tests/tune/journal_test.cpp
      tests/tune/looking_test.cpp
      tests/tune/optuna_text_test.cpp
      tests/tune/outside_changes_test.cpp
      tests/tune/peers_test.cpp
      tests/tune/storage_test.cpp
    LINK attune::tune_core attune_fmt ${attune_sqlite_library})
  target_compile_definitions(attune_storage_tests PRIVATE ATTUNE_WITH_SQLITE)
endif()

set(attune_killed_tests "")
if(ATTUNE_WITH_SQLITE)
  set(attune_killed_tests tests/tune/killed_test.cpp)
endif()
attune_test(attune_budget_tests
  SOURCES
    tests/tune/core_budget_test.cpp
    tests/tune/isolation_test.cpp
    tests/tune/pb2_test.cpp
    tests/tune/retry_test.cpp
  LINK attune::tune_core attune_fmt ${attune_sqlite_library})
if(ATTUNE_WITH_SQLITE)
  target_compile_definitions(attune_budget_tests PRIVATE ATTUNE_WITH_SQLITE)
endif()

attune_test(attune_scheduler_tests
  SOURCES
    tests/tune/all_schedulers_test.cpp
    tests/tune/fork_test.cpp
    tests/tune/pruner_test.cpp
    tests/tune/rung_test.cpp
    tests/tune/scheduler_test.cpp
    ${attune_killed_tests}
  LINK attune::tune_core attune_fmt ${attune_sqlite_library})
if(ATTUNE_WITH_SQLITE)
  target_compile_definitions(attune_scheduler_tests PRIVATE ATTUNE_WITH_SQLITE)
endif()

set(attune_resume_tests "")
if(ATTUNE_WITH_SQLITE)
  set(attune_resume_tests tests/tune/resume_test.cpp)
endif()
attune_test(attune_space_tests
  SOURCES
    tests/tune/bad_space_test.cpp
    tests/tune/changing_space_test.cpp
    tests/tune/dense_test.cpp
    tests/tune/disturbance_test.cpp
    tests/tune/plain_samplers_test.cpp
    tests/tune/prior_test.cpp
    ${attune_resume_tests}
  LINK attune::tune attune_fmt)
if(ATTUNE_WITH_SQLITE)
  target_compile_definitions(attune_space_tests PRIVATE ATTUNE_WITH_SQLITE)
endif()

# What tests/interop/safetensors_check.py runs (script/test interop).
add_executable(safetensors_copy tests/interop/safetensors_copy.cpp)
target_link_libraries(safetensors_copy PRIVATE attune::tensor attune_build_flags attune_o1)

# What tests/interop/numpy_check.py loads.
add_library(attune_numpy_share MODULE tests/interop/numpy_share.cpp)
target_link_libraries(attune_numpy_share PRIVATE attune::tensor attune_build_flags attune_o1)

# What tests/differential/compare.py runs (script/test differential).
add_executable(attune_differential EXCLUDE_FROM_ALL
  tests/differential/driver.cpp
  tests/differential/driver_more.cpp
  tests/differential/driver_ops.cpp)
target_include_directories(attune_differential PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(attune_differential PRIVATE attune::optim nlohmann_json::nlohmann_json
                                                  attune_build_flags attune_test_flags)

# What tests/tune/optuna_interop.py runs (script/test interop).
if(ATTUNE_WITH_SQLITE)
  add_executable(optuna_driver tests/tune/optuna_driver.cpp)
  target_link_libraries(optuna_driver PRIVATE attune::tune_core attune_build_flags attune_o1)
endif()

if(ATTUNE_WITH_CLI AND ATTUNE_WITH_SQLITE)
  attune_test(attune_cli_tests
    SOURCES
      tests/cli/bad_input_test.cpp
      tests/cli/dialogue_study_test.cpp
      tests/cli/dialogue_test.cpp
      tests/cli/dialogue_values_test.cpp
      tests/cli/edit_test.cpp
      tests/cli/export_test.cpp
      tests/cli/fit_scheduler_test.cpp
      tests/cli/manual_test.cpp
      tests/cli/fit_test.cpp
      tests/cli/interrupt_test.cpp
      tests/cli/output_file_test.cpp
      tests/cli/output_test.cpp
      tests/cli/process.cpp
      tests/cli/study_test.cpp
      tests/cli/table_doubts_test.cpp
      tests/cli/table_test.cpp
      tests/cli/tune_test.cpp
    LINK attune::tensor nlohmann_json::nlohmann_json attune_fmt)
  add_dependencies(attune_cli_tests attune_cli)
  target_compile_definitions(attune_cli_tests PRIVATE
    ATTUNE_COMMAND="$<TARGET_FILE:attune_cli>" ATTUNE_SOURCE="${PROJECT_SOURCE_DIR}")
endif()

# The live page, talked to over HTTP.
find_program(ATTUNE_PYTHON python3)
if(TARGET attune_serve AND ATTUNE_WITH_PAGE AND ATTUNE_WITH_SQLITE AND ATTUNE_PYTHON)
  add_test(NAME serve COMMAND ${ATTUNE_PYTHON} ${PROJECT_SOURCE_DIR}/tests/cli/serve_test.py
                              $<TARGET_FILE:attune_cli>)
  set_tests_properties(serve PROPERTIES TIMEOUT 300)
endif()

attune_test(attune_search_tests
  SOURCES
    tests/tune/cross_validate_test.cpp
    tests/tune/search_folds_test.cpp
    tests/tune/search_test.cpp
    tests/tune/stop_and_go_test.cpp
    tests/tune/training_test.cpp
  LINK attune::tune PkgConfig::HWY)

attune_test(attune_table_tests
  SOURCES
    tests/tune/fit_scheduler_test.cpp
    tests/tune/row_split_test.cpp
    tests/tune/score_test.cpp
    tests/tune/sheet_test.cpp
    tests/tune/table_model_test.cpp
    tests/tune/tabular_test.cpp
    tests/tune/typed_table_test.cpp
  LINK attune::tune attune_fmt)

# Studies for page/test.mjs (script/test page).
if(ATTUNE_WITH_SQLITE)
  add_executable(attune_report_studies EXCLUDE_FROM_ALL tests/page/studies.cpp)
  target_link_libraries(attune_report_studies PRIVATE attune::attune attune_build_flags attune_o1)
endif()
