#pragma once
// Which process runs a trial, so that another can tell whether it still does.

#include <cstdint>
#include <string>
#include <string_view>

namespace attune::tune {

inline constexpr const char* kWorkerAttribute = "attune:worker";

// Stands for whoever runs a trial that was handed out: no process that could be looked up.
inline constexpr const char* kOutsideWorker = R"({"outside": true})";

// JSON naming this process: host (with its boot and its namespace of process numbers), number,
// start time.
std::string this_worker();

// What can be told of the worker that the text names: it lives; it is certainly gone; it is on
// another machine, or was before this one was started anew; or the text names none.
enum class Fate : uint8_t { alive, gone, elsewhere, unknown };
Fate fate_of(std::string_view json);

// "process 4711 on host", for messages.
std::string worker_name(std::string_view json);

}  // namespace attune::tune
