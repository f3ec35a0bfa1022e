// Tables as people have them: what fit and predict do with what spreadsheets and programs write.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "attune/base/rng.h"
#include "tests/cli/process.h"

using namespace attune::test;

namespace {

using Words = std::vector<std::string>;

Words words(Words first, const Words& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

bool contains(const Words& all, const std::string& word) {
  return std::find(all.begin(), all.end(), word) != all.end();
}

Finished fit(const Folder& folder, const std::string& text, const Words& more = {},
             const std::string& target = "y") {
  folder.write("table.csv", text);
  Words all =
      words({"fit", "table.csv", "--target", target, "--storage", "memory", "--json"}, more);
  if (!contains(more, "--trials")) all = words(all, {"--trials", "3"});
  return folder.attune(all);
}

Finished predict(const Folder& folder, const std::string& text, const Words& more = {}) {
  folder.write("new.csv", text);
  return folder.attune(words({"predict", "model.safetensors", "new.csv"}, more));
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// A table of one column and the target, row by row.
template <class Row>
std::string table(const std::string& header, int rows, Row row) {
  std::string text = header + "\n";
  for (int i = 0; i < rows; ++i) text += row(i) + "\n";
  return text;
}

}  // namespace

TEST_CASE("a column is read at prediction as it was read at training") {
  attune::Rng rng(1);
  const char* codes[] = {"01", "02", "03", "A1"};
  const char* classes[] = {"low", "high", "low", "high"};
  Folder folder;
  REQUIRE(fit(folder, table("code,x,y", 240,
                            [&](int) {
                              const auto k = rng.below(4);
                              return fmt::format("{},{:.3f},{}", codes[k], rng.uniform(),
                                                 classes[k]);
                            }))
              .code == 0);
  // Without A1 these would be numbers by themselves.
  const Finished numbers = predict(folder, "code,x\n01,0.5\n02,0.5\n03,0.5\n", {"--json"});
  CHECK(numbers.json()["predictions"] == Words{"low", "high", "low"});
  const Finished unknown = predict(folder, "code,x\nB7,0.5\n01,0.5\nB7,1\n");
  CHECK(
      unknown.says("new.csv: line 2, column 'code': 'B7' is no category that the model knows (2 "
                   "cells like it)"));
}

TEST_CASE("the user's cells and class names pass through byte for byte") {
  attune::Rng rng(2);
  Folder folder;
  REQUIRE(fit(folder, table("zip,account,price,y", 200,
                            [&](int i) {
                              const double price = rng.uniform(0, 10);
                              return fmt::format("{:05},{},{:.2f},{}", rng.below(1000),
                                                 12345678901234567 + 1000003LL * i, price,
                                                 price > 5 ? "007" : "012");
                            }))
              .code == 0);
  const std::string rows[] = {"00501,12345678901234567,1.50", "\"00999\",12345678901334568,NA"};
  const Finished end = predict(folder, "zip,account,price\n" + rows[0] + "\n" + rows[1] + "\n");
  REQUIRE(end.code == 0);
  CHECK(first_line(end.out) == "zip,account,price,y_predicted,p_007,p_012");
  CHECK(end.out.find("\n" + rows[0] + ",012,") != std::string::npos);
  CHECK(end.out.find("\n" + rows[1] + ",0") != std::string::npos);
  // A file of another kind comes back as that kind.
  const Finished other = predict(folder, "price;zip;account\r\n9;1;2\r\n");
  CHECK(other.out.starts_with("price;zip;account;y_predicted;p_007;p_012\r\n9;1;2;007;"));
}

TEST_CASE("columns almost all of whose cells are numbers, and numbers as people write them") {
  attune::Rng rng(3);
  Folder folder;
  const Finished dash =
      fit(folder, table("a,b,y", 400, [&](int i) {
            const double a = rng.normal();
            return fmt::format("{},{:.3f},{:.6f}", i == 37 ? "-" : fmt::format("{:.6f}", a),
                               rng.uniform(), 2 * a);
          }));
  CHECK(dash.json()["test"] > 0.95);
  CHECK(dash.says("table.csv: line 39, column 'a': '-' is taken as missing"));

  const Finished money = fit(
      folder, table("thousands,dollars,percent,comma,y", 300, [&](int) {
        const double v = rng.uniform(1000, 90000);
        const auto whole = static_cast<int>(v) / 1000, rest = static_cast<int>(v) % 1000;
        return fmt::format("\"{},{:03}\",${:.2f},{:.1f}%,\"{},{:02}\",{:.3f}", whole, rest, v,
                           v / 1000, static_cast<int>(v), static_cast<int>(v * 100) % 100, v * 2);
      }));
  CAPTURE(money.err);
  CHECK(money.json()["test"] > 0.95);
  CHECK(money.says("thousands by ,"));
  CHECK(money.says("decimal comma): 'comma'"));

  const Finished days = fit(folder, table("day,y", 300, [&](int i) {
                              return fmt::format("2023-{:02}-{:02},{:.4f}", i / 28 + 1, i % 28 + 1,
                                                 i / 100.0 + 0.05 * rng.uniform());
                            }));
  CHECK(days.json()["test"] > 0.9);
  CHECK(days.says("read as dates (ymd): 'day'"));

  const Finished ns = fit(folder, table("t,y", 300, [&](int i) {
                            return fmt::format("{},{}", 1700000000000000000 + 1000000LL * i,
                                               i < 150 ? "early" : "late");
                          }));
  CHECK(ns.json()["test"] > 0.95);
}

TEST_CASE("names with numbers, index columns, further missing texts") {
  attune::Rng rng(4);
  Folder folder;
  const std::string years = table("2019,2020,2021,price", 100, [&](int) {
    const double a = rng.uniform();
    return fmt::format("{:.3f},{:.3f},{:.3f},{:.4f}", a, rng.uniform(), rng.uniform(), 3 * a);
  });
  CHECK(fit(folder, years, {}, "price").json()["test"] > 0.8);
  CHECK(predict(folder, "2021,2020,2019\n1,1,1\n").code == 0);

  const std::string index = table(",x,y", 180, [&](int i) {
    return fmt::format("{},{:.3f},{}", i, rng.uniform(), i < 90 ? "neg" : "pos");
  });
  const Finished left_out = fit(folder, index);
  CHECK(left_out.json()["test"] < 0.8);
  CHECK(left_out.says("left out: 'column1': it counts the rows from 0"));
  CHECK(fit(folder, index, {"--keep-index"}).json()["test"] > 0.95);

  const std::string coded = table("x,y", 200, [&](int i) {
    const double x = rng.uniform();
    return fmt::format("{},{:.4f}", i % 7 ? fmt::format("{:.4f}", x) : "-999", x);
  });
  const Finished plain = fit(folder, coded), told = fit(folder, coded, {"--missing", "-999,none"});
  CHECK(told.json()["test"] > plain.json()["test"]);
}

TEST_CASE("text that is not UTF-8 ends before the work, or is read as what it is") {
  const std::string latin = table("city,x,y", 200, [&](int i) {
    const double x = i * 37 % 200 / 200.0;
    return fmt::format("{},{:.3f},{}", i % 3 ? "K\xF6ln" : "M\xFCnster", x, x > 0.5 ? "a" : "b");
  });
  Folder folder;
  const Finished refused = fit(folder, latin);
  CHECK(refused.code == 2);
  CHECK(refused.says("table.csv: line 2, column 'city': byte 0xFC is not UTF-8"));
  CHECK(refused.says("--encoding latin1"));
  CHECK(!folder.has("model.safetensors"));
  REQUIRE(fit(folder, latin, {"--encoding", "latin1"}).code == 0);
  const Finished back = predict(folder, "city,x\nK\xF6ln,0.1\n", {"--encoding", "latin1"});
  CHECK(back.out.find("\nK\xF6ln,0.1,b,") != std::string::npos);
  // The same model reads UTF-8.
  CHECK(predict(folder, "city,x\nK\u00F6ln,0.1\n").err.empty());
}

TEST_CASE("groups, times, scores and folds; what a network is compared with") {
  attune::Rng rng(5);
  std::string text = "patient,day,a,b,y\n";
  for (int patient = 0; patient < 40; ++patient) {
    const double a = rng.normal(), b = rng.normal();
    const char* label = rng.uniform() < 0.5 ? "sick" : "well";
    for (int k = 0; k < 10; ++k) {
      text +=
          fmt::format("p{},2024-01-{:02},{:.3f},{:.3f},{}\n", patient, 1 + (7 * patient + k) % 28,
                      a + 0.05 * rng.normal(), b + 0.05 * rng.normal(), label);
    }
  }
  Folder folder;
  const Finished random = fit(folder, text, {"--trials", "6"});
  CHECK(random.json()["test"] > 0.85);
  CHECK(random.says("--group patient keeps their rows in one part"));
  const auto grouped = fit(folder, text, {"--group", "patient"}).json();
  CHECK(grouped["test"] < 0.85);
  CHECK(fit(folder, text, {"--time", "day"}).code == 0);
  CHECK(fit(folder, text, {"--folds", "3"}).code == 0);

  const std::string rare = table("a,b,y", 300, [&](int i) {
    return fmt::format("{:.3f},{:.3f},{}", rng.uniform(), rng.uniform(), i % 33 ? "ok" : "bad");
  });
  const Finished plain = fit(folder, rare);
  CHECK(plain.json()["baseline_test"] > 0.9);
  CHECK(plain.says("no better in the test than always the most frequent class"));
  CHECK(plain.says("accuracy says little"));
  const auto balanced = fit(folder, rare, {"--score", "balanced_accuracy"}).json();
  CHECK(balanced["score"] == "balanced_accuracy");
  CHECK(balanced["baseline_test"] == 0.5);
  const auto loss = fit(folder, rare, {"--score", "log_loss"}).json();
  CHECK(loss["validation"] <= loss["default_validation"]);
  CHECK(loss.contains("linear_test"));
  CHECK(fit(folder, rare, {"--score", "luck"}).code == 2);
  CHECK(fit(folder, rare, {"--score", "rmse"}).code == 2);
  CHECK(fit(folder, rare, {"--folds", "1"}).code == 2);
}

TEST_CASE("shares of the rows, a model without a test, and the mean of several networks") {
  attune::Rng rng(6);
  const std::string text = table("a,b,y", 100, [&](int) {
    const double a = rng.normal(), b = rng.normal();
    return fmt::format("{:.3f},{:.3f},{}", a, b, a + b > 0 ? "up" : "down");
  });
  Folder folder;
  const auto usual = fit(folder, text, {"--trials", "5", "--networks", "3"}).json();
  CHECK(usual["networks"] == 3);
  CHECK(usual["test_rows"] == 20);
  const Finished none = fit(folder, text, {"--test", "0", "--validation", "0.25"});
  CHECK(none.json()["test_rows"] == 0);
  CHECK(none.json()["validation_rows"] == 25);
  CHECK(none.json()["test"].is_null());
  CHECK(predict(folder, text).code == 0);
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--test", "1"},
                                                {"--test", "-0.1"},
                                                {"--test", "some"},
                                                {"--validation", "0"},
                                                {"--networks", "-1"}}) {
    CAPTURE(wrong[0] + " " + wrong[1]);
    CHECK(fit(folder, text, wrong).code == 2);
  }
}

TEST_CASE("what is no table ends at once") {
  Folder folder;
  for (const char* device : {"/dev/zero", "/dev/urandom"}) {
    const Finished end = folder.attune({"fit", device, "--target", "y"});
    CHECK(end.code == 2);
    CHECK(end.says("not a"));
    CHECK(folder.attune({"predict", device, device}).code == 2);
  }
}
