#pragma once
// A study's best model on one page of Markdown, to lie beside its file: what it was trained on, how
// it was chosen, how good it is and how sure that is, and what it takes to make it again.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attune/tune/study_view.h"

namespace attune::tune {

// What the study itself does not know; what is left empty is left out.
struct CardDetails {
  std::string version = {};  // of the program that writes the card
  std::string data = {};     // the table's name
  std::string hash = {};     // of the table and its split
  std::string target = {}, task = {}, score = {};
  int64_t rows = 0, train_rows = 0, validation_rows = 0, test_rows = 0, folds = 0;
  std::vector<std::string> columns = {};  // "age: number"
  // Of scores that are shares of rows, such as accuracy: an interval follows from how many there
  // are.
  bool score_is_share = false;
};

// Looks only. Where a score's interval follows from the study or the details, it is said with it
// (95 %); shares of rows have Wilson's (1927).
std::string model_card(const StudyView& view, const CardDetails& details = {});

// Wilson's 95 % interval of a share that was seen in `count` cases; of none: 0 to 1.
std::pair<double, double> share_interval(double share, int64_t count);

}  // namespace attune::tune
