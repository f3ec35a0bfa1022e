#pragma once
// Events as lines of a journal.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/event.h"
#include "attune/tune/storages/internal/journal_line.h"

namespace attune::tune::journal {

// The lines of one append, in order.
class Batch {
 public:
  void create_study(std::string_view name, const std::vector<Direction>& directions);
  void delete_study(int64_t study);
  void study_attribute(int64_t study, const Attribute& attribute);

  // What the events need to know of the study so far.
  struct Ground {
    int64_t study = 0;
    int64_t next_id = 0;  // of the next trial that is made, in any study
    std::function<int64_t(int64_t number)> id_of = {};  // of a trial that was there before
    std::function<State(int64_t number)> state_of = {};
  };
  // Leaves out what is told of trials that have ended.
  void add(std::span<const Event> events, const Ground& ground);

  std::string text() const;  // sealed
  bool empty() const { return objects_.empty(); }

 private:
  struct Trial {  // that the events speak of
    int64_t id = 0;
    State state = State::waiting;
  };
  Trial& trial(int64_t number, const Ground& ground);
  void add(const Event& event, const Ground& ground);
  void make(const Created& made, const Claimed* claim, const Ground& ground);
  void claim(const Claimed& claim, Trial& trial);
  void end(const Finished& end, Trial& trial);
  void trial_attribute(int64_t id, bool system, std::string_view name, std::string_view json);
  std::string& object(Op op);

  std::vector<std::string> objects_;
  std::map<int64_t, Trial> trials_;
  std::map<std::shared_ptr<const Param>, std::string> distributions_;
  int64_t made_ = 0;
};

}  // namespace attune::tune::journal
