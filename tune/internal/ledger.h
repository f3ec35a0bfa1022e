#pragma once
// What a study holds: its log in the storage, and the history read from it. Two locks, taken in
// this order: one for the storage, held while it is read or written and waits for a disk; one for
// the history, held for moments. So reports, which may be gathered, never wait for a disk.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "attune/tune/history.h"
#include "attune/tune/internal/timeline.h"
#include "attune/tune/storage.h"

namespace attune::tune {

// A system attribute of the trials that confirm() runs: JSON text, the number of the trial that is
// run again, or "default", or "first".
inline constexpr char kRepeats[] = "attune:confirms";
// The trial that the event marks as such a run; -1: none.
int64_t repeat_in(const Event& event);

class Ledger {
 public:
  // Every event is kept in each of the feeds until drain() takes it. With `timeline` the turns are
  // kept too.
  Ledger(std::unique_ptr<StudyLog> log, size_t feeds, bool timeline);
  ~Ledger();  // writes what has been gathered

  const std::vector<Direction>& directions() const { return directions_; }
  const std::vector<double>& signs() const { return signs_; }
  const std::string& worker() const { return worker_; }  // empty: no other process can join
  std::string folder() const { return folder_; }         // as StudyLog::folder()

  void sync();  // reads what is new

  // Adds the events, after those gathered, and reads. False: an expectation did not hold, and
  // nothing was added. When they were added but cannot be read back, the next sync() throws.
  bool commit(std::span<const Event> events, std::span<const Expect> expects, bool durable = true);

  // Adds an event to the history at once, and to the storage within half a second; what is gathered
  // about a trial is written with its end at the latest.
  void post(Event event);

  // f(history), under the lock.
  template <typename F>
  auto look(F&& f) const {
    const std::lock_guard lock(mutex_);
    return f(history_);
  }

  // The history without the runs of confirm(), which the search does not know.
  template <typename F>
  auto look_at_search(F&& f) const {
    const std::lock_guard lock(mutex_);
    return f(search_ ? *search_ : history_);
  }
  // f(history, whether the search does not know a trial).
  template <typename F>
  void look_at_all(F&& f) const {
    const std::lock_guard lock(mutex_);
    f(history_, [this](int64_t number) { return repeats_.contains(number); });
  }
  bool repeats(int64_t number) const;  // is a run of confirm()
  bool knows(int64_t number) const;    // the trial has been read

  // To be looked at within look() and look_at_all(). Null: not kept.
  const Timeline* turns() const { return timeline_ ? &*timeline_ : nullptr; }

  // The events since the last call for this feed, to be applied to another history.
  std::vector<Event> drain(size_t feed);

  // Waits for something to change, for so long at most.
  void wait_for_change(std::chrono::milliseconds longest);
  void notify() { changed_.notify_all(); }

  // Running trials that have lost their worker. Looks at most twice a second, unless it is told to.
  std::vector<int64_t> lapsed(bool now);

  // When waits for another program's lock end; see StudyLog.
  void give_up_when(std::function<bool()> condition);
  void hurry_when(std::function<bool()> condition);

 private:
  // With the storage's lock.
  std::optional<Appended> append(std::span<const Event> events, std::span<const Expect> expects,
                                 bool durable);
  void read();
  void flush();

  void apply(const Event& event);  // with the history's lock
  void wake();                     // with the history's lock
  void run(const std::stop_token& stop);
  void beat();
  std::vector<int64_t> mine() const;

  std::unique_ptr<StudyLog> log_;
  std::vector<Direction> directions_;
  std::vector<double> signs_;
  std::string worker_, folder_;
  bool gathers_;

  std::mutex log_mutex_;
  Position position_ = 0;
  std::vector<Event> incoming_;
  std::chrono::steady_clock::time_point looked_ = {};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  History history_;
  std::set<int64_t> repeats_;
  std::optional<History> search_;  // once there are repeats
  std::optional<Timeline> timeline_;
  std::vector<Event> gathered_;
  std::vector<std::vector<Event>> feeds_;

  std::condition_variable_any wake_;
  bool busy_ = false;    // there is something for the thread to do
  bool settled_ = true;  // with the storage's lock: nothing was written since log_->settle()
  std::chrono::steady_clock::time_point written_ = {};
  std::jthread writer_;  // last: it ends before the rest goes
};

}  // namespace attune::tune
