#include "attune/tune/report/report.h"

#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "attune/base/error.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/samplers.h"
#include "doctest/doctest.h"

namespace attune::tune {
namespace {

constexpr char kMarkup[] = "</script><img src=x onerror=alert(1)><!--";

StudyView hostile() {
  const std::shared_ptr<Storage> storage = memory_storage();
  Study study({.name = kMarkup, .storage = storage, .direction = maximize, .seed = 2});
  study.optimize(
      [](Trial& trial) -> Outcome {
        const double x = trial.suggest_float("x & y", 0, 1);
        const std::string label = trial.suggest_categorical(kMarkup, {"a", kMarkup});
        if (trial.number() == 3) throw std::runtime_error(kMarkup);
        if (trial.number() == 4) return std::numeric_limits<double>::quiet_NaN();
        for (int step = 0; step < 3; ++step) trial.report(step, x * step);
        trial.set_attribute("note", kMarkup);
        return label == "a" ? x : x / 2;
      },
      {.trials = 30});
  return StudyView(storage, kMarkup);
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

}  // namespace

TEST_CASE("report: the data holds every trial, and texts as they are") {
  const StudyView view = hostile();
  const Document data = Document::parse(report_json(view));
  CHECK(data.at("study").as<std::string>() == kMarkup);
  CHECK(data.at("trials").at("number").items().size() == 30);
  CHECK(data.at("trials").at("params").at("x & y").items().size() == 30);
  CHECK(data.at("trials").at("error").items()[3].as<std::string>() == kMarkup);
  CHECK(data.at("curves").at("of").as<int64_t>() == 28);
  CHECK(data.at("curves").at("shown").items().size() == 28);
  CHECK(data.at("causes").items().size() == 2);
  CHECK(data.at("found").at("best").as<int64_t>() == view.best_trial().number);
  // The model is asked along each parameter, within its range.
  REQUIRE(data.at("slices").items().size() == 2);
  for (const Document& slice : data.at("slices").items()) {
    CHECK(slice.at("x").items().size() == slice.at("mean").items().size());
  }
}

TEST_CASE("report: many curves are thinned, the best trial's stays") {
  const std::shared_ptr<Storage> storage = memory_storage();
  Study study(
      {.name = "s", .storage = storage, .direction = minimize, .sampler = random(), .seed = 5});
  study.optimize(
      [](Trial& trial) -> Outcome {
        const double x = trial.suggest_float("x", 0, 1);
        trial.report(0, x + 1), trial.report(1, x);
        return x;
      },
      {.trials = 1000});
  const Document curves = Document::parse(report_json(StudyView(storage, "s"))).at("curves");
  CHECK(curves.at("of").as<int64_t>() == 1000);
  const std::vector<Document> shown = curves.at("shown").items();
  CHECK(shown.size() == 400);
  CHECK(shown.front().at("trial").as<int64_t>() == study.best_trial().number);
  std::set<int64_t> different;
  for (const Document& one : shown) different.insert(one.at("trial").as<int64_t>());
  CHECK(different.size() == 400);
}

TEST_CASE("report: one file, in which nothing of the study is markup") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / "attune report test";
  std::filesystem::create_directories(folder);
  const std::filesystem::path file = folder / "report.html";
  const StudyView view = hostile();
  if (!has_report_page()) {
    CHECK_THROWS_AS(write_report(view, file.string()), Error);
    return;
  }
  write_report(view, file.string());
  const std::string html = contents(file);
  CHECK(html.find("<img src=x") == std::string::npos);
  CHECK(html.find("{\"attune\":\"data\"}") == std::string::npos);
  CHECK(html.find("\\u003cimg src=x onerror=alert(1)\\u003e") != std::string::npos);
  // Nothing is fetched.
  CHECK(html.find("src=\"http") == std::string::npos);
  CHECK(html.find("href=\"http") == std::string::npos);
  CHECK_THROWS_AS(write_report(view, (folder / "no folder" / "report.html").string()), IoError);
  std::filesystem::remove_all(folder);
}

}  // namespace attune::tune
