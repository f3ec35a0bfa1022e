if(ATTUNE_WITH_SQLITE AND EXISTS ${PROJECT_SOURCE_DIR}/tune/storages/sqlite.cpp)
  set(attune_sqlite_sources tune/storages/optuna_text.cpp tune/storages/sqlite.cpp
      tune/storages/sqlite_database.cpp tune/storages/sqlite_log.cpp)
  set(attune_sqlite_library SQLite::SQLite3)
else()
  set(attune_sqlite_sources tune/storages/sqlite_absent.cpp)
  set(attune_sqlite_library "")
endif()

attune_module(tune
  SOURCES
    tune/defaults.cpp
    tune/history.cpp
    tune/param.cpp
    tune/ranges.cpp
    tune/space.cpp
    tune/study.cpp
    tune/study_choice.cpp
    tune/study_results.cpp
    tune/study_state.cpp
    tune/trial.cpp
    tune/value.cpp
    tune/internal/json.cpp
    tune/internal/sobol_sequence.cpp
    tune/pruners/median.cpp
    tune/pruners/no_pruning.cpp
    tune/samplers/grid.cpp
    tune/samplers/random.cpp
    tune/samplers/sampler.cpp
    tune/samplers/sobol.cpp
    tune/storages/memory.cpp
    tune/storages/url.cpp
    ${attune_sqlite_sources}
  DEPENDS tensor
  PRIVATE fmt::fmt-header-only Threads::Threads ${attune_sqlite_library})
