// Tape: opening and closing a record, and the walk back over it.
//
// Tapes that nest share one record. The last open tape of a record frees each node as it leaves it;
// while others are open it keeps them, for those to walk over.

#include "attune/tensor/tape.h"

#include <algorithm>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/record_store.h"
#include "attune/tensor/internal/trap.h"

namespace attune {
namespace internal {
namespace {

// Marks the nodes between the targets and the loss through which a gradient must flow.
void mark_needed(const Record& record, std::span<const NodeId> targets, NodeId top, bool* needed) {
  NodeId lowest = top;
  for (const NodeId target : targets) {
    if (target == 0 || target > top) continue;
    needed[target] = true;
    lowest = std::min(lowest, target);
  }
  for (NodeId i = lowest + 1; i <= top; ++i) {
    const Node* node = record.entries[i].node;
    if (node == nullptr || needed[i]) continue;
    for (uint32_t k = 0; k < node->inputs && !needed[i]; ++k) needed[i] = needed[node->input[k]];
  }
}

// Runs the gradients from `top` down. `consume`: free each node after it ran.
void walk_back(Record& record, NodeId top, const bool* needed, Tensor* slots,
               std::span<const NodeId> targets, bool consume) {
  const bool traps = trapping();
  for (NodeId i = top; i > 0; --i) {
    Node* node = record.entries[i].node;
    if (node == nullptr) continue;
    if (slots[i].defined() && needed[i]) {
      Gradients grads(record, *node, needed, slots);
      const bool keep = std::ranges::find(targets, i) != targets.end();
      node->run(*node, keep ? slots[i] : std::move(slots[i]), grads);
      if (traps) [[unlikely]]
        trap_gradients(record, i, *node, needed, slots);
    }
    if (consume) {
      record.entries[i].node = nullptr;
      node->destroy(*node);
    }
  }
}

// 1 in the shape of x, which has one element.
Tensor one_like(const Tensor& x) {
  if (x.dtype() != DType::f32) return Tensor::ones_like(x);
  Tensor one = make_like(x);
  *elements<float>(one) = 1;
  return one;
}

// A tensor of its own with x's elements, recorded.
Tensor alias(const Tensor& x) {
  Tensor y = make_view(x, x.shape(), x.strides(), 0);
  if (tracks(x)) {
    record("alias", y, {&x}, [](Tensor dy, Gradients& grads) { grads.add(0, std::move(dy)); });
  }
  return y;
}

}  // namespace
}  // namespace internal

using internal::NodeId;
using internal::Record;

Tape::Tape(std::span<const Tensor> watched) : Tape(watched, TapeOptions{}) {}

Tape::Tape(const TapeOptions& options) {
  internal::OpenTapes& tapes = internal::open_tapes();
  thread_ = tapes.thread;
  serial_ = 0;
  if (options.trap_nonfinite) trap_ = std::make_unique<internal::Trap>();
}

Tape::Tape(std::span<const Tensor> watched, const TapeOptions& options) {
  for (const Tensor& x : watched) internal::require_defined("Tape", x);
  internal::OpenTapes& tapes = internal::open_tapes();
  thread_ = tapes.thread;
  serial_ = tapes.next_serial();
  if (options.trap_nonfinite) trap_ = std::make_unique<internal::Trap>();
  try {
    record_ = internal::recording() ? internal::this_recording.record->shared_from_this()
                                    : tapes.fresh_record();
    ++record_->open;
    tapes.push(record_.get(), serial_);
    for (const Tensor& x : watched) {
      const NodeId known = record_->node_of(x);  // to a tape around this one
      record_->leaves.add(x, known != 0 ? known : record_->add_leaf(x), serial_);
    }
  } catch (const std::bad_alloc&) {
    close();
    internal::fail_out_of_memory("Tape");
  }
}

Tape::~Tape() { close(); }

void Tape::close() {
  if (!record_) return;
  internal::OpenTapes& tapes = internal::open_tapes();
  if (thread_ != tapes.thread) {
    internal::OpenTapes::abandon(std::move(record_));
    return;
  }
  record_->leaves.remove(serial_);
  --record_->open;
  tapes.remove(serial_);
  if (record_->in_use() == 0) tapes.recycle(std::move(record_));
}

std::vector<Tensor> Tape::gradient(const Tensor& loss) {
  return gradient(loss, record_ ? record_->leaves.of(serial_) : std::vector<Tensor>{});
}

std::vector<Tensor> Tape::gradient(const Tensor& loss, std::span<const Tensor> targets) {
  internal::require_defined("gradient", loss);
  for (const Tensor& target : targets) internal::require_defined("gradient", target);
  if (loss.numel() != 1) {
    fail<ShapeError>(
        "gradient: the loss must have one element, got {}; reduce it by sum() or mean()",
        loss.shape());
  }
  check<Error>(record_ != nullptr || serial_ != 0, "gradient: this tape watches nothing");
  check<Error>(record_ != nullptr,
               "gradient: this tape was consumed by an earlier gradient(); call it once, with all "
               "targets");
  internal::OpenTapes& tapes = internal::open_tapes();
  check<Error>(thread_ == tapes.thread,
               "gradient: this tape records on another thread; call gradient() there");
  const uint64_t recorded_by = internal::block(loss).record;
  check<Error>(recorded_by == 0 || recorded_by == record_->id,
               "gradient: the loss was recorded by another tape, which is closed or consumed; "
               "compute it while this tape is open");

  Record& r = *record_;
  const NodeId top = r.node_of(loss);
  const bool consume = r.in_use() == 1;

  // The consuming walk keeps its scratch memory from step to step; another must not disturb it.
  std::vector<NodeId> own_ids;
  std::vector<NodeId>& ids = consume ? r.ids : own_ids;
  ids.resize(targets.size());
  for (size_t i = 0; i < targets.size(); ++i) ids[i] = r.node_of(targets[i]);

  std::vector<Tensor> own_slots;
  std::unique_ptr<bool[]> own_needed;
  const size_t count = size_t{top} + 1;
  Tensor* slots = nullptr;
  bool* needed = nullptr;
  if (consume) {
    r.slots.resize(std::max(r.slots.size(), count));
    if (r.needed_size < count) {
      r.needed = std::make_unique<bool[]>(2 * count);
      r.needed_size = 2 * count;
    }
    slots = r.slots.data();
    needed = r.needed.get();
    std::fill_n(needed, count, false);
  } else {
    own_slots.resize(count);
    own_needed = std::make_unique<bool[]>(count);
    slots = own_slots.data();
    needed = own_needed.get();
  }
  std::vector<Tensor> gradients(targets.size());

  // From here on the tape is consumed, whatever an op of the walk may throw. What the walk computes
  // is not recorded, and a gradient may open a tape of its own.
  struct Consumed {
    internal::OpenTapes* tapes;
    std::shared_ptr<Record> record;
    Tensor* slots;
    size_t count;
    ~Consumed() {
      for (size_t i = 0; i < count; ++i) slots[i] = Tensor();
      if (tapes != nullptr) tapes->recycle(std::move(record));
    }
  };
  Consumed cleaner{nullptr, nullptr, slots, count};
  if (consume) {
    r.leaves.remove(serial_);
    --r.open;
    tapes.remove(serial_);
    cleaner.tapes = &tapes;
    cleaner.record = std::move(record_);
  }

  if (top != 0) {
    internal::mark_needed(r, ids, top, needed);
    slots[top] = internal::one_like(loss);
    internal::walk_back(r, top, needed, slots, ids, consume);
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    if (ids[i] != 0 && ids[i] <= top) {
      // A target that stands there twice finds what the first one has taken.
      Tensor& slot = slots[ids[i]];
      if (slot.defined()) {
        gradients[i] = std::move(slot);
      } else if (const auto first = std::ranges::find(ids, ids[i]) - ids.begin();
                 static_cast<size_t>(first) < i) {
        gradients[i] = gradients[static_cast<size_t>(first)];
      }
    }
    if (!gradients[i].defined()) gradients[i] = Tensor::zeros_like(targets[i]);
  }
  return gradients;
}

NoGradScope::NoGradScope() : serial_(internal::open_tapes().next_serial()) {
  internal::open_tapes().push(nullptr, serial_);
}
NoGradScope::~NoGradScope() { internal::open_tapes().remove(serial_); }

std::pair<Tensor, std::vector<Tensor>> value_and_grad(const TensorFunction& f,
                                                      std::span<const Tensor> params) {
  std::vector<Tensor> own(params.begin(), params.end());
  for (const Tensor& x : params) internal::require_defined("value_and_grad", x);
  for (Tensor& x : own) {
    const auto same = [&](const Tensor& other) { return other.block() == x.block(); };
    if (std::ranges::count_if(params, same) > 1) x = internal::alias(x);
  }
  Tape tape(own);
  Tensor value = f(own);
  std::vector<Tensor> gradients = tape.gradient(value, own);
  return {std::move(value), std::move(gradients)};
}

Tensor custom_gradient(const TensorFunction& forward, Vjp vjp, std::span<const Tensor> inputs) {
  Tensor y;
  {
    const NoGradScope vjp_stands_for_it;
    y = forward(inputs);
  }
  internal::require_defined("custom_gradient", y);
  if (!internal::tracks_any(inputs)) return y;
  y = y.detach();  // forward may have returned a tensor that others hold
  std::vector<Tensor> kept(inputs.begin(), inputs.end());
  internal::record("custom_gradient", y, inputs,
                   [kept, y, vjp = std::move(vjp)](const Tensor& dy, internal::Gradients& grads) {
                     std::vector<Tensor> dx = vjp(kept, y, dy);
                     check<ValueError>(dx.size() == kept.size(),
                                       "custom_gradient: vjp returned {} gradients for {} inputs",
                                       dx.size(), kept.size());
                     for (uint32_t i = 0; i < kept.size(); ++i) {
                       if (dx[i].defined() && grads.wants(i)) grads.add(i, std::move(dx[i]));
                     }
                   });
  return y;
}

}  // namespace attune
