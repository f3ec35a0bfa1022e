#include "attune/tune/internal/checkpoints.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune {
namespace {

namespace fs = std::filesystem;
constexpr const char* kCount = "count";  // a file: how many states there are

[[noreturn]] void fail(const std::string& what, const std::string& path,
                       const std::error_code& error) {
  throw IoError(fmt::format("checkpoint '{}': {}: {}", shown_path(path), what, error.message()));
}

std::string state_file(const std::string& folder, size_t place) {
  return fmt::format("{}/{}", folder, place);
}

size_t count_in(const std::string& folder) {
  std::ifstream file(folder + '/' + kCount);
  size_t count = 0;
  return file >> count ? count : 0;
}

// The step that a folder's name says; -2: it is another's.
int64_t step_in(const std::string& name) {
  int64_t step = -2;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data(), end, step);
  return error == std::errc() && at == end ? step : -2;
}

}  // namespace

namespace keeping {

void write_bytes(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) {
    throw IoError(
        fmt::format("checkpoint '{}': {} bytes cannot be written", shown_path(path), bytes.size()));
  }
}

std::vector<std::byte> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = file ? static_cast<std::streamoff>(file.tellg()) : std::streamoff(-1);
  std::vector<std::byte> bytes(static_cast<size_t>(std::max<std::streamoff>(size, 0)));
  file.seekg(0);
  if (size < 0 || !file.read(reinterpret_cast<char*>(bytes.data()), size)) {
    throw IoError(fmt::format("checkpoint '{}': it cannot be read", shown_path(path)));
  }
  return bytes;
}

void wrong_size(const std::string& path, size_t found, size_t wanted) {
  throw IoError(fmt::format("checkpoint '{}': {} bytes where the state has {}", shown_path(path),
                            found, wanted));
}

}  // namespace keeping

void Checkpoint::restore(size_t place, const keeping::StateRef& state, bool forked) const {
  if (place >= states) {
    throw ValueError(fmt::format(
        "checkpointable: the trial named {} states before it was paused, and names more now",
        states));
  }
  if (copies.empty() && !state.load) {
    throw ValueError(fmt::format("checkpointable: state {} cannot be loaded", place));
  }
  if (copies.empty()) return state.load(state.state, state_file(folder, place), forked);
  if (!state.restore(state.state, copies[place], forked)) {
    throw ValueError(fmt::format(
        "checkpointable: state {} was of another type before the trial was paused; name the same "
        "ones in the same order",
        place));
  }
}

// Under another name first, so that what has the name is whole. The one before stays until the next
// is written: the pause may not have been told yet when the process dies.
void save_states(const std::string& whole, std::span<const keeping::StateRef> states) {
  const int64_t step = step_in(fs::path(whole).filename().string());
  const std::string part = fmt::format("{}.{}", whole, ::getpid());
  std::error_code error;
  fs::remove_all(part, error);
  fs::create_directories(part, error);
  if (error) fail("the folder cannot be made", part, error);
  try {
    for (size_t i = 0; i < states.size(); ++i) {
      states[i].save(states[i].state, state_file(part, i));
    }
    const std::string count = fmt::format("{}", states.size());
    keeping::write_bytes(part + '/' + kCount, std::as_bytes(std::span(count)));
  } catch (...) {
    fs::remove_all(part, error);
    throw;
  }
  fs::remove_all(whole, error);
  fs::rename(part, whole, error);
  if (error) fail("it cannot be named", whole, error);

  std::map<int64_t, fs::path> all;  // by step
  for (const auto& entry : fs::directory_iterator(fs::path(whole).parent_path(), error)) {
    all[step_in(entry.path().filename().string())] = entry.path();
  }
  all.erase(-2);
  for (auto one = all.begin(); all.size() > 2 && one->first < step; one = all.erase(one)) {
    fs::remove_all(one->second, error);
  }
}

Checkpoints::Checkpoints(std::string folder) : folder_(std::move(folder)) {}

