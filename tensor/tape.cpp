// The record of this thread and the walk back over it.
//
// All open tapes of a thread share one record. Nodes lie in an arena in the order they were made,
// so the walk needs no sorting and no recursion. The outermost tape's gradient() frees each node as
// it leaves it; an inner one keeps them, for the outer tape to walk over.

#include "attune/tensor/tape.h"

#include <atomic>
#include <cmath>
#include <memory>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace internal {
namespace {

// Memory that is taken piece by piece and given back all at once.
class Arena {
 public:
  void* take(size_t bytes) {
    bytes = (bytes + 15) & ~size_t{15};
    if (chunk_ == chunks_.size() || used_ + bytes > kChunk) next_chunk(bytes);
    void* memory = chunks_[chunk_].get() + used_;
    used_ += bytes;
    return memory;
  }
  void reset() { chunk_ = used_ = 0; }

 private:
  static constexpr size_t kChunk = 1 << 16;

  void next_chunk(size_t bytes) {
    if (chunk_ < chunks_.size()) ++chunk_;
    used_ = 0;
    // A node with very many inputs gets a chunk of its own size.
    if (bytes > kChunk) {
      chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(chunk_),
                     std::make_unique<std::byte[]>(bytes));
    } else if (chunk_ == chunks_.size()) {
      chunks_.push_back(std::make_unique<std::byte[]>(kChunk));
    }
  }

  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  size_t chunk_ = 0, used_ = 0;
};

// From the address of a watched tensor to its node: open addressing, at most half full.
class Leaves {
 public:
  NodeId find(const Block* block) const {
    if (slots_.empty()) return 0;
    for (size_t i = hash(block) & mask_;; i = (i + 1) & mask_) {
      if (slots_[i].block == block) return slots_[i].node;
      if (slots_[i].block == nullptr) return 0;
    }
  }

  void add(const Tensor& x, NodeId node) {
    held_.push_back({x, node});
    if (2 * held_.size() >= slots_.size()) {
      rebuild();
    } else {
      insert(x.block(), node);
    }
  }

  void shrink(size_t count) {  // back to the first `count`
    if (held_.size() == count) return;
    held_.resize(count);
    rebuild();
  }

  size_t size() const { return held_.size(); }

  std::vector<Tensor> from(size_t first) const {
    std::vector<Tensor> tensors;
    if (first < held_.size()) tensors.reserve(held_.size() - first);
    for (size_t i = first; i < held_.size(); ++i) tensors.push_back(held_[i].x);
    return tensors;
  }

 private:
  struct Slot {
    const Block* block = nullptr;
    NodeId node = 0;
  };
  struct Held {
    Tensor x;
    NodeId node = 0;
  };

  static size_t hash(const Block* block) {
    return static_cast<size_t>((reinterpret_cast<uintptr_t>(block) >> 6) * 0x9E3779B97F4A7C15 >>
                               40);
  }
  void insert(const Block* block, NodeId node) {
    size_t i = hash(block) & mask_;
    while (slots_[i].block != nullptr) i = (i + 1) & mask_;
    slots_[i] = {block, node};
  }
  void rebuild() {
    size_t capacity = 16;
    while (capacity < 4 * held_.size()) capacity *= 2;
    slots_.assign(std::max(capacity, slots_.size()), Slot{});
    mask_ = slots_.size() - 1;
    for (const Held& leaf : held_) insert(leaf.x.block(), leaf.node);
  }

  std::vector<Held> held_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
};

struct Record {
  Arena arena;
  std::vector<Node*> nodes{nullptr};  // by NodeId; leaves and freed nodes are null
  Leaves leaves;
  std::vector<Tensor> slots;       // gradients by NodeId, while the outermost tape walks
  std::vector<NodeId> ids;         // of its targets
  std::unique_ptr<bool[]> needed;  // scratch of the walk, kept from step to step
  size_t needed_size = 0;
  int depth = 0;  // open tapes
  bool used_up = false;

  void clear() {
    for (size_t i = nodes.size(); i-- > 1;) {
      if (nodes[i] != nullptr) nodes[i]->destroy(*nodes[i]);
    }
    nodes.resize(1);
    arena.reset();
  }
  ~Record() { clear(); }
};

constinit thread_local Recording recording_state{};
thread_local Record record_state;

}  // namespace

Recording& this_recording() { return recording_state; }
bool recording() { return recording_state.active; }
NodeId leaf_of(const Block* block) {
  return recording_state.id != 0 ? record_state.leaves.find(block) : 0;
}

bool tracks_any(std::span<const Tensor> inputs) {
  if (!recording()) return false;
  for (const Tensor& input : inputs) {
    if (node_of(input) != 0) return true;
  }
  return false;
}

