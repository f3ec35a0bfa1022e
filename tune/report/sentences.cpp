// Findings as a colleague would say them: plain sentences, each true by itself.

#include <cmath>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "attune/tune/report/findings.h"

namespace attune::tune {
namespace {

constexpr double kMatters = 0.05;  // of the importance; below, a parameter hardly matters
constexpr double kManyFailed = 0.1;
constexpr size_t kLongestText = 200;

std::string number(double x) { return fmt::format("{:.4g}", x); }

std::string trials_text(int64_t count) {
  return count == 1 ? "1 trial" : fmt::format("{} trials", count);
}

std::string listed(const std::vector<std::string>& texts) {
  std::string all;
  for (size_t i = 0; i < texts.size(); ++i) {
    all += i == 0 ? "" : i + 1 == texts.size() ? " and " : ", ";
    all += texts[i];
  }
  return all;
}

std::string params_text(const Params& params) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : params) {
    const auto* real = std::get_if<double>(&value.variant());
    texts.push_back(fmt::format("{} = {}", printable(name),
                                real ? number(*real) : printable(value.to_string(), kLongestText)));
  }
  return texts.empty() ? "no parameters" : listed(texts);
}

std::string size_text(const Findings& f) {
  std::string text =
      fmt::format("The study {} has {}: {} complete", in_quotes(f.study),
                  trials_text(f.complete + f.pruned + f.failed + f.unfinished), f.complete);
  if (f.pruned > 0) text += fmt::format(", {} stopped early", f.pruned);
  if (f.failed > 0) text += fmt::format(", {} failed", f.failed);
  if (f.unfinished > 0) text += fmt::format(", {} not finished", f.unfinished);
  return text + ".";
}

std::string gain_text(const Gain& g) {
  const std::string from = g.confirmed ? "by fresh runs of both" : "by a model of all trials";
  std::string text;
  if (g.low > 0) {
    text = fmt::format(
        "It is {} better than the default configuration ({} to {} with 95 % "
        "confidence, {})",
        number(g.value), number(g.low), number(g.high), from);
  } else {
    text = fmt::format(
        "It is not certain that it is better than the default configuration: the "
        "gain is {} ({} to {} with 95 % confidence, {})",
        number(g.value), number(g.low), number(g.high), from);
  }
  if (g.optimism > 0 && g.optimism > 0.05 * std::abs(g.value)) {
    text += fmt::format("; its own value flatters it by {}, the luck of having been picked",
                        number(g.optimism));
  }
  return text + ".";
}

std::string importance_text(const Findings& f) {
  std::vector<std::string> strong, weak;
  for (const ParamFinding& p : f.params) {
    if (p.importance >= kMatters) {
      strong.push_back(fmt::format("{} ({:.0f} %)", printable(p.name), 100 * p.importance));
    } else {
      weak.push_back(printable(p.name));
    }
  }
  std::string text;
  if (!strong.empty()) text = "What made the difference: " + listed(strong) + ".";
  if (!weak.empty()) {
    text += (text.empty() ? "" : " ") + listed(weak) + " hardly mattered in these ranges.";
  }
  return text;
}

std::string outlook_text(const Outlook& o) {
  if (o.converged) {
    return fmt::format("The search has converged: another {} trials would likely bring {} or less.",
                       o.trials, number(std::max(o.high, 0.0)));
  }
  return fmt::format(
      "The search has not converged: another {} trials would likely bring {}, and "
      "up to {}.",
      o.trials, number(o.likely), number(o.high));
}

}  // namespace

std::vector<std::string> Findings::sentences() const {
  std::vector<std::string> all = {size_text(*this)};
  if (directions.size() > 1) {
    all.push_back(
        front.empty()
            ? "No trial is complete yet."
            : fmt::format("{} of them {} better than every other in some way: none beats {} in "
                          "all {} objectives.",
                          front.size(), front.size() == 1 ? "is" : "are",
                          front.size() == 1 ? "it" : "them", directions.size()));
  } else if (!best) {
    all.push_back("No trial is complete yet, so there is no best one.");
  } else {
    all.push_back(fmt::format(
        "The best is trial {} with {} ({}): {}.", best->number, number(best->value),
        directions.front() == Direction::maximize ? "higher is better" : "lower is better",
        params_text(best->params)));
  }
  if (infeasible) {
    all.push_back(
        "No complete trial meets its constraints; what is called the best violates them least.");
  }
  if (all_equal) all.push_back("All values are equal: nothing made a difference.");
  if (noise > 0) {
    all.push_back(fmt::format(
        "Two runs of the same configuration differ by about {}: differences smaller than that say "
        "little.",
        number(noise)));
  }
  if (best_is_default) {
    all.push_back("That is the default configuration: nothing that was tried is better.");
  } else if (gain) {
    all.push_back(gain_text(*gain));
  }
  if (!params.empty()) all.push_back(importance_text(*this));
  if (outlook) all.push_back(outlook_text(*outlook));
  if (!causes.empty()) {
    all.push_back(fmt::format("{} failed, most often with: {}", trials_text(failed),
                              causes.front().error.empty()
                                  ? "no reason given"
                                  : printable(causes.front().error, kLongestText)));
  }
  return all;
}

std::vector<std::string> Findings::advice() const {
  std::vector<std::string> all;
  const int64_t ended = complete + pruned + failed;
  if (complete < 10) {
    all.push_back("Run more trials: of fewer than ten little can be said.");
  }
  if (ended > 0 && static_cast<double>(failed) > kManyFailed * static_cast<double>(ended)) {
    all.push_back("Look at the failures first: each costs a trial and teaches little.");
  }
  for (const ParamFinding& p : params) {
    if (p.edge == ParamFinding::Edge::none || p.importance < kMatters) continue;
    all.push_back(fmt::format("Widen {}: the best value is at the {} end of its range.",
                              printable(p.name),
                              p.edge == ParamFinding::Edge::low ? "lower" : "upper"));
  }
  std::vector<std::string> weak;
  for (const ParamFinding& p : params) {
    if (p.importance < kMatters / 5) weak.push_back(printable(p.name));
  }
  if (!weak.empty() && weak.size() < params.size()) {
    all.push_back(fmt::format("Fix {} at {} best value: {} did not matter.", listed(weak),
                              weak.size() == 1 ? "its" : "their",
                              weak.size() == 1 ? "it" : "they"));
  }
  if (noise > 0 && gain && !gain->confirmed) {
    all.push_back("Confirm the best few on fresh seeds (Study::confirm): values are noisy.");
  }
  if (outlook && !outlook->converged) {
    all.push_back(fmt::format("Go on: {} more trials are likely to be worth it.", outlook->trials));
  }
  if (outlook && outlook->converged && all.empty()) {
    all.push_back("Take it: more trials of the same kind would change little.");
  }
  return all;
}

}  // namespace attune::tune
