// attune man, completion: what --help says, as manual pages and for shells.

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "attune/base/internal/file.h"
#include "attune/base/internal/text.h"
#include "cli/command.h"
#include "cli/manual.h"

namespace attune::cli {
namespace {

struct ManualArguments {
  std::string command, folder;

  void declare(Options options) {
    options.text("COMMAND", command, "The page of this command; without it, that of attune");
    options.text("--into", folder, "All pages, as attune.1, attune-fit.1 ... in this folder");
  }
};

void write_page(const std::filesystem::path& path, const std::string& text) {
  internal::AtomicFile file(path.string());
  file.write(text.data(), text.size());
  file.commit();
}

int print_manual(const CommandLine& commands, const ManualArguments& arguments) {
  const std::vector<SubcommandText> texts = commands.texts();
  if (!arguments.folder.empty()) {
    const std::filesystem::path folder(arguments.folder);
    std::filesystem::create_directories(folder);
    write_page(folder / "attune.1", overview_page(texts));
    for (const SubcommandText& text : texts) {
      write_page(folder / ("attune-" + text.name + ".1"), manual_page(text));
    }
    return kFine;
  }
  if (arguments.command.empty()) return answer(overview_page(texts)), kFine;
  const auto found = std::ranges::find(texts, arguments.command, &SubcommandText::name);
  if (found == texts.end()) {
    throw WrongInput(fmt::format("no command {}; see attune --help", in_quotes(arguments.command)));
  }
  answer(manual_page(*found));
  return kFine;
}

struct CompletionArguments {
  std::string shell = "bash";

  void declare(Options options) {
    options.one_of("SHELL", shell, "bash (default), zsh, fish", {"bash", "zsh", "fish"});
    options.footer("  source <(attune completion bash)");
  }
};

}  // namespace

void add_man(CommandLine& commands) {
  commands.add<ManualArguments>(
      "man", "Manual pages: attune man fit | man -l -",
      [&commands](const ManualArguments& arguments) { return print_manual(commands, arguments); });
}

void add_completion(CommandLine& commands) {
  commands.add<CompletionArguments>("completion", "Completion for a shell",
                                    [&commands](const CompletionArguments& arguments) {
                                      const std::vector<SubcommandText> texts = commands.texts();
                                      answer(arguments.shell == "bash"  ? bash_completion(texts)
                                             : arguments.shell == "zsh" ? zsh_completion(texts)
                                                                        : fish_completion(texts));
                                      return kFine;
                                    });
}

}  // namespace attune::cli
