#pragma once
// Which process runs a trial, so that another can tell whether it still does.

#include <string>
#include <string_view>

namespace attune::tune {

inline constexpr const char* kWorkerAttribute = "attune:worker";

// JSON naming this process: host (with its boot and its namespace of process numbers), number,
// start time.
std::string this_worker();

// True only for a process of this host that is certainly gone.
bool worker_is_gone(std::string_view json);

}  // namespace attune::tune
