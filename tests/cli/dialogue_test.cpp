// ask-tell with clients as they are: numbers in other languages' spelling, points of their own,
// studies that are gone on with, other programs on the same study.

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <sstream>

#include "tests/cli/process.h"

using namespace attune::test;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

const char kX[] = R"({"x": {"type": "float", "low": 0, "high": 1}})";
const char kY[] = R"({"y": {"type": "float", "low": 0, "high": 5}})";

// Fails the test at a line that is not strict JSON.
std::vector<json> lines_of(const Finished& end) {
  CHECK(end.out.find("Infinity,") == std::string::npos);
  std::vector<json> lines;
  std::istringstream in(end.out);
  for (std::string line; std::getline(in, line);) {
    REQUIRE_MESSAGE(json::accept(line), line);
    lines.push_back(json::parse(line));
  }
  return lines;
}

std::string text_of(const Words& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

Finished speak(const Folder& folder, const char* space, Words more, const Words& lines) {
  Words words = {"ask-tell", "--space", space, "--sampler", "random", "--seed", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return folder.attune(words, text_of(lines));
}

}  // namespace

TEST_CASE("ask-tell: numbers as R, Lua and MATLAB write them") {
  Folder folder;
  const Finished end = speak(folder, kX, {"--trials", "5"},
                             {R"({"number":[0],"value":[0.3]})", R"({"number":1.0,"value":2.})",
                              R"({"number":2,"value":+1})",
                              R"({"number":3,"value":.5})"
                              "\r",
                              "\xef\xbb\xbf"
                              R"({"number":4,"value":1e-3})"});
  const std::vector<json> lines = lines_of(end);
  REQUIRE(lines.size() == 6);
  CHECK(lines[5]["best"]["number"] == 4);
  CHECK(lines[5]["best"]["value"] == 0.001);
}

TEST_CASE("ask-tell: spaces as R writes them, and files with a byte order mark") {
  Folder folder;
  folder.write("space.json",
               "\xef\xbb\xbf"
               R"({"lr": {"type": ["float"], "low": [1e-4], "high": [1],
    "log": [true], "default": [0.1]}, "act": {"type": ["categorical"], "choices": "relu"}})");
  const std::vector<json> lines =
      lines_of(folder.attune({"ask-tell", "--space", "space.json", "--trials", "1"}));
  CHECK(lines[0]["params"] == json::parse(R"({"lr": 0.1, "act": "relu"})"));
}

TEST_CASE("ask-tell: a message shows what was got") {
  Folder folder;
  const std::pair<const char*, const char*> mistakes[] = {
      {R"({"number":"0","value":1})",
       R"('number' must be a whole number from 0, not "0" (a text); write 0 without the quotes)"},
      {R"({"number":0,"value":"0.3"})",
       R"('value' must be a number, not "0.3" (a text); write 0.3 without the quotes)"},
      {R"({"number":0,"value":"good"})", R"('value' must be a number, not "good")"},
      {R"({"number":0,"value":[1,2]})", "'value' must be a number, not the list [1, 2]"},
      {R"({"number":0,"value":true})", "'value' must be a number, not true"},
      {R"({"number":0.5,"value":1})", "'number' must be a whole number from 0, not 0.5"},
      {R"({"number":-1,"value":1})", "'number' must be a whole number from 0, not -1"},
      {R"({"number":0,"state":"sleepy"})",
       R"(unknown state "sleepy"; there are complete, pruned, failed)"},
      {R"({"number":0,"valeu":1})",
       "unknown key 'valeu'; there are 'number', 'value', 'values', 'state', 'reason', "
       "'constraints', 'user', 'step'"},
      {R"({"number":0,"value":1,"reason":"x"})", R"(a 'reason' comes with "state": "failed")"},
      {R"({"cmd":"sing"})", R"(unknown cmd "sing"; there are tell, enqueue, ask, best)"},
      {"{\"number\":0,\"value\":1,\"user\":{\"K\xf6ln\":1}}",
       "the line is not UTF-8: byte 32 is 0xf6"},
      {"{", "json: ends too early at byte 1 of 1; a message is one line"},
      {"17", R"(a line must be a JSON object, such as {"number": 0, "value": 0.3}, not 17)"},
      {R"({"number":0 "value":1})", R"(json: ',' expected at byte 12 of 22, before '"value":1}')"}};
  Words input;
  for (const auto& [line, says] : mistakes) input.emplace_back(line);
  input.emplace_back(R"({"number":0,"value":1})");
  const std::vector<json> lines = lines_of(speak(folder, kX, {"--trials", "1"}, input));
  REQUIRE(lines.size() == std::size(mistakes) + 2);
  for (size_t i = 0; i < std::size(mistakes); ++i)
    CHECK(lines[i + 1]["error"] == mistakes[i].second);
  CHECK(lines[2]["number"] == 0);
  CHECK(lines.back()["best"]["value"] == 1);

  const Finished quoted = folder.attune(
      {"ask-tell", "--space", R"({"lr": {"type": "float", "low": "1e-4", "high": "1e-1"}})"});
  CHECK(quoted.code == 2);
  CHECK(
      quoted.says(R"('low' must be a number, not "1e-4" (a text); write 1e-4 without the quotes)"));
}

