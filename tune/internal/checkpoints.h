#pragma once
// What trials keep while they are paused: copies in memory, which share what does not change, and
// files beside the storage, for other processes and for after a crash.

#include <any>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "attune/tune/checkpointable.h"

namespace attune::tune {

// The states of one trial after one step, in the order in which it named them.
struct Checkpoint {
  int64_t step = -1;
  std::vector<std::any> copies = {};  // none: in files
  std::string folder = {};
  size_t states = 0;
  std::chrono::steady_clock::time_point made = std::chrono::steady_clock::now();  // its copies
  std::shared_ptr<const Checkpoint> original = {};  // a fork's: whose copies it has

  // Sets the state with that place to what it was; `forked`: in another trial. ValueError when it
  // was another type's.
  void restore(size_t place, const keeping::StateRef& state, bool forked) const;
};

// Writes the states to a folder of that name, made at once and whole, and removes what is older
// than the one before. IoError.
void save_states(const std::string& folder, std::span<const keeping::StateRef> states);

// Safe for several threads.
class Checkpoints {
 public:
  explicit Checkpoints(std::string folder);  // empty: in memory only
  ~Checkpoints();                            // removes its temporary folder

  // From now on there is a folder, if need be a temporary one. IoError.
  void keep_in_files();
  std::string temporary_folder() const;        // empty: there is none
  std::string folder_of(int64_t trial) const;  // for save_states(), by step
  // The same as keep(), of states that another process has written there.
  void kept(int64_t trial, int64_t step, size_t states);

  // IoError when there is a folder, all states can be saved, and it cannot be written.
  void keep(int64_t trial, int64_t step, std::span<const keeping::StateRef> states);
  // Null: none of that step, or it has no states.
  std::shared_ptr<const Checkpoint> of(int64_t trial, int64_t step) const;
  // The child has the parent's of that step as its own; nothing is copied but names.
  void fork(int64_t parent, int64_t step, int64_t child);
  void drop(int64_t trial);
  // Drops those of trials that another process has ended; looks when there are many more than at
  // the last time.
  void drop_if(const std::function<bool(int64_t)>& ended);

 private:
  std::string path(int64_t trial, int64_t step) const;
  std::string folder() const;

  mutable std::mutex mutex_;
  std::string folder_, temporary_;
  std::map<int64_t, std::shared_ptr<const Checkpoint>> latest_;  // by trial
  size_t look_at_ = 64;
};

}  // namespace attune::tune
