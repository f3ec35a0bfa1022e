# The attune command.
add_executable(attune_cli
  cli/arguments.cpp
  cli/ask_tell_command.cpp
  cli/common.cpp
  cli/doctor_command.cpp
  cli/edit_commands.cpp
  cli/export_command.cpp
  cli/fit_command.cpp
  cli/importance_command.cpp
  cli/interrupt.cpp
  cli/log_command.cpp
  cli/look_commands.cpp
  cli/main.cpp
  cli/manual.cpp
  cli/manual_commands.cpp
  cli/output_file.cpp
  cli/pipes.cpp
  cli/predict_command.cpp
  cli/program_settings.cpp
  cli/progress.cpp
  cli/replay_command.cpp
  cli/report_command.cpp
  cli/run.cpp
  cli/serve_command.cpp
  cli/serve_settings.cpp
  cli/space_argument.cpp
  cli/space_changes.cpp
  cli/terminal.cpp
  cli/trial_json.cpp
  cli/tune_command.cpp)
set_target_properties(attune_cli PROPERTIES OUTPUT_NAME attune)
target_compile_definitions(attune_cli PRIVATE ATTUNE_VERSION="${PROJECT_VERSION}")
target_include_directories(attune_cli PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(attune_cli PRIVATE attune::tune attune_build_flags attune_o1 CLI11::CLI11
                                         attune_fmt)
attune_precompile(attune_cli ${attune_pch} <attune/tune/study.h>)

# attune-serve, the server of `attune serve`: a program of its own, since the libraries that HTTP takes
# would cost every other subcommand 10 ms at its start.
if(HTTPLIB_FOUND)
  add_executable(attune_serve
    cli/arguments.cpp
    cli/common.cpp
    cli/interrupt.cpp
    cli/output_file.cpp
    cli/run.cpp
    cli/serve_settings.cpp
    cli/terminal.cpp
    cli/serve/connection.cpp
    cli/serve/main.cpp
    cli/serve/server.cpp
    cli/serve/threads.cpp)
  set_target_properties(attune_serve PROPERTIES OUTPUT_NAME attune-serve)
  target_compile_definitions(attune_serve PRIVATE ATTUNE_VERSION="${PROJECT_VERSION}")
  target_include_directories(attune_serve PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(attune_serve PRIVATE attune::tune_core attune_build_flags attune_o1
                                             CLI11::CLI11 attune_fmt PkgConfig::HTTPLIB)
endif()
