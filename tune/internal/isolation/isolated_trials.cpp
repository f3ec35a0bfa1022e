#include "attune/tune/internal/isolation/isolated_trials.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune {

using internal::Answer;
using internal::Ask;
using internal::Channel;
using internal::ChannelClosed;
using internal::Packet;
using internal::SharedFlags;
using internal::WireBegin;

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLookEvery = std::chrono::milliseconds(50);
// A trial whose time is up may end by itself so long, then by SIGTERM so long again.
constexpr auto kGrace = std::chrono::milliseconds(500);
constexpr auto kLongestRest = std::chrono::seconds(2);  // from the outcome to the end

std::shared_ptr<SharedFlags[]> shared_flags(int count) {
  const auto bytes = static_cast<size_t>(count) * sizeof(SharedFlags);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw Error(fmt::format("isolate: no memory can be shared: {}", std::strerror(errno)));
  }
  auto* flags = static_cast<SharedFlags*>(memory);
  for (int i = 0; i < count; ++i) new (flags + i) SharedFlags;
  return {flags, [bytes](SharedFlags* all) { munmap(all, bytes); }};
}

}  // namespace

// A place, and what runs in it. Nothing does when it goes.
struct IsolatedTrials::Running {
  IsolatedTrials& all;
  int place = 0;
  bool on = false;
  bool timed_out = false;
  std::optional<Clock::time_point> kill_at = {};  // after SIGTERM; max(): it has been
  std::optional<Clock::time_point> end_by = {};   // it has told its outcome

  explicit Running(IsolatedTrials& trials) : all(trials) {
    const std::lock_guard lock(all.mutex_);
    place = all.free_.back();
    all.free_.pop_back();
    flags().stop = false;
    flags().out_of_memory = false;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (on) all.launcher_.signal(place, SIGKILL);
    while (on && !all.launcher_.ended(place)) {
      pollfd event{all.launcher_.events(place), POLLIN, 0};
      poll(&event, 1, -1);
    }
    const std::lock_guard lock(all.mutex_);
    all.free_.push_back(place);
  }
  SharedFlags& flags() const { return all.flags_[static_cast<size_t>(place)]; }
};

IsolatedTrials::IsolatedTrials(StudyState& study, const Objective& objective, int jobs,
                               std::optional<int64_t> memory,
                               std::optional<std::chrono::duration<double>> timeout)
    : study_(study),
      objective_(objective),
      memory_(memory),
      timeout_(timeout),
      made_((study.checkpoints().keep_in_files(), Clock::now())),
      flags_(shared_flags(jobs)),
      launcher_(
          jobs, [this](int file, int place) { return run_here(file, place); },
          [folder = study.checkpoints().temporary_folder()] {
            std::error_code ignored;
            if (!folder.empty()) std::filesystem::remove_all(folder, ignored);
          }) {
  for (int i = jobs; i-- > 0;) free_.push_back(i);
}

void IsolatedTrials::begin(const Trial& trial, Channel& channel) const {
  WireBegin begin{.number = trial.number_,
                  .first_step = trial.first_step_,
                  .last_step = trial.last_step_,
                  .parent = trial.parent_,
                  .forked = trial.forked_,
                  .begun = trial.begun_,
                  .repeats = trial.repeats_,
                  .seed = study_.seed(),
                  .deadline = trial.deadline_};
  if (trial.limits_) begin.run_deadline = trial.limits_->deadline;
  std::string folder;
  if (const Checkpoint* kept = trial.checkpoint_.get()) {
    begin.states = kept->states;
    folder = kept->folder;
    if (folder.empty() && kept->made < made_) {
      begin.checkpoint = kept->original ? kept->original.get() : kept;
    } else if (folder.empty()) {
      throw ValueError(
          "isolate: the trial's state was kept in memory by another run of this study, at the same "
          "time; run both with .isolate");
    }
  }
  channel.send(Packet::of(begin, folder, study_.checkpoints().folder_of(trial.number_)));
}

Outcome IsolatedTrials::run(Trial& trial) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw Error(fmt::format("isolate: no socket can be made: {}", std::strerror(errno)));
  }
  Running running(*this);
  Channel channel(ends[0]);
  try {
    launcher_.start(running.place, ends[1]);
  } catch (...) {
    close(ends[1]);
    throw;
  }
  running.on = true;
  close(ends[1]);

  std::optional<Packet> told;
  bool open = true;
  const auto listen = [&] {
    while (std::optional<Packet> packet = channel.poll()) {
      const auto what = packet->take<Ask>();
      if (what == Ask::outcome) {
        told = std::move(packet);
        running.end_by = Clock::now() + kLongestRest;
      } else {
        serve(trial, channel, what, *packet);
      }
    }
  };
  try {
    begin(trial, channel);
  } catch (const ChannelClosed&) {
    open = false;
  }
  for (;;) {
    pollfd events[] = {{launcher_.events(running.place), POLLIN, 0},
                       {open ? channel.file() : -1, POLLIN, 0}};
    poll(events, 2, static_cast<int>(kLookEvery.count()));
    const std::optional<int> status = launcher_.ended(running.place);  // all has been said by then
    if (status) running.on = false;
    try {
      if (open) listen();
    } catch (const ChannelClosed&) {
      open = false;
    }
    if (status && told) return result(*told);
    if (status) {
      const std::string cause = cause_of(*status, running);
      if (running.timed_out) return Failed{cause};
      throw Error(cause);
    }
    look_after(trial, running);
  }
}

