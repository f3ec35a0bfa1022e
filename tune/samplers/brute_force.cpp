// Every run of a finite objective once. The runs that a study has had make a tree: a node is what
// was asked for after the same answers, a child what was answered, a leaf a whole run. Each answer
// is drawn among those with a leaf that nobody has been to. As in Optuna's BruteForceSampler
// (Akiba et al., 2019), but made from the history, so that nothing is lost by a stop.

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

constexpr int64_t kMostLevels = 1'000'000;

using Answer = ParamValue::Variant;

bool countable(int64_t levels) { return levels > 0 && levels <= kMostLevels; }

// What was asked for after the same answers, by trials that have ended.
struct Node {
  std::shared_ptr<const Param> param = {};  // null: a leaf, as far as is known
  int64_t param_of = -1;                    // the trial that asked for it; the latest range counts
  std::map<Answer, std::unique_ptr<Node>> children = {};
  // Of runs that ended here, 2 each; 1 if it failed: its process may just have been stopped.
  int ended = 0;
  bool inside = true;  // its answer is one of the range that counts
  int64_t below = 0;   // open leaves below, with a parameter
  int64_t open = 1;    // leaves that nobody has been to, as far as they are known

  const Node* child(const Answer& answer) const {
    const auto it = children.find(answer);
    return it == children.end() ? nullptr : it->second.get();
  }
  const Node* child(const Param& p, int64_t level) const {
    return child(p.external(p.level_value(level)).variant());
  }
};

int64_t open_leaves(const Node* node) { return node ? node->open : 1; }

// Which children are of the parameter's range, and the sum of what is open below.
void count_below(Node& node) {
  for (auto& [answer, child] : node.children) child->inside = false;
  const int64_t levels = node.param->levels();
  node.below = node.children.empty() && countable(levels) ? levels : 0;
  if (node.children.empty()) return;
  for (int64_t level = 0; countable(levels) && level < levels; ++level) {
    const Answer answer = node.param->external(node.param->level_value(level)).variant();
    const auto child = node.children.find(answer);
    if (child != node.children.end()) child->second->inside = true;
    node.below += child == node.children.end() ? 1 : child->second->open;
  }
}

// What the trial, which has ended, did. Costs no more than its parameters, unless a range changes.
void add(Node& root, const TrialRecord& trial, const History& history) {
  std::vector<Node*> path{&root};
  bool alike = true;
  for (const TrialRecord::Use& use : trial.params) {
    Node& node = *path.back();
    const std::shared_ptr<const Param>& p = history.params()[static_cast<size_t>(use.param)];
    alike = !node.param || node.param->name == p->name;
    if (!alike) break;  // not the same objective: no help
    if (trial.number > node.param_of) {
      const bool same = node.param && node.param->same_distribution(*p);
      node.param = p;
      node.param_of = trial.number;
      if (!same) count_below(node);
    }
    auto& next = node.children[p->external(use.value).variant()];
    if (!next) {
      next = std::make_unique<Node>();
      const double value = node.param->value_from(*p, use.value);
      next->inside = !std::isnan(value) && countable(node.param->levels()) &&
                     node.param->level_value(node.param->level_of(value)) == value;
    }
    path.push_back(next.get());
  }
  if (alike) path.back()->ended += trial.state == State::failed ? 1 : 2;
  for (size_t i = path.size(); i-- > 0;) {
    Node& node = *path[i];
    const int64_t before = node.open;
    if (!node.param) {
      node.open = node.ended >= 2 ? 0 : 1;
    } else {
      node.open = countable(node.param->levels()) ? node.below : 1;  // sample() says what is wrong
    }
    if (i > 0 && node.inside) path[i - 1]->below += node.open - before;
  }
}

// A trial that runs, and how many of its answers led to the node that is looked at.
struct Running {
  const TrialRecord* trial;
  const History* history;
  size_t answers = 0;

  bool goes_on() const { return answers < trial->params.size(); }
  const TrialRecord::Use& use() const { return trial->params[answers]; }
  const Param& param() const { return *history->params()[static_cast<size_t>(use().param)]; }
  Answer answer() const { return param().external(use().value).variant(); }
};

// Leaves that nobody has been to or is on the way to, as far as they are known.
int64_t open_leaves(const Node* node, const std::vector<Running>& running) {
  if (running.empty()) return open_leaves(node);
  const Param* p = node && node->param ? node->param.get() : nullptr;
  int64_t number = node ? node->param_of : -1, stay = 0;
  std::map<Answer, std::vector<Running>> further;
  for (const Running& run : running) {
    if (!run.goes_on()) {
      ++stay;
      continue;
    }
    if (p && run.param().name != p->name) continue;
    if (run.trial->number > number) p = &run.param(), number = run.trial->number;
    further[run.answer()].push_back({run.trial, run.history, run.answers + 1});
  }
  if (!p) return (node ? node->ended : 0) + 2 * stay >= 2 ? 0 : 1;
  const int64_t levels = p->levels();
  if (!countable(levels)) return 1;
  int64_t open = levels;
  if (node && node->param && node->param->same_distribution(*p)) {
    open = node->below;
  } else if (node && node->param) {  // a trial that runs asked for another range
    open = 0;
    for (int64_t level = 0; level < levels; ++level) open += open_leaves(node->child(*p, level));
  }
  for (const auto& [answer, runs] : further) {
    const Running& first = runs.front();
    const Param& own =
        *first.history->params()[static_cast<size_t>(first.trial->params[first.answers - 1].param)];
    const double value = p->value_from(own, first.trial->params[first.answers - 1].value);
    if (std::isnan(value) || p->level_value(p->level_of(value)) != value) continue;
    const Node* child = node ? node->child(answer) : nullptr;
    open += open_leaves(child, runs) - open_leaves(child);
  }
  return std::max<int64_t>(open - stay, 0);
}

