#include "attune/tune/internal/ledger.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "attune/base/error.h"

namespace attune::tune {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kFlushEvery = std::chrono::milliseconds(500);
constexpr auto kQuiet = std::chrono::seconds(1);
constexpr auto kBeatEvery = std::chrono::seconds(5);
constexpr double kGraceSeconds = 30;
constexpr auto kLookEvery = std::chrono::milliseconds(500);

std::vector<double> signs_of(const std::vector<Direction>& directions) {
  std::vector<double> signs;
  for (const Direction d : directions) signs.push_back(d == Direction::maximize ? -1 : 1);
  return signs;
}

}  // namespace

Ledger::Ledger(std::unique_ptr<StudyLog> log, size_t feeds, bool timeline)
    : log_(std::move(log)),
      directions_(log_->directions()),
      signs_(signs_of(directions_)),
      worker_(log_->worker()),
      folder_(log_->folder()),
      gathers_(log_->gather()),
      history_(signs_),
      feeds_(feeds) {
  if (timeline) timeline_.emplace();
  sync();
}

Ledger::~Ledger() {
  if (writer_.joinable()) {
    writer_.request_stop();
    writer_.join();
  }
  try {
    const std::lock_guard lock(log_mutex_);
    flush();
  } catch (const Error&) {  // reports of trials that nobody told the end of
  }
}

int64_t repeat_in(const Event& event) {
  const auto* a = std::get_if<Attribute>(&event);
  return a && a->system && *a->name == kRepeats ? a->trial : Attribute::kStudy;
}

bool Ledger::repeats(int64_t number) const {
  const std::lock_guard lock(mutex_);
  return repeats_.contains(number);
}

bool Ledger::knows(int64_t number) const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(number) < history_.trials().size();
}

void Ledger::apply(const Event& event) {
  history_.apply(event);
  if (search_) search_->apply(event);
  const int64_t repeat = repeat_in(event);
  if (repeat >= 0 && repeats_.insert(repeat).second) {
    if (!search_) search_ = history_;
    search_->hide(repeat);
  }
  if (timeline_) timeline_->apply(event, history_);
  for (std::vector<Event>& feed : feeds_) feed.push_back(event);
}

void Ledger::sync() {
  const std::lock_guard lock(log_mutex_);
  read();
}

void Ledger::read() {
  incoming_.clear();
  const Position read_to =
      log_->read(position_, [this](const Event& event) { incoming_.push_back(event); });
  if (incoming_.empty()) {
    position_ = read_to;
    return;
  }
  const std::lock_guard lock(mutex_);
  for (const Event& event : incoming_) apply(event);
  position_ = read_to;  // after an event that cannot be, the next read meets it again
  // An older value of an attribute may just have been read over one that is still gathered.
  for (const Event& event : gathered_) {
    if (std::holds_alternative<Attribute>(event)) apply(event);
  }
  changed_.notify_all();
}

bool Ledger::commit(std::span<const Event> events, std::span<const Expect> expects, bool durable) {
  const std::lock_guard lock(log_mutex_);
  {
    const std::lock_guard history_lock(mutex_);
    const auto claims = [](const Event& e) { return std::holds_alternative<Claimed>(e); };
    if (gathers_ && std::any_of(events.begin(), events.end(), claims)) wake();
  }
  const std::optional<Appended> done = append(events, expects, durable);
  if (done && done->before == position_) {  // nothing of others to be read before
    position_ = done->after;
    const std::lock_guard history_lock(mutex_);
    for (const Event& event : events) apply(event);
    changed_.notify_all();
    return true;
  }
  if (!done) {
    read();
    return false;
  }
  try {
    read();
  } catch (const Error&) {  // the events are kept all the same; the next sync() tells of it
  }
  return true;
}

// What was gathered, which the history has already, and then the events; nothing is lost if that
// fails.
std::optional<Appended> Ledger::append(std::span<const Event> events,
                                       std::span<const Expect> expects, bool durable) {
  std::vector<Event> all;
  {
    const std::lock_guard lock(mutex_);
    all = std::move(gathered_);
    gathered_.clear();
  }
  const auto count = static_cast<std::ptrdiff_t>(all.size());
  const auto restore = [&] {
    const std::lock_guard lock(mutex_);
    gathered_.insert(gathered_.begin(), all.begin(), all.begin() + count);
  };
  std::optional<Appended> done;
  try {
    all.insert(all.end(), events.begin(), events.end());
    done = log_->append(all, expects, durable);
  } catch (...) {
    restore();
    throw;
  }
  if (!done) {
    restore();
    return done;
  }
  settled_ = !gathers_;
  written_ = Clock::now();
  return done;
}

