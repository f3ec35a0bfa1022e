#pragma once
// What a journal says: its lines, applied one after another by the rules of Optuna's
// JournalStorage. Of one study, which is followed, they become events.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/event.h"
#include "attune/tune/storages/internal/journal_line.h"

namespace attune::tune::journal {

class Replay {
 public:
  using Sink = std::function<void(const Event&)>;

  // Follows the study of that name ("": none), or, with an id, that one only.
  Replay(std::string path, std::string name, int64_t id = -1)
      : path_(std::move(path)), name_(std::move(name)), followed_(id) {}

  // Where the file has been read to.
  int64_t position() const { return position_; }

  // Applies the whole appends at the front of `bytes`, which lie at position(), and returns how
  // many bytes they were. What is left is not complete yet, or torn. StorageError for a broken line
  // that others follow.
  size_t take(std::string_view bytes, const Sink& sink);

  struct Study {
    std::string name = {};
    std::vector<Direction> directions = {};
    int64_t trials = 0;
  };
  const std::map<int64_t, Study>& studies() const { return studies_; }  // by id, in order

  // The followed study. Its id; -1: there is none.
  int64_t followed() const { return studies_.contains(followed_) ? followed_ : -1; }
  void pin() { name_.clear(); }  // no other by its name is followed later
  int64_t next_study_id() const { return next_study_; }
  int64_t next_trial_id() const { return static_cast<int64_t>(places_.size()); }
  bool has_system_attribute(const std::string& name) const { return system_.contains(name); }

  struct Trial {
    int64_t id = 0;
    State state = State::waiting;
    int64_t paused = 0;  // after this step, if it is paused
    std::shared_ptr<const std::string> worker = {};
  };
  const std::vector<Trial>& trials() const { return trials_; }   // by number
  const std::set<int64_t>& running() const { return running_; }  // numbers

 private:
  void apply(std::string_view object, const Sink& sink);
  struct Fields;
  void create_study(const Fields& f);
  void delete_study(const Fields& f);
  void create_trial(const Fields& f, const Sink& sink);
  void state_values(const Fields& f, int64_t number, const Sink& sink);
  void report(const Fields& f, int64_t number, const Sink& sink);
  void param(int64_t number, std::string_view name, std::string_view distribution,
             std::string_view value, const Sink& sink);
  void attributes(std::string_view object, int64_t number, bool system, const Sink& sink);
  void set_state(int64_t number, State state);
  void finish(int64_t number, OptunaState state, std::string_view values, std::string_view value,
              std::string_view time, const Sink& sink);

  std::string path_, name_;
  int64_t followed_ = -1;
  int64_t position_ = 0;
  bool sealed_ = false;  // the line being applied is attune's own

  std::map<int64_t, Study> studies_;
  int64_t next_study_ = 0;
  struct Place {
    int64_t study = 0, number = 0;
  };
  std::vector<Place> places_;  // by trial_id

  std::vector<Trial> trials_;
  std::set<int64_t> running_;
  std::set<std::string> system_;  // the names of the study's system attributes
  template <typename T>
  using ByText = std::map<std::string, T, std::less<>>;
  ByText<ByText<std::shared_ptr<const Param>>> params_;  // by name and range, as written
  ByText<std::shared_ptr<const std::string>> texts_;
};

}  // namespace attune::tune::journal
