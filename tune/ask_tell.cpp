#include "attune/tune/ask_tell.h"

#include <algorithm>
#include <istream>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/analysis/confirm.h"
#include "attune/tune/analysis/model_best.h"
#include "attune/tune/internal/configurations.h"
#include "attune/tune/internal/dialogue.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/kept_space.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

using dialogue::Message;
using Kind = Message::Kind;

constexpr size_t kLongestLine = size_t{1} << 22;  // bytes; no client means to write more
constexpr size_t kEndlessLine = size_t{1} << 26;
constexpr int kPatience = 3;           // trials in a row that cannot be begun
constexpr int kMostMistakes = 10'000;  // lines in a row; whoever writes them does not read

class Conversation {
 public:
  Conversation(Study& study, const Space& space, std::istream& in, std::ostream& out,
               const AskTellOptions& options)
      : study_(study), space_(space), in_(in), out_(out), options_(options) {}

  // The client hears of a storage that fails too, and not only the caller.
  void run() {
    try {
      talk();
    } catch (const StorageError& e) {
      say(dialogue::error_line(e.what(), told_));
      throw;
    }
  }

 private:
  void talk() {
    keep_space(study_, space_);
    untried_ = internal::all_configurations(space_);
    small_ = untried_.size();
    for (const TrialResult& trial : study_.trials()) try_out(trial.params);
    hand_out();
    while ((!open_.empty() || options_.listen) && listen()) hand_out();
    for (auto& [number, trial] : open_) give_up(trial);
    open_.clear();
    if (options_.confirm > 0 && !ended_) confirm();
    say(last_line());
  }

  bool stopped() const { return options_.stop && options_.stop(); }

  void say(const std::string& line) { out_ << line << '\n' << std::flush; }

  void hand_out() {
    while (static_cast<int64_t>(open_.size()) < options_.jobs && hand_out_one()) {
    }
  }

  // False: there is none to be had.
  bool hand_out_one() {
    for (int attempt = 1;; ++attempt) {
      if (asked_ >= options_.trials || stopped() || study_.exhausted()) return false;
      if (all_tried() && options_.stop_when_all_tried) return false;
      ++asked_;
      try {
        Trial trial = study_.ask(space_);
        const int64_t number = trial.number();
        say_trial(number, trial.params());
        try_out(trial.params());
        open_.emplace(number, std::move(trial));
        return true;
      } catch (const ValueError& e) {  // another program enqueued what cannot be run
        if (attempt >= kPatience) throw;
        say(dialogue::error_line(e.what(), {}));
      }
    }
  }

  bool all_tried() const { return small_ > 0 && untried_.empty(); }

  // Of a space with few configurations: this one is being tried.
  void try_out(const Params& params) {
    if (untried_.erase(params.to_string()) == 0 || !all_tried() || !options_.note) return;
    options_.note(fmt::format("{} been tried{}",
                              small_ == 1 ? "the only configuration has"
                                          : fmt::format("all {} configurations have", small_),
                              options_.stop_when_all_tried ? "" : "; going on repeats them"));
  }

  void say_trial(int64_t number, const Params& params, const std::string& more = {}) {
    say(fmt::format(R"({{"number": {}, "params": {}{}}})", number, json::strict(params), more));
  }

  // Reads a line and answers it; false: there is none.
  bool listen() {
    std::string line;
    if (!out_ || stopped() || !read_line(line)) {
      ended_ = true;
      return false;
    }
    std::optional<int64_t> number;
    try {
      if (line.size() > kLongestLine) {
        throw ValueError(fmt::format("a line of more than {} bytes", kLongestLine));
      }
      answer(dialogue::read_message(line, study_.directions().size(), number));
      mistakes_ = 0;
    } catch (const ValueError& e) {
      mistake(e.what(), number);
    }
    return true;
  }

  void mistake(std::string_view what, std::optional<int64_t> number) {
    say(dialogue::error_line(what, number));
    if (++mistakes_ < kMostMistakes) return;
    throw Error(fmt::format("ask_tell: {} lines in a row were not understood; of the last: {}",
                            mistakes_, what));
  }

