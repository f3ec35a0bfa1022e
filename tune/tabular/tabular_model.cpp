#include "attune/tune/tabular/tabular_model.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "attune/nn/activation.h"
#include "attune/nn/dropout.h"
#include "attune/nn/linear.h"
#include "attune/optim/trainer.h"
#include "attune/tensor/error.h"
#include "attune/tensor/io/safetensors.h"
#include "attune/tune/internal/document.h"

namespace attune::tune {
namespace {

constexpr double kFarthest = 10;       // deviations; see TabularModel::inputs
constexpr int64_t kLargest = 1 << 20;  // a layer in a file that claims more is not believed

// All tensors of the file, by the names of one module.
struct Whole : nn::Module {
  explicit Whole(TabularModel& m) : model(m) {}
  Tensor forward(const Tensor& x) override { return model.network(model.scale(x)); }
  void fields(nn::Fields& f) override { f("scale", model.scale)("network", model.network); }
  TabularModel& model;
};

}  // namespace

nn::Sequential make_perceptron(const PerceptronShape& shape, Rng weights, const Rng& dropout) {
  nn::Sequential network;
  int64_t in = shape.inputs;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    network.add(nn::Linear(in, shape.width, weights)).add(nn::ReLU{});
    if (shape.dropout > 0) {
      Rng stream = dropout.fork(layer);
      network.add(nn::Dropout(shape.dropout, stream));
    }
    in = shape.width;
  }
  network.add(nn::Linear(in, shape.outputs, weights));
  return network;
}

Tensor TabularModel::inputs(const Table& table, std::span<const int64_t> rows) const {
  nn::Standardizer standardizer = scale;  // forward() is not const
  return standardizer(encoder.encode(table, rows)).clamp(-kFarthest, kFarthest);
}

Tensor TabularModel::labels(const Table& table, const std::vector<int64_t>& rows) const {
  Tensor known = target.encode(table, rows);
  if (target.task() == Task::classification) return known;
  return ((known - mean) / deviation).cast(DType::f32).unsqueeze(1);
}

Predictions TabularModel::predict(const Table& table) {
  std::vector<int64_t> rows(static_cast<size_t>(table.rows));
  std::iota(rows.begin(), rows.end(), 0);
  Predictions predictions;
  predictions.names = {target.column() + "_predicted"};
  const Tensor output = nn::predict(network, inputs(table, rows)).cast(DType::f64);
  if (target.task() == Task::regression) {
    predictions.numbers = (output.squeeze(1) * deviation + mean).to_vector<double>();
    return predictions;
  }
  const std::vector<double> probability = output.softmax(1).to_vector<double>();
  const std::vector<std::string>& classes = target.classes();
  predictions.probability.resize(classes.size());
  for (const std::string& name : classes) predictions.names.push_back("p_" + name);
  for (size_t row = 0; row < rows.size(); ++row) {
    const auto first = probability.begin() + static_cast<std::ptrdiff_t>(row * classes.size());
    const auto best = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes.size()));
    predictions.classes.push_back(classes[static_cast<size_t>(best - first)]);
    for (size_t c = 0; c < classes.size(); ++c) {
      predictions.probability[c].push_back(probability[row * classes.size() + c]);
    }
  }
  return predictions;
}

void TabularModel::save(const std::string& path) const {
  TabularModel copy = *this;  // fields() is not const
  const Document json = {{"version", 1},
                         {"target", Document::parse(target.to_json())},
                         {"encoder", Document::parse(encoder.to_json())},
                         {"mean", mean},
                         {"deviation", deviation},
                         {"inputs", shape.inputs},
                         {"outputs", shape.outputs},
                         {"layers", shape.layers},
                         {"width", shape.width},
                         {"dropout", shape.dropout}};
  NamedTensors tensors = Whole(copy).named_parameters();
  for (auto& buffer : Whole(copy).named_buffers()) tensors.push_back(std::move(buffer));
  save_safetensors(path, tensors, {{"attune", json.dump()}});
}

TabularModel TabularModel::load(const std::string& path) {
  const auto refuse = [&](std::string_view why) {
    return IoError(fmt::format("{}: no model of attune fit: {}", path, why));
  };
  const auto file = load_safetensors(path);
  const auto entry = file.metadata().find("attune");
  if (entry == file.metadata().end()) throw refuse("its metadata has no entry 'attune'");
  try {
    const Document json = Document::parse(entry->second);
    if (json.at("version").as<int64_t>() != 1) throw refuse("it was made by a newer version");
    TabularModel model{.encoder = TableEncoder::from_json(json.at("encoder").dump()),
                       .target = Target::from_json(json.at("target").dump())};
    model.mean = json.at("mean").as<double>();
    model.deviation = json.at("deviation").as<double>();
    model.shape = {.inputs = json.at("inputs").as<int64_t>(),
                   .outputs = json.at("outputs").as<int64_t>(),
                   .layers = json.at("layers").as<int64_t>(),
                   .width = json.at("width").as<int64_t>(),
                   .dropout = json.at("dropout").as<double>()};
    const PerceptronShape& s = model.shape;
    const bool sizes = s.inputs == model.encoder.inputs() && s.outputs == model.target.outputs();
    if (!sizes || s.layers < 0 || s.layers > 1000 || s.width < 1 || s.width > kLargest) {
      throw refuse("its sizes contradict each other");
    }
    model.scale = nn::Standardizer(s.inputs);
    model.network = make_perceptron(s, Rng(0), Rng(0));
    Whole(model).load(path);
    model.network.eval();
    return model;
  } catch (const ValueError& e) {
    throw refuse(e.what());
  }
}

}  // namespace attune::tune
