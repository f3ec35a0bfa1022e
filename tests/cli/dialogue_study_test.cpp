// ask-tell: studies that are gone on with, other programs on the same study, noisy objectives, and
// how a dialogue ends.

#include <chrono>
#include <random>

#include "tests/cli/dialogue.h"

using namespace attune::test;

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

TEST_CASE("a study that is gone on with in another space is looked at in that space") {
  Folder folder;
  const auto told = [](int from, int to, double value) {
    Words lines;
    for (int i = from; i < to; ++i) {
      lines.push_back(json({{"number", i}, {"value", value + i % 7}}).dump());
    }
    return lines;
  };
  REQUIRE(speak(folder, kX, {"--study", "s", "--trials", "12"}, told(0, 12, 0)).code == 0);
  CHECK(folder.attune({"best", "s", "--json"}).json()["value"] == 0);
  CHECK(!folder.attune({"report", "s", "--json"}).json()["attributes"].contains("attune:space"));
  const Words on = {"--study", "s", "--trials", "24", "--resume"};
  const Finished resumed = speak(folder, kY, on, told(12, 24, 100));
  CHECK(lines_of(resumed).back()["best"]["number"] == 14);

  const json best = folder.attune({"best", "s", "--json"}).json();
  CHECK(best["number"] == 14);
  CHECK(best["value"] == 100);
  CHECK(best["params"].contains("y"));
  const json report = folder.attune({"report", "s", "--json"}).json();
  CHECK(report["found"]["best"] == 14);
  for (const json& p : report["found"]["importances"]) CHECK(p["name"] == "y");
  CHECK(folder.attune({"importance", "s", "--json"}).json() == json({{"y", 1.0}}));
  CHECK(folder.attune({"studies", "--json"}).json()[0]["best"] == 100);

  // In that space it goes on without a word; back in the first one its trials count again.
  CHECK(speak(folder, kY, {"--study", "s", "--trials", "0"}, {}).code == 0);
  CHECK(speak(folder, kX, {"--study", "s", "--trials", "0"}, {}).code == 2);
  CHECK(speak(folder, kX, {"--study", "s", "--trials", "0", "--resume"}, {}).code == 0);
  CHECK(folder.attune({"best", "s", "--json"}).json()["value"] == 0);

  const auto tune = [&](const std::string& param, const std::string& command, const char* more) {
    return folder.shell("$ATTUNE tune --study t --sampler random --quiet --param '" + param + "' " +
                        more + " -- sh -c '" + command + "'");
  };
  REQUIRE(tune("x=range(0,1)", "echo {x}", "--trials 3").code == 0);
  REQUIRE(tune("y=range(5,6)", "echo {y}", "--trials 6 --resume").code == 0);
  CHECK(folder.attune({"best", "t", "--json"}).json()["value"] >= 5);
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