TEST_CASE("ask-tell: infinite and missing values fail their trial, and are answered") {
  Folder folder;
  const std::pair<const char*, const char*> values[] = {{"Infinity", "the value is Infinity"},
                                                        {"-inf", "the value is -Infinity"},
                                                        {"NaN", "the value is NaN"},
                                                        {"-nan", "the value is NaN"},
                                                        {"null", "the value is NaN"},
                                                        {"\"NA\"", "the value is NaN"},
                                                        {"\"Infinity\"", "the value is Infinity"},
                                                        {"1e999", "the value is Infinity"}};
  Words input;
  for (size_t i = 0; i < std::size(values); ++i) {
    input.push_back("{\"number\": " + std::to_string(i) + ", \"value\": " + values[i].first + "}");
  }
  input.emplace_back(R"({"number": 8, "value": 7})");
  const Finished end = speak(folder, kX, {"--trials", "9", "--study", "s"}, input);
  const std::vector<json> lines = lines_of(end);
  REQUIRE(lines.size() == 2 * std::size(values) + 2);
  for (size_t i = 0; i < std::size(values); ++i) {
    const json& answer = lines[2 * i + 1];
    CHECK(answer["number"] == i);
    CHECK(answer["state"] == "failed");
    CHECK(answer["note"] == values[i].second);
  }
  CHECK(lines.back()["best"]["number"] == 8);
  CHECK(folder.attune({"trials", "s", "--json"}).json()[0]["error"] == "the value is Infinity");
}

TEST_CASE("ask-tell: a client brings points, enqueues, asks for more and for the best") {
  Folder folder;
  const std::vector<json> lines = lines_of(speak(
      folder, kX, {"--trials", "4", "--study", "s"},
      {R"({"cmd": "tell", "params": {"x": 0.5}, "value": 0.1, "user": {"note": [1, NaN, {"a": "b"}]}})",
       R"({"cmd": "tell", "params": {"x": 0.6}, "state": "failed", "reason": "no memory"})",
       R"({"cmd": "tell", "params": {"x": 7}, "value": 0})",
       R"({"cmd": "tell", "params": {"z": 7}, "value": 0})",
       R"({"cmd": "tell", "params": {}, "value": 0})", R"({"cmd": "tell", "params": {"x": 0.7}})",
       R"({"cmd": "enqueue", "params": {"x": [0.25]}})",
       R"({"cmd": "enqueue", "params": {"x": NaN}})", R"({"cmd": "enqueue", "params": {"z": 1}})",
       R"({"cmd": "ask", "count": 2})", R"({"cmd": "best"})",
       R"({"number": 0, "value": 3, "user": {"epochs": 12}})",
       R"({"number": 3, "state": "failed", "reason": "diverged"})"}));
  REQUIRE(lines.size() == 14);
  CHECK(lines[1] == json::parse(R"({"number": 1, "state": "complete"})"));
  CHECK(lines[2] == json::parse(R"({"number": 2, "state": "failed"})"));
  CHECK(lines[3]["error"] == "param 'x': 7 is not in [0, 1]");
  CHECK(lines[4]["error"] == "there is no parameter 'z'; there is 'x'");
  CHECK(lines[5]["error"] == "param 'x' is missing");
  CHECK(lines[6]["error"] == "no 'value' is given");
  CHECK(lines[7] == json::parse(R"({"number": 3, "state": "waiting"})"));
  CHECK(lines[8].contains("error"));
  CHECK(lines[9]["error"] == "enqueue: there is no parameter 'z'; there is 'x'");
  CHECK(lines[10] == json::parse(R"({"number": 3, "params": {"x": 0.25}})"));
  CHECK(lines[11]["number"] == 4);
  CHECK(lines[12]["best"]["number"] == 1);
  CHECK(lines[13]["best"]["value"] == 0.1);

  const json trials = folder.attune({"trials", "s", "--json"}).json();
  REQUIRE(trials.size() == 5);
  CHECK(trials[0]["user"]["epochs"] == 12);
  CHECK(trials[1]["user"]["note"] == json::parse(R"([1, "NaN", {"a": "b"}])"));
  CHECK(trials[2]["error"] == "no memory");
  CHECK(trials[3]["error"] == "diverged");
  CHECK(trials[4]["error"] == "handed out, but never told");
  const std::string table = folder.attune({"trials", "s"}).out;
  CHECK(table.find("x = 0.6; failed: no memory") != std::string::npos);

  const std::vector<json> brought = lines_of(
      speak(folder, kX, {"--trials", "0"}, {R"({"cmd":"tell","params":{"x":0.5},"value":2})"}));
  REQUIRE(brought.size() == 2);  // nothing is handed out
  CHECK(brought[1]["best"]["value"] == 2);
}

