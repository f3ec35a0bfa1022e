#include "attune/tune/storages/internal/journal_log.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storages/internal/beside.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

constexpr auto kWaitToTell = std::chrono::milliseconds(10'000);  // how a trial ended
constexpr size_t kMostUnread = 10'000;  // events; what is older is read from the file again

}  // namespace

JournalLog::JournalLog(const std::string& path, std::string name, bool read_only)
    : file_(path),
      read_only_(read_only),
      worker_(this_worker()),
      heartbeats_(path + ".workers", worker_),
      name_(std::move(name)),
      replay_(std::make_unique<journal::Replay>(path, name_)) {
  refresh();
  if (found()) settled();
}

void JournalLog::settled() {
  if (unread_of_ != replay_->followed()) unread_.clear();  // an earlier study's of that name
  study_id_ = replay_->followed();
  directions_ = replay_->studies().at(study_id_).directions;
  replay_->pin();
}

size_t JournalLog::take(std::string_view bytes) {
  // Of each append the position is known once all of it has been applied.
  size_t before = unread_.size();
  try {
    const size_t used = replay_->take(bytes, [&](const Event& event) {
      if (unread_of_ != replay_->followed()) {  // another study of that name was made later
        unread_.clear();
        before = 0;
        unread_of_ = replay_->followed();
      }
      unread_.emplace_back(0, event);
    });
    for (size_t i = before; i < unread_.size(); ++i) unread_[i].first = replay_->position();
    return used;
  } catch (const StorageError&) {  // half of an append may have been applied
    const std::string name = study_id_ < 0 ? name_ : "";
    replay_ = std::make_unique<journal::Replay>(file_.path(), name, study_id_);
    unread_.clear();
    unread_from_ = 0;
    throw;
  }
}

void JournalLog::refresh() {
  file_.read(replay_->position(), [this](std::string_view bytes) { return take(bytes); });
}

void JournalLog::refresh(journal::File::Writer& writer) {
  writer.read(replay_->position(), [this](std::string_view bytes) { return take(bytes); });
  writer.cut(replay_->position());
}

void JournalLog::check_study() const {
  if (found()) return;
  throw StorageError(
      fmt::format("storage '{}': the study has been deleted meanwhile", file_.path()));
}

journal::Patience JournalLog::patience(bool durable) const {
  journal::Patience patience;
  patience.give_up = give_up_;
  patience.hurry = &hurry_;
  if (durable) patience.at_least = kWaitToTell;
  return patience;
}

void JournalLog::write(journal::File::Writer& writer, const journal::Batch& batch, bool durable) {
  if (batch.empty()) return;
  const std::string text = batch.text();
  writer.append(replay_->position(), text, durable);
  take(text);
}

void JournalLog::make(const std::vector<Direction>& directions,
                      const std::vector<Attribute>& attributes) {
  journal::File::Writer writer(file_, worker_, patience(true));
  refresh(writer);
  if (!found()) {
    journal::Batch batch;
    batch.create_study(name_, directions);
    for (const Attribute& a : attributes) batch.study_attribute(replay_->next_study_id(), a);
    write(writer, batch, true);
  }
  settled();
}

int64_t JournalLog::remove() {
  journal::File::Writer writer(file_, worker_, patience(true));
  refresh(writer);
  if (!found()) return -1;
  const int64_t id = replay_->followed();
  journal::Batch batch;
  batch.delete_study(id);
  write(writer, batch, true);
  return id;
}

journal::Batch::Ground JournalLog::ground() const {
  const auto trial = [this](int64_t number) -> const journal::Replay::Trial& {
    const auto& trials = replay_->trials();
    if (number < 0 || static_cast<size_t>(number) >= trials.size()) {
      throw StorageError(fmt::format("storage '{}': there is no trial {}", file_.path(), number));
    }
    return trials[static_cast<size_t>(number)];
  };
  return {.study = study_id_,
          .next_id = replay_->next_trial_id(),
          .id_of = [trial](int64_t number) { return trial(number).id; },
          .state_of = [trial](int64_t number) { return trial(number).state; }};
}

std::optional<Appended> JournalLog::append(std::span<const Event> events,
                                           std::span<const Expect> expects, bool durable) {
  if (read_only_) {
    throw StorageError(fmt::format("storage '{}': it is open for reading only", file_.path()));
  }
  journal::File::Writer writer(file_, worker_, patience(durable));
  refresh(writer);
  check_study();
  for (const Expect& expect : expects) {
    if (!holds(expect)) return std::nullopt;
  }
  const Position before = replay_->position();
  journal::Batch batch;
  batch.add(events, ground());
  write(writer, batch, durable);
  while (unread_.size() > kMostUnread && unread_.front().first <= before) {
    unread_from_ = unread_.front().first;
    unread_.pop_front();
  }
  return Appended{before, replay_->position()};
}

bool JournalLog::holds(const Expect& expect) const {
  if (!expect.absent.empty()) return !replay_->has_system_attribute(expect.absent);
  const auto& trials = replay_->trials();
  const auto count = static_cast<int64_t>(trials.size());
  if (!expect.state) return expect.trial == count;
  if (expect.trial < 0 || expect.trial >= count) return false;
  const journal::Replay::Trial& trial = trials[static_cast<size_t>(expect.trial)];
  if (trial.state != *expect.state) return false;
  if (expect.step && (trial.state != State::paused || trial.paused != *expect.step)) return false;
  return expect.worker.empty() || (trial.worker && *trial.worker == expect.worker);
}

Position JournalLog::read(Position after, const Sink& sink) {
  if (after < unread_from_) {  // from the beginning, as a rule
    auto anew = std::make_unique<journal::Replay>(file_.path(), "", study_id_);
    std::swap(replay_, anew);
    unread_.clear();
    unread_from_ = 0;
  }
  refresh();
  check_study();
  for (const auto& [end, event] : unread_) {
    if (end > after) sink(event);
  }
  unread_.clear();
  unread_from_ = replay_->position();
  return unread_from_;
}

std::string JournalLog::folder() const { return checkpoint_folder(file_.path(), study_id_); }

void JournalLog::beat(std::span<const int64_t> /*trials*/) { heartbeats_.beat(); }

// A process of this machine is looked up. Of any other only its heartbeat can be known, and of
// Optuna's nothing: its journals have none.
std::vector<int64_t> JournalLog::lapsed(double grace_seconds) {
  refresh();
  check_study();
  std::vector<int64_t> lapsed;
  for (const int64_t number : replay_->running()) {
    const auto& worker = replay_->trials()[static_cast<size_t>(number)].worker;
    if (!worker || *worker == worker_) continue;
    const Fate fate = fate_of(*worker);
    const bool silent = fate == Fate::elsewhere && heartbeats_.silence(*worker) > grace_seconds;
    if (fate == Fate::gone || silent) lapsed.push_back(number);
  }
  return lapsed;
}

}  // namespace attune::tune
