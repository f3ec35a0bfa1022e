#include "attune/tune/report/card.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/report/findings.h"

namespace attune::tune {
namespace {

constexpr size_t kLongest = 300;
constexpr size_t kMostColumns = 200;

// A text of the study as Markdown shows it: as it is, on one line.
std::string plain(const std::string& text) {
  std::string safe;
  for (const char c : printable(text, kLongest)) {
    if (std::string_view("\\`*_[]<>|&~").find(c) != std::string_view::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

std::string number(double x) { return fmt::format("{:.4g}", x); }

// The attribute's JSON; null where there is none or it is no JSON.
Document attribute(const std::map<std::string, std::string>& all, const std::string& name) {
  const auto found = all.find(name);
  if (found == all.end()) return {};
  try {
    return Document::parse(found->second);
  } catch (const Error&) {
    return {};
  }
}

std::optional<double> figure(const Document& object, const char* name) {
  try {
    return object.at(name).as<double>();
  } catch (const Error&) {
    return std::nullopt;
  }
}

class Card {
 public:
  Card(const StudyView& view, const CardDetails& details)
      : view_(view), details_(details), found_(findings(view)), attributes_(view.history().user()) {
    const History history = view.history();
    attributes_.insert(history.system().begin(), history.system().end());
  }

  std::string text() {
    if (!found_.best && found_.front.empty()) {
      throw ValueError(
          fmt::format("model_card: study {} has no complete trial", in_quotes(found_.study)));
    }
    line("# {}", plain(found_.study));
    configuration();
    data();
    scores();
    choice();
    again();
    return text_;
  }

 private:
  template <class... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    text_ += fmt::format(format, std::forward<Arguments>(arguments)...) + '\n';
  }
  void heading(const char* title) { line("\n## {}\n", title); }
  void item(const char* what, const std::string& text) {
    if (!text.empty()) line("- {}: {}", what, text);
  }

  void configuration() {
    if (!found_.best) {
      heading("Configurations");
      line("{} objectives; no trial is better in one and as good in the others than these:\n",
           found_.directions.size());
      for (const int64_t trial : found_.front) {
        line("- trial {}: {}", trial, plain(view_.trial(trial).params.to_string()));
      }
      return;
    }
    heading("Configuration");
    line("| parameter | value |\n|---|---|");
    for (const auto& [name, value] : found_.best->params) {
      line("| {} | {} |", plain(name), plain(value.to_string()));
    }
  }

  void data() {
    const CardDetails& d = details_;
    if (d.data.empty() && d.hash.empty() && d.rows == 0) return;
    heading("Data");
    item("table", plain(d.data));
    item("hash of table and split", plain(d.hash));
    item("target", plain(d.target) + (d.task.empty() ? "" : " (" + d.task + ")"));
    if (d.rows > 0) {
      std::string split = fmt::format("{}: {} to train on, ", d.rows, d.train_rows);
      split += d.folds > 1 ? fmt::format("in {} folds, ", d.folds)
                           : fmt::format("{} to choose by, ", d.validation_rows);
      split += d.test_rows > 0 ? fmt::format("{} for the sealed test", d.test_rows) : "no test";
      item("rows", split);
    }
    if (d.columns.empty()) return;
    line("- {} columns:", d.columns.size());
    for (size_t i = 0; i < std::min(d.columns.size(), kMostColumns); ++i) {
      line("  - {}", plain(d.columns[i]));
    }
    if (d.columns.size() > kMostColumns) line("  - …");
  }

  std::string share_text(double value, int64_t rows) const {
    if (!details_.score_is_share || rows <= 0) return number(value);
    const auto [low, high] = share_interval(value, rows);
    return fmt::format("{} ({} to {})", number(value), number(low), number(high));
  }

  void scores() {
    if (!found_.best) return;
    heading("Scores");
    item("metric", details_.score.empty()
                       ? fmt::format("the objective ({})", name_of(found_.directions.front()))
                       : details_.score);
    item("in the search", fmt::format("{} (trial {}; it was chosen by this, so expect less)",
                                      number(found_.best->value), found_.best->number));
    if (const std::optional<Gain>& g = found_.gain) {
      item("better than the default configuration by",
           fmt::format("{} ({} to {}; {})", number(g->value), number(g->low), number(g->high),
                       g->confirmed ? "by fresh runs" : "by a model of all trials"));
    }
    if (found_.noise > 0) item("one run differs from the next by", number(found_.noise));
    test();
    line("\nIntervals are of 95 %.");
  }

  void test() {
    const Document test = attribute(attributes_, "attune:test");
    const int64_t rows = details_.test_rows;
    if (const std::optional<double> value = figure(test, "test")) {
      item("sealed test", share_text(*value, rows));
      for (const auto& [name, what] :
           {std::pair("default_test", "the default configuration there"),
            std::pair("linear_test", "a linear model there"),
            std::pair("baseline_test", "always the same answer there")}) {
        if (const std::optional<double> other = figure(test, name)) {
          item(what, share_text(*other, rows));
        }
      }
      const double opened = figure(test, "opened").value_or(1);
      item("the test was opened",
           opened <= 1 ? "once" : fmt::format("{:.0f} times: its figure is optimistic", opened));
    }
    const Document opened = attribute(attributes_, "attune:test_opened");
    const Document score = attribute(attributes_, "attune:test_score");
    if (score.dump_any() != "null") {
      item("sealed test",
           fmt::format("{}, opened by trial {}", score.dump_any(), opened.dump_any()));
    }
  }

  void choice() {
    heading("How it was chosen");
    for (const std::string& s : found_.sentences()) line("- {}", plain(s));
  }

  void again() {
    heading("To make it again");
    const Document seed = attribute(attributes_, "attune:seed");
    if (seed.dump_any() != "null") item("seed of the study", seed.dump_any());
    if (found_.best) {
      item("trial", std::to_string(found_.best->number));
      const Document weights = attribute(found_.best->user, "attune:weights");
      if (weights.dump_any() != "null") {
        item("hash of its weights", plain(weights.as<std::string>()));
      }
    }
    const Document test = attribute(attributes_, "attune:test");
    if (test.dump_any() != "null" && test.has("weights")) {
      item("hash of the final weights", plain(test.at("weights").as<std::string>()));
    }
    item("made by", details_.version);
    line("- ranges that were searched:");
    const History history = view_.history();
    for (const std::shared_ptr<const Param>& p : history.params()) {
      if (history.latest(p->name) == p.get()) range(*p);
    }
  }

  void range(const Param& p) {
    if (p.kind == Param::Kind::categorical) {
      std::vector<std::string> choices;
      for (const ParamValue& c : p.choices) choices.push_back(plain(c.to_string()));
      std::string all;
      for (const std::string& c : choices) all += (all.empty() ? "" : ", ") + c;
      return line("  - {}: {}", plain(p.name), all);
    }
    line("  - {}: {} to {}{}", plain(p.name), number(p.low), number(p.high),
         p.log ? ", logarithmic" : "");
  }

  const StudyView& view_;
  const CardDetails& details_;
  const Findings found_;
  std::map<std::string, std::string> attributes_;
  std::string text_;
};

}  // namespace

std::pair<double, double> share_interval(double share, int64_t count) {
  if (count <= 0) return {0, 1};
  constexpr double z = 1.959963984540054;
  const double n = static_cast<double>(count);
  const double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half =
      z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

std::string model_card(const StudyView& view, const CardDetails& details) {
  return Card(view, details).text();
}

}  // namespace attune::tune