TEST_CASE("ask-tell: a study that is gone on with says what has changed") {
  Folder folder;
  const Words told = {R"({"number": 0, "value": 1})", R"({"number": 1, "value": 0})"};
  const Words kept = {"--storage", "sqlite:///k.db", "--study", "kept"};
  const auto go = [&](const char* space, Words more, const Words& input) {
    more.insert(more.end(), kept.begin(), kept.end());
    Words words = {"ask-tell", "--space", space};
    words.insert(words.end(), more.begin(), more.end());
    return folder.attune(words, text_of(input));
  };
  CHECK(go(kX, {"--trials", "2"}, told).code == 0);
  const Finished wider = go(R"({"x": {"type": "float", "low": 0, "high": 5}})", {"--trials", "1"},
                            {R"({"number": 2, "value": 3})"});
  CHECK(wider.code == 0);
  CHECK(wider.says("study 'kept': x: [0, 1] -> [0, 5]; 2 trials kept"));
  const Finished other = go(kY, {"--trials", "1"}, {});
  CHECK(other.code == 2);
  CHECK(other.says("with other parameters: 'x' is not in the space, 'y' is new"));
  CHECK(other.out.empty());

  const Finished scale =
      go(R"({"x": {"type": "float", "low": 1, "high": 5, "log": true}})", {}, {});
  CHECK(scale.code == 2);
  CHECK(scale.says("'x': is logarithmic here, but was linear earlier"));
  CHECK(folder.attune({"trials", "--storage", "sqlite:///k.db", "--json"}).json().size() == 3);

  // Trials without y are not among the best, and count towards --trials.
  const Finished on = go(kY, {"--resume", "--trials", "4"}, {R"({"number": 3, "value": 9})"});
  CHECK(on.code == 0);
  const std::vector<json> lines = lines_of(on);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1]["best"]["number"] == 3);
  CHECK(lines[1]["best"]["params"].contains("y"));
  const Finished all_done = go(kY, {"--resume", "--trials", "4"}, {R"({"number": 4, "value": 9})"});
  CHECK(lines_of(all_done).size() == 1);

  // Handed out and never told: to be done again.
  const Words fresh = {"--resume", "--study", "cut", "--trials", "2"};
  CHECK(lines_of(speak(folder, kX, fresh, {R"({"number": 0, "value": 1})"})).size() == 3);
  CHECK(lines_of(speak(folder, kX, fresh, {R"({"number": 2, "value": 1})"})).size() == 2);
  CHECK(folder.attune({"ask-tell", "--space", kX, "--resume"}).code == 2);
}

