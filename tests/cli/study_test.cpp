// Studies through the command: looking at them, replay, Ctrl-C, kill -9, ask-tell.

#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <sstream>

#include "tests/cli/process.h"
#include "tests/cli/tables.h"

using namespace attune::test;
using nlohmann::json;

namespace {

const char kSpace[] = R"({"lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": true},
  "layers": {"type": "int", "low": 1, "high": 4}, "act": {"type": "categorical",
  "choices": ["relu", "gelu"]}, "slope": {"type": "float", "low": 0, "high": 1,
  "when": {"act": "gelu"}}})";

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

void check_contiguous(const json& trials) {
  for (size_t i = 0; i < trials.size(); ++i) CHECK(trials[i]["number"] == i);
}

}  // namespace

TEST_CASE("replay: all trials of a study are the same again, with one thread and with two") {
  Folder folder;
  folder.write("table.csv", loans(150));
  REQUIRE(folder.attune({"fit", "table.csv", "--target", "loan", "--trials", "20", "--jobs", "2"})
              .code == 0);
  const json studies = folder.attune({"studies", "--json"}).json();
  REQUIRE(studies.size() == 1);
  const std::string study = studies[0]["name"];
  CHECK(studies[0]["trials"] == 20);
  for (const char* threads : {"1", "2"}) {
    const Finished replay = folder.attune({"replay", study, "all", "--threads", threads, "--json"});
    CHECK(replay.code == 0);
    const json all = replay.json();
    CHECK(all.size() == 20);
    for (const json& one : all) {
      CHECK(one["same"] == true);
      CHECK(one["reports"] > 0);
      CHECK(one["weights"] == one["weights_then"]);
    }
  }
  const json best = folder.attune({"best", "--json"}).json();
  CHECK(best["value"] == studies[0]["best"]);
  const Finished trials = folder.attune({"trials", study, "--json"});
  CHECK(trials.json().size() == 20);
  CHECK(folder.attune({"trials", study}).out.find("complete") != std::string::npos);
}

TEST_CASE("Ctrl-C ends a study, keeps what it found, and the same command goes on") {
  Folder folder;
  folder.write("table.csv", houses(400));
  const std::vector<std::string> words = {"fit", "table.csv", "--target", "price", "--jobs", "2"};
  std::vector<std::string> endless = words;
  endless.insert(endless.end(), {"--trials", "100000"});
  const pid_t process = folder.start(endless);
  REQUIRE(folder.wait_for(" trials"));
  kill(process, SIGINT);
  const Finished end = folder.wait(process);
  CHECK(end.code == 130);
  CHECK(end.says("goes on"));
  CHECK(end.out.empty());
  CHECK(!folder.has("model.safetensors"));

  const json trials = folder.attune({"trials", "--json"}).json();
  REQUIRE(trials.size() >= 1);
  check_contiguous(trials);
  for (const json& trial : trials) CHECK(trial["state"] != "running");
  std::vector<std::string> little = words;
  little.insert(little.end(), {"--trials", std::to_string(trials.size() + 2), "--json"});
  const Finished on = folder.attune(little);
  CHECK(on.code == 0);
  CHECK(on.json()["trials"] == trials.size() + 2);
  CHECK(on.json()["test_reopened"] == false);
  CHECK(folder.has("model.safetensors"));
}

TEST_CASE("kill -9 loses no told trial, and the study goes on") {
  Folder folder;
  folder.write("table.csv", houses(300));
  size_t before = 0;
  for (int round = 0; round < 3; ++round) {
    const pid_t process = folder.start(
        {"fit", "table.csv", "--target", "price", "--jobs", "2", "--trials", "100000"});
    REQUIRE(folder.wait_for(" a second"));
    kill(process, SIGKILL);
    CHECK(folder.wait(process).code == 128 + SIGKILL);
    const json trials = folder.attune({"trials", "--json"}).json();
    check_contiguous(trials);
    CHECK(trials.size() > before);
    before = trials.size();
  }
  const Finished on = folder.attune(
      {"fit", "table.csv", "--target", "price", "--trials", std::to_string(before + 2), "--json"});
  CHECK(on.code == 0);
  CHECK(on.json()["trials"] == before + 2);
}

TEST_CASE("ask-tell: the protocol") {
  Folder folder;
  const Finished end = folder.attune({"ask-tell", "--space", kSpace, "--sampler", "random",
                                      "--seed", "1", "--trials", "4", "--direction", "minimize"},
                                     "{\"number\": 0, \"step\": 3, \"value\": 0.4}\n"
                                     "{\"number\": 0, \"value\": 0.3}\n"
                                     "{\"number\": 1, \"state\": \"failed\"}\n"
                                     "{\"number\": 2, \"value\": 0.1}\n"
                                     "{\"number\": 3, \"value\": NaN}\n");
  CHECK(end.code == 0);
  const std::vector<json> lines = lines_of(end.out);
  REQUIRE(lines.size() == 7);
  CHECK(lines[0]["number"] == 0);
  CHECK(lines[0]["params"]["lr"].get<double>() == doctest::Approx(std::sqrt(1e-5)));  // the middle
  CHECK(lines[1] == json::parse(R"({"number": 0, "prune": false})"));
  for (int i = 2; i < 5; ++i) {
    CHECK(lines[i]["number"] == i - 1);
    const json& params = lines[i]["params"];
    CHECK(params.contains("slope") == (params["act"] == "gelu"));
  }
  CHECK(lines[5] == json::parse(R"({"number": 3, "state": "failed", "note": "the value is NaN"})"));
  CHECK(lines[6]["best"]["number"] == 2);
  CHECK(lines[6]["best"]["value"] == 0.1);
  CHECK(lines[6]["best"]["params"] == lines[3]["params"]);
  CHECK(folder.names().empty());  // nothing is kept unless it is said where
}

