#pragma once
// Ensemble: several models that answer as one.

#include <string>
#include <vector>

#include "attune/nn/layer.h"

namespace attune::nn {

enum class Mean : uint8_t {
  outputs,       // the mean of the outputs: for numbers
  probabilities  // of logits [..., classes], the logarithm of the mean of their softmax: for
                 // classes
};

// The mean of what its members say of x: x [...] -> as theirs. Networks that were trained from
// different starts err in different places, and their mean errs less than they do in the mean.
// Hansen and Salamon, "Neural network ensembles" (1990). Members are trained one by one, before
// they are put together: trained as one they would no longer differ.
class Ensemble : public Module {
 public:
  explicit Ensemble(Mean mean) : mean_(mean) {}
  Ensemble& add(Layer member);  // ValueError if it was moved from

  size_t size() const { return members_.size(); }
  const Module& operator[](size_t i) const;  // IndexError

  Tensor forward(const Tensor& x) override;  // ValueError without members
  void fields(Fields& f) override { f("members", members_); }
  std::string describe() const override;

 private:
  Mean mean_;
  std::vector<Layer> members_;
};

}  // namespace attune::nn