TEST_CASE("ask-tell: the seed of a kept study, and a storage without a study") {
  Folder folder;
  // A study whose seed the library drew: here one made with another seed.
  CHECK(speak(folder, kX, {"--study", "s", "--trials", "1"}, {R"({"number":0,"value":1})"}).code ==
        0);
  const Finished on = folder.attune({"ask-tell", "--space", kX, "--study", "s", "--trials", "1"},
                                    "{\"number\": 1, \"value\": 2}\n");
  CHECK(on.code == 0);
  CHECK(lines_of(on)[0]["number"] == 1);
  const Finished wrong = folder.attune({"ask-tell", "--space", kX, "--study", "s", "--seed", "7"});
  CHECK(wrong.code == 2);
  CHECK(wrong.says("its seed is 1, not 7"));
  // A maximising study is gone on with without saying so again.
  const Words up = {"--study", "up", "--trials", "1"};
  Words first = up;
  first.insert(first.end(), {"--direction", "maximize"});
  CHECK(speak(folder, kX, first, {R"({"number":0,"value":1})"}).code == 0);
  CHECK(speak(folder, kX, up, {R"({"number":1,"value":5})"}).code == 0);
  CHECK(folder.attune({"best", "up", "--json"}).json()["value"] == 5);

  const Finished nameless =
      folder.attune({"ask-tell", "--space", kX, "--storage", "sqlite:///other.db"});
  CHECK(nameless.code == 2);
  CHECK(nameless.says("--study NAME"));
  CHECK(!folder.has("other.db"));
  CHECK(folder.attune({"ask-tell", "--space", kX, "--storage", "memory", "--trials", "1"}).code ==
        0);
}

TEST_CASE("ask-tell: a trial that another program has ended does not end the dialogue") {
  Folder folder;
  // Through a named pipe, so that the other program acts between two lines.
  const Finished end = folder.shell(
      "mkfifo in; $ATTUNE ask-tell --space '" + std::string(kX) +
      "' --study s --trials 3 <in >out 2>err & exec 3>in; "
      "until grep -q params out 2>/dev/null; do sleep 0.05; done; "
      "python3 -c \"import sqlite3; c = sqlite3.connect('attune.db', timeout=30); "
      "c.execute(\\\"update trials set state = 'FAIL', datetime_complete = '2026-01-01 00:00:00' "
      "where number = 0\\\"); c.commit()\"; "
      "echo '{\"number\": 0, \"step\": 1, \"value\": 1}' >&3; "
      "echo '{\"number\": 0, \"value\": 1}' >&3; echo '{\"number\": 1, \"value\": 4}' >&3; "
      "echo '{\"number\": 2, \"value\": 3}' >&3; exec 3>&-; wait; cat out err");
  const std::vector<json> lines = lines_of(end);
  REQUIRE(lines.size() == 6);
  CHECK(lines[1] == json::parse(R"({"number": 0, "prune": true})"));
  CHECK(lines[2]["error"] ==
        "trial 0 was ended by another program; what was told of it is not kept");
  CHECK(lines[5]["best"]["number"] == 2);
}

TEST_CASE("ask-tell: the best of a noisy objective, by its model and by running it again") {
  Folder folder;
  std::mt19937_64 random(2);
  std::normal_distribution<double> noise(0, 0.3);
  // The client does not look at x: values around 2 are noise, whatever the sampler does.
  Words input;
  for (int i = 0; i < 60; ++i) {
    input.push_back("{\"number\": " + std::to_string(i) +
                    ", \"value\": " + std::to_string(2 + noise(random)) + "}");
  }
  const Finished noisy = speak(folder, kX, {"--trials", "60", "--study", "noisy"}, input);
  const json last = lines_of(noisy).back();
  REQUIRE(last.contains("model_best"));
  CHECK(last["best"]["value"] < 1.7);
  CHECK(last["model_best"]["mean"] == doctest::Approx(2).epsilon(0.1));
  CHECK(last["model_best"]["noise"] == doctest::Approx(0.3).epsilon(0.4));
  CHECK(last["model_best"]["params"].contains("x"));
  CHECK(folder.attune({"best", "noisy", "--json"}).json()["model_best"] == last["model_best"]);
  CHECK(folder.attune({"best", "noisy"}).out.find("partly luck") != std::string::npos);

  Words told;
  for (int i = 0; i < 3; ++i) {
    told.push_back("{\"number\": " + std::to_string(i) + ", \"value\": " + std::to_string(i) + "}");
  }
  for (int i = 3; i < 12; ++i)
    told.push_back("{\"number\": " + std::to_string(i) + ", \"value\": 1}");
  const std::vector<json> lines =
      lines_of(speak(folder, kX, {"--trials", "3", "--confirm", "2", "--repeats", "3"}, told));
  size_t again = 0;
  for (const json& line : lines) again += line.contains("confirms");
  CHECK(again == 9);  // two configurations and the default one
  CHECK(lines.back()["confirmed"]["value"] == 1);
  CHECK(lines.back()["best"]["number"] == 0);
  // A client that leaves before the end is not asked again and again.
  told.resize(4);
  CHECK(lines_of(speak(folder, kX, {"--trials", "3", "--confirm", "2"}, told)).size() == 6);
}

