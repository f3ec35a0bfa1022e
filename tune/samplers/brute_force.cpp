// Every run of a finite objective once. The runs that a study has had make a tree: a node is what
// was asked for after the same answers, a child what was answered, a leaf a whole run. Each answer
// is drawn among those with a leaf that nobody has been to. As in Optuna's BruteForceSampler
// (Akiba et al., 2019), but made anew from the history, so that nothing is lost by a stop.

#include <map>
#include <memory>
#include <span>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

constexpr int64_t kMostLevels = 1'000'000;

using Answer = ParamValue::Variant;

struct Node {
  const Param* param = nullptr;  // what is asked for here; null: a leaf, as far as is known
  std::map<Answer, std::unique_ptr<Node>> children = {};
  int ended = 0;  // of runs that ended here, 2 each; 1 if failed: its process may have been stopped
  int running = 0;  // runs that have come so far

  const Node* child(const Answer& answer) const {
    const auto it = children.find(answer);
    return it == children.end() ? nullptr : it->second.get();
  }
};

// What the trial did after the answers given, into the tree; nothing if it gave others.
void add(Node& root, const TrialRecord& trial, const History& history,
         std::span<const Chosen> answers) {
  if (trial.params.size() < answers.size()) return;
  Node* node = &root;
  for (size_t i = 0; i < trial.params.size(); ++i) {
    const Param& p = *history.params()[static_cast<size_t>(trial.params[i].param)];
    const ParamValue value = p.external(trial.params[i].value);
    if (i < answers.size()) {
      const Param& mine = *answers[i].param;
      if (mine.name != p.name || mine.external(answers[i].value).variant() != value.variant())
        return;
      continue;
    }
    if (node->param && node->param->name != p.name) return;  // not the same objective: no help
    node->param = &p;                                        // the latest range counts
    auto& next = node->children[value.variant()];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  if (trial.state == State::running) {
    ++node->running;
  } else {
    node->ended += trial.state == State::failed ? 1 : 2;
  }
}

// Leaves that nobody has been to or is on the way to, as far as they are known.
int64_t open_leaves(const Node* node) {
  if (!node) return 1;
  if (!node->param) return node->ended + 2 * node->running >= 2 ? 0 : 1;
  const Param& p = *node->param;
  const int64_t levels = p.levels();
  if (levels == 0 || levels > kMostLevels) return 1;  // sample() will say so
  int64_t open = 0;
  for (int64_t level = 0; level < levels; ++level) {
    open += open_leaves(node->child(p.external(p.level_value(level)).variant()));
  }
  return std::max<int64_t>(open - node->running, 0);
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
    Node here;
    for (const TrialRecord& trial : question.history.trials()) {
      if (trial.number == question.number || trial.state == State::waiting) continue;
      add(here, trial, question.history, question.chosen);
    }
    std::vector<int64_t> open;
    for (int64_t level = 0; level < levels; ++level) {
      const ParamValue value = param.external(param.level_value(level));
      if (open_leaves(here.child(value.variant())) > 0) open.push_back(level);
    }
    const int64_t level = open.empty()
                              ? static_cast<int64_t>(rng.below(static_cast<uint64_t>(levels)))
                              : open[rng.below(open.size())];
    return param.to_unit(param.level_value(level));
  }

  bool exhausted(const Question& question) override {
    if (question.space.restricted()) return listed_->exhausted(question);
    if (question.history.finished().empty()) return false;
    Node root;
    for (const TrialRecord& trial : question.history.trials()) {
      if (trial.state != State::waiting) add(root, trial, question.history, {});
    }
    return open_leaves(&root) == 0;
  }

 private:
  std::shared_ptr<Sampler> listed_ = grid({}, {.order = GridOrder::shuffled});
};

}  // namespace

std::shared_ptr<Sampler> brute_force() { return std::make_shared<BruteForceSampler>(); }

}  // namespace attune::tune
