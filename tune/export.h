#pragma once
// A study's trials in forms that other programs read.

#include <string>

#include "attune/tune/study_view.h"

namespace attune::tune {

// CSV (RFC 4180), a line for each trial: number, state, value (or value_0, value_1 …), seconds,
// then the parameters, constraints and user attributes by name as params_lr, constraints_memory,
// user_epochs. What a trial has not is empty; NaN and infinities are written nan, inf, -inf;
// attributes are JSON text.
std::string export_csv(const StudyView& view);

// Both write the folder `to`/NAME for the study NAME, complete or not at all. IoError if it is
// there already, or cannot be written. Any thread.

// Event files for TensorBoard: a run for each trial, its reports as the scalar "report" and its
// values as "value" (with several objectives report_0, value_0 ...), and its parameters for the
// HParams page.
void export_tensorboard(const StudyView& view, const std::string& to);

// An experiment of MLflow's file store, to be read with `to` as the tracking URI: a run for each
// trial that has been started, with its parameters, reports and values as metrics, and attributes
// as tags.
void export_mlflow(const StudyView& view, const std::string& to);

}  // namespace attune::tune
