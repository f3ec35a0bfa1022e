#include "attune/tensor/internal/record.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/record_store.h"
#include "attune/tensor/internal/walk.h"

namespace attune::internal {

constinit thread_local Recording this_recording{};

namespace {
std::mutex abandoning;  // a tape outside its thread, and a thread that leaves open tapes behind
}

OpenTapes& open_tapes() {
  thread_local OpenTapes tapes;
  return tapes;
}

void* Arena::take(size_t bytes) {
  bytes = (bytes + 15) & ~size_t{15};
  if (bytes > kChunk) {
    large_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    return large_.back().get();
  }
  if (chunk_ == 0 || used_ + bytes > kChunk) {
    if (chunk_ == chunks_.size()) {
      chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kChunk));
    }
    ++chunk_;
    used_ = 0;
  }
  void* memory = chunks_[chunk_ - 1].get() + used_;
  used_ += bytes;
  return memory;
}

void Arena::reset() {
  large_.clear();
  chunk_ = 0;
}

void Leaves::add(const Tensor& x, NodeId node, uint64_t tape) {
  held_.push_back({x, node, tape});
  if (2 * held_.size() >= slots_.size()) {
    rebuild();
  } else {
    insert(x.block(), node);
  }
}

void Leaves::remove(uint64_t tape) {
  if (!held_.empty() && held_.front().tape == tape && held_.back().tape == tape) {
    held_.clear();  // all are this tape's
    rebuild();
    return;
  }
  if (std::erase_if(held_, [&](const Held& held) { return held.tape == tape; }) > 0) rebuild();
}

std::vector<Tensor> Leaves::of(uint64_t tape) const {
  std::vector<Tensor> tensors;
  tensors.reserve(held_.size());
  for (const Held& held : held_) {
    if (held.tape == tape) tensors.push_back(held.x);
  }
  return tensors;
}

void Leaves::insert(const Block* block, NodeId node) {
  size_t i = hash(block) & mask_;
  while (slots_[i].block != nullptr) i = (i + 1) & mask_;
  slots_[i] = {block, node};
}

void Leaves::rebuild() {
  if (held_.empty()) {  // the table is filled anew by the next add()
    slots_.assign(slots_.size(), Slot{});
    return;
  }
  size_t capacity = 16;
  while (capacity < 4 * held_.size()) capacity *= 2;
  slots_.assign(std::max(capacity, slots_.size()), Slot{});
  mask_ = slots_.size() - 1;
  for (const Held& leaf : held_) insert(leaf.x.block(), leaf.node);
}

namespace {

// b's sizes are kept at `sizes`: kMaxRank of them, since a copy of fixed length needs no call.
Record::Entry entry_for(const Block& b, int64_t* sizes) {
  std::memcpy(sizes, b.sizes, sizeof b.sizes);
  return {.sizes = sizes, .dtype = b.dtype, .rank = b.rank};
}

bool has_shape(const Block& b, const Record::Entry& entry) {
  if (b.rank != entry.rank) return false;
  for (int i = 0; i < b.rank; ++i) {
    if (b.sizes[i] != entry.sizes[i]) return false;
  }
  return true;
}

}  // namespace

NodeId Record::add_leaf(const Tensor& x) {
  const Block& b = block(x);
  auto* sizes = static_cast<int64_t*>(arena.take(sizeof(int64_t) * kMaxRank));
  entries.push_back(entry_for(b, sizes));
  return static_cast<NodeId>(entries.size() - 1);
}

void Record::clear() {
  for (size_t i = entries.size(); i-- > 1;) {
    if (Node* node = entries[i].node) node->destroy(*node);
  }
  entries.resize(1);
  if (!places.empty()) [[unlikely]]
    places.clear();
  arena.reset();
}

OpenTapes::OpenTapes()
    : thread([] {
        static std::atomic<uint64_t> threads{0};
        return ++threads;
      }()) {}

OpenTapes::~OpenTapes() {
  std::vector<std::shared_ptr<Record>> gone;
  const std::lock_guard lock(abandoning);
  for (const Frame& frame : frames) {
    if (frame.record == nullptr) continue;
    frame.record->orphaned = true;
    if (frame.record->kept) gone.push_back(std::move(frame.record->kept));
  }
}

void OpenTapes::abandon(std::shared_ptr<Record> record) {
  const std::lock_guard lock(abandoning);
  Record& r = *record;
  if (!r.orphaned) r.kept = std::move(record);
  ++r.abandoned;
}

