#pragma once
// What Tape's trap of NaN and Inf is made of. nn says which layer an op belongs to.

#include <atomic>
#include <memory>
#include <string>

#include "attune/tensor/internal/record.h"

namespace attune::internal {

// While one lives, the tapes of its thread trap. It may be destroyed on another thread.
class Trap {
 public:
  Trap();
  ~Trap();
  Trap(const Trap&) = delete;
  Trap& operator=(const Trap&) = delete;

 private:
  std::shared_ptr<std::atomic<int>> count_;
};

// Who called the op that is being recorded; null: nobody who says so.
using Place = std::shared_ptr<const std::string>;
using PlaceFunction = Place (*)();
extern constinit thread_local PlaceFunction place_of_op;

bool trapping();  // on this thread, now

// Throws NonFinite if `node`, the record's number `id`, has just computed a gradient that is not
// finite.
void trap_gradients(const Record& record, NodeId id, const Node& node, const bool* needed,
                    const Tensor* slots);

}  // namespace attune::internal
