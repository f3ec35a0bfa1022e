// Memory for tensors: free lists per thread and size class, so that a training step that has run
// once asks the system for nothing.
//
// A block freed on another thread joins that thread's list. Each thread keeps at most kKeep bytes;
// blocks above kLargest go back to the system at once.

#include <cstdlib>
#include <new>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"

namespace attune::internal {
namespace {

constexpr size_t kSmallest = 256;
constexpr size_t kLargest = size_t{1} << 26;
constexpr size_t kKeep = size_t{1} << 28;
constexpr int kClasses = 96;
constexpr uint8_t kUnpooled = 255;

// Address sanitizer finds uses after free only if a block really is freed.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPooled = false;
#else
constexpr bool kPooled = true;
#endif

struct FreeBlock {
  FreeBlock* next;
};

struct Pool {
  FreeBlock* lists[kClasses];
  size_t kept;
  bool closed;  // this thread is ending: keep nothing any more
};
constinit thread_local Pool pool{};

// Four classes per doubling, so that at most a fifth of a block is unused.
int class_of(size_t bytes) {
  if (bytes <= kSmallest) return 0;
  const int log2 = 63 - __builtin_clzll(bytes - 1);  // 2^log2 <= bytes - 1
  const auto quarter = static_cast<int>((bytes - 1) >> (log2 - 2)) & 3;
  return (log2 - 8) * 4 + quarter + 1;
}

size_t bytes_of(int size_class) {
  const int log2 = size_class / 4 + 8;
  return (size_t{1} << log2) + (static_cast<size_t>(size_class % 4) << (log2 - 2));
}

// Gives a thread's blocks back when it ends.
struct Closer {
  ~Closer() {
    pool.closed = true;
    for (FreeBlock*& list : pool.lists) {
      while (list != nullptr) std::free(std::exchange(list, list->next));
    }
  }
};

void* system_allocate(size_t bytes) {
  if (kPooled) thread_local const Closer closer;
  void* memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (memory == nullptr) fail<OutOfMemory>("tensor: no memory for {} bytes", bytes);
  return memory;
}

}  // namespace

Block* allocate(size_t bytes) {
  const size_t total = bytes + kHeader;
  if (total < bytes) fail<OutOfMemory>("tensor: no memory for {} bytes", bytes);
  if (!kPooled || total > kLargest) {
    auto* block = new (system_allocate(total)) Block;
    block->size_class = kUnpooled;
    block->data = reinterpret_cast<char*>(block) + kHeader;
    return block;
  }
  const int size_class = class_of(total);
  FreeBlock*& list = pool.lists[size_class];
  void* memory = list;
  if (memory != nullptr) {
    list = list->next;
    pool.kept -= bytes_of(size_class);
  } else {
    memory = system_allocate(bytes_of(size_class));
  }
  auto* block = new (memory) Block;
  block->size_class = static_cast<uint8_t>(size_class);
  block->data = reinterpret_cast<char*>(block) + kHeader;
  return block;
}

void retain(Block* block) { block->refs.fetch_add(1, std::memory_order_relaxed); }

namespace {

[[gnu::noinline]] void drop_parts(Block* block) {
  if (block->kind == Block::Kind::view) release(block->base);
  if (block->kind == Block::Kind::borrowed) std::destroy_at(block->lender());
}

}  // namespace

void release(Block* block) {
  // The only holder needs no locked instruction: nobody else could touch the count.
  if (block->refs.load(std::memory_order_acquire) != 1 &&
      block->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  if (block->kind != Block::Kind::owner) drop_parts(block);
  const int size_class = block->size_class;
  if (size_class == kUnpooled || pool.closed || pool.kept > kKeep) {
    std::free(block);
    return;
  }
  pool.kept += bytes_of(size_class);
  pool.lists[size_class] = new (block) FreeBlock{pool.lists[size_class]};
}

}  // namespace attune::internal
