#pragma once
// Runs the attune command in a folder of its own, as a user's shell would.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace attune::test {

struct Finished {
  int code = 0;  // exit code; 128 + the signal that killed it
  std::string out, err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
  bool says(const std::string& text) const { return err.find(text) != std::string::npos; }
  int error_lines() const;  // lines of stderr that begin with "attune: "
};

// An empty folder that goes away with it. Commands run there, without ATTUNE_STORAGE.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path(const std::string& name) const { return (root_ / name).string(); }
  void write(const std::string& name, const std::string& text) const;
  std::string read(const std::string& name) const;
  bool has(const std::string& name) const { return std::filesystem::exists(root_ / name); }
  std::vector<std::string> names() const;

  Finished attune(std::vector<std::string> arguments, const std::string& input = "") const;
  Finished shell(const std::string& script) const;  // $ATTUNE is the command
  // What the command writes to a terminal of so many columns, of the kind TERM names.
  std::string terminal(std::vector<std::string> arguments, int columns, const char* kind) const;

  // For signals: begins the command, and waits for its end.
  pid_t start(std::vector<std::string> arguments) const;
  Finished wait(pid_t process) const;
  // Until the started command has written the text to stderr; false after 30 s.
  bool wait_for(const std::string& text) const;

 private:
  pid_t spawn(const std::vector<std::string>& command) const;
  std::filesystem::path root_;
};

}  // namespace attune::test
