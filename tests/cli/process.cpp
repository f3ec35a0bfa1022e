#include "tests/cli/process.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace attune::test {

int Finished::error_lines() const {
  std::istringstream lines(err);
  int count = 0;
  for (std::string line; std::getline(lines, line);) count += line.starts_with("attune: ") ? 1 : 0;
  return count;
}

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "attune-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  root_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void Folder::write(const std::string& name, const std::string& text) const {
  std::ofstream(root_ / name, std::ios::binary) << text;
}

std::string Folder::read(const std::string& name) const {
  std::ostringstream text;
  text << std::ifstream(root_ / name, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(root_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(".std")) all.push_back(name);
  }
  std::sort(all.begin(), all.end());
  return all;
}

pid_t Folder::spawn(const std::vector<std::string>& command) const {
  for (const char* stream : {".stdout", ".stderr"}) write(stream, "");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;
  if (chdir(root_.c_str()) != 0) _exit(120);
  const auto redirect = [](const char* name, int flags, int to) {
    const int file = open(name, flags);
    if (file < 0 || dup2(file, to) < 0) _exit(121);
  };
  redirect(".stdin", O_RDONLY, STDIN_FILENO);
  redirect(".stdout", O_WRONLY, STDOUT_FILENO);
  redirect(".stderr", O_WRONLY, STDERR_FILENO);
  unsetenv("ATTUNE_STORAGE");
  setenv("ATTUNE", ATTUNE_COMMAND, 1);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(122);
}

Finished Folder::wait(pid_t process) const {
  int status = 0;
  if (waitpid(process, &status, 0) != process) throw std::runtime_error("waitpid failed");
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, read(".stdout"), read(".stderr")};
}

pid_t Folder::start(std::vector<std::string> arguments) const {
  write(".stdin", "");
  arguments.insert(arguments.begin(), ATTUNE_COMMAND);
  return spawn(arguments);
}

Finished Folder::attune(std::vector<std::string> arguments, const std::string& input) const {
  write(".stdin", input);
  arguments.insert(arguments.begin(), ATTUNE_COMMAND);
  return wait(spawn(arguments));
}

std::string Folder::terminal(std::vector<std::string> arguments, int columns,
                             const char* kind) const {
  winsize size{};
  size.ws_row = 24;
  size.ws_col = static_cast<unsigned short>(columns);
  int side = -1;
  const pid_t child = forkpty(&side, nullptr, nullptr, &size);
  if (child < 0) throw std::runtime_error("forkpty failed");
  if (child == 0) {
    if (chdir(root_.c_str()) != 0) _exit(120);
    setenv("TERM", kind, 1);
    arguments.insert(arguments.begin(), ATTUNE_COMMAND);
    std::vector<char*> words;
    for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execv(words[0], words.data());
    _exit(122);
  }
  std::string shown;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(side, buffer, sizeof(buffer))) > 0;) {
    shown.append(buffer, static_cast<size_t>(n));
  }
  close(side);
  waitpid(child, nullptr, 0);
  return shown;
}

Finished Folder::shell(const std::string& script) const {
  write(".stdin", "");
  return wait(spawn({"/bin/sh", "-c", script}));
}

bool Folder::wait_for(const std::string& text) const {
  for (int i = 0; i < 1500; ++i) {
    if (read(".stderr").find(text) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

}  // namespace attune::test
