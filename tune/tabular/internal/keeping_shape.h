#pragma once
// Forks of networks: a fork goes on with its parent's weights, so it has its parent's network.

#include <memory>

#include "attune/tune/scheduler.h"

namespace attune::tune {

// `inner`, of whose forks the parameters that say how the network is made, and how long it trains,
// are their parents'.
std::shared_ptr<const Scheduler> keeping_shape(std::shared_ptr<const Scheduler> inner);

}  // namespace attune::tune