void OpenTapes::push(Record* record, uint64_t owner) {
  frames.push_back({record, owner});
  look();
}

void OpenTapes::remove(uint64_t owner) {
  for (size_t i = frames.size(); i-- > 0;) {
    if (frames[i].owner != owner) continue;
    frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  if (!frames.empty()) prune();
  look();
}

void OpenTapes::prune() {
  std::vector<std::shared_ptr<Record>> gone;
  std::erase_if(frames, [&](const Frame& frame) {
    if (frame.record == nullptr || frame.record->in_use() > 0) return false;
    if (frame.record->kept) gone.push_back(std::move(frame.record->kept));
    return true;
  });
}

void OpenTapes::look() {
  Record* record = frames.empty() ? nullptr : frames.back().record;
  if (may_trap) [[unlikely]]
    may_trap = *traps > 0;
  this_recording = record == nullptr ? Recording{} : Recording{record, record->id, may_trap};
}

std::shared_ptr<Record> OpenTapes::fresh_record() {
  // A thread takes a run of ids at a time, so that opening a tape needs no locked instruction.
  constexpr uint64_t kRun = 1024;
  static std::atomic<uint64_t> next_run{kRun};
  if (next_id % kRun == 0) next_id = next_run.fetch_add(kRun, std::memory_order_relaxed);
  std::shared_ptr<Record> record = spare ? std::move(spare) : std::make_shared<Record>();
  spare.reset();
  record->id = next_id++;
  return record;
}

void OpenTapes::recycle(std::shared_ptr<Record> record) {
  record->clear();
  if (record->abandoned > 0) record->leaves = {};  // theirs: only a tape's own thread removes them
  record->open = 0;
  record->abandoned = 0;
  if (!spare && record.use_count() == 1) spare = std::move(record);
}

NodeId leaf_of(const Record& record, const Block* block) { return record.leaves.find(block); }

bool tracks_any(std::span<const Tensor> inputs) {
  return recording() &&
         std::ranges::any_of(inputs, [](const Tensor& x) { return node_of(x) != 0; });
}

NodeRoom make_room(size_t bytes, size_t inputs, const Block& y) {
  Record& record = *this_recording.record;
  const auto aligned = [](size_t n) { return (n + 15) & ~size_t{15}; };
  const size_t ids = aligned(bytes), sizes = ids + aligned(sizeof(NodeId) * inputs);
  try {
    auto* memory = static_cast<std::byte*>(record.arena.take(sizes + sizeof(int64_t) * kMaxRank));
    record.entries.push_back(entry_for(y, reinterpret_cast<int64_t*>(memory + sizes)));
    return {memory, reinterpret_cast<NodeId*>(memory + ids),
            static_cast<NodeId>(record.entries.size() - 1), &record.entries.back().node};
  } catch (const std::bad_alloc&) {
    fail<OutOfMemory>("tape: no memory to record another op; {} are recorded",
                      record.entries.size());
  }
}

int64_t live_nodes() {
  if (!recording()) return 0;
  return std::ranges::count_if(this_recording.record->entries,
                               [](const Record::Entry& entry) { return entry.node != nullptr; });
}

void Gradients::add(uint32_t i, Tensor gradient) {
  const NodeId input = node_.input[i];
  const Record::Entry& wanted = record_.entries[input];
  require_defined(node_.op, gradient);
  const Block& b = block(gradient);
  if (b.dtype != wanted.dtype) [[unlikely]] {
    fail<DTypeError>("{}: the gradient of input {} is {}, but the input is {}", node_.op, i,
                     b.dtype, wanted.dtype);
  }
  if (!has_shape(b, wanted)) [[unlikely]] {
    fail<ShapeError>("{}: the gradient of input {} is {}, but the input is {}", node_.op, i,
                     gradient.shape(), Shape(std::span(wanted.sizes, wanted.rank)));
  }
  Tensor& slot = slots_[input];
  slot = slot.defined() ? slot + gradient : std::move(gradient);
}

Tensor* Gradients::own_sum(uint32_t i) const {
  Tensor& slot = slots_[node_.input[i]];
  return !recording() && slot.defined() && sole_owner(slot) ? &slot : nullptr;
}

void Gradients::add_broadcast(uint32_t i, Tensor gradient) {
  const Record::Entry& input = record_.entries[node_.input[i]];
  if (!has_shape(block(gradient), input)) {
    gradient = sum_to(gradient, Shape(std::span(input.sizes, input.rank)));
  }
  add(i, std::move(gradient));
}

}  // namespace attune::internal