TEST_CASE("ask-tell: lines that are not what is expected do no harm") {
  Folder folder;
  const char* bad[] = {"",
                       "hello",
                       "[1]",
                       "{\"value\": 1}",
                       "{\"number\": 0}",
                       "{\"number\": 9, \"value\": 1}",
                       "{\"number\": -1, \"value\": 1}",
                       "{\"number\": \"0\", \"value\": 1}",
                       "{\"number\": 0, \"value\": \"good\"}",
                       "{\"number\": 0, \"value\": true}",
                       "{\"number\": 0, \"value\": [1, 2]}",
                       "{\"number\": 0, \"state\": \"sleepy\"}",
                       "{\"number\": 0, \"step\": 1.5, \"value\": 1}",
                       "{\"number\": 0, \"valeu\": 1}",
                       "{\"number\": 0, \"value\": 1"};
  std::string input;
  for (const char* line : bad) input += std::string(line) + "\n";
  const Finished end = folder.attune({"ask-tell", "--space", kSpace, "--trials", "1"},
                                     input + "{\"number\": 0, \"value\": 2}\n");
  const std::vector<json> lines = lines_of(end.out);
  REQUIRE(lines.size() == std::size(bad) + 2);
  for (size_t i = 1; i <= std::size(bad); ++i) {
    CAPTURE(bad[i - 1]);
    CHECK(lines[i].contains("error"));
  }
  CHECK(lines.back()["best"]["value"] == 2);
}

TEST_CASE("ask-tell: several objectives and constraints") {
  Folder folder;
  const auto speak = [&](std::vector<std::string> more, const std::string& input) {
    std::vector<std::string> words = {"ask-tell", "--space", kSpace, "--sampler", "nsga2"};
    words.insert(words.end(), more.begin(), more.end());
    return folder.attune(words, input);
  };
  const Finished end = speak({"--directions", "minimize,maximize", "--trials", "4"},
                             "{\"number\": 0, \"value\": 1}\n"
                             "{\"number\": 0, \"values\": [1]}\n"
                             "{\"number\": 0, \"values\": [1, \"x\"]}\n"
                             "{\"number\": 0, \"values\": [1, 2], \"value\": 1}\n"
                             "{\"number\": 0, \"values\": [1, 2]}\n"
                             "{\"number\": 1, \"values\": [2, 1]}\n"
                             "{\"number\": 2, \"values\": [3, 4]}\n"
                             "{\"number\": 3, \"values\": [0, 9], \"constraints\": [0.5]}\n");
  CHECK(end.code == 0);
  const std::vector<json> lines = lines_of(end.out);
  REQUIRE(lines.size() == 9);
  for (size_t i = 1; i <= 4; ++i) CHECK(lines[i].contains("error"));
  const json& front = lines.back()["best"];
  REQUIRE(front.size() == 2);
  CHECK(front[0]["number"] == 0);
  CHECK(front[0]["params"] == lines[0]["params"]);
  CHECK(front[1]["values"] == json::parse("[3, 4]"));

  const Finished one = speak({"--trials", "2"},
                             "{\"number\": 0, \"value\": 1, \"constraints\": {\"memory\": 2}}\n"
                             "{\"number\": 1, \"values\": [5], \"constraints\": [-1, 0]}\n");
  CHECK(lines_of(one.out).back()["best"]["number"] == 1);
  CHECK(lines_of(speak({"--directions", "minimize,maximize"}, "").out).back()["best"].empty());
  CHECK(speak({"--direction", "minimize", "--directions", "minimize,maximize"}, "").code == 2);
  CHECK(speak({"--directions", "minimize,up"}, "").code == 2);
}

