if(ATTUNE_WITH_SQLITE)
  set(attune_sqlite_sources tune/storages/optuna_text.cpp tune/storages/sqlite.cpp
      tune/storages/sqlite_attributes.cpp tune/storages/sqlite_database.cpp
      tune/storages/sqlite_log.cpp tune/storages/sqlite_read.cpp tune/storages/sqlite_schema.cpp)
  set(attune_sqlite_library SQLite::SQLite3)
else()
  set(attune_sqlite_sources tune/storages/sqlite_absent.cpp)
  set(attune_sqlite_library "")
endif()

# tune_core: studies, samplers and storages, which tune anything: without tensors and without BLAS.
attune_module(tune_core FOLDER tune WITHOUT train|tabular
  SOURCES
    tune/ask_tell.cpp
    tune/by_name.cpp
    tune/defaults.cpp
    tune/history.cpp
    tune/order.cpp
    tune/param.cpp
    tune/ranges.cpp
    tune/space.cpp
    tune/space_json.cpp
    tune/runner.cpp
    tune/study.cpp
    tune/study_analysis.cpp
    tune/study_begin.cpp
    tune/study_results.cpp
    tune/study_state.cpp
    tune/study_view.cpp
    tune/trial.cpp
    tune/value.cpp
    tune/analysis/confirm.cpp
    tune/analysis/importance.cpp
    tune/analysis/model_best.cpp
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
    tune/internal/configurations.cpp
    tune/internal/crowding_distance.cpp
    tune/internal/chooser.cpp
    tune/internal/decimal_steps.cpp
    tune/internal/dialogue.cpp
    tune/internal/document.cpp
    tune/internal/hypervolume.cpp
    tune/internal/json.cpp
    tune/internal/lagged_views.cpp
    tune/internal/ledger.cpp
    tune/internal/nondominated.cpp
    tune/internal/param_extras.cpp
    tune/internal/prior.cpp
    tune/internal/sobol_sequence.cpp
    tune/samplers/automatic.cpp
    tune/samplers/bayesian.cpp
    tune/samplers/brute_force.cpp
    tune/samplers/cmaes.cpp
    tune/samplers/fixed.cpp
    tune/samplers/grid.cpp
    tune/samplers/halton.cpp
    tune/samplers/latin_hypercube.cpp
    tune/samplers/nsga2.cpp
    tune/samplers/nsga3.cpp
    tune/samplers/one_at_a_time.cpp
    tune/samplers/random.cpp
    tune/samplers/sampler.cpp
    tune/samplers/sobol.cpp
    tune/samplers/tpe.cpp
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
    tune/samplers/internal/failures.cpp
    tune/samplers/internal/feasibility.cpp
    tune/samplers/internal/generations.cpp
    tune/samplers/internal/gp_fit.cpp
    tune/samplers/internal/gp_kernel.cpp
    tune/samplers/internal/gp_model.cpp
    tune/samplers/internal/history_ledger.cpp
    tune/samplers/internal/kernel_passes.cpp
    tune/samplers/internal/lapack.cpp
    tune/samplers/internal/mean_function.cpp
    tune/samplers/internal/normal.cpp
    tune/samplers/internal/outcome_models.cpp
    tune/samplers/internal/outcomes.cpp
    tune/samplers/internal/output_transform.cpp
    tune/samplers/internal/parzen_axis.cpp
    tune/samplers/internal/parzen_estimator.cpp
    tune/samplers/internal/parzen_passes.cpp
    tune/samplers/internal/reference_points.cpp
    tune/samplers/internal/scalarization.cpp
    tune/samplers/internal/several_outputs.cpp
    tune/samplers/internal/split_density.cpp
    tune/samplers/internal/symmetric_eigen.cpp
    tune/samplers/internal/trial_ledger.cpp
    tune/samplers/internal/trust_region.cpp
    tune/samplers/internal/variation.cpp
    tune/schedulers/median.cpp
    tune/schedulers/no_pruning.cpp
    tune/schedulers/pruning.cpp
    tune/storages/memory.cpp
    tune/storages/url.cpp
    tune/storages/worker.cpp
    ${attune_sqlite_sources}
  DEPENDS base
  PRIVATE attune_blas attune_nlopt OpenMP::OpenMP_CXX PkgConfig::HWY attune_fmt nlohmann_json::nlohmann_json
          Threads::Threads ${attune_sqlite_library}
  O2)

# tune: what joins studies with networks and tables.
attune_module(tune ONLY train|tabular
  SOURCES
    tune/tabular/column_format.cpp
    tune/tabular/date_form.cpp
    tune/tabular/fit.cpp
    tune/tabular/internal/encoding.cpp
    tune/tabular/internal/identifiers.cpp
    tune/tabular/internal/split_columns.cpp
    tune/tabular/number_form.cpp
    tune/tabular/predict.cpp
    tune/tabular/recipe.cpp
    tune/tabular/repeated_rows.cpp
    tune/tabular/replay.cpp
    tune/tabular/row_split.cpp
    tune/tabular/score.cpp
    tune/tabular/sheet.cpp
    tune/tabular/table_encoder.cpp
    tune/tabular/table_encoder_json.cpp
    tune/tabular/tabular_model.cpp
    tune/tabular/target.cpp
    tune/tabular/typed_table.cpp
    tune/train/search.cpp
    tune/train/training.cpp
  DEPENDS tune_core nn optim
  PRIVATE OpenMP::OpenMP_CXX attune_fmt nlohmann_json::nlohmann_json
  O2)
