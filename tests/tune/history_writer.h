#pragma once
// Histories for tests of what reads them: trials that start, report and end in any order.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "attune/tune/history.h"
#include "attune/tune/space.h"

namespace attune::tune::test {

class HistoryWriter {
 public:
  explicit HistoryWriter(size_t objectives = 1) : history(std::vector<double>(objectives, 1.0)) {}

  int64_t start(const Space& space, const std::vector<double>& values) {
    const auto number = static_cast<int64_t>(history.trials().size());
    history.apply(Created{number});
    history.apply(Claimed{number, 1});
    const std::vector<bool> active = space.active(values);
    for (size_t i = 0; i < space.size(); ++i) {
      const auto param = std::make_shared<const Param>(space.params()[i]);
      if (active[i]) history.apply(ParamSet{number, param, values[i]});
    }
    return number;
  }
  void report(int64_t number, int64_t step, double loss) {
    history.apply(Reported{number, step, loss});
  }
  void end(int64_t number, State state, std::vector<double> losses) {
    history.apply(Finished{number, state, std::move(losses), double(number) + 2});
  }
  int64_t add(double loss, State state = State::complete) {
    const int64_t number = start({}, {});
    end(number, state, {loss});
    return number;
  }

  History history;
};

}  // namespace attune::tune::test
