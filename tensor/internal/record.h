#pragma once
// The record behind Tape: what an op calls so that its gradient is known.
//
//   Tensor y = …;                // compute
//   if (tracks(a, b)) {          // does an open tape watch anything that a or b comes from?
//     record("mul", y, {&a, &b}, [a, b](Tensor dy, Gradients& grads) {
//       if (grads.wants(0)) grads.add(0, dy * b);
//       if (grads.wants(1)) grads.add(1, dy * a);
//     });
//   }
//
// A gradient written in ops can be differentiated again. One with a kernel of its own checks
// recording() first: while that is true an outer tape listens, so the gradient must be made of ops
// and must leave what it captured unchanged. Otherwise it runs once and may consume dy and its
// captures.

#include <cstdint>
#include <initializer_list>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/tensor.h"

namespace attune::internal {

using NodeId = uint32_t;  // 0: a constant

class Gradients;

// One recorded op. Its gradient, a lambda, stands right behind it in the record's arena.
struct Node {
  const char* op;
  void (*run)(Node&, Tensor dy, Gradients&);
  void (*destroy)(Node&);
  uint32_t inputs;
  NodeId* input;
};

struct Record;  // of one or several nested tapes: tape.cpp

// Takes what a gradient computes for input i of its op.
class Gradients {
 public:
  Gradients(const Record& record, const Node& node, const bool* needed, Tensor* slots)
      : record_(record), node_(node), needed_(needed), slots_(slots) {}
  bool wants(uint32_t i) const { return node_.input[i] != 0 && needed_[node_.input[i]]; }
  // Summed over all uses of the input. ShapeError or DTypeError, naming the op, if the gradient has
  // another shape or dtype than the input.
  void add(uint32_t i, Tensor gradient);
  // The same for an input that was broadcast: sums the gradient over the axes that were repeated.
  void add_broadcast(uint32_t i, Tensor gradient);
  // The sum so far for input i, where it may be written in place: it holds the only reference, and
  // no outer tape listens. Else null. An op that took a small part adds its gradient there, so that
  // taking all parts of a tensor one by one costs as much as the tensor, not its square.
  Tensor* own_sum(uint32_t i) const;

 private:
  const Record& record_;
  const Node& node_;
  const bool* needed_;
  Tensor* slots_;
};

// Where this thread's ops are recorded now.
struct Recording {
  Record* record = nullptr;  // null: nowhere
  uint64_t id = 0;           // the record's; unlike that of any other, ever
  bool traps = false;        // a tape of this thread traps what is not finite
};
extern constinit thread_local Recording this_recording;

inline bool recording() { return this_recording.record != nullptr; }

NodeId leaf_of(const Record& record, const Block* block);  // of a watched tensor, else 0

// x's node in the record that this thread writes.
inline NodeId node_of(const Tensor& x) {
  const Block* b = x.block();
  if (b == nullptr || !recording()) return 0;
  return b->record == this_recording.id ? b->node : leaf_of(*this_recording.record, b);
}

template <class... Inputs>
bool tracks(const Inputs&... inputs) {
  return recording() && ((node_of(inputs) | ...) != 0);
}
bool tracks_any(std::span<const Tensor> inputs);

// Memory for a node of `bytes` with `inputs` inputs that made y; its place in the record is taken.
// All that can fail happens here. OutOfMemory.
struct NodeRoom {
  void* node;
  NodeId* input;
  NodeId id;
  Node** place;
};
NodeRoom make_room(size_t bytes, size_t inputs, const Block& y);

// For Tape's trap, before y is recorded: throws NonFinite if the op made y's first NaN or Inf.
void trap(const char* op, const Tensor& y, std::span<const Tensor* const> inputs);

inline const Tensor* address_of(const Tensor* x) { return x; }
inline const Tensor* address_of(const Tensor& x) { return &x; }

template <class Inputs>
[[gnu::cold, gnu::noinline]] void trap_inputs(const char* op, const Tensor& y,
                                              const Inputs& inputs) {
  std::vector<const Tensor*> list;
  for (const auto& input : inputs) list.push_back(address_of(input));
  trap(op, y, list);
}

template <class F>
struct NodeOf : Node {
  F gradient;
  explicit NodeOf(F&& f) : Node{}, gradient(std::move(f)) {}
};

template <class F, class Inputs, class GetId>
void record_node(const char* op, const Tensor& y, const Inputs& inputs, F&& gradient, GetId id_of) {
  using N = NodeOf<F>;
  static_assert(alignof(N) <= 16, "the arena aligns to 16");
  static_assert(std::is_nothrow_move_constructible_v<F>, "nothing may fail once there is room");
  if (this_recording.traps) [[unlikely]]
    trap_inputs(op, y, inputs);
  const NodeRoom room = make_room(sizeof(N), inputs.size(), block(y));
  NodeId* id = room.input;
  for (const auto& input : inputs) *id++ = id_of(input);
  N* node = new (room.node) N(std::move(gradient));
  node->op = op;
  node->run = [](Node& n, Tensor dy, Gradients& grads) {
    static_cast<N&>(n).gradient(std::move(dy), grads);
  };
  node->destroy = [](Node& n) { static_cast<N&>(n).~N(); };
  node->inputs = static_cast<uint32_t>(inputs.size());
  node->input = room.input;
  *room.place = node;
  block(y).node = room.id;
  block(y).record = this_recording.id;
}

// Says that y came from `inputs` by `op` with this gradient: void(Tensor dy, Gradients&). `op` is a
// literal. y must be new, not a tensor that others hold.
template <class F>
void record(const char* op, const Tensor& y, std::initializer_list<const Tensor*> inputs,
            F gradient) {
  record_node(op, y, inputs, std::move(gradient), [](const Tensor* x) { return node_of(*x); });
}
template <class F>
void record(const char* op, const Tensor& y, std::span<const Tensor> inputs, F gradient) {
  record_node(op, y, inputs, std::move(gradient), [](const Tensor& x) { return node_of(x); });
}

// For an op of one input x, with the gradient Tensor(Tensor dy).
template <class F>
void record(const char* op, const Tensor& y, const Tensor& x, F gradient) {
  record(op, y, {&x}, [gradient = std::move(gradient)](Tensor dy, Gradients& grads) {
    grads.add(0, gradient(std::move(dy)));
  });
}

int64_t live_nodes();  // recorded for this thread's innermost tape and not yet freed; for tests

}  // namespace attune::internal
