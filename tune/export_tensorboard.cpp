// Event files as TensorBoard reads them: records of protocol buffers, framed by lengths and
// checksums. The handful of messages needed is written by hand; a protocol compiler and its library
// would be many times the size of attune.

#include <bit>
#include <map>

#include <fmt/format.h>

#include "attune/base/internal/crc32c.h"
#include "attune/tune/export.h"
#include "attune/tune/internal/export_folder.h"

namespace attune::tune {
namespace {

using internal::ExportFolder;

// ---- Protocol buffers (protobuf.dev/programming-guides/encoding): fields with a number and a type
// ----

class Message {
 public:
  Message& integer(int field, uint64_t value) {
    varint(static_cast<uint64_t>(field) << 3);
    varint(value);
    return *this;
  }
  Message& real(int field, double value) {
    varint(static_cast<uint64_t>(field) << 3 | 1);
    little_endian(std::bit_cast<uint64_t>(value), 8);
    return *this;
  }
  Message& single(int field, float value) {
    varint(static_cast<uint64_t>(field) << 3 | 5);
    little_endian(std::bit_cast<uint32_t>(value), 4);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint(static_cast<uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }

  void little_endian(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xFF);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

// ---- Events (tensorflow/core/util/event.proto) in records (tensorflow/core/lib/io/record_writer)
// ----

uint32_t masked(std::string_view bytes) {
  const uint32_t sum = attune::internal::crc32c(bytes);
  return (sum >> 15 | sum << 17) + 0xA282EAD8;
}

class EventFile {
 public:
  explicit EventFile(double time) { add(event(time, 0).text(3, "brain.Event:2")); }

  void scalar(double time, int64_t step, const std::string& tag, double value) {
    add(event(time, step)
            .message(5, Message().message(
                            1, Message().text(1, tag).single(2, static_cast<float>(value)))));
  }
  // What the HParams page reads (tensorboard/plugins/hparams/plugin_data.proto).
  void hparams(double time, const std::string& tag, const Message& data) {
    const Message plugin = Message().text(1, "hparams").text(2, data.bytes());
    const Message shape = Message().message(2, Message().integer(1, 1));
    const Message nothing = Message().integer(1, 1).message(2, shape).single(5, 0);
    add(event(time, 0).message(
        5,
        Message().message(
            1,
            Message().text(1, tag).message(8, nothing).message(9, Message().message(1, plugin)))));
  }
  const std::string& bytes() const { return bytes_; }

 private:
  static Message event(double time, int64_t step) {
    Message message;
    message.real(1, time).integer(2, static_cast<uint64_t>(step));
    return message;
  }
  void add(const Message& message) {
    Message length, of_length, of_data;
    length.little_endian(message.bytes().size(), 8);
    of_length.little_endian(masked(length.bytes()), 4);
    of_data.little_endian(masked(message.bytes()), 4);
    bytes_ += length.bytes() + of_length.bytes() + message.bytes() + of_data.bytes();
  }
  std::string bytes_;
};

Message value_of(const ParamValue& value) {  // google.protobuf.Value
  Message message;
  if (const auto* text = std::get_if<std::string>(&value.variant())) return message.text(3, *text);
  if (const auto* flag = std::get_if<bool>(&value.variant()))
    return message.integer(4, *flag ? 1 : 0);
  if (const auto* real = std::get_if<double>(&value.variant())) return message.real(2, *real);
  if (const auto* whole = std::get_if<int64_t>(&value.variant())) {
    return message.real(2, static_cast<double>(*whole));
  }
  return message.integer(1, 0);  // null
}

uint64_t type_of(const ParamValue& value) {  // DataType of api.proto
  if (std::holds_alternative<std::string>(value.variant())) return 1;
  return std::holds_alternative<bool>(value.variant()) ? 2 : 3;
}

std::string tag(const std::string& what, size_t objective, size_t objectives) {
  return objectives == 1 ? what : fmt::format("{}_{}", what, objective);
}

Message experiment(const std::vector<TrialResult>& trials, size_t objectives) {
  Message message;
  std::map<std::string, ParamValue> all;
  for (const TrialResult& trial : trials) {
    for (const auto& [name, value] : trial.params) all.try_emplace(name, value);
  }
  for (const auto& [name, value] : all) {
    message.message(4, Message().text(1, name).integer(4, type_of(value)));
  }
  for (size_t i = 0; i < objectives; ++i) {
    message.message(5, Message().message(1, Message().text(2, tag("value", i, objectives))));
  }
  return Message().message(2, message);
}

std::string run_of(const TrialResult& trial, const TrialRecord& record, size_t objectives) {
  EventFile file(record.started);
  Message params;
  for (const auto& [name, value] : trial.params) {
    params.message(1, Message().text(1, name).message(2, value_of(value)));
  }
  params.text(4, fmt::format("trial {}", trial.number)).real(5, record.started);
  file.hparams(record.started, "_hparams_/session_start_info", Message().message(3, params));
  int64_t last = 0;
  for (const auto& [step, value] : trial.intermediate) {
    last = step;
    const auto several = trial.intermediate_values.find(step);
    for (size_t i = 0; i < objectives; ++i) {
      const bool found = several != trial.intermediate_values.end() && i < several->second.size();
      if (i > 0 && !found) continue;
      file.scalar(record.started, step, tag("report", i, objectives),
                  found ? several->second[i] : value);
    }
  }
  for (size_t i = 0; i < trial.values.size(); ++i) {
    file.scalar(record.ended, last, tag("value", i, objectives), trial.values[i]);
  }
  const uint64_t status = trial.state == State::failed ? 2 : finished(trial.state) ? 1 : 3;
  file.hparams(record.ended, "_hparams_/session_end_info",
               Message().message(4, Message().integer(1, status).real(2, record.ended)));
  return file.bytes();
}

}  // namespace

void export_tensorboard(const StudyView& view, const std::string& to) {
  const std::vector<TrialResult> trials = view.trials();
  const History history = view.history();
  const size_t objectives = view.directions().size();
  ExportFolder folder(to, view.name());
  const double first = trials.empty() ? 0 : history.trials()[0].started;
  EventFile head(first);
  head.hparams(first, "_hparams_/experiment", experiment(trials, objectives));
  folder.write("events.out.tfevents.0.attune", head.bytes());
  for (const TrialResult& trial : trials) {
    folder.write(fmt::format("trial-{:05}/events.out.tfevents.0.attune", trial.number),
                 run_of(trial, history.trials()[static_cast<size_t>(trial.number)], objectives));
  }
  folder.commit();
}

}  // namespace attune::tune
