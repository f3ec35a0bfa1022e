// What needs no tensor needs no BLAS: a function tuned with attune::tune_core alone.
#include <attune/tune.h>

int main() {
  attune::tune::Study study({.direction = attune::tune::minimize});
  study.optimize(
      [](attune::tune::Trial& trial) -> attune::tune::Outcome {
        const double x = trial.suggest_float("x", -1, 1);
        return x * x;
      },
      {.trials = 30});
  return study.best_trial().value < 0.01 ? 0 : 1;
}