class BruteForceSampler : public Sampler {
 public:
  // Where combinations are forbidden, leaves have to be known ahead; then it is a grid's work.
  std::vector<double> propose(const Question& question, Rng& rng) override {
    if (!question.space.restricted()) return {};
    return listed_->propose(question, rng);
  }

  double sample(const Question& question, const Param& param, Rng& rng) override {
    const int64_t levels = param.levels();
    if (levels == 0 || levels > kMostLevels) {
      throw SearchSpaceError(fmt::format(
          "param {}: brute_force() needs a finite range{}", in_quotes(param.name),
          levels == 0 ? "; give it a step, or values by linear_grid, log_grid"
                      : fmt::format(" of at most {} values, not {}", kMostLevels, levels)));
    }
    std::vector<Running> running = look(question);
    const Node* node = follow(question.chosen, running);
    if (node && node->param && node->param->name != param.name) node = nullptr;
    std::map<Answer, std::vector<Running>> further;
    for (const Running& run : running) {
      if (!run.goes_on() || run.param().name != param.name) continue;
      further[run.answer()].push_back({run.trial, run.history, run.answers + 1});
    }
    std::vector<int64_t> open;
    for (int64_t level = 0; level < levels; ++level) {
      const Answer answer = param.external(param.level_value(level)).variant();
      const auto runs = further.find(answer);
      const Node* child = node ? node->child(answer) : nullptr;
      const int64_t left =
          runs == further.end() ? open_leaves(child) : open_leaves(child, runs->second);
      if (left > 0) open.push_back(level);
    }
    const int64_t level = open.empty()
                              ? static_cast<int64_t>(rng.below(static_cast<uint64_t>(levels)))
                              : open[rng.below(open.size())];
    return param.to_unit(param.level_value(level));
  }

  bool exhausted(const Question& question) override {
    if (question.space.restricted()) return listed_->exhausted(question);
    if (question.history.finished().empty()) return false;
    const std::vector<Running> running = look(question);
    return open_leaves(ended_.root.get(), running) == 0;
  }

 private:
  // What trials that have ended did: each is looked at once.
  struct Ended {
    std::unique_ptr<Node> root = std::make_unique<Node>();
    size_t count = 0;  // of History::finished()
    int64_t last = -1;
    double when = 0;
    uint64_t seed = 0;
  };

  // Looks at the trials that have ended since, and returns those that run.
  std::vector<Running> look(const Question& question) {
    const History& history = question.history;
    const std::vector<int64_t>& finished = history.finished();
    const auto trial_of = [&](int64_t number) -> const TrialRecord& {
      return history.trials()[static_cast<size_t>(number)];
    };
    const bool same = ended_.seed == question.seed && ended_.count <= finished.size() &&
                      (ended_.count == 0 || (finished[ended_.count - 1] == ended_.last &&
                                             trial_of(ended_.last).ended == ended_.when));
    if (!same) ended_ = {};
    ended_.seed = question.seed;
    for (; ended_.count < finished.size(); ++ended_.count) {
      const TrialRecord& trial = trial_of(finished[ended_.count]);
      add(*ended_.root, trial, history);
      ended_.last = trial.number;
      ended_.when = trial.ended;
    }
    std::vector<Running> running;
    for (const int64_t number : history.open()) {
      const TrialRecord& trial = trial_of(number);
      if (number == question.number || trial.state == State::waiting) continue;
      running.push_back({&trial, &history});
    }
    return running;
  }

  // The node that the answers lead to, null if no trial that has ended gave them; of those that run
  // the ones that gave them stay.
  const Node* follow(std::span<const Chosen> answers, std::vector<Running>& running) const {
    const Node* node = ended_.root.get();
    for (const Chosen& mine : answers) {
      const Answer answer = mine.param->external(mine.value).variant();
      const bool known = node && node->param && node->param->name == mine.param->name;
      node = known ? node->child(answer) : nullptr;
      std::erase_if(running, [&](Running& run) {
        if (!run.goes_on() || run.param().name != mine.param->name || run.answer() != answer) {
          return true;
        }
        ++run.answers;
        return false;
      });
    }
    return node;
  }

  Ended ended_;
  std::shared_ptr<Sampler> listed_ = grid({}, {.order = GridOrder::shuffled});
};

}  // namespace

std::shared_ptr<Sampler> brute_force() { return std::make_shared<BruteForceSampler>(); }

}  // namespace attune::tune
