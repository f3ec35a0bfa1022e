// ask-tell: what clients in other languages write, mistakes, and points of their own.

#include "tests/cli/dialogue.h"

using namespace attune::test;

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
  CHECK(lines[9]["error"] == "there is no parameter 'z'; there is 'x'");
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

TEST_CASE("ask-tell: reports with several objectives") {
  Folder folder;
  const std::vector<json> lines = lines_of(
      speak(folder, kX, {"--directions", "minimize,maximize", "--trials", "1", "--study", "s"},
            {R"({"number":0,"step":1,"value":0.4})", R"({"number":0,"step":1,"values":[0.4,1]})",
             R"({"number":0,"step":2,"values":[0.3]})", R"({"number":0,"values":[0.2,3]})"}));
  REQUIRE(lines.size() == 5);
  CHECK(lines[1]["error"] == "there are 2 objectives: give 'values', a list");
  CHECK(lines[2] == json::parse(R"({"number": 0, "prune": false})"));
  CHECK(lines[3]["error"] == "there are 2 objectives, but 1 'values'");
  CHECK(lines[4]["best"][0]["values"] == json::parse("[0.2, 3]"));
  CHECK(folder.attune({"trials", "s", "--json"}).json()[0]["intermediate"] ==
        json::parse("[[1, 0.4, 1]]"));
}
