// The attune command.

#include "cli/command.h"
#include "cli/run.h"

int main(int argc, char** argv) {
  using namespace attune::cli;
  constexpr AddCommand kCommands[] = {
      add_fit,    add_predict, add_tune,       add_worker,    add_ask_tell, add_studies,
      add_trials, add_best,    add_importance, add_log,       add_export,   add_copy,
      add_delete, add_enqueue, add_ask,        add_tell,      add_replay,   add_report,
      add_serve,  add_doctor,  add_man,        add_completion};
  return run_program(argc, argv, kCommands);
}