TEST_CASE("ask-tell: jobs ahead, no default first, an early end, a kept study") {
  Folder folder;
  const auto speak = [&](std::vector<std::string> more, const std::string& input) {
    std::vector<std::string> words = {"ask-tell", "--space", kSpace};
    words.insert(words.end(), more.begin(), more.end());
    return folder.attune(words, input);
  };
  const Finished three = speak({"--jobs", "3", "--trials", "5"}, "{\"number\": 1, \"value\": 1}\n");
  std::vector<json> lines = lines_of(three.out);
  REQUIRE(lines.size() == 5);  // three ahead, one more after the answer, then the end of the input
  CHECK(lines[3]["number"] == 3);
  CHECK(lines[4]["best"]["number"] == 1);
  CHECK(lines_of(speak({}, "").out).back()["best"].is_null());
  CHECK(speak({"--trials", "-1"}, "").code == 2);
  const Finished sampled = speak({"--first", "none", "--sampler", "random", "--trials", "1"}, "");
  CHECK(lines_of(sampled.out)[0]["params"] != lines[0]["params"]);

  const std::string told = "{\"number\": 0, \"value\": 1}\n{\"number\": 1, \"value\": 2}\n";
  CHECK(speak({"--study", "kept", "--trials", "2"}, told).code == 0);
  CHECK(folder.attune({"trials", "kept", "--json"}).json().size() == 2);
  const Finished on =
      speak({"--study", "kept", "--trials", "1"}, "{\"number\": 2, \"value\": 0}\n");
  CHECK(lines_of(on.out)[0]["number"] == 2);
  CHECK(lines_of(on.out)[1]["best"]["number"] == 2);
}

TEST_CASE("ask-tell: spaces that contradict themselves name the parameter") {
  Folder folder;
  const char* bad[] = {R"({"x": {"type": "float", "low": 2, "high": 1}})",
                       R"({"x": {"type": "float", "low": 0, "high": 1, "log": true}})",
                       R"({"x": {"type": "real", "low": 0, "high": 1}})",
                       R"({"x": {"type": "float", "low": 0}})",
                       R"({"x": {"type": "int", "low": 0.5, "high": 1}})",
                       R"({"x": {"type": "int", "low": 0, "high": 1, "choices": [1]}})",
                       R"({"x": {"type": "categorical", "choices": []}})",
                       R"({"x": {"type": "int", "low": 0, "high": 3, "when": {"y": 1}}})",
                       R"({"x": {"type": "float", "low": NaN, "high": 1}})",
                       R"({"x": {"type": "float", "low": 0, "high": 1e999}})",
                       R"({"x": {"type": "float", "low": 0, "high": 1, "step": 0}})",
                       R"({"x": {"type": "float", "low": 0, "high": 1, "step": -0.5}})",
                       R"({"x": {"type": "float", "low": 0, "high": 1, "step": 5}})",
                       R"({"x": {"type": "int", "low": 0, "high": 9007199254740993}})",
                       R"({"x": {"type": "int", "low": 0, "high": 3, "step": 0}})",
                       R"({"x": {"type": "categorical", "choices": ["a", "b", "a"]}})",
                       R"({"x": {"type": "float", "low": 0, "high": 1},
                           "x": {"type": "int", "low": 0, "high": 1}})",
                       R"({"x": {"type": "int", "low": 0, "high": 3, "when": {"y": 1}},
                           "y": {"type": "int", "low": 0, "high": 3, "when": {"x": 1}}})",
                       R"({"x": {"type": "float", "low": 0, "high": 1, "prior": [2, 1]}})",
                       R"({"x": {"type": "float", "low": 0, "high": 1, "frozen": 2}})",
                       R"({"x": 3})"};
  for (const char* space : bad) {
    const Finished end = folder.attune({"ask-tell", "--space", space});
    CAPTURE(space);
    CAPTURE(end.err);
    CHECK(end.code == 2);
    CHECK(end.says("'x'"));
    CHECK(end.error_lines() == 1);
    CHECK(end.out.empty());
  }
}

TEST_CASE("importance: shares of a kept study, by either evaluator") {
  Folder folder;
  std::string told;
  for (int i = 0; i < 6; ++i) {
    told += "{\"number\": " + std::to_string(i) + ", \"value\": " + std::to_string(i % 4) + "}\n";
  }
  CHECK(folder
            .attune({"ask-tell", "--space", kSpace, "--sampler", "random", "--study", "kept",
                     "--trials", "6"},
                    told)
            .code == 0);
  for (const char* evaluator : {"fanova", "ped_anova"}) {
    const Finished end = folder.attune({"importance", "kept", "--evaluator", evaluator, "--json"});
    CHECK(end.code == 0);
    const json shares = end.json();
    double sum = 0;
    for (const auto& [name, share] : shares.items()) sum += share.get<double>();
    CHECK(sum == doctest::Approx(1));
    CHECK(shares.contains("lr"));
    const std::string text = folder.attune({"importance", "--evaluator", evaluator}).out;
    CHECK(text.starts_with("parameter"));
    CHECK(text.find("\nlr ") != std::string::npos);
  }
  const Finished wrong = folder.attune({"importance", "kept", "--evaluator", "luck"});
  CHECK(wrong.code == 2);
  CHECK(wrong.says("fanova"));
  CHECK(folder.attune({"importance", "kept", "--objective", "1"}).code == 2);
  CHECK(folder.attune({"importance", "unknown"}).code == 2);
  folder.attune({"ask-tell", "--space", kSpace, "--study", "empty", "--trials", "1"}, "");
  CHECK(folder.attune({"importance", "empty"}).code == 1);
}
