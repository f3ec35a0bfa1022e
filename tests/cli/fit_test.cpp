#include <doctest/doctest.h>

#include <sstream>

#include "tests/cli/process.h"
#include "tests/cli/tables.h"

using namespace attune::test;

namespace {

struct Case {
  const char* name;
  std::string text, target, task;
  double floor;  // what the mean or the majority gets, with a margin
};

}  // namespace

TEST_CASE("fit: three tables come out better than the mean or the majority, and than the default") {
  const Case cases[] = {
      {"houses", houses(300), "price", "regression", 0.5},
      {"loans", loans(300), "loan", "classification", 0.75},
      {"noisy", noisy(400), "column11", "classification", 0.6},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Folder folder;
    folder.write("table.csv", c.text);
    const Finished fit = folder.attune({"fit", "table.csv", "--target", c.target, "--trials", "12",
                                        "--jobs", "2", "--json", "--quiet"});
    CAPTURE(fit.err);
    REQUIRE(fit.code == 0);
    CHECK(fit.err.empty());
    const auto json = fit.json();
    CHECK(json["task"] == c.task);
    CHECK(json["trials"] == 12);
    CHECK(json["steps"] > 0);
    CHECK(json["test"] > c.floor);
    CHECK(json["validation"] >= json["default_validation"]);
    CHECK(json["test_reopened"] == false);
    CHECK(json.contains("classes") == (c.task == "classification"));

    // The model reads the table it was made of, and adds its columns to every row.
    const Finished predict = folder.attune({"predict", "model.safetensors", "table.csv"});
    CHECK(predict.code == 0);
    const auto lines = std::count(predict.out.begin(), predict.out.end(), '\n');
    const auto rows = json["rows"].get<int64_t>();
    CHECK(lines == rows + 1);
    CHECK(predict.out.substr(0, predict.out.find('\n')).find(c.target + "_predicted") !=
          std::string::npos);
    const auto answer =
        folder.attune({"predict", "model.safetensors", "table.csv", "--json", "--out", "with.csv"});
    CHECK(answer.json()["predictions"].size() == static_cast<size_t>(rows));
    CHECK(folder.read("with.csv") == predict.out);
  }
}

TEST_CASE("fit: the same command goes on where it was, and more trials go on from there") {
  Folder folder;
  folder.write("table.csv", loans(200));
  const std::vector<std::string> words = {"fit",    "table.csv", "--target", "loan",
                                          "--json", "--seed",    "3",        "--trials"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = words;
    all.insert(all.end(), more.begin(), more.end());
    return folder.attune(all);
  };
  const auto first = with({"6"}).json(), again = with({"6"}).json();
  CHECK(again["study"] == first["study"]);
  for (const char* key : {"best", "validation", "test", "default_test", "weights"}) {
    CAPTURE(key);
    CHECK(again[key] == first[key]);
  }
  CHECK(again["test_reopened"] == false);
  const auto more = with({"10"}).json();
  CHECK(more["trials"] == 10);
  // Cut in two or not, with one job or two: the same study.
  const auto whole = with({"10", "--storage", "memory", "--jobs", "2", "--out", "b"}).json();
  CHECK(whole["best"] == more["best"]);
  CHECK(whole["weights"] == more["weights"]);

  // Other data under the same name is refused.
  folder.write("table.csv", loans(201));
  const Finished other = with({"6", "--study", first["study"].get<std::string>()});
  CHECK(other.code == 2);
  CHECK(other.says("other data"));
}

TEST_CASE("fit: the table on stdout, notes on stderr") {
  Folder folder;
  folder.write("table.csv",
               "a,b,constant,y\n1,2,7,x\n2,1,7,z\n1,3,7,x\n2,2,7,z\n1,5,7,x\n2,3,7,z\n"
               "1,4,7,x\n2,5,7,z\n1,1,7,x\n2,4,7,z\n1,1,7,\n");
  const Finished fit =
      folder.attune({"fit", "table.csv", "--target", "y", "--trials", "2", "--storage", "memory"});
  CHECK(fit.code == 0);
  CHECK(fit.out.find("default configuration") != std::string::npos);
  CHECK(fit.out.find("tuned") != std::string::npos);
  CHECK(fit.out.find("model: model.safetensors") != std::string::npos);
  CHECK(fit.says("left out: 'constant'"));
  CHECK(fit.says("1 row has no 'y'"));
  CHECK(folder.names() == std::vector<std::string>{"model.safetensors", "table.csv"});
}

TEST_CASE("predict: what the model has never seen") {
  Folder folder;
  folder.write("table.csv", loans(120));
  REQUIRE(folder.attune({"fit", "table.csv", "--target", "loan", "--trials", "2"}).code == 0);
  folder.write("new.csv", "town,income,job\nParis,,tailor\nUlm,3,clerk\n");
  const auto json = folder.attune({"predict", "model.safetensors", "new.csv", "--json"}).json();
  CHECK(json["predictions"].size() == 2);
  for (const auto& row : json["probabilities"]) {
    CHECK(row[0].get<double>() + row[1].get<double>() == doctest::Approx(1));
  }
  folder.write("text.csv", "town,income,job\nUlm,much,clerk\n");
  const Finished text = folder.attune({"predict", "model.safetensors", "text.csv"});
  CHECK(text.code == 2);
  CHECK(text.says("'much' is not a number"));
  folder.write("less.csv", "town,job\nUlm,clerk\n");
  const Finished less = folder.attune({"predict", "model.safetensors", "less.csv"});
  CHECK(less.code == 2);
  CHECK(less.says("no column 'income'"));
}
