#include "cli/manual.h"

#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/internal/text.h"

namespace attune::cli {
namespace {

// roff takes backslashes, and dots and quotes at the start of a line, for its own.
std::string escaped(const std::string& text) {
  std::string safe;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) safe += "\\&";
    if (c == '\\') {
      safe += "\\e";
    } else if (c == '-') {
      safe += "\\-";
    } else {
      safe += c;
    }
    at_start = c == '\n';
  }
  return safe;
}

std::string header(const std::string& page, const std::string& help) {
  return fmt::format(
      ".TH {} 1 \"\" \"attune {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n",
      escaped(page), ATTUNE_VERSION, escaped(page), escaped(help));
}

bool is_named(const OptionText& option) { return option.name.starts_with('-'); }

std::string usage(const SubcommandText& text) {
  std::string line = fmt::format(".B attune {}\n[OPTIONS]", escaped(text.name));
  for (const OptionText& option : text.options) {
    if (is_named(option)) continue;
    line += escaped(option.required ? " " + option.name : " [" + option.name + "]");
  }
  return line + (text.has_tail ? " \\-\\- COMMAND ...\n" : "\n");
}

std::string in_single_quotes(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::vector<std::string> names_of(const std::vector<SubcommandText>& texts) {
  std::vector<std::string> names;
  for (const SubcommandText& text : texts) names.push_back(text.name);
  return names;
}

// The long names of "-h,--help".
std::string long_name(const OptionText& option) {
  const size_t begin = option.name.find("--");
  return begin == std::string::npos ? option.name : option.name.substr(begin);
}

}  // namespace

std::string overview_page(const std::vector<SubcommandText>& texts) {
  std::string page = header("attune", "hyperparameter tuning and small networks") +
                     ".B attune\nCOMMAND [OPTIONS] ...\n.SH COMMANDS\n";
  for (const SubcommandText& text : texts) {
    page += fmt::format(".TP\n.BR attune\\-{} (1)\n{}\n", escaped(text.name), escaped(text.help));
  }
  return page +
         ".SH EXIT STATUS\n0: fine; 1: the work failed; 2: wrong input; 130: interrupted.\n"
         ".SH ENVIRONMENT\n.TP\nATTUNE_STORAGE\nwhere studies are kept, if \\-\\-storage is not "
         "given.\n.TP\nNO_COLOR\nno colours.\n";
}

std::string manual_page(const SubcommandText& text) {
  std::string page = header("attune-" + text.name, text.help) + usage(text) + ".SH OPTIONS\n";
  for (const OptionText& option : text.options) {
    const std::string value = option.value.empty() || !is_named(option) ? "" : " " + option.value;
    page += fmt::format(".TP\n.B {}\n{}\n", escaped(option.name + value), escaped(option.help));
  }
  if (!text.footer.empty()) {
    page += fmt::format(".SH NOTES\n.nf\n{}\n.fi\n", escaped(text.footer));
  }
  return page + ".SH SEE ALSO\n.BR attune (1)\n";
}

std::string bash_completion(const std::vector<SubcommandText>& texts) {
  std::ostringstream out;
  out << "# bash completion of attune; source it, or put it where bash looks for completions.\n"
         "_attune() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n"
         "  COMPREPLY=()\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      << fmt::format("    words='{} --help --version'\n", fmt::join(names_of(texts), " "))
      << "  else\n    case \"${COMP_WORDS[1]} $before\" in\n";
  for (const SubcommandText& text : texts) {
    for (const OptionText& option : text.options) {
      if (option.choices.empty()) continue;
      out << fmt::format("      '{} {}') words='{}' ;;\n", text.name, long_name(option),
                         fmt::join(option.choices, " "));
    }
  }
  out << "      *) case \"$word\" in -*) case \"${COMP_WORDS[1]}\" in\n";
  for (const SubcommandText& text : texts) {
    std::vector<std::string> names;
    for (const OptionText& option : text.options) {
      if (is_named(option)) names.push_back(long_name(option));
    }
    out << fmt::format("        {}) words='{}' ;;\n", text.name, fmt::join(names, " "));
  }
  out << "      esac ;; esac ;;\n    esac\n  fi\n"
         "  if [ -n \"$words\" ]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _attune attune\n";
  return out.str();
}

std::string zsh_completion(const std::vector<SubcommandText>& texts) {
  // zsh runs bash's: one list to keep right.
  return "#compdef attune\n# zsh completion of attune, by way of bash's.\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_completion(texts);
}

std::string fish_completion(const std::vector<SubcommandText>& texts) {
  std::ostringstream out;
  out << "# fish completion of attune.\n";
  for (const SubcommandText& text : texts) {
    out << fmt::format("complete -c attune -n __fish_use_subcommand -f -a {} -d {}\n", text.name,
                       in_single_quotes(text.help));
    for (const OptionText& option : text.options) {
      if (!is_named(option)) continue;
      out << fmt::format(
          "complete -c attune -n '__fish_seen_subcommand_from {}' -l {} -d {}{}{}\n", text.name,
          long_name(option).substr(2), in_single_quotes(option.help),
          option.value.empty() ? "" : " -r",
          option.choices.empty() ? "" : fmt::format(" -f -a '{}'", fmt::join(option.choices, " ")));
    }
  }
  return out.str();
}

}  // namespace attune::cli