void* arena_take(size_t bytes) { return record_state.arena.take(bytes); }

void push_node(Block& y, Node* node) {
  y.node = static_cast<NodeId>(record_state.nodes.size());
  y.record = recording_state.id;
  record_state.nodes.push_back(node);
}

int64_t live_nodes() {
  int64_t live = 0;
  for (const Node* node : record_state.nodes) live += node != nullptr;
  return live;
}

void Gradients::add(uint32_t i, Tensor gradient) {
  Tensor& slot = slots_[node_.input[i]];
  slot = slot.defined() ? slot + gradient : std::move(gradient);
}

namespace {

// Marks the nodes between the targets and the loss through which a gradient must flow.
void mark_needed(const Record& r, std::span<const NodeId> targets, NodeId top, bool* needed) {
  NodeId lowest = top;
  for (const NodeId target : targets) {
    if (target == 0 || target > top) continue;
    needed[target] = true;
    lowest = std::min(lowest, target);
  }
  for (NodeId i = lowest + 1; i <= top; ++i) {
    const Node* node = r.nodes[i];
    if (node == nullptr || needed[i]) continue;
    for (uint32_t k = 0; k < node->inputs && !needed[i]; ++k) needed[i] = needed[node->input[k]];
  }
}

// Runs the gradients from `top` down. `consume`: free each node after it ran.
void walk_back(Record& r, NodeId top, const bool* needed, Tensor* slots,
               std::span<const NodeId> targets, bool consume) {
  const auto is_target = [&](NodeId i) {
    for (const NodeId target : targets) {
      if (target == i) return true;
    }
    return false;
  };
  for (NodeId i = top; i > 0; --i) {
    Node* node = r.nodes[i];
    if (node == nullptr) continue;
    if (slots[i].defined() && needed[i]) {
      Gradients grads(*node, needed, slots);
      const bool keep = is_target(i);
      node->run(*node, keep ? slots[i] : std::move(slots[i]), grads);
    }
    if (consume) {
      r.nodes[i]->destroy(*r.nodes[i]);  // by index: running may have moved the vector
      r.nodes[i] = nullptr;
    }
  }
}

}  // namespace
}  // namespace internal

using internal::NodeId;
using internal::record_state;
using internal::recording_state;

Tape::Tape(std::span<const Tensor> watched) : outer_leaves_(record_state.leaves.size()) {
  internal::Record& r = record_state;
  for (const Tensor& x : watched) internal::require_defined("Tape", x);
  if (r.depth == 0) {
    static std::atomic<uint64_t> next_id{1};
    recording_state.id = next_id.fetch_add(1, std::memory_order_relaxed);
    r.used_up = false;
  }
  ++r.depth;
  recording_state.active = !r.used_up;
  for (const Tensor& x : watched) {
    NodeId node = internal::node_of(x);  // an outer tape may know it already
    if (node == 0) {
      node = static_cast<NodeId>(r.nodes.size());
      r.nodes.push_back(nullptr);
    }
    r.leaves.add(x, node);
  }
}

Tape::~Tape() {
  internal::Record& r = record_state;
  r.leaves.shrink(outer_leaves_);
  if (--r.depth > 0) return;
  recording_state = {};
  r.clear();
}

std::vector<Tensor> Tape::gradient(const Tensor& loss) {
  return gradient(loss, record_state.leaves.from(outer_leaves_));
}

