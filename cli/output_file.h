#pragma once
// The file that a command writes its result to (--out): checked before any work, so that it never
// takes the place of something the command reads, and written so that a failure is exit 1.

#include <functional>
#include <string>
#include <vector>

namespace attune::cli {

// A file that the command reads, and what a message calls it: {"the table", "data.csv"}.
struct InputFile {
  std::string what;
  std::string path;  // "": there is none
};

// Whether the result goes to stdout: no file is given, "-", or a name of stdout such as
// /dev/stdout.
bool is_stdout(const std::string& out);

// Call it before any work. WrongInput if `out` is a folder or a device, lies in no folder, or is
// one of the inputs, by whatever name: a link to it too. WorkFailed if its folder takes no new
// file.
void check_output(const std::string& option, const std::string& out,
                  const std::vector<InputFile>& inputs);

// The database of a storage URL as an input; without a path if the storage is no file.
InputFile database_of(const std::string& url);

// Runs what writes the result; an IoError becomes a WorkFailed: it was not the input that failed.
void save_output(const std::function<void()>& write);

}  // namespace attune::cli
