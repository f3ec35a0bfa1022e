#pragma once
// The study, as a trial in a process of its own sees it: everything is asked of the parent, which
// owns it.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "attune/base/rng.h"
#include "attune/tune/internal/isolation/channel.h"
#include "attune/tune/scheduler.h"
#include "attune/tune/space.h"
#include "attune/tune/trial.h"

namespace attune::tune::internal {

// What the trial asks or says; each is answered.
enum class Ask : uint8_t {
  choose,      // Param -> double
  suggest,     // Space, whether it is restricted -> Params
  is_allowed,  // bool: the answer to Answer::allowed
  report,      // step, values
  constraint,  // whether it has a name, name, value
  attribute,   // name, JSON text
  verdict,     // -> Verdict, whether the run is to end
  kept,        // step, number of states
  params,      // -> Params
  outcome,     // WireOutcome; not answered
};
enum class Answer : uint8_t {
  done,     // with what is asked for
  error,    // of which class, and its text
  allowed,  // Params: whether they are, by what forbid() was given
};

// In memory that both processes share.
struct SharedFlags {
  std::atomic<bool> stop{false};           // the trial's run is to end
  std::atomic<bool> out_of_memory{false};  // its limit has been reached
};

// How the trial begins.
struct WireBegin {
  int64_t number = 0, first_step = 0, last_step = -1, parent = -1;
  bool forked = false, begun = false, repeats = false;
  uint64_t seed = 0;
  std::optional<std::chrono::steady_clock::time_point> deadline = {}, run_deadline = {};
  const Checkpoint* checkpoint = nullptr;  // in memory, from before the launcher was made
  size_t states = 0;                       // kept in a folder
};

// Which class an exception has, for the other side to throw the like.
int error_code(const std::exception& e);
[[noreturn]] void throw_error(int code, const std::string& text);
inline constexpr int kBadAlloc = 100, kOutOfMemory = 101;  // such codes

}  // namespace attune::tune::internal

namespace attune::tune {

class TrialLink {
 public:
  // Of the trial that it is told first; `file` is its own.
  TrialLink(int file, const internal::SharedFlags& flags);

  const internal::WireBegin& begin() const { return begin_; }
  const std::string& folder() const { return folder_; }  // of the checkpoint, if it has states

  double choose(const Param& param);
  Params suggest(const Space& space);
  void report(int64_t step, std::span<const double> values);
  void set_constraint(std::optional<std::string_view> name, double value);
  void set_attribute(std::string_view name, const std::string& json);
  std::pair<Verdict, bool> verdict(int64_t step);
  void keep(int64_t step, std::span<const keeping::StateRef> states);
  Params params();
  Rng rng() const { return Rng(begin_.seed).fork(begin_.number); }
  bool stop_requested() const { return flags_.stop; }
  // The last that is said. `error`: how the class of what was thrown is called; 0: nothing was.
  void end(const Outcome& outcome, int error);

 private:
  internal::Packet ask(const internal::Packet& question, const Space* space = nullptr);

  internal::Channel channel_;
  const internal::SharedFlags& flags_;
  internal::WireBegin begin_;
  std::string folder_, keep_in_;
};

}  // namespace attune::tune