std::vector<Tensor> Tape::gradient(const Tensor& loss, std::span<const Tensor> targets) {
  internal::Record& r = record_state;
  internal::require_defined("gradient", loss);
  check<ShapeError>(
      loss.numel() == 1,
      "gradient: the loss must have one element, got {}; reduce it by sum() or mean()",
      loss.shape());
  check<Error>(
      !r.used_up,
      "gradient: this tape was used up by an earlier gradient(); ask once for all tensors");
  const NodeId top = internal::node_of(loss);
  const bool outermost = r.depth == 1;

  // The outermost walk keeps its scratch memory from step to step.
  std::vector<NodeId> own_ids;
  std::vector<NodeId>& ids = outermost ? r.ids : own_ids;
  ids.resize(targets.size());
  for (size_t i = 0; i < targets.size(); ++i) ids[i] = internal::node_of(targets[i]);

  std::vector<Tensor> own_slots;  // an inner walk must not disturb the outer one's
  std::unique_ptr<bool[]> own_needed;
  const size_t count = size_t{top} + 1;
  Tensor* slots = nullptr;
  bool* needed = nullptr;
  if (outermost) {
    r.slots.resize(std::max(r.slots.size(), count));
    if (r.needed_size < count) {
      r.needed_size = 2 * count;
      r.needed = std::make_unique<bool[]>(r.needed_size);
    }
    slots = r.slots.data();
    needed = r.needed.get();
    std::fill_n(needed, count, false);
    recording_state.active = false;
    r.used_up = true;
  } else {
    own_slots.resize(count);
    own_needed = std::make_unique<bool[]>(count);
    slots = own_slots.data();
    needed = own_needed.get();
  }

  // If an op of the walk throws, the slots must not survive it.
  struct Cleaner {
    Tensor* slots;
    size_t count;
    ~Cleaner() {
      for (size_t i = 0; i < count; ++i) slots[i] = Tensor();
    }
  } const cleaner{slots, count};

  if (top != 0) {
    internal::mark_needed(r, ids, top, needed);
    slots[top] = Tensor::ones_like(loss);
    internal::walk_back(r, top, needed, slots, ids, outermost);
  }
  std::vector<Tensor> gradients(targets.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    if (ids[i] != 0 && ids[i] <= top) gradients[i] = slots[ids[i]];
    if (!gradients[i].defined()) gradients[i] = Tensor::zeros_like(targets[i]);
  }
  if (outermost) {
    r.clear();
    r.leaves.shrink(0);
  }
  return gradients;
}

std::pair<Tensor, std::vector<Tensor>> value_and_grad(const TensorFunction& f,
                                                      std::span<const Tensor> params) {
  Tape tape(params);
  Tensor value = f(params);
  std::vector<Tensor> gradients = tape.gradient(value, params);
  return {std::move(value), std::move(gradients)};
}

Tensor custom_gradient(const TensorFunction& forward, Vjp vjp, std::span<const Tensor> inputs) {
  Tensor y;
  {
    // What forward computes inside is not to be recorded: vjp stands for it.
    const bool was = std::exchange(recording_state.active, false);
    struct Restore {
      bool was;
      ~Restore() { recording_state.active = was; }
    } const restore{was};
    y = forward(inputs);
  }
  internal::require_defined("custom_gradient", y);
  if (!internal::tracks_any(inputs)) return y;
  y = y.detach();  // forward may have returned a tensor that others hold
  std::vector<Tensor> kept(inputs.begin(), inputs.end());
  internal::record(y, inputs,
                   [kept, y, vjp = std::move(vjp)](const Tensor& dy, internal::Gradients& grads) {
                     std::vector<Tensor> dx = vjp(kept, y, dy);
                     check<ValueError>(dx.size() == kept.size(),
                                       "custom_gradient: vjp gave {} gradients for {} inputs",
                                       dx.size(), kept.size());
                     for (uint32_t i = 0; i < kept.size(); ++i) {
                       if (!dx[i].defined() || !grads.wants(i)) continue;
                       check<ShapeError>(dx[i].shape() == kept[i].shape(),
                                         "custom_gradient: vjp gave {} for input {} of shape {}",
                                         dx[i].shape(), i, kept[i].shape());
                       grads.add(i, std::move(dx[i]));
                     }
                   });
  return y;
}

double gradcheck(const TensorFunction& f, std::span<const Tensor> inputs, double step) {
  for (const Tensor& x : inputs) {
    check<DTypeError>(x.dtype() == DType::f64, "gradcheck: needs f64 inputs, got {}", x.dtype());
  }
  std::vector<Tensor> points(inputs.begin(), inputs.end());
  Rng rng(0x67726164);
  const Tensor weights = Tensor::rand(f(points).shape(), rng, DType::f64) + 0.5;
  const auto weighted = [&](std::span<const Tensor> at) { return (f(at) * weights).sum(); };
  const std::vector<Tensor> gradients = value_and_grad(weighted, points).second;

  double worst = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const std::vector<double> centre = inputs[i].to_vector<double>();
    const std::vector<double> gradient = gradients[i].to_vector<double>();
    const auto value_at = [&](size_t j, double shift) {
      std::vector<double> moved = centre;
      moved[j] += shift;
      points[i] = Tensor::from(moved, inputs[i].shape());
      return weighted(points).item<double>();
    };
    for (size_t j = 0; j < centre.size(); ++j) {
      const double h = step * std::max(1.0, std::abs(centre[j]));
      const double numeric = (value_at(j, h) - value_at(j, -h)) / (2 * h);
      const double scale = std::max({1.0, std::abs(numeric), std::abs(gradient[j])});
      const double error = std::abs(gradient[j] - numeric) / scale;
      if (!(error <= worst)) worst = error;  // also takes NaN
    }
    points[i] = inputs[i];
  }
  return worst;
}

}  // namespace attune
