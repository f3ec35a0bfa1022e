#pragma once
// How a network's outputs on a table are judged.

#include <optional>
#include <string>
#include <string_view>

#include "attune/tensor/tensor.h"
#include "attune/tune/tabular/target.h"

namespace attune::tune {

enum class Score : uint8_t {
  accuracy,           // share of rows whose likeliest class is the right one
  balanced_accuracy,  // the mean over classes of that share
  log_loss,           // mean of -log of the right class's probability
  auc,  // area under the ROC curve; of more than two classes the mean of each against the rest
  f1,   // of two classes that of the rarer one, else the mean over classes
  r2,   // share of the variance explained
  rmse,
  mae  // in the target's unit
};

std::string_view name_of(Score score);
std::optional<Score> score_named(std::string_view name);
std::vector<std::string> score_names(Task task);
Task task_of(Score score);
bool lower_is_better(Score score);
Score default_score(Task task);  // accuracy, r2

// outputs [rows, classes] are logits and labels [rows] i64; or outputs and labels [rows, 1] are
// numbers on the network's scale, of which one is `unit` of the target's. NaN if there is no row,
// or for AUC if all rows are of one class.
// With two classes f1 is that of `positive`, or of the class that is rarer in these labels: parts
// of one table need it said, lest each part be measured by another class.
double measure(Score score, const Tensor& outputs, const Tensor& labels, double unit = 1,
               std::optional<int64_t> positive = {});

}  // namespace attune::tune
