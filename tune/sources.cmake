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
    tune/copy_study.cpp
    tune/defaults.cpp
    tune/export.cpp
    tune/history.cpp
    tune/order.cpp
    tune/param.cpp
    tune/ranges.cpp
    tune/space.cpp
    tune/space_json.cpp
    tune/space_text.cpp
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
    tune/internal/math/student_t.cpp
    tune/analysis/internal/surrogate.cpp
    tune/analysis/internal/winner.cpp
    tune/internal/math/box_decomposition.cpp
    tune/internal/configurations.cpp
    tune/internal/math/crowding_distance.cpp
    tune/internal/chooser.cpp
    tune/internal/decimal_steps.cpp
    tune/internal/dialogue.cpp
    tune/internal/document.cpp
    tune/internal/math/hypervolume.cpp
    tune/internal/json.cpp
    tune/internal/lagged_views.cpp
    tune/internal/ledger.cpp
    tune/internal/math/nondominated.cpp
    tune/internal/param_extras.cpp
    tune/internal/prior.cpp
    tune/internal/math/sobol_sequence.cpp
    tune/report/findings.cpp
    tune/report/internal/page.cpp
    tune/report/report.cpp
    tune/report/report_json.cpp
    tune/report/sentences.cpp
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
    tune/samplers/internal/gp/acquisition.cpp
    tune/samplers/internal/gp/acquisition_search.cpp
    tune/samplers/internal/gp/box_minimizer.cpp
    tune/samplers/internal/cma/choices.cpp
    tune/samplers/internal/cma/covariance.cpp
    tune/samplers/internal/cma/distribution.cpp
    tune/samplers/internal/cma/learning_rate.cpp
    tune/samplers/internal/cma/margin.cpp
    tune/samplers/internal/cma/rates.cpp
    tune/samplers/internal/cma/restarts.cpp
    tune/samplers/internal/cma/search.cpp
    tune/samplers/internal/cma/space.cpp
    tune/samplers/internal/gp/domain.cpp
    tune/samplers/internal/gp/evidence.cpp
    tune/samplers/internal/gp/expected_hypervolume.cpp
    tune/samplers/internal/gp/failures.cpp
    tune/samplers/internal/gp/feasibility.cpp
    tune/samplers/internal/genetic/generations.cpp
    tune/samplers/internal/gp/fit.cpp
    tune/samplers/internal/gp/kernel.cpp
    tune/samplers/internal/gp/model.cpp
    tune/samplers/internal/cma/history_ledger.cpp
    tune/samplers/internal/gp/kernel_passes.cpp
    tune/internal/math/dense.cpp
    tune/samplers/internal/gp/mean_function.cpp
    tune/internal/math/normal.cpp
    tune/samplers/internal/gp/outcome_models.cpp
    tune/samplers/internal/genetic/outcomes.cpp
    tune/samplers/internal/gp/output_transform.cpp
    tune/samplers/internal/tpe/parzen_axis.cpp
    tune/samplers/internal/tpe/parzen_estimator.cpp
    tune/samplers/internal/tpe/parzen_passes.cpp
    tune/samplers/internal/genetic/reference_points.cpp
    tune/samplers/internal/gp/scalarization.cpp
    tune/samplers/internal/gp/several_outputs.cpp
    tune/samplers/internal/tpe/split_density.cpp
    tune/internal/math/symmetric_eigen.cpp
    tune/samplers/internal/tpe/trial_ledger.cpp
    tune/samplers/internal/gp/trust_region.cpp
    tune/samplers/internal/genetic/variation.cpp
    tune/program/command_template.cpp
    tune/program/internal/after_fork.cpp
    tune/program/internal/child_process.cpp
    tune/program/internal/process_guard.cpp
    tune/program/internal/program_run.cpp
    tune/program/program.cpp
    tune/program/program_output.cpp
    tune/schedulers/median.cpp
    tune/schedulers/no_pruning.cpp
    tune/schedulers/pruning.cpp
    tune/storages/memory.cpp
    tune/storages/url.cpp
    tune/storages/worker.cpp
    ${attune_sqlite_sources}
  DEPENDS base
  PRIVATE attune_nlopt PkgConfig::HWY attune_fmt nlohmann_json::nlohmann_json
          Threads::Threads ${attune_sqlite_library}
  O2)

# tune: what joins studies with networks and tables.
attune_module(tune ONLY train|tabular
  SOURCES
    tune/tabular/best_trials.cpp
    tune/tabular/column_format.cpp
    tune/tabular/date_form.cpp
    tune/tabular/fit.cpp
    tune/tabular/internal/encoding.cpp
    tune/tabular/internal/identifiers.cpp
    tune/tabular/internal/split_columns.cpp
    tune/tabular/network.cpp
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
  PRIVATE attune_fmt nlohmann_json::nlohmann_json
  O2)
