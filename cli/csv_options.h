#pragma once
// The options of a subcommand that say how a table is read.

#include <string>
#include <vector>

#include "attune/tune/tabular/sheet.h"
#include "cli/command.h"

namespace attune::cli {

// Remarks on a table, on stderr: the first few, and how many there are beside them.
inline void notes(const Common& common, const std::vector<std::string>& remarks) {
  constexpr size_t kMost = 8;
  for (size_t i = 0; i < remarks.size() && i < kMost; ++i) note(common, remarks[i]);
  if (remarks.size() > kMost) {
    note(common, "and " + std::to_string(remarks.size() - kMost) + " more remarks of these kinds");
  }
}

struct CsvArguments {
  std::string decimal, delimiter, header = "automatic", encoding = "utf8";

  void declare(Options& options) {
    options.text("--delimiter", delimiter, "Between cells; \"tab\" (default: as it looks)");
    options.one_of("--header", header, "Whether the first row is names: automatic, yes, no",
                   {"automatic", "yes", "no"});
    options.one_of("--encoding", encoding, "Of the table: utf8 (default), latin1",
                   {"utf8", "latin1"});
  }

  // Of a table whose columns are still to be understood.
  void declare_decimal(Options& options) {
    options.one_of("--decimal", decimal, "The decimal sign, , or . (default: as each column looks)",
                   {",", "."});
  }

  tune::SheetOptions options() const {
    tune::SheetOptions o;
    if (!decimal.empty()) o.decimal = decimal[0];
    if (delimiter == "tab" || delimiter == "\\t") {
      o.delimiter = '\t';
    } else if (delimiter.size() == 1) {
      o.delimiter = delimiter[0];
    } else if (!delimiter.empty()) {
      throw WrongInput("--delimiter: one character is needed, not '" + delimiter + "'");
    }
    o.header = header == "yes"  ? CsvHeader::yes
               : header == "no" ? CsvHeader::no
                                : CsvHeader::automatic;
    o.encoding = encoding == "latin1" ? tune::Encoding::latin1 : tune::Encoding::utf8;
    return o;
  }
};

}  // namespace attune::cli
