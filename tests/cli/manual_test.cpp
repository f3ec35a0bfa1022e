// attune man and completion: everything that --help names is there, and shells take it.

#include <string>

#include <doctest/doctest.h>

#include "tests/cli/process.h"

using namespace attune::test;

TEST_CASE("man: the pages name each command, and each option that --help names") {
  const Folder folder;
  const std::string all = folder.attune({"man"}).out;
  for (const char* command : {"fit", "predict", "tune", "ask-tell", "serve", "doctor", "man"}) {
    const std::string page = folder.attune({"man", command}).out;
    std::string in_roff;
    for (const char c : std::string("attune-") + command) {
      in_roff += c == '-' ? std::string("\\-") : std::string(1, c);
    }
    CHECK(all.find(".BR " + in_roff + " (1)") != std::string::npos);
    CHECK(page.find(".TH " + in_roff + " 1") == 0);
    const std::string help = folder.attune({command, "--help"}).out;
    for (size_t at = help.find("\n  --"); at != std::string::npos;
         at = help.find("\n  --", at + 1)) {
      std::string option = help.substr(at + 5, help.find_first_of(" \n", at + 5) - at - 5);
      for (size_t dash; (dash = option.find('-')) != std::string::npos;) option[dash] = '_';
      std::string plain;
      for (size_t i = 0; i < page.size(); ++i) {
        if (page[i] != '\\') plain += page[i] == '-' ? '_' : page[i];
      }
      CAPTURE(option);
      CHECK(plain.find(".B __" + option) != std::string::npos);
    }
  }
  CHECK(folder.attune({"man", "none"}).code == 2);
  CHECK(folder.attune({"man", "--into", "pages"}).code == 0);
  CHECK(folder.read("pages/attune-fit.1") == folder.attune({"man", "fit"}).out);
}

TEST_CASE("completion: bash completes commands, options, and values of a few") {
  const Folder folder;
  const Finished end = folder.shell(
      "\"$ATTUNE\" completion bash > complete.sh\n"
      "bash -c '. ./complete.sh; complete() { COMP_WORDS=(attune \"$@\"); COMP_CWORD=$#; _attune; "
      "echo ${COMPREPLY[@]}; }\n"
      "complete pre; complete fit --targ; complete fit --sampler baye; complete completion z; "
      "touch table.csv; complete fit tab'");
  CAPTURE(end.err);
  CHECK(end.out == "predict\n--target\nbayesian\n\ntable.csv\n");
  CHECK(folder.attune({"completion", "tcsh"}).code == 2);
  CHECK(folder.attune({"completion", "fish"}).out.find("-a fit -d ") != std::string::npos);
  CHECK(folder.attune({"completion", "zsh"}).out.find("#compdef attune\n") == 0);
}
