#include "attune/tune/internal/param_extras.h"

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/prior.h"

namespace attune::tune::internal {
namespace {

std::string list(const std::vector<double>& numbers) {
  std::string text;
  for (const double x : numbers) text += (text.empty() ? "" : ", ") + json::number(x);
  return "[" + text + "]";
}

std::vector<double> numbers_in(const json::Value& document, std::string_view key) {
  std::vector<double> numbers;
  if (const json::Value* found = document.find(key)) {
    for (const json::Value& one : found->list()) numbers.push_back(one.scalar().as_double());
  }
  return numbers;
}

}  // namespace

std::string extras_of(const Param& param) {
  if (param.grid.empty() && !has_prior(param)) return {};
  std::vector<double> normal;
  if (param.normal) normal = {param.normal->mean, param.normal->deviation};
  return fmt::format(R"({{"grid": {}, "normal": {}, "weights": {}}})", list(param.grid),
                     list(normal), list(param.weights));
}

Param with_extras(const Param& param, std::string_view text) {
  try {
    const json::Value document = json::parse(text);
    Param p = param;
    p.grid = numbers_in(document, "grid");
    p.weights = numbers_in(document, "weights");
    const std::vector<double> normal = numbers_in(document, "normal");
    if (normal.size() == 2) p.normal = Param::Normal{normal[0], normal[1]};
    p.validate();
    return p;
  } catch (const Error&) {  // of another range by that name
    return param;
  }
}

}  // namespace attune::tune::internal
