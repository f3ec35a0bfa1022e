#pragma once
// How a table is read, as options of a subcommand.

#include <string>

#include "attune/tensor/io/csv.h"
#include "cli/command.h"

namespace attune::cli {

struct CsvArguments {
  std::string delimiter, header = "automatic";

  void declare(Options& options) {
    options.text("--delimiter", delimiter, "Between cells; \"tab\" (default: as it looks)");
    options.one_of("--header", header, "Whether the first row is names: automatic, yes, no",
                   {"automatic", "yes", "no"});
  }

  CsvOptions options() const {
    CsvOptions o;
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
    return o;
  }
};

}  // namespace attune::cli
