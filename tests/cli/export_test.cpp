// attune export for TensorBoard and MLflow. Both programs read what these tests look at byte by
// byte: TensorBoard 2.21's EventAccumulator with its HParams messages, and MLflow 3.17's client.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/cli/process.h"

using namespace attune::test;

namespace {

uint32_t checksum(const std::string& bytes) {  // CRC-32C, bit by bit
  uint32_t sum = 0xFFFFFFFF;
  for (const char c : bytes) {
    sum ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) sum = sum >> 1 ^ (sum & 1 ? 0x82F63B78 : 0);
  }
  sum = ~sum;
  return (sum >> 15 | sum << 17) + 0xA282EAD8;
}

uint64_t number_at(const std::string& bytes, size_t at, size_t size) {
  uint64_t number = 0;
  for (size_t i = 0; i < size; ++i) {
    number |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return number;
}

// The records of an event file, whose lengths and checksums hold.
std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> found;
  for (size_t at = 0; at < file.size();) {
    REQUIRE(file.size() - at >= 16);
    const size_t length = number_at(file, at, 8);
    REQUIRE(number_at(file, at + 8, 4) == checksum(file.substr(at, 8)));
    REQUIRE(file.size() - at >= length + 16);
    found.push_back(file.substr(at + 12, length));
    REQUIRE(number_at(file, at + 12 + length, 4) == checksum(found.back()));
    at += length + 16;
  }
  return found;
}

// Field 5 (summary) { 1 (value) { 1: tag, 2: a float } } behind field 2 (step), as protoc writes
// it.
std::string scalar(int step, const std::string& tag, float value) {
  std::string inner = "\x0a" + std::string(1, static_cast<char>(tag.size())) + tag + "\x15";
  const auto bits = std::bit_cast<uint32_t>(value);
  for (int i = 0; i < 4; ++i) inner += static_cast<char>(bits >> (8 * i) & 0xFF);
  const std::string in_summary = "\x0a" + std::string(1, static_cast<char>(inner.size())) + inner;
  return "\x10" + std::string(1, static_cast<char>(step)) + "\x2a" +
         std::string(1, static_cast<char>(in_summary.size())) + in_summary;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void make_study(const Folder& folder) {
  const Finished end = folder.attune(
      {"tune", "--quiet", "--study", "a/b", "--trials", "2", "--param", "x=values(0.25,0.5)", "--",
       "sh", "-c", "echo attune: step=0 value=8; echo attune: step=7 value=4; echo {x}"});
  REQUIRE(end.code == 0);
}

}  // namespace

TEST_CASE("export: event files for TensorBoard") {
  const Folder folder;
  make_study(folder);
  REQUIRE(folder.attune({"export", "--format", "tensorboard", "--out", "runs"}).code == 0);
  const std::vector<std::string> run =
      records(folder.read("runs/a_b/trial-00001/events.out.tfevents.0.attune"));
  REQUIRE(run.size() == 6);  // the version, the parameters, two reports, the value, the end
  CHECK(has(run[0], "brain.Event:2"));
  CHECK(has(run[1], "_hparams_/session_start_info"));
  CHECK(run[2].ends_with(scalar(0, "report", 8)));
  CHECK(run[3].ends_with(scalar(7, "report", 4)));
  const bool half = run[4].ends_with(scalar(7, "value", 0.5F));
  CHECK((half || run[4].ends_with(scalar(7, "value", 0.25F))));
  CHECK(has(run[5], "_hparams_/session_end_info"));
  const std::vector<std::string> head =
      records(folder.read("runs/a_b/events.out.tfevents.0.attune"));
  REQUIRE(head.size() == 2);
  CHECK(has(head[1], "_hparams_/experiment"));

  const Finished again = folder.attune({"export", "--format", "tensorboard", "--out", "runs"});
  CHECK(again.code != 0);
  CHECK(has(again.err, "is there already"));
  CHECK(folder.attune({"export", "--format", "tensorboard", "--out", "-"}).code == 2);
}

TEST_CASE("export: an experiment of MLflow's file store") {
  const Folder folder;
  make_study(folder);
  REQUIRE(folder.attune({"export", "--format", "mlflow", "--out", "mlruns"}).code == 0);
  const Finished listed = folder.shell(
      "cd mlruns/*/ && cat meta.yaml *1/params/x *1/metrics/report "
      "*1/tags/attune.state *1/meta.yaml");
  CAPTURE(listed.out);
  CAPTURE(listed.err);
  CHECK(has(listed.out, "name: \"a/b\"\n"));
  CHECK(has(listed.out, " 8.0 0\n"));
  CHECK(has(listed.out, " 4.0 7\n"));
  CHECK(has(listed.out, "complete"));
  CHECK(has(listed.out, "status: 3\n"));
  CHECK(has(listed.out, "run_name: trial 1\n"));
}
