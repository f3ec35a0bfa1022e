#pragma once
// What a record is made of, for tape.cpp: the arena of nodes, the watched tensors, and the stack of
// tapes that are open on this thread.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "attune/tensor/internal/record.h"

namespace attune::internal {

// Memory that is taken piece by piece, aligned to 16 bytes, and given back all at once. Its chunks
// stay for the next record; a piece larger than a chunk does not.
class Arena {
 public:
  void* take(size_t bytes);
  void reset();

 private:
  static constexpr size_t kChunk = 1 << 16;
  std::vector<std::unique_ptr<std::byte[]>> chunks_, large_;
  size_t chunk_ = 0, used_ = 0;  // chunks in use, bytes used of the last of them
};

// The watched tensors, and a hash table from their address to their node: open addressing, at most
// half full.
class Leaves {
 public:
  NodeId find(const Block* block) const {
    if (held_.empty()) return 0;
    for (size_t i = hash(block) & mask_;; i = (i + 1) & mask_) {
      if (slots_[i].block == block) return slots_[i].node;
      if (slots_[i].block == nullptr) return 0;
    }
  }
  void add(const Tensor& x, NodeId node, uint64_t tape);
  void remove(uint64_t tape);
  std::vector<Tensor> of(uint64_t tape) const;  // in the order added

 private:
  struct Slot {
    const Block* block = nullptr;
    NodeId node = 0;
  };
  struct Held {
    Tensor x;
    NodeId node;
    uint64_t tape;  // its serial number: an address may be taken again
  };

  static size_t hash(const Block* block) {
    return static_cast<size_t>((reinterpret_cast<uintptr_t>(block) >> 6) * 0x9E3779B97F4A7C15 >>
                               40);
  }
  void insert(const Block* block, NodeId node);
  void rebuild();

  std::vector<Held> held_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
};

// Nodes lie in the arena in the order they were made, so the walk back needs no sorting and no
// recursion.
struct Record : std::enable_shared_from_this<Record> {
  struct Entry {           // by NodeId: what a gradient for it must look like
    Node* node = nullptr;  // null for a watched tensor, and once freed
    const int64_t* sizes = nullptr;
    DType dtype = DType::f32;
    uint8_t rank = 0;
  };

  uint64_t id = 0;
  Arena arena;
  std::vector<Entry> entries{{}};                          // [0] is the constant
  std::vector<std::shared_ptr<const std::string>> places;  // by NodeId: whose op; trapping only
  Leaves leaves;
  int open = 0;                    // tapes that share it
  std::atomic<int> abandoned = 0;  // of those: destroyed on another thread
  std::shared_ptr<Record> kept;    // itself, from then until its thread notices
  bool orphaned = false;           // its thread has ended

  // Scratch of the consuming walk, kept from step to step.
  std::vector<Tensor> slots;
  std::vector<NodeId> ids;
  std::unique_ptr<bool[]> needed;
  size_t needed_size = 0;

  Record() = default;
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;
  ~Record() { clear(); }

  NodeId node_of(const Tensor& x) const {
    const Block& b = block(x);
    return b.record == id ? b.node : leaves.find(&b);
  }
  NodeId add_leaf(const Tensor& x);
  int in_use() const { return open - abandoned.load(std::memory_order_acquire); }
  void clear();  // all nodes
};

// The open tapes and pauses of a thread, innermost last. Ops are recorded where the last one says.
struct OpenTapes {
  struct Frame {
    Record* record;  // null: a pause
    uint64_t owner;  // its serial number
  };
  std::vector<Frame> frames;
  const uint64_t thread;          // unlike that of any other thread, ever
  uint64_t serials = 0;           // given to the tapes and pauses of this thread
  std::shared_ptr<Record> spare;  // an empty record with its memory, for the next tape
  uint64_t next_id = 0;           // of a record
  // This thread's tapes that trap what is not finite: so many. Shared with them, as they may be
  // destroyed elsewhere. `may_trap` is false where there are none, and saves a look at them.
  std::shared_ptr<std::atomic<int>> traps = std::make_shared<std::atomic<int>>(0);
  bool may_trap = false;

  OpenTapes();
  ~OpenTapes();
  OpenTapes(const OpenTapes&) = delete;
  OpenTapes& operator=(const OpenTapes&) = delete;
  uint64_t next_serial() { return ++serials; }
  void push(Record* record, uint64_t owner);  // OutOfMemory
  void remove(uint64_t owner);
  std::shared_ptr<Record> fresh_record();
  void recycle(std::shared_ptr<Record> record);
  void prune();  // what tapes that were destroyed on another thread have left
  // Called on another thread than the one that opened the tape: leaves the record for its own
  // thread to prune, or drops it if that thread has ended.
  static void abandon(std::shared_ptr<Record> record);
  void look();  // sets this_recording
};
OpenTapes& open_tapes();

}  // namespace attune::internal
