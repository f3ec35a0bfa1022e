// The study as the page reads it: findings, the model's curves, and the trials column by column.

#include <algorithm>
#include <cmath>

#include "attune/base/error.h"
#include "attune/tune/analysis/predict.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/internal/study_state.h"
#include "attune/tune/report/findings.h"
#include "attune/tune/report/internal/report_parts.h"
#include "attune/tune/report/internal/trial_columns.h"
#include "attune/tune/report/report.h"

namespace attune::tune {
namespace {

using internal::document_of;

constexpr size_t kSlices = 12;        // parameters that get a slice, the most important
constexpr size_t kContourParams = 3;  // and pairs of these a contour
constexpr int64_t kSlicePoints = 41, kContourPoints = 21;
constexpr size_t kCurves = 400;  // learning curves that are kept

class Report {
 public:
  explicit Report(const StudyView& view)
      : view_(view),
        found_(findings(view)),
        trials_(view.trials()),
        history_(view.history()),
        space_(view.space()) {}

  // All but the trials and their curves.
  Document rest() const {
    Document directions = Document::array();
    for (const Direction d : found_.directions) directions.push_back(name_of(d));
    Document all = {{"study", found_.study}, {"directions", directions}, {"found", found()}};
    all.set("params", internal::param_list(history_));
    all.set("slices", slices());
    all.set("contours", contours());
    all.set("causes", causes());
    all.set("attributes", attributes());
    return all;
  }

  void add_trials(Document& all) const {
    all.set("trials", internal::trial_columns(trials_, history_));
    all.set("curves", curves());
  }

 private:
  Document found() const {
    Document object = {{"sentences", found_.sentences()}, {"advice", found_.advice()}};
    object.set("best", found_.best ? Document(found_.best->number) : Document());
    object.set("front", found_.front);
    object.set("noise", found_.noise);
    if (const std::optional<Gain>& g = found_.gain) {
      object.set("gain", {{"value", g->value},
                          {"low", g->low},
                          {"high", g->high},
                          {"optimism", g->optimism},
                          {"confirmed", g->confirmed}});
    }
    if (const std::optional<Outlook>& o = found_.outlook) {
      object.set("outlook", {{"trials", o->trials},
                             {"likely", o->likely},
                             {"high", o->high},
                             {"converged", o->converged}});
    }
    Document importances = Document::array();
    for (const ParamFinding& p : found_.params) {
      importances.push_back({{"name", p.name}, {"importance", p.importance}});
    }
    object.set("importances", importances);
    if (found_.best) object.set("params", document_of(found_.best->params));
    return object;
  }

  // Of the trials that reported twice or more; of very many, the best half of the places goes to
  // the best trials and the rest evenly to the others.
  Document curves() const {
    std::vector<const TrialResult*> reported;
    for (const TrialResult& t : trials_) {
      if (t.intermediate.size() > 1) reported.push_back(&t);
    }
    std::vector<const TrialResult*> shown = reported;
    if (reported.size() > kCurves) {
      const double sign = history_.signs().front();
      std::stable_sort(shown.begin(), shown.end(), [&](const auto* a, const auto* b) {
        const double x = sign * a->value, y = sign * b->value;
        return std::isnan(y) ? !std::isnan(x) : x < y;
      });
      const size_t best = kCurves / 2, others = shown.size() - best;
      for (size_t i = 0; i < kCurves - best; ++i) {
        shown[best + i] = shown[best + i * others / (kCurves - best)];
      }
      shown.resize(kCurves);
    }
    Document list = Document::array();
    for (const TrialResult* t : shown) {
      list.push_back(internal::curve_of(*t));
    }
    return {{"of", static_cast<int64_t>(reported.size())}, {"shown", list}};
  }

  // The values at which a parameter is looked at, evenly on its own scale.
  std::vector<ParamValue> grid(const Param& p, int64_t points) const {
    std::vector<ParamValue> values;
    const int64_t levels = p.levels();
    if (levels > 0 && levels <= points) {
      for (int64_t i = 0; i < levels; ++i) values.push_back(p.external(p.level_value(i)));
      return values;
    }
    for (int64_t i = 0; i < points; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(points - 1);
      const double value = p.log
                               ? std::exp(std::log(p.low) * (1 - share) + std::log(p.high) * share)
                               : p.low * (1 - share) + p.high * share;
      const ParamValue one = p.external(levels > 0 ? p.level_value(p.level_of(value))
                                                   : std::clamp(value, p.low, p.high));
      if (values.empty() || !(values.back() == one)) values.push_back(one);
    }
    return values;
  }

