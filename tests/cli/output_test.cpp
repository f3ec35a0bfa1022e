// Where output goes: streams that are closed, full or left by their reader, and terminals. And
// input that is repeated in messages.

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "tests/cli/process.h"
#include "tests/cli/tables.h"

using namespace attune::test;

namespace {

const char kFit[] = "$ATTUNE fit table.csv --target loan --trials 6 --storage memory ";

}  // namespace

TEST_CASE("output: a lost stderr neither aborts nor ends the work") {
  Folder folder;
  folder.write("table.csv", loans(80));
  for (const char* lost : {"2>&-", "2>/dev/full", "2>&1 >answer | true", "0<&- 2>&-"}) {
    CAPTURE(lost);
    const Finished end = folder.shell("{ " + std::string(kFit) + lost + "; }; echo $? >code; " +
                                      "rm -f attune.db; ls");
    const bool pipe = std::string(lost).find('|') != std::string::npos;
    if (!pipe) CHECK(folder.read("code") == "0\n");
    CHECK(end.out.find("model.safetensors") != std::string::npos);
    CHECK(folder.shell("rm -f model.safetensors answer code").code == 0);
  }
  // Errors too: the status is right though nobody can read the message.
  CHECK(folder.shell("$ATTUNE fit absent.csv --target y 2>&-").code == 2);
  CHECK(folder.shell("$ATTUNE fit absent.csv --target y 2>/dev/full").code == 2);
}

TEST_CASE("output: no file becomes the stderr that was closed") {
  Folder folder;
  folder.write("table.csv", loans(80));
  const Finished end = folder.shell(
      "$ATTUNE fit table.csv --target loan --trials 3 --storage sqlite:///a.db >&- 2>&- <&-; "
      "$ATTUNE trials --storage sqlite:///a.db --json");
  CHECK(end.code == 0);
  CHECK(end.json().size() == 3);
  CHECK(folder.read("a.db").starts_with("SQLite format 3"));
}

TEST_CASE("output: an answer that does not arrive is exit 1, with a word unless its reader left") {
  Folder folder;
  CHECK(folder
            .attune({"ask-tell", "--space", R"({"x": {"type": "float", "low": 0, "high": 1}})",
                     "--study", "s", "--trials", "1"},
                    "{\"number\": 0, \"value\": 1}\n")
            .code == 0);
  for (const char* command : {"studies", "trials", "best", "importance", "trials --json", "--help",
                              "--version", "best --help"}) {
    CAPTURE(command);
    const std::string call = "$ATTUNE " + std::string(command);
    const Finished full = folder.shell(call + " >/dev/full");
    CHECK(full.code == 1);
    CHECK(full.says("stdout"));
    const Finished closed = folder.shell(call + " >&-");
    CHECK(closed.code == 1);
    CHECK(closed.says("stdout is closed"));
    CHECK(folder.shell(call + " | true").err.empty());
  }
}

TEST_CASE("output: progress fits the terminal, and is written over only where it can be") {
  Folder folder;
  folder.write("table.csv", loans(80));
  const std::vector<std::string> fit = {"fit",      "table.csv", "--target",  "loan",
                                        "--trials", "6",         "--storage", "memory"};
  const std::string narrow = folder.terminal(fit, 20, "xterm");
  CHECK(narrow.find("\033[K") != std::string::npos);
  for (size_t at = 0; (at = narrow.find('\r', at)) != std::string::npos;) {
    const size_t end = narrow.find("\033[K", ++at);
    if (end == std::string::npos) break;
    const std::string line = narrow.substr(at, end - at);
    if (line.find('\n') != std::string::npos) continue;  // the end of a line, not a redraw
    size_t columns = 0;
    for (const char c : line) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    CAPTURE(line);
    CHECK(columns < 20);
  }
  CHECK(folder.terminal(fit, 120, "xterm").find("6 of 6 trials, best") != std::string::npos);
  // In 40 columns what matters most, in many the best parameters too; --plain writes lines.
  CHECK(folder.terminal(fit, 40, "xterm").find("6 of 6 trials, best ") != std::string::npos);
  CHECK(folder.terminal(fit, 300, "xterm").find(" (lr = ") != std::string::npos);
  std::vector<std::string> lines = fit;
  lines.push_back("--plain");
  const std::string line_by_line = folder.terminal(lines, 120, "xterm");
  CHECK(line_by_line.find('\033') == std::string::npos);
  CHECK(line_by_line.find("6 of 6 trials, best ") != std::string::npos);
  for (const char* kind : {"dumb", ""}) {
    const std::string plain = folder.terminal(fit, 120, kind);
    CHECK(plain.find('\033') == std::string::npos);
    CHECK(plain.find("6 of 6 trials") != std::string::npos);
  }
  const Finished file = folder.attune(fit);
  CHECK(file.err.find_first_of("\r\033") == std::string::npos);
  CHECK(file.says("6 of 6 trials"));
}