TEST_CASE("ask-tell: a small space is known to be small") {
  Folder folder;
  const char space[] = R"({"a": {"type": "int", "low": 1, "high": 3},
    "b": {"type": "categorical", "choices": ["x", "y"]},
    "c": {"type": "int", "low": 1, "high": 2, "when": {"b": "y"}}})";
  Words told;
  for (int i = 0; i < 60; ++i)
    told.push_back("{\"number\": " + std::to_string(i) + ", \"value\": 1}");
  const Finished on =
      folder.attune({"ask-tell", "--space", space, "--trials", "60"}, text_of(told));
  CHECK(on.says("all 9 configurations have been tried; going on repeats them"));
  CHECK(lines_of(on).size() == 61);
  const Finished stops = folder.attune(
      {"ask-tell", "--space", space, "--trials", "60", "--stop-when-all-tried"}, text_of(told));
  CHECK(stops.says("all 9 configurations have been tried\n"));
  CHECK(lines_of(stops).size() < 61);
  CHECK(lines_of(stops).size() >= 10);
}

TEST_CASE("ask-tell: Ctrl-C ends a wait for the client") {
  Folder folder;
  const auto begin = std::chrono::steady_clock::now();
  const Finished end = folder.shell("mkfifo in; $ATTUNE ask-tell --space '" + std::string(kX) +
                                    "' --study s <in >out & attune=$!; exec 3>in; "
                                    "until grep -q params out 2>/dev/null; do sleep 0.05; done; "
                                    "kill -INT $attune; wait $attune; echo $? >>out; cat out");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  CHECK(end.out.ends_with("{\"best\": null}\n130\n"));
  CHECK(folder.attune({"trials", "s", "--json"}).json()[0]["error"] ==
        "handed out, but never told");
}

TEST_CASE("ask-tell: endless lines, empty input, a closed stdout") {
  Folder folder;
  const std::string endless(6'000'000, 'x');
  const std::vector<json> lines =
      lines_of(speak(folder, kX, {"--trials", "1"}, {endless, R"({"number":0,"value":1})"}));
  REQUIRE(lines.size() == 3);
  CHECK(lines[1]["error"] == "a line of more than 4194304 bytes");
  CHECK(lines[2]["best"]["value"] == 1);
  const std::string command = "$ATTUNE ask-tell --trials 3 --space '" + std::string(kX) + "'";
  const Finished full = folder.shell(command + " </dev/null >/dev/full");
  CHECK(full.code == 1);
  CHECK(full.says("stdout"));
  const Finished closed = folder.shell(command + " </dev/null >&-");
  CHECK(closed.code == 1);
  CHECK(closed.says("stdout is closed"));
  CHECK(folder.shell(command + " <&-").code == 0);
  for (const char* input : {"/dev/zero", "/dev/urandom"}) {
    const Finished device = folder.shell("timeout 60 " + command + " >out <" + input);
    CHECK(device.code == 1);
    CHECK((device.says("without an end") || device.says("in a row")));
    CHECK(folder.attune({"ask-tell", "--space", input}).code == 2);
  }
  CHECK(folder.shell("yes '{}' | " + command + " | true").code == 0);
}

TEST_CASE("ask-tell: the help shows the messages, the page's client works") {
  Folder folder;
  const Finished help = folder.attune({"ask-tell", "--help"});
  CHECK(help.code == 0);
  for (const char* part :
       {R"({"number": 0, "value": 0.3})", "--resume", R"("cmd": "tell")", "prune"}) {
    CHECK(help.out.find(part) != std::string::npos);
  }
  const Finished client = folder.shell("sed -n '/^```python$/,/^```$/p' '" ATTUNE_SOURCE
                                       "/docs/ask_tell.md' | sed '/^```/d' >client.py; "
                                       "PATH=\"$(dirname \"$ATTUNE\"):$PATH\" python3 client.py");
  CAPTURE(client.err);
  CHECK(client.code == 0);
  CHECK(client.err.empty());
  const json best = client.json();
  CHECK(best["params"]["layers"] == 3);
  CHECK(best["value"].get<double>() < 0.01);
}
