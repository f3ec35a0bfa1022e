#include "attune/tune/internal/configurations.h"

#include <vector>

namespace attune::tune::internal {

std::vector<double> combination(const Space& space, int64_t index) {
  std::vector<double> values(space.size());
  for (size_t i = space.size(); i-- > 0;) {
    const int64_t levels = space.params()[i].levels();
    values[i] = space.params()[i].level_value(index % levels);
    index /= levels;
  }
  return values;
}

std::set<std::string> all_configurations(const Space& space, int64_t most) {
  std::set<std::string> all;
  const int64_t total = space.combinations();
  if (total == 0 || total > most) return all;
  std::vector<double> values(space.size());
  for (int64_t k = 0; k < total; ++k) {
    int64_t index = k;
    for (size_t i = 0; i < space.size(); ++i) {
      const Param& p = space.params()[i];
      const ParamValue* held = space.frozen().find(p.name);
      values[i] = held ? p.internal(*held) : p.level_value(index % p.levels());
      index /= p.levels();
    }
    if (space.allowed(values)) all.insert(space.to_params(values).to_string());
  }
  return all;
}

}  // namespace attune::tune::internal