TEST_CASE("output: input in messages is escaped and shortened, whatever it is") {
  Folder folder;
  folder.write("table.csv", loans(80));
  const std::string evil = "\033[31mred\nattune: all is well\n" + std::string(60'000, 'x');
  const std::string evil_json = "\\u001b[31mred\\n" + std::string(60'000, 'x');
  const std::vector<std::vector<std::string>> calls = {
      {evil},
      {"--" + evil},
      {"best", evil},
      {"best", "--storage", evil},
      {"best", "--storage", "sqlite:///" + evil},
      {"fit", evil, "--target", "y"},
      {"fit", "table.csv", "--target", evil},
      {"fit", "table.csv", "--target", "loan", "--task", evil},
      {"fit", "table.csv", "--target", "loan", "--sampler", evil},
      {"fit", "table.csv", "--target", "loan", "--pruner", evil},
      {"fit", "table.csv", "--target", "loan", "--timeout", evil},
      {"fit", "table.csv", "--target", "loan", "--trials", evil},
      {"fit", "table.csv", "--target", "loan", "--delimiter", evil},
      {"fit", "table.csv", "--target", "loan", "--out", evil + "/m"},
      {"predict", evil, "table.csv"},
      {"ask-tell", "--space", evil},
      {"ask-tell", "--space", "{" + evil},
      {"ask-tell", "--space", R"({")" + evil_json + R"(": 3})"},
      {"ask-tell", "--space", R"({"x": {"type": ")" + evil_json + R"("}})"},
      {"ask-tell", "--space", R"({"x": {")" + evil_json + R"(": 1}})"},
      {"ask-tell", "--space", R"({"x": {"type": "float", "low": ")" + evil_json + R"("}})"},
      {"ask-tell", "--space",
       R"({"x": {"type": "int", "low": 1, "high": 2, "when": {")" + evil_json + R"(": 1}}})"},
      {"ask-tell", "--space",
       R"({"x": {"type": "categorical", "choices": [")" + evil_json + R"("], "default": 3}})"}};
  for (const std::vector<std::string>& call : calls) {
    const Finished end = folder.attune(call);
    CAPTURE(call.front() + " " + (call.size() > 2 ? call[call.size() - 2] : ""));
    CAPTURE(end.err.substr(0, 300));
    CHECK((end.code == 2 || end.code == 1));
    CHECK(end.out.empty());
    CHECK(end.error_lines() == 1);
    CHECK(end.err.size() < 2100);
    CHECK(end.err.find('\033') == std::string::npos);
  }
}

TEST_CASE("output: tables show names and values on one line, without what a terminal obeys") {
  Folder folder;
  const std::string space =
      R"({"\u001b[31mred\n": {"type": "float", "low": 0, "high": 1},
          "c": {"type": "categorical", "choices": ["\u009b2J\r\nattune: fine", "\u202eb"]}})";
  std::string told = "{\"number\": 0, \"state\": \"failed\", \"reason\": \"a\\n\\u001b[2J\"}\n";
  for (int i = 1; i < 6; ++i) {
    told += "{\"number\": " + std::to_string(i) + ", \"value\": " + std::to_string(i % 3) + "}\n";
  }
  REQUIRE(
      folder
          .attune({"ask-tell", "--space", space, "--study", "\033[1mbold\n", "--trials", "6"}, told)
          .code == 0);
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  for (const char* command : {"studies", "trials", "best", "importance"}) {
    CAPTURE(command);
    const Finished table = folder.attune({command});
    CHECK(table.code == 0);
    CHECK(table.out.find_first_of("\033\r") == std::string::npos);
    CHECK(table.out.find("\xc2\x9b") == std::string::npos);
    CHECK(table.out.find("\u202e") == std::string::npos);
    if (command == std::string("trials")) CHECK(lines(table.out) == 7);
    if (command == std::string("importance")) CHECK(lines(table.out) == 3);
    CHECK(folder.attune({command, "--json"}).json().size() > 0);
  }
  CHECK(folder.attune({"trials"}).out.find(R"(failed: a\n\x1b[2J)") != std::string::npos);
}

TEST_CASE("output: numbers that are none, and numbers that are too large") {
  Folder folder;
  folder.write("table.csv", loans(80));
  const std::pair<std::vector<std::string>, const char*> wrong[] = {
      {{"--trials", "99999999999999999999"}, "--trials must be from"},
      {{"--trials", "1e3"}, "--trials: a whole number is needed, not '1e3'"},
      {{"--trials", ""}, "--trials: a whole number is needed, not ''"},
      {{"--trials", "-"}, "--trials: a whole number is needed"},
      {{"--trials", "0x10"}, "--trials: a whole number is needed"},
      {{"--trials", "-99999999999999999999"}, "--trials must not be negative"},
      {{"--seed", "18446744073709551616"}, "--seed must be from 0 to 18446744073709551615, got"},
      {{"--seed", ""}, "--seed: a whole number is needed, not ''"},
      {{"--seed", "-1"}, "--seed must not be negative, got -1"},
      {{"--seed", "1.5"}, "--seed: a whole number is needed, not '1.5'"},
      {{"--jobs", "99999999999999999999"}, "--jobs must be from 1 to 1024"},
      {{"--threads", "0"}, "--threads must be from 1 to 1024, got 0"}};
  for (const auto& [words, says] : wrong) {
    std::vector<std::string> call = {"fit", "table.csv", "--target", "loan"};
    call.insert(call.end(), words.begin(), words.end());
    const Finished end = folder.attune(call);
    CAPTURE(words[1]);
    CAPTURE(end.err);
    CHECK(end.code == 2);
    CHECK(end.says(says));
  }
  const Finished largest =
      folder.attune({"ask-tell", "--space", R"({"x": {"type": "int", "low": 0, "high": 9}})",
                     "--seed", "18446744073709551615", "--study", "s", "--trials", "+1"},
                    "{\"number\": 0, \"value\": 1}\n");
  CHECK(largest.code == 0);
  for (const char* number : {"99999999999999999999", "-1", "x", ""}) {
    CAPTURE(number);
    const Finished end = folder.attune({"replay", "s", number});
    CHECK(end.code == 2);
    CHECK(end.says("NUMBER"));
  }
}