  // As std::getline, but of a long line only the beginning is kept, and an endless one is an error.
  bool read_line(std::string& line) {
    std::streambuf& from = *in_.rdbuf();
    for (size_t length = 0;; ++length) {
      if (length == kEndlessLine) {
        throw Error(fmt::format("ask_tell: a line without an end after {} bytes", length));
      }
      const int c = from.sbumpc();
      if (c == std::streambuf::traits_type::eof()) return !line.empty() && !stopped();
      if (c == '\n') return true;
      if (line.size() <= kLongestLine) line += static_cast<char>(c);
    }
  }

  void answer(const Message& m) {
    switch (m.kind) {
      case Kind::end: return end(m);
      case Kind::report: return report(m);
      case Kind::tell: return take_point(m);
      case Kind::best: return say("{" + best_member() + "}");
      case Kind::enqueue: {
        if (const std::string flaw = space_.flaw_of_some(m.params); !flaw.empty()) {
          throw ValueError(flaw);
        }
        const int64_t number = study_.enqueue(m.params);
        return say(dialogue::state_line(number, State::waiting));
      }
      case Kind::ask:
        for (int64_t i = 0; i < m.count; ++i) {
          if (!hand_out_one()) throw ValueError("no trial is left to hand out");
        }
    }
  }

  std::map<int64_t, Trial>::iterator running(int64_t number) {
    const auto trial = open_.find(number);
    if (trial == open_.end()) {
      throw ValueError(fmt::format("trial {} is not running in this dialogue", number));
    }
    return trial;
  }

  void report(const Message& m) {
    Trial& trial = running(m.number)->second;
    for (const auto& [name, text] : m.user) trial.set_attribute_json(name, text);
    const bool prune = trial.report(m.step, m.values).should_stop();
    say(fmt::format(R"({{"number": {}, "prune": {}}})", m.number, prune));
  }

  void end(const Message& m) {
    const auto trial = running(m.number);
    // Out of the map first: whatever tell() says, this trial is over.
    Trial told = std::move(trial->second);
    open_.erase(trial);
    tell(told, m);
    if (!m.note.empty()) say(dialogue::state_line(m.number, State::failed, m.note));
  }

  void take_point(const Message& m) {
    if (const std::string flaw = space_.flaw(m.params); !flaw.empty()) throw ValueError(flaw);
    Trial trial = study_.begin(m.params);
    const int64_t number = trial.number();
    try_out(trial.suggest(space_));
    tell(trial, m);
    say(dialogue::state_line(number, m.outcome.state(), m.note));
  }

  void tell(Trial& trial, const Message& m) {
    const int64_t number = trial.number();
    told_ = number;
    try {
      for (const auto& [name, text] : m.user) trial.set_attribute_json(name, text);
      for (const auto& [name, value] : m.constraints) {
        name.empty() ? trial.set_constraint(value) : trial.set_constraint(name, value);
      }
      study_.tell(trial, m.outcome);
    } catch (const EndedElsewhere&) {
      told_.reset();
      throw ValueError(fmt::format(
          "trial {} was ended by another program; what was told of it is not kept", number));
    }
    told_.reset();
  }

  void give_up(Trial& trial) {
    try {
      study_.tell(trial, Failed{kNeverTold});
    } catch (const EndedElsewhere&) {  // so there is nothing to give up
    }
  }

  // Runs the best configurations again, one run at a time.
  void confirm() {
    if (study_.directions().size() != 1 || study_.best_trials().empty()) return;
    const Objective run = [this](Trial& trial) { return run_again(trial); };
    const ConfirmResult r = study_.confirm(options_.confirm, run, {.repeats = options_.repeats});
    const Confirmed& winner = r.winner();
    confirmed_ = fmt::format(
        R"({{"number": {}, "params": {}, "value": {}, "interval": {}, "gain": {}, "gain_interval": {}}})",
        winner.number, json::strict(winner.params), json::strict(r.value),
        dialogue::list_of(std::vector{r.value_low, r.value_high}), json::strict(r.gain),
        dialogue::list_of(std::vector{r.gain_low, r.gain_high}));
  }

