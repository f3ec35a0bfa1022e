// Memory for tensors: free lists per thread and size class, so that a training step that has run
// once asks the system for nothing.
//
// A block joins the lists of the thread that frees it, and a thread's lists are freed when it ends.
// What a thread keeps is bounded, and so is what all keep together. Blocks above kLargest go back
// to the system at once. Under AddressSanitizer, free blocks and the unused ends of those in use
// are poisoned, so that the pool hides no bad access. ATTUNE_NO_POOL switches the pool off, which
// LeakSanitizer needs to tell a leaked tensor from a free block.

#include <atomic>
#include <cstdlib>
#include <new>
#include <utility>

#include "attune/tensor/internal/account.h"
#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ATTUNE_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(ATTUNE_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, size) (static_cast<void>(begin), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(begin, size) (static_cast<void>(begin), static_cast<void>(size))
#endif

namespace attune::internal {
namespace {

#ifdef ATTUNE_NO_POOL
constexpr bool kPooled = false;
#else
constexpr bool kPooled = true;
#endif

constexpr size_t kSmallest = 256;
constexpr size_t kLargest = size_t{1} << 26;
constexpr size_t kKeep = size_t{1} << 28;     // bytes that one thread keeps
constexpr size_t kKeepAll = size_t{1} << 30;  // and all threads together
constexpr size_t kShare = size_t{1} << 22;    // how much of kKeepAll a thread takes at a time
constexpr int64_t kSlack = 1 << 16;           // how far a thread's count may be from the process's
constexpr int kClasses = 96;
constexpr uint8_t kUnpooled = 255;

// The link of a free block lies behind its header, so that all of the header can be poisoned.
struct Link {
  Link* next;
};
static_assert(sizeof(Block) + sizeof(Link) <= kHeader);

// A thread's tensors live in what it got from the system, less what its lists keep. Their sum over
// all threads is known to within kSlack for each: a thread tells the process of a change when it is
// larger, so that most allocations touch nothing that threads share.
struct Pool {
  Link* lists[kClasses];
  size_t kept;       // bytes in the lists
  size_t lowest;     // while `kept` is within 2 kSlack of this, there is nothing to tell
  size_t allowed;    // the most that may be kept: this thread's part of kKeepAll
  Account* account;  // pays for new blocks; null: nobody does
  int64_t made;      // blocks, since the process was told
  int64_t system;    // bytes got from the system, and not given back
  int64_t told_live, told_kept;  // what the process counts of this thread
  bool closed;                   // the thread is ending and keeps nothing any more
};
constinit thread_local Pool pool{};
constinit std::atomic<size_t> all_allowed{0};  // over all threads

constinit std::atomic<int64_t> all_live{0}, all_peak{0}, all_kept{0}, all_made{0};

Link* link_of(void* memory) {
  return reinterpret_cast<Link*>(static_cast<char*>(memory) + kHeader - sizeof(Link));
}
// Where a block of the pool has its link once it is free, one of the system has its size.
size_t& system_size(void* memory) { return *reinterpret_cast<size_t*>(link_of(memory)); }
void* memory_of(Link* link) { return reinterpret_cast<char*>(link + 1) - kHeader; }

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

// Tells the process what this thread's tensors use and keep.
[[gnu::noinline]] void publish() {
  const auto kept = static_cast<int64_t>(pool.kept);
  const int64_t change = pool.system - kept - pool.told_live;
  const int64_t live = all_live.fetch_add(change, std::memory_order_relaxed) + change;
  int64_t peak = all_peak.load(std::memory_order_relaxed);
  while (live > peak && !all_peak.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {
  }
  all_kept.fetch_add(kept - pool.told_kept, std::memory_order_relaxed);
  all_made.fetch_add(std::exchange(pool.made, 0), std::memory_order_relaxed);
  pool.told_live += change;
  pool.told_kept = kept;
  pool.lowest = static_cast<size_t>(kept - kSlack);  // may wrap around
}

void publish_if_far() {
  if (pool.kept - pool.lowest > 2 * kSlack) [[unlikely]]
    publish();
}

// Frees a thread's lists when it ends.
struct Closer {
  ~Closer() {
    for (int i = 0; i < kClasses; ++i) {
      while (Link* link = pool.lists[i]) {
        pool.lists[i] = link->next;
        ASAN_UNPOISON_MEMORY_REGION(memory_of(link), bytes_of(i));
        std::free(memory_of(link));
      }
    }
    all_allowed.fetch_sub(pool.allowed, std::memory_order_relaxed);
    pool.system -= static_cast<int64_t>(pool.kept);
    pool.kept = pool.allowed = 0;
    pool.closed = true;
    publish();
  }
};

// Makes sure that this thread's end is noticed.
void enroll() { thread_local const Closer closer; }

// Counts bytes got from the system, or given back to it if they are negative.
void count_system(int64_t bytes) {
  pool.system += bytes;
  pool.lowest += static_cast<size_t>(bytes);
  if (pool.closed) {
    publish();  // nobody will later
  } else {
    enroll();
    publish_if_far();
  }
}

// Whether this thread may keep `bytes` more than it is allowed so far.
[[gnu::noinline]] bool allow(size_t bytes) {
  if (pool.closed || pool.kept + bytes > kKeep) return false;
  enroll();
  const size_t more = bytes > kShare ? bytes : kShare;
  if (all_allowed.fetch_add(more, std::memory_order_relaxed) + more > kKeepAll) {
    all_allowed.fetch_sub(more, std::memory_order_relaxed);
    return false;
  }
  pool.allowed += more;
  return true;
}

// Memory for a block that no list has. What this thread may keep but does not is left to others.
[[gnu::noinline]] void* new_block(size_t bytes) {
  const size_t unused = pool.allowed - pool.kept;
  if (unused > 2 * kShare) {
    all_allowed.fetch_sub(unused - kShare, std::memory_order_relaxed);
    pool.allowed -= unused - kShare;
  }
  void* memory = nullptr;
  if (bytes <= SIZE_MAX - kAlignment) {
    memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  }
  if (memory == nullptr) {
    if (pool.account != nullptr) refund(pool.account, bytes);
    fail<OutOfMemory>("tensor: no memory for {} bytes", bytes);
  }
  count_system(static_cast<int64_t>(bytes));
  return memory;
}

// Gives a block of this size back to the system.
[[gnu::noinline]] void free_block(void* memory, size_t size) {
  std::free(memory);
  count_system(-static_cast<int64_t>(size));
}

}  // namespace

Account*& this_account() { return pool.account; }

Block* allocate(size_t bytes) {
  const size_t total = bytes + kHeader;
  if (total < bytes) fail<OutOfMemory>("tensor: no memory for {} bytes", bytes);
  const bool pooled = kPooled && total <= kLargest;
  const int size_class = pooled ? class_of(total) : kUnpooled;
  const size_t size = pooled ? bytes_of(size_class) : total;
  if (pool.account != nullptr) charge(pool.account, size);
  void* memory = nullptr;
  if (Link* link = pooled ? pool.lists[size_class] : nullptr) {
    pool.lists[size_class] = link->next;
    pool.kept -= size;
    publish_if_far();
    memory = memory_of(link);
    ASAN_UNPOISON_MEMORY_REGION(memory, total);
  } else {
    memory = new_block(size);
    ASAN_POISON_MEMORY_REGION(static_cast<char*>(memory) + total, size - total);
  }
  ++pool.made;
  auto* block = new (memory) Block;
  block->size_class = static_cast<uint8_t>(size_class);
  block->account = pool.account;
  block->data = reinterpret_cast<char*>(block) + kHeader;
  if (!pooled) system_size(block) = size;
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
  const size_t size = size_class == kUnpooled ? system_size(block) : bytes_of(size_class);
  if (block->account != nullptr) refund(block->account, size);
  if (size_class == kUnpooled) {
    free_block(block, size);
    return;
  }
  if (pool.kept + size > pool.allowed && !allow(size)) {
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    free_block(block, size);
    return;
  }
  pool.kept += size;
  publish_if_far();
  ASAN_POISON_MEMORY_REGION(block, size);
  ASAN_UNPOISON_MEMORY_REGION(link_of(block), sizeof(Link));
  pool.lists[size_class] = new (link_of(block)) Link{pool.lists[size_class]};
}

size_t kept_bytes() { return all_allowed.load(std::memory_order_relaxed); }

}  // namespace attune::internal

namespace attune {

MemoryStats memory_stats() {
  internal::publish();
  return {.live = internal::all_live.load(std::memory_order_relaxed),
          .peak = internal::all_peak.load(std::memory_order_relaxed),
          .pool = internal::all_kept.load(std::memory_order_relaxed),
          .allocations = internal::all_made.load(std::memory_order_relaxed)};
}

}  // namespace attune
