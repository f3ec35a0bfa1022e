if(ATTUNE_WITH_SQLITE)
  set(attune_sqlite_sources tune/storages/optuna_text.cpp tune/storages/sqlite.cpp
      tune/storages/sqlite_database.cpp tune/storages/sqlite_log.cpp
      tune/storages/sqlite_read.cpp tune/storages/worker.cpp)
  set(attune_sqlite_library SQLite::SQLite3)
else()
  set(attune_sqlite_sources tune/storages/sqlite_absent.cpp)
  set(attune_sqlite_library "")
endif()

attune_module(tune
  SOURCES
    tune/ask_tell.cpp
    tune/by_name.cpp
    tune/defaults.cpp
    tune/history.cpp
    tune/param.cpp
    tune/ranges.cpp
    tune/search.cpp
    tune/space.cpp
    tune/space_json.cpp
    tune/study.cpp
    tune/study_analysis.cpp
    tune/study_choice.cpp
    tune/study_results.cpp
    tune/study_state.cpp
    tune/training.cpp
    tune/trial.cpp
    tune/value.cpp
    tune/analysis/confirm.cpp
    tune/analysis/importance.cpp
    tune/analysis/predict.cpp
    tune/analysis/regret_bound.cpp
    tune/analysis/stagnation.cpp
    tune/analysis/what_if.cpp
    tune/analysis/internal/fanova.cpp
    tune/analysis/internal/ped_anova.cpp
    tune/analysis/internal/regression_tree.cpp
    tune/analysis/internal/student_t.cpp
    tune/analysis/internal/surrogate.cpp
    tune/analysis/internal/winner.cpp
    tune/internal/box_decomposition.cpp
    tune/internal/crowding_distance.cpp
    tune/internal/hypervolume.cpp
    tune/internal/json.cpp
    tune/internal/nondominated.cpp
    tune/internal/sobol_sequence.cpp
    tune/pruners/median.cpp
    tune/pruners/no_pruning.cpp
    tune/samplers/bayesian.cpp
    tune/samplers/cmaes.cpp
    tune/samplers/grid.cpp
    tune/samplers/nsga2.cpp
    tune/samplers/nsga3.cpp
    tune/samplers/random.cpp
    tune/samplers/sampler.cpp
    tune/samplers/sobol.cpp
    tune/samplers/internal/acquisition.cpp
    tune/samplers/internal/acquisition_search.cpp
    tune/samplers/internal/box_minimizer.cpp
    tune/samplers/internal/cma_choices.cpp
    tune/samplers/internal/cma_covariance.cpp
    tune/samplers/internal/cma_distribution.cpp
    tune/samplers/internal/cma_learning_rate.cpp
    tune/samplers/internal/cma_margin.cpp
    tune/samplers/internal/cma_rates.cpp
    tune/samplers/internal/cma_restarts.cpp
    tune/samplers/internal/cma_search.cpp
    tune/samplers/internal/cma_space.cpp
    tune/samplers/internal/domain.cpp
    tune/samplers/internal/evidence.cpp
    tune/samplers/internal/expected_hypervolume.cpp
    tune/samplers/internal/feasibility.cpp
    tune/samplers/internal/generations.cpp
    tune/samplers/internal/gp_fit.cpp
    tune/samplers/internal/gp_kernel.cpp
    tune/samplers/internal/gp_model.cpp
    tune/samplers/internal/history_ledger.cpp
    tune/samplers/internal/kernel_passes.cpp
    tune/samplers/internal/lapack.cpp
    tune/samplers/internal/mean_function.cpp
    tune/samplers/internal/normal_quantile.cpp
    tune/samplers/internal/outcome_models.cpp
    tune/samplers/internal/outcomes.cpp
    tune/samplers/internal/output_transform.cpp
    tune/samplers/internal/reference_points.cpp
    tune/samplers/internal/scalarization.cpp
    tune/samplers/internal/several_outputs.cpp
    tune/samplers/internal/symmetric_eigen.cpp
    tune/samplers/internal/trust_region.cpp
    tune/samplers/internal/variation.cpp
    tune/storages/memory.cpp
    tune/storages/url.cpp
    tune/tabular/fit.cpp
    tune/tabular/predict.cpp
    tune/tabular/recipe.cpp
    tune/tabular/replay.cpp
    tune/tabular/table_encoder.cpp
    tune/tabular/tabular_model.cpp
    tune/tabular/target.cpp
    tune/tabular/internal/cells.cpp
    ${attune_sqlite_sources}
  DEPENDS tensor nn optim
  PRIVATE attune_lapacke attune_nlopt OpenMP::OpenMP_CXX PkgConfig::HWY attune_fmt nlohmann_json::nlohmann_json
          Threads::Threads ${attune_sqlite_library})
