#pragma once
// The one place that writes to the standard streams. What goes to stderr cannot fail: a lost
// terminal, a full disk behind it or a reader that left must not end hours of work. What goes to
// stdout is the answer, and is checked.

#include <string>
#include <string_view>

namespace attune::cli {

// The reader of stdout has left (`| head -1`): the command ends with exit 1 and without a word.
struct ReaderLeft {};

// Puts /dev/null in the place of standard streams that are closed. Otherwise the next file that is
// opened would become stdout or stderr, and would be written over.
void keep_standard_streams_open();

// Writes it all to stdout. WorkFailed if it does not arrive, ReaderLeft if nobody reads it.
void write_answer(std::string_view text);

// Writes to stderr as it is; what cannot be written is lost.
void write_error(std::string_view text) noexcept;

// One line on stderr: control characters are escaped, an endless text is shortened.
void error_line(std::string_view text) noexcept;

// Columns of the terminal behind stderr; 0: it is none, or one whose lines cannot be written over
// (TERM is dumb or not set).
int terminal_columns();

// As much of the text as fits into that many columns, ending in "…" where some is left out.
std::string cut_to_columns(std::string_view text, int columns);

}  // namespace attune::cli
