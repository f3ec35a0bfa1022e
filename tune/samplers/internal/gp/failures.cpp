#include "attune/tune/samplers/internal/gp/failures.h"

#include <algorithm>

#include "attune/tune/samplers/internal/gp/fit.h"
#include "attune/tune/samplers/internal/gp/output_transform.h"

namespace attune::tune::internal {
namespace {

constexpr size_t kEach = 100;  // points of a kind

std::span<const Point> latest(std::span<const Point> points) {
  return points.last(std::min(points.size(), kEach));
}

}  // namespace

std::optional<FailureModel> fit_failures(std::span<const Point> fine, std::span<const Point> failed,
                                         const std::vector<bool>& categorical) {
  if (fine.empty() || failed.empty()) return std::nullopt;
  Observations data{{}, {}, categorical};
  std::vector<double> labels = {0};  // the limit, which goes where the scale takes it
  for (const auto& [points, label] :
       {std::pair(latest(fine), -1.0), std::pair(latest(failed), 1.0)}) {
    data.points.insert(data.points.end(), points.begin(), points.end());
    labels.resize(labels.size() + points.size(), label);
  }
  const std::vector<double> z = standardize(labels);
  data.values.assign(z.begin() + 1, z.end());
  std::shared_ptr<const Kernel> kernel = anova_kernel(categorical.size());
  MapObjective objective(*kernel, data);
  std::vector<double> theta = fit_hyperparameters(objective);
  return FailureModel{GaussianProcess(std::move(kernel), std::move(data), std::move(theta)), z[0]};
}

}  // namespace attune::tune::internal
