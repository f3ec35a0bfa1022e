#include "attune/tensor/internal/trap.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/record_store.h"
#include "attune/tensor/tape.h"

namespace attune::internal {

constinit thread_local PlaceFunction place_of_op = nullptr;

namespace {

enum class Worst : uint8_t { finite, infinite, nan };

Worst worst_of(const Tensor& x) {
  if (!x.defined() || !is_floating(x.dtype()) || x.numel() == 0) return Worst::finite;
  const NoGradScope not_recorded;
  if (x.isfinite().all().item<bool>()) return Worst::finite;
  return x.isnan().any().item<bool>() ? Worst::nan : Worst::infinite;
}

// Ops that put in values of the caller's choice, such as the -Inf of a mask.
bool puts_in_values(std::string_view op) {
  static constexpr std::string_view kOps[] = {"masked_fill", "where", "pad", "clamp", "index_put"};
  return std::ranges::find(kOps, op) != std::end(kOps);
}

[[noreturn]] void spring(const char* op, const Place& place, bool in_gradient,
                         const std::string& cause) {
  throw NonFinite(op, place ? *place : std::string(), in_gradient, cause);
}

}  // namespace

Trap::Trap() : count_(open_tapes().traps) {
  ++*count_;
  open_tapes().may_trap = true;
  open_tapes().look();
}

Trap::~Trap() {
  --*count_;
  open_tapes().look();  // of another thread: it looks when it opens or closes a tape
}

bool trapping() {
  OpenTapes& tapes = open_tapes();
  return tapes.may_trap && *tapes.traps > 0;
}

void trap(const char* op, const Tensor& y, std::span<const Tensor* const> inputs) {
  if (!trapping()) return open_tapes().look();
  const Place place = place_of_op != nullptr ? place_of_op() : Place();
  Record& record = *this_recording.record;
  record.places.resize(record.entries.size() + 1);
  record.places.back() = place;
  const Worst worst = worst_of(y);
  if (worst == Worst::finite) return;
  Worst before = Worst::finite;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Worst input = worst_of(*inputs[i]);
    if (input == Worst::nan) {
      spring(op, place, false,
             fmt::format("input {} of {} holds NaN already, which no recorded op has made", i, op));
    }
    before = std::max(before, input);
  }
  // An Inf that goes through was put in on purpose, as a mask is; NaN is made of it here at last.
  if (worst == Worst::infinite && (before == Worst::infinite || puts_in_values(op))) return;
  spring(op, place, false,
         fmt::format("{} made {} of {}", op, worst == Worst::nan ? "NaN" : "Inf",
                     before == Worst::finite ? "finite inputs" : "infinite inputs"));
}

void trap_gradients(const Record& record, NodeId id, const Node& node, const bool* needed,
                    const Tensor* slots) {
  for (uint32_t i = 0; i < node.inputs; ++i) {
    const NodeId input = node.input[i];
    if (input == 0 || !needed[input]) continue;
    const Worst worst = worst_of(slots[input]);
    if (worst == Worst::finite) continue;
    spring(node.op, id < record.places.size() ? record.places[id] : Place(), true,
           fmt::format("the gradient of {} is {} for its input {}", node.op,
                       worst == Worst::nan ? "NaN" : "Inf", i));
  }
}

}  // namespace attune::internal
