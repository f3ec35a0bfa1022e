#include "attune/nn/ensemble.h"

#include <cmath>

#include "attune/tensor/internal/check.h"

namespace attune::nn {

Ensemble& Ensemble::add(Layer member) {
  check<ValueError>(static_cast<bool>(member), "Ensemble: the member was moved from");
  member->train(mode());
  members_.push_back(std::move(member));
  return *this;
}

const Module& Ensemble::operator[](size_t i) const {
  check<IndexError>(i < members_.size(), "Ensemble: member {} of {}", i, members_.size());
  return *members_[i];
}

Tensor Ensemble::forward(const Tensor& x) {
  check<ValueError>(!members_.empty(), "Ensemble: it has no members");
  const auto count = static_cast<double>(members_.size());
  std::vector<Tensor> said;
  for (const Layer& member : members_) {
    const Tensor y = (*member)(x);
    check<ShapeError>(said.empty() || y.shape() == said[0].shape(),
                      "Ensemble: members return {} and {}",
                      said.empty() ? y.shape() : said[0].shape(), y.shape());
    said.push_back(mean_ == Mean::outputs ? y : y.log_softmax(-1));
  }
  if (said.size() == 1) return said[0];
  if (mean_ == Mean::probabilities) return stack(said).logsumexp(0) - std::log(count);
  Tensor sum = said[0];
  for (size_t i = 1; i < said.size(); ++i) sum = sum + said[i];
  return sum / count;
}

std::string Ensemble::describe() const { return fmt::format("Ensemble({})", members_.size()); }

}  // namespace attune::nn
