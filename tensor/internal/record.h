#pragma once
// The record behind Tape: what an op calls so that its gradient is known.
//
//   Tensor y = …;                                    // compute
//   if (tracks(a, b)) {                              // does any open tape watch what a or b come
//   from?
//     record(y, {&a, &b}, [a, b](Tensor dy, Gradients& grads) {
//       if (grads.wants(0)) grads.add(0, dy * b);
//       if (grads.wants(1)) grads.add(1, dy * a);
//     });
//   }
//
// A gradient written in ops can be differentiated again. One with a kernel of its own must look at
// recording() first: while it is true an outer tape listens, so the gradient has to be made of ops
// and must leave what it captured as it is; otherwise it runs once and may use up dy and captures.

#include <cstdint>
#include <initializer_list>
#include <new>
#include <span>
#include <utility>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/tensor.h"

namespace attune::internal {

using NodeId = uint32_t;  // 0: a constant

class Gradients;

// One recorded op. Its gradient, a lambda, stands right behind it in the record's arena.
struct Node {
  void (*run)(Node&, Tensor dy, Gradients&);
  void (*destroy)(Node&);
  uint32_t inputs;
  NodeId* input;
};

// Takes what a gradient computes for input i of its op.
class Gradients {
 public:
  Gradients(const Node& node, const bool* needed, Tensor* slots)
      : node_(node), needed_(needed), slots_(slots) {}
  bool wants(uint32_t i) const { return node_.input[i] != 0 && needed_[node_.input[i]]; }
  void add(uint32_t i, Tensor gradient);  // summed over all uses of the input

 private:
  const Node& node_;
  const bool* needed_;
  Tensor* slots_;
};

// What this thread's ops must know at once; the rest of the record is tape.cpp's.
struct Recording {
  bool active = false;
  uint64_t id = 0;  // of the outermost open tape; unlike any other's
};
Recording& this_recording();

// A flag by itself so that the common case, no tape, costs one load.
bool recording();

NodeId leaf_of(const Block* block);  // of a watched tensor, else 0
inline NodeId node_of(const Tensor& x) {
  const Block* b = x.block();
  if (b == nullptr) return 0;
  return b->record == this_recording().id && b->node != 0 ? b->node : leaf_of(b);
}

template <class... Inputs>
bool tracks(const Inputs&... inputs) {
  return recording() && ((node_of(inputs) | ...) != 0);
}
bool tracks_any(std::span<const Tensor> inputs);

void* arena_take(size_t bytes);
void push_node(Block& y, Node* node);

template <class F>
struct NodeOf : Node {
  F gradient;
  explicit NodeOf(F&& f) : Node{}, gradient(std::move(f)) {}
};

template <class F>
NodeOf<F>* new_node(uint32_t inputs, F gradient) {
  using N = NodeOf<F>;
  static_assert(alignof(N) <= 16, "the arena aligns to 16");
  N* node = new (arena_take(sizeof(N))) N(std::move(gradient));
  node->run = [](Node& n, Tensor dy, Gradients& grads) {
    static_cast<N&>(n).gradient(std::move(dy), grads);
  };
  node->destroy = [](Node& n) { static_cast<N&>(n).~N(); };
  node->inputs = inputs;
  node->input = static_cast<NodeId*>(arena_take(sizeof(NodeId) * inputs));
  return node;
}

// Says that y came from `inputs` by an op with this gradient: void(Tensor dy, Gradients&). y must
// be new, not a tensor that others hold.
template <class F>
void record(const Tensor& y, std::initializer_list<const Tensor*> inputs, F gradient) {
  auto* node = new_node(static_cast<uint32_t>(inputs.size()), std::move(gradient));
  NodeId* id = node->input;
  for (const Tensor* input : inputs) *id++ = node_of(*input);
  push_node(block(y), node);
}

template <class F>
void record(const Tensor& y, std::span<const Tensor> inputs, F gradient) {
  auto* node = new_node(static_cast<uint32_t>(inputs.size()), std::move(gradient));
  NodeId* id = node->input;
  for (const Tensor& input : inputs) *id++ = node_of(input);
  push_node(block(y), node);
}

int64_t live_nodes();  // recorded and not yet freed, on this thread; for tests

}  // namespace attune::internal