Checkpoints::~Checkpoints() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void Checkpoints::keep_in_files() {
  const std::lock_guard lock(mutex_);
  if (!folder_.empty()) return;
  std::string name = (fs::temp_directory_path() / "attune-checkpoints-XXXXXX").string();
  if (!::mkdtemp(name.data())) {
    fail("the folder cannot be made", name, {errno, std::generic_category()});
  }
  folder_ = temporary_ = name;
}

std::string Checkpoints::temporary_folder() const {
  const std::lock_guard lock(mutex_);
  return temporary_;
}

std::string Checkpoints::folder() const {
  const std::lock_guard lock(mutex_);
  return folder_;
}

std::string Checkpoints::folder_of(int64_t trial) const {
  return fmt::format("{}/{}", folder(), trial);
}

std::string Checkpoints::path(int64_t trial, int64_t step) const {
  return fmt::format("{}/{}", folder_of(trial), step);
}

void Checkpoints::kept(int64_t trial, int64_t step, size_t states) {
  auto made = std::make_shared<Checkpoint>();
  made->step = step;
  made->states = states;
  made->folder = path(trial, step);
  const std::lock_guard lock(mutex_);
  latest_[trial] = std::move(made);
}

void Checkpoints::keep(int64_t trial, int64_t step, std::span<const keeping::StateRef> states) {
  auto kept = std::make_shared<Checkpoint>();
  kept->step = step;
  kept->states = states.size();
  for (const keeping::StateRef& state : states) kept->copies.push_back(state.copy(state.state));
  const bool savable = !states.empty() && std::all_of(states.begin(), states.end(),
                                                      [](const auto& s) { return s.save; });
  if (savable && !folder().empty()) {
    kept->folder = path(trial, step);
    save_states(kept->folder, states);
  }
  const std::lock_guard lock(mutex_);
  latest_[trial] = std::move(kept);
}

std::shared_ptr<const Checkpoint> Checkpoints::of(int64_t trial, int64_t step) const {
  {
    const std::lock_guard lock(mutex_);
    const auto at = latest_.find(trial);
    if (at != latest_.end() && at->second->step == step) {
      return at->second->states > 0 ? at->second : nullptr;
    }
  }
  if (folder().empty()) return nullptr;
  auto kept = std::make_shared<Checkpoint>();
  kept->step = step;
  kept->folder = path(trial, step);
  kept->states = count_in(kept->folder);
  return kept->states > 0 ? kept : nullptr;
}

void Checkpoints::fork(int64_t parent, int64_t step, int64_t child) {
  const std::shared_ptr<const Checkpoint> kept = of(parent, step);
  if (!kept) return;
  if (!kept->folder.empty()) {
    const std::string from = path(parent, step), to = path(child, step);
    std::error_code error;
    fs::remove_all(to, error);
    fs::create_directories(fs::path(to).parent_path(), error);
    fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::create_hard_links, error);
    if (error) {  // a file system without links
      fs::remove_all(to, error);
      fs::copy(from, to, fs::copy_options::recursive, error);
      if (error) fail("it cannot be copied", from, error);
    }
  }
  auto own = std::make_shared<Checkpoint>(*kept);
  if (!own->original) own->original = kept;
  if (!own->folder.empty()) own->folder = path(child, step);
  const std::lock_guard lock(mutex_);
  latest_[child] = std::move(own);
}

void Checkpoints::drop(int64_t trial) {
  {
    const std::lock_guard lock(mutex_);
    latest_.erase(trial);
  }
  if (folder().empty()) return;
  std::error_code ignored;
  fs::remove_all(folder_of(trial), ignored);
}

void Checkpoints::drop_if(const std::function<bool(int64_t)>& ended) {
  const std::lock_guard lock(mutex_);
  if (latest_.size() < look_at_) return;
  std::erase_if(latest_, [&](const auto& one) { return ended(one.first); });
  look_at_ = std::max<size_t>(64, 2 * latest_.size());
}

}  // namespace attune::tune