  Outcome run_again(Trial& trial) {
    const int64_t number = trial.number();
    const TrialResult known = study_.trial(number);
    const auto whose = known.system.find(kRepeats);
    say_trial(
        number, trial.suggest(space_),
        fmt::format(R"(, "confirms": {})", whose == known.system.end() ? "null" : whose->second));
    again_ = {};
    while (!again_) {
      if (!listen_again(trial)) {
        study_.stop();
        return Failed{kNeverTold};
      }
    }
    return *again_;
  }

  // As listen(), while `trial` is run again: lines about another trial are mistakes.
  bool listen_again(Trial& trial) {
    std::string line;
    if (!out_ || stopped() || !read_line(line)) return !(ended_ = true);
    std::optional<int64_t> number;
    try {
      const Message m = dialogue::read_message(line, study_.directions().size(), number);
      if (m.kind == Kind::best) {
        say("{" + best_member() + "}");
        return true;
      }
      if ((m.kind != Kind::end && m.kind != Kind::report) || m.number != trial.number()) {
        throw ValueError(fmt::format("only trial {} is running", trial.number()));
      }
      for (const auto& [name, text] : m.user) trial.set_attribute_json(name, text);
      if (m.kind == Kind::report) {
        trial.report(m.step, m.values);
        say(fmt::format(R"({{"number": {}, "prune": false}})", m.number));
        return true;
      }
      again_ = m.outcome;
      if (!m.note.empty()) say(dialogue::state_line(m.number, State::failed, m.note));
    } catch (const ValueError& e) {
      mistake(e.what(), number);
    }
    return true;
  }

  std::string best_member() const {
    const std::vector<TrialResult> best = study_.best_trials();
    if (study_.directions().size() == 1) {
      return R"("best": )" + (best.empty() ? "null" : dialogue::trial_text(best.front(), false));
    }
    std::string all;
    for (const TrialResult& t : best) {
      all += (all.empty() ? "" : ", ") + dialogue::trial_text(t, true);
    }
    return R"("best": [)" + all + "]";
  }

  // The end: the model is fitted once.
  std::string last_line() const {
    std::string line = "{" + best_member();
    if (const std::optional<ModelBest> model = model_best(study_)) {
      line += fmt::format(
          R"(, "model_best": {{"number": {}, "mean": {}, "deviation": {}, "noise": {}, "params": {}}})",
          model->trial.number, json::strict(model->estimate.mean),
          json::strict(model->estimate.deviation), json::strict(model->estimate.noise),
          json::strict(model->trial.params));
    }
    if (!confirmed_.empty()) line += R"(, "confirmed": )" + confirmed_;
    return line + "}";
  }

  Study& study_;
  const Space& space_;
  std::istream& in_;
  std::ostream& out_;
  const AskTellOptions& options_;
  std::map<int64_t, Trial> open_;
  int64_t asked_ = 0;
  int mistakes_ = 0;               // in a row
  std::set<std::string> untried_;  // of a small space, as texts
  size_t small_ = 0;               // its configurations; 0: it is not small
  bool ended_ = false;             // nobody speaks any more
  std::optional<Outcome> again_;   // of the run of confirm() that is on
  std::string confirmed_;          // JSON text
  std::optional<int64_t> told_;    // the trial whose end is being kept
};

}  // namespace

void ask_tell(Study& study, const Space& space, std::istream& in, std::ostream& out,
              const AskTellOptions& options) {
  if (options.trials < 0) {
    throw ValueError(fmt::format("ask_tell: trials must not be negative, got {}", options.trials));
  }
  if (options.jobs < 1) {
    throw ValueError(fmt::format("ask_tell: jobs must be 1 or more, got {}", options.jobs));
  }
  Conversation(study, space, in, out, options).run();
}

}  // namespace attune::tune