// Tells it that its run ends, and ends it when its time is up.
void IsolatedTrials::look_after(const Trial& trial, Running& running) const {
  const auto now = Clock::now();
  if (trial.limits_ && trial.limits_->reached()) running.flags().stop = true;
  if (running.end_by && now >= *running.end_by) {
    launcher_.signal(running.place, SIGKILL);
    running.end_by.reset();
  }
  if (!trial.deadline_ || running.kill_at == Clock::time_point::max()) return;
  if (running.kill_at && now >= *running.kill_at) {
    launcher_.signal(running.place, SIGKILL);
    running.kill_at = Clock::time_point::max();
  } else if (!running.kill_at && now >= *trial.deadline_ + kGrace) {
    running.timed_out = true;
    launcher_.signal(running.place, SIGTERM);
    running.kill_at = now + kGrace;
  }
}

// Answers a question, or says what is wrong with it.
void IsolatedTrials::serve(Trial& trial, Channel& channel, Ask what, Packet& question) {
  Packet reply;
  try {
    reply = answer(trial, channel, what, question);
  } catch (const ChannelClosed&) {
    throw;
  } catch (const std::exception& e) {
    reply = Packet::of(Answer::error, internal::error_code(e), std::string(e.what()));
  }
  channel.send(reply);
}

Packet IsolatedTrials::answer(Trial& trial, Channel& channel, Ask what, Packet& question) {
  switch (what) {
    case Ask::choose: return Packet::of(Answer::done, trial.choose(question.take<Param>()));
    case Ask::suggest: return Packet::of(Answer::done, suggest(trial, channel, question));
    case Ask::report: {
      const auto step = question.take<int64_t>();
      trial.report(step, question.take<std::vector<double>>());
      break;
    }
    case Ask::constraint: {
      const bool has_name = question.take<bool>();
      const auto name = question.take<std::string>();
      const auto value = question.take<double>();
      has_name ? trial.set_constraint(name, value) : trial.set_constraint(value);
      break;
    }
    case Ask::attribute: {
      const auto name = question.take<std::string>();
      trial.set_attribute_json(name, question.take<std::string>());
      break;
    }
    case Ask::verdict: {
      const Verdict verdict = study_.verdict(trial.number_, trial.turn_, question.take<int64_t>());
      return Packet::of(Answer::done, verdict, trial.limits_ && trial.limits_->reached());
    }
    case Ask::kept: {
      const auto step = question.take<int64_t>();
      study_.kept_in_files(trial.number_, step, question.take<size_t>());
      break;
    }
    case Ask::params: return Packet::of(Answer::done, trial.params());
    case Ask::is_allowed:
    case Ask::outcome: throw Error("isolate: an answer that nobody has asked for");
  }
  return Packet::of(Answer::done);
}

// Functions given to forbid() are the other process's, so they are called there.
Params IsolatedTrials::suggest(Trial& trial, Channel& channel, Packet& question) {
  auto space = question.take<Space>();
  if (!question.take<bool>()) return trial.suggest(space);
  space.forbid([&](const Params& params) {
    channel.send(Packet::of(Answer::allowed, params));
    for (;;) {
      if (std::optional<Packet> packet = channel.poll()) {
        if (packet->take<Ask>() == Ask::is_allowed) return !packet->take<bool>();
        throw ChannelClosed("isolate: an answer to another question");
      }
      const bool late = trial.deadline_ && Clock::now() > *trial.deadline_ + kGrace;
      if (late) throw ChannelClosed("isolate: forbid() takes too long");
      pollfd event{channel.file(), POLLIN, 0};
      poll(&event, 1, static_cast<int>(kLookEvery.count()));
    }
  });
  return trial.suggest(space);
}

std::string IsolatedTrials::cause_of(int status, const Running& running) const {
  if (running.timed_out) return fmt::format("time limit of {:.6g} s", timeout_->count());
  std::string cause;
  if (WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    cause = name ? fmt::format("killed by SIG{}", name)
                 : fmt::format("killed by signal {}", WTERMSIG(status));
  } else {
    cause = fmt::format("exit status {}", WEXITSTATUS(status));
  }
  if (!memory_ || !running.flags().out_of_memory) return cause;
  return fmt::format("memory limit of {} ({})", shown_bytes(*memory_), cause);
}

Outcome IsolatedTrials::result(Packet& told) const {
  const auto state = told.take<State>();
  auto values = told.take<std::vector<double>>();
  auto reason = told.take<std::string>();
  const auto step = told.take<int64_t>();
  const int error = told.take<int>();
  switch (state) {
    case State::complete: return Outcome(std::move(values));
    case State::paused: return PausedHere{step};
    case State::pruned: return pruned;
    default: break;
  }
  if (error == 0) return Failed{std::move(reason)};
  const bool memory = error == internal::kBadAlloc || error == internal::kOutOfMemory;
  if (memory && memory_) {
    throw OutOfMemory(fmt::format("memory limit of {}", shown_bytes(*memory_)));
  }
  internal::throw_error(error, reason);
}

}  // namespace attune::tune
