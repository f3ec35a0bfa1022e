// What fit and predict say of tables that can be read in two ways, and figures that are not there.

#include <doctest/doctest.h>

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/rng.h"
#include "tests/cli/process.h"
#include "tests/cli/tables.h"

using namespace attune::test;

namespace {

using Words = std::vector<std::string>;

Finished fit(const Folder& folder, const std::string& text, const Words& more = {}) {
  folder.write("table.csv", text);
  Words all = {"fit", "table.csv", "--target", "y", "--storage", "memory", "--json"};
  all.insert(all.end(), more.begin(), more.end());
  if (std::ranges::find(more, "--trials") == more.end()) {
    all.insert(all.end(), {"--trials", "2"});
  }
  return folder.attune(all);
}

// Whole numbers with a separator between thousands, as inputs and as the target.
std::string thousands(const char* separator, bool small) {
  attune::Rng rng(1);
  std::string text = "x;y\n";
  const auto shown = [&](int value) {
    return value < 1000 ? fmt::format("{}", value)
                        : fmt::format("{}{}{:03}", value / 1000, separator, value % 1000);
  };
  for (int i = 0; i < 200; ++i) {
    const int x = static_cast<int>(rng.uniform(small ? 200 : 1000, 4000));
    text += shown(x) + ";" + shown(2 * x) + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("thousands in a table of ; are read as such, and that of the target is said") {
  for (const char* separator : {",", "."}) {
    CAPTURE(separator);
    Folder folder;
    const Finished end = fit(folder, thousands(separator, true), {"--score", "mae"});
    CHECK(end.says("thousands by " + std::string(separator)));
    CHECK(end.says("'y', 'x'"));
    CHECK(end.json()["baseline_validation"] > 500);
  }
  Folder folder;
  const Finished either = fit(folder, thousands(",", false), {"--score", "mae"});
  CHECK(either.says("may be a number of thousands; --decimal , or --decimal . says which"));
  CHECK(either.json()["baseline_validation"] < 5);
  const Finished told = fit(folder, thousands(",", false), {"--score", "mae", "--decimal", "."});
  CHECK(!told.says("--decimal"));
  CHECK(told.json()["baseline_validation"] > 500);
  CHECK(fit(folder, thousands(",", false), {"--decimal", "x"}).code == 2);
}

TEST_CASE("predictions are written as the target is: percents, a decimal comma") {
  attune::Rng rng(2);
  std::string text = "x,y\n", comma = "x;z;y\n";
  for (int i = 0; i < 100; ++i) {
    const double x = rng.uniform(10, 30);
    text += fmt::format("{:.2f},{:.1f}%\n", x, x);
    std::string row = fmt::format("{:.2f};{};{}\n", x, i % 7, static_cast<int>(100 * x));
    std::ranges::replace(row, '.', ',');
    comma += row;
  }
  Folder folder;
  const Finished end = fit(folder, text, {"--score", "mae"});
  CHECK(end.says("read as numbers (in percent): 'y'"));
  CHECK(end.json()["baseline_validation"] > 1);  // in percent, not in hundredths of it
  folder.write("new.csv", "x\n20\n");
  const std::string out = folder.attune({"predict", "model.safetensors", "new.csv"}).out;
  CHECK(out.ends_with("%\n"));
  const auto json = folder.attune({"predict", "model.safetensors", "new.csv", "--json"}).json();
  CHECK(json["predictions"][0] > 10);
  CHECK(json["predictions"][0] < 30);

  REQUIRE(fit(folder, comma).code == 0);
  folder.write("new.csv", "x;z\n20,5;1\n");
  const std::string with_comma = folder.attune({"predict", "model.safetensors", "new.csv"}).out;
  CAPTURE(with_comma);
  CHECK(with_comma.find('.') == std::string::npos);
  CHECK(std::ranges::count(with_comma, ',') == 2);
}

TEST_CASE("rows of few kinds: the true reason why equal rows are in several parts") {
  std::string text = "a,y\n";
  for (int i = 0; i < 50; ++i) text += "1.5,2.5\n2.5,3.5\n";
  Folder folder;
  const Finished end = fit(folder, text);
  CHECK(end.says("2 distinct rows are too few for three parts"));
  CHECK(!end.says("chance"));
}

TEST_CASE("scores that a part has no figure of") {
  Folder folder;
  std::string one = "x,y\n";  // the later half is of one class
  for (int i = 0; i < 60; ++i) one += fmt::format("{},{}\n", i, i < 30 && i % 2 ? "a" : "b");
  const Finished auc = fit(folder, one, {"--score", "auc", "--time", "x", "--keep-index"});
  CHECK(auc.code == 2);
  CHECK(auc.says("part holds one class only, 'b'; auc needs both"));

  std::string few = "x,y\n";
  for (int i = 0; i < 20; ++i) few += fmt::format("{},{:.2f}\n", i * 7 % 20, i * 1.37);
  const Finished test = fit(folder, few, {"--test", "0.05"});
  CHECK(test.json()["test_rows"] == 1);
  for (const char* key : {"test", "default_test", "linear_test", "baseline_test"}) {
    CHECK(test.json()[key].is_null());
  }
  const Finished validation = fit(folder, few, {"--validation", "0.05"});
  CHECK(validation.code == 2);
  CHECK(validation.says("the validation part has one row only; r2 needs two or more"));
  CHECK(fit(folder, few, {"--validation", "0.05", "--score", "mae"}).code == 0);
}

TEST_CASE("a timeout leaves time for what the network is compared with, or there is no figure") {
  Folder folder;
  folder.write("table.csv", houses(2000));
  for (const char* time : {"1s", "4s"}) {
    CAPTURE(time);
    const Finished end =
        folder.attune({"fit", "table.csv", "--target", "price", "--storage", "memory", "--json",
                       "--trials", "100000", "--timeout", time});
    CAPTURE(end.err);
    REQUIRE(end.code == 0);
    const auto json = end.json();
    for (const std::string what : {"default", "linear"}) {
      const bool said = end.says(what == "linear" ? "linear model has no figure"
                                                  : "default configuration has no figure") ||
                        end.says("within the first trial");
      CHECK(json[what + "_validation"].is_null() <= said);
      if (json[what + "_validation"].is_number()) CHECK(json[what + "_validation"] > 0.5);
      if (json[what + "_test"].is_number()) CHECK(json[what + "_test"] > 0.5);
    }
  }
}

TEST_CASE("a timeout too short for a trial is said, and leaves a model all the same") {
  Folder folder;
  folder.write("table.csv", houses(500));
  const Finished end = folder.attune({"fit", "table.csv", "--target", "price", "--storage",
                                      "memory", "--json", "--timeout", "1ms"});
  CAPTURE(end.err);
  REQUIRE(end.code == 0);
  CHECK(end.says("the time was up before the first trial: it was trained as briefly as possible"));
  CHECK(end.json()["trials"] == 1);
  CHECK(end.json()["test"].is_number());
  CHECK(folder.attune({"predict", "model.safetensors", "table.csv"}).code == 0);
}

TEST_CASE("names of files may be any bytes") {
  Folder folder;
  folder.write("caf\xe9.csv", loans(60));
  const Finished end = folder.attune({"fit", "caf\xe9.csv", "--target", "loan", "--trials", "1",
                                      "--storage", "sqlite:///s.db", "--json"});
  CAPTURE(end.err);
  REQUIRE(end.code == 0);
  CHECK(end.json()["study"].get<std::string>().starts_with("caf_-"));
}

TEST_CASE("two processes at one study make the same model, and a continued study counts on") {
  Folder folder;
  folder.write("table.csv", loans(300));
  const Finished both = folder.shell(
      "fit() { $ATTUNE fit table.csv --target loan --storage sqlite:///s.db --trials 12 --json "
      "--out $1.safetensors >$1.json 2>$1.err; }\n"
      "fit a & fit b & wait");
  REQUIRE(both.code == 0);
  CAPTURE(folder.read("a.err"));
  CAPTURE(folder.read("b.err"));
  const auto a = nlohmann::json::parse(folder.read("a.json"));
  const auto b = nlohmann::json::parse(folder.read("b.json"));
  CHECK(a["trials"] == 12);
  CHECK(b["trials"] == 12);
  CHECK(a["weights"] == b["weights"]);
  const Finished more = folder.attune({"fit", "table.csv", "--target", "loan", "--storage",
                                       "sqlite:///s.db", "--trials", "14", "--json"});
  CHECK(more.says("goes on after 12 trials"));
  CHECK(more.says("14 of 14 trials"));
}
