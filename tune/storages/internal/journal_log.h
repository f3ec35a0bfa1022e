#pragma once
// One study in a journal.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attune/tune/storage.h"
#include "attune/tune/storages/internal/heartbeat_files.h"
#include "attune/tune/storages/internal/journal_file.h"
#include "attune/tune/storages/internal/journal_replay.h"
#include "attune/tune/storages/internal/journal_writer.h"

namespace attune::tune {

class JournalLog : public StudyLog {
 public:
  // Reads the file, which exists, and looks for the study. With found() false, only make() may be
  // called.
  JournalLog(const std::string& path, std::string name, bool read_only);

  bool found() const { return replay_->followed() >= 0; }
  void make(const std::vector<Direction>& directions,
            const std::vector<Attribute>& attributes);  // unless another process was faster
  int64_t remove();                                     // its number

  const std::vector<Direction>& directions() const override { return directions_; }
  std::optional<Appended> append(std::span<const Event> events, std::span<const Expect> expects,
                                 bool durable) override;
  Position read(Position after, const Sink& sink) override;
  bool gather() const override { return true; }
  std::string worker() const override { return worker_; }
  void beat(std::span<const int64_t> trials) override;
  std::vector<int64_t> lapsed(double grace_seconds) override;
  std::string folder() const override;
  void give_up_when(std::function<bool()> condition) override { give_up_ = std::move(condition); }
  void hurry_when(std::function<bool()> condition) override { hurry_.when(std::move(condition)); }

 private:
  void refresh();
  void refresh(journal::File::Writer& writer);  // and cuts a torn end
  size_t take(std::string_view bytes);
  void settled();  // the study is there
  void check_study() const;
  bool holds(const Expect& expect) const;
  void write(journal::File::Writer& writer, const journal::Batch& batch, bool durable);
  journal::Patience patience(bool durable) const;
  journal::Batch::Ground ground() const;

  journal::File file_;
  bool read_only_;
  std::string worker_;
  HeartbeatFiles heartbeats_;
  std::string name_;
  std::unique_ptr<journal::Replay> replay_;
  int64_t study_id_ = -1;
  std::vector<Direction> directions_;
  std::function<bool()> give_up_;
  mutable Hurry hurry_;

  // What has been read from the file and not yet by read(): events, and where in the file the
  // append that they were in ends. It begins behind `unread_from_`.
  std::deque<std::pair<Position, Event>> unread_;
  Position unread_from_ = 0;
  int64_t unread_of_ = -1;  // which study
};

}  // namespace attune::tune