void Ledger::wake() {
  if (!writer_.joinable()) {
    writer_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  if (busy_) return;
  busy_ = true;
  wake_.notify_one();
}

void Ledger::post(Event event) {
  {
    const std::lock_guard lock(mutex_);
    const bool waits = gathers_ || std::holds_alternative<ParamSet>(event);
    apply(event);
    gathered_.push_back(std::move(event));
    if (gathers_) wake();
    if (waits) return;
  }
  const std::lock_guard lock(log_mutex_);
  flush();
}

void Ledger::flush() {
  {
    const std::lock_guard lock(mutex_);
    if (gathered_.empty()) return;
  }
  const std::optional<Appended> done = append({}, {}, false);
  if (done && done->before == position_) position_ = done->after;
}

std::vector<Event> Ledger::drain(size_t feed) {
  const std::lock_guard lock(mutex_);
  return std::exchange(feeds_[feed], {});
}

void Ledger::wait_for_change(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, longest);
}

std::vector<int64_t> Ledger::mine() const {
  const std::lock_guard lock(mutex_);
  std::vector<int64_t> numbers;
  for (const int64_t number : history_.open()) {
    const TrialRecord& trial = history_.trials()[static_cast<size_t>(number)];
    if (trial.state == State::running && trial.worker == worker_) numbers.push_back(number);
  }
  return numbers;
}

std::vector<int64_t> Ledger::lapsed(bool now) {
  if (worker_.empty()) return {};
  const std::lock_guard lock(log_mutex_);
  const auto running_elsewhere = [this](int64_t number) {
    const TrialRecord& trial = history_.trials()[static_cast<size_t>(number)];
    return trial.state == State::running && trial.worker != worker_;
  };
  {
    const std::lock_guard history_lock(mutex_);
    const auto& open = history_.open();
    if (std::none_of(open.begin(), open.end(), running_elsewhere)) return {};
  }
  if (!now && Clock::now() - looked_ < kLookEvery) return {};
  looked_ = Clock::now();
  std::vector<int64_t> numbers = log_->lapsed(kGraceSeconds);
  read();  // so that all of them are known
  const std::lock_guard history_lock(mutex_);
  std::erase_if(numbers, [&](int64_t number) {
    return number < 0 || static_cast<size_t>(number) >= history_.trials().size() ||
           !running_elsewhere(number);
  });
  return numbers;
}

void Ledger::give_up_when(std::function<bool()> condition) {
  const std::lock_guard lock(log_mutex_);
  log_->give_up_when(std::move(condition));
}

void Ledger::hurry_when(std::function<bool()> condition) {
  const std::lock_guard lock(log_mutex_);
  log_->hurry_when(std::move(condition));
}

void Ledger::beat() {
  const std::lock_guard lock(log_mutex_);  // so that none is paused or ended in between
  const std::vector<int64_t> numbers = mine();
  if (!numbers.empty()) log_->beat(numbers);
}

// Writes what is gathered, and gives signs of life while there are trials to give them for.
void Ledger::run(const std::stop_token& stop) {
  auto beaten = Clock::now();
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return busy_; })) return;
      wake_.wait_for(lock, stop, kFlushEvery, [] { return false; });
    }
    try {
      {
        const std::lock_guard lock(log_mutex_);
        flush();
        if (!settled_ && Clock::now() - written_ >= kQuiet) {
          settled_ = true;
          log_->settle();
        }
      }
      if (Clock::now() - beaten >= kBeatEvery) {
        beaten = Clock::now();
        beat();
      }
    } catch (const std::exception&) {
      // The events stay; whoever ends the trial writes them, and is told if that fails too.
    }
    const bool running = !mine().empty();
    const std::lock_guard log_lock(log_mutex_);
    const std::lock_guard lock(mutex_);
    busy_ = running || !gathered_.empty() || !settled_;
  }
}

}  // namespace attune::tune
