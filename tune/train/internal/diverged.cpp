#include "tune/train/internal/diverged.h"

#include "attune/tune/internal/document.h"

namespace attune::tune {

Outcome diverged(Trial& trial, const nn::Divergence& d) {
  const Document parts = {{"epoch", d.epoch},
                          {"step", d.step},
                          {"op", d.op},
                          {"layer", d.layer},
                          {"what", d.what},
                          {"learning_rate", d.learning_rate},
                          {"gradient_norm", d.gradient_norm},
                          {"largest_weight", d.largest_weight}};
  trial.set_attribute_json(kDivergenceAttribute, parts.dump());
  return Failed{d.to_string()};
}

}  // namespace attune::tune