  std::vector<const Param*> most_important(size_t count) const {
    std::vector<const Param*> params;
    for (const ParamFinding& f : found_.params) {
      const Param* p = space_.find(f.name);
      if (p && params.size() < count && p->low < p->high) params.push_back(p);
    }
    return params;
  }

  // What the model expects along a line or plane through the best configuration. Empty where there
  // is no model, or the configuration is not in the space as it is now.
  std::vector<Estimate> predictions(const std::vector<Params>& points) const {
    if (!found_.gain || points.empty()) return {};
    try {
      return view_.study().predict(points);
    } catch (const ValueError&) {
      return {};
    }
  }

  static Params with(Params params, const std::string& name, const ParamValue& value) {
    params.set(name, value);
    return params;
  }

  Document slices() const {
    Document list = Document::array();
    if (!found_.best) return list;
    std::vector<Params> points;
    std::vector<std::pair<const Param*, std::vector<ParamValue>>> lines;
    for (const Param* p : most_important(kSlices)) {
      if (!found_.best->params.contains(p->name)) continue;
      lines.emplace_back(p, grid(*p, kSlicePoints));
      for (const ParamValue& v : lines.back().second) {
        points.push_back(with(found_.best->params, p->name, v));
      }
    }
    const std::vector<Estimate> expected = predictions(points);
    size_t next = 0;
    for (const auto& [p, values] : lines) {
      Document x = Document::array();
      std::vector<double> mean, deviation;
      for (const ParamValue& v : values) {
        x.push_back(document_of(v));
        if (expected.empty()) continue;
        mean.push_back(expected[next].mean), deviation.push_back(expected[next].deviation);
        ++next;
      }
      list.push_back({{"name", p->name}, {"x", x}, {"mean", mean}, {"deviation", deviation}});
    }
    return list;
  }

  Document contours() const {
    Document list = Document::array();
    if (!found_.best) return list;
    const std::vector<const Param*> params = most_important(kContourParams);
    for (size_t i = 0; i < params.size(); ++i) {
      for (size_t j = i + 1; j < params.size(); ++j) {
        const std::vector<ParamValue> x = grid(*params[i], kContourPoints);
        const std::vector<ParamValue> y = grid(*params[j], kContourPoints);
        std::vector<Params> points;
        for (const ParamValue& b : y) {
          for (const ParamValue& a : x) {
            points.push_back(
                with(with(found_.best->params, params[i]->name, a), params[j]->name, b));
          }
        }
        const std::vector<Estimate> expected = predictions(points);
        if (expected.empty()) continue;
        std::vector<double> mean;
        for (const Estimate& e : expected) mean.push_back(e.mean);
        Document xs = Document::array(), ys = Document::array();
        for (const ParamValue& v : x) xs.push_back(document_of(v));
        for (const ParamValue& v : y) ys.push_back(document_of(v));
        list.push_back({{"x_name", params[i]->name},
                        {"y_name", params[j]->name},
                        {"x", xs},
                        {"y", ys},
                        {"mean", mean}});
      }
    }
    return list;
  }

  Document causes() const {
    Document list = Document::array();
    for (const Cause& c : found_.causes) {
      list.push_back({{"error", c.error}, {"trials", c.trials}});
    }
    return list;
  }

  Document attributes() const {
    Document object = Document::object();
    for (const auto& [name, text] : history_.user()) object.set(name, text);
    for (const auto& [name, text] : history_.system()) object.set(name, text);
    return object;
  }

  const StudyView& view_;
  const Findings found_;
  const std::vector<TrialResult> trials_;
  const History history_;
  const Space space_;
};

}  // namespace

internal::ReportParts internal::report_parts(const StudyView& view) {
  const Report report(view);
  Document all = report.rest();
  ReportParts parts;
  parts.findings = all.dump_any();
  report.add_trials(all);
  parts.all = all.dump_any();
  return parts;
}

std::string report_json(const StudyView& view) { return internal::report_parts(view).all; }

}  // namespace attune::tune
