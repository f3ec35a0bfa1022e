#include "attune/tune/tabular/tabular_model.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "attune/nn/standardizer.h"
#include "attune/optim/trainer.h"
#include "attune/base/error.h"
#include "attune/base/internal/file.h"
#include "attune/base/internal/text.h"
#include "attune/tensor/io/safetensors.h"
#include "attune/tune/internal/document.h"

namespace attune::tune {
namespace {

// Of the file. 1 had other inputs for missing cells, 2 had one network and no pieces.
constexpr int64_t kVersion = 3;
constexpr int64_t kLargest = 1 << 20;  // a layer in a file that claims more is not believed

// All tensors of the file, by the names of one module.
struct Whole : nn::Module {
  Whole(nn::Sequential n, int64_t inputs) : scale(inputs), network(std::move(n)) {
    scale.mean = Tensor::zeros({inputs}, DType::f64);
    scale.std = Tensor::ones({inputs}, DType::f64);
  }
  Tensor forward(const Tensor& x) override { return network(scale(x)); }
  void fields(nn::Fields& f) override { f("scale", scale)("network", network); }
  nn::Standardizer scale;
  nn::Sequential network;
};

}  // namespace

TabularModel TabularModel::mean_of(const std::vector<TabularModel>& models) {
  if (models.empty()) throw ValueError("mean_of: there is no model");
  TabularModel mean = models[0];
  std::vector<nn::Sequential> networks;
  mean.shapes.clear();
  for (const TabularModel& model : models) {
    networks.push_back(model.network);
    mean.shapes.insert(mean.shapes.end(), model.shapes.begin(), model.shapes.end());
  }
  mean.network = mean_of_networks(networks, mean.target.task());
  return mean;
}

Tensor TabularModel::labels(const std::vector<int64_t>& rows) const {
  Tensor known = target.encode(rows);
  if (target.task() == Task::classification) return known;
  return ((known - mean) / deviation).cast(DType::f32).unsqueeze(1);
}

Predictions TabularModel::predict(const Sheet& sheet,
                                  const std::vector<std::string>& missing) const {
  const TypedTable table = encoder.read(sheet, missing);
  Predictions predictions;
  predictions.remarks = encoder.remarks(table);
  predictions.names = {target.column() + "_predicted"};
  const auto has_comma = [](const Column& column) {
    return column.format.kind == ColumnKind::number && column.format.number.decimal == ',';
  };
  const bool comma = target.form().plain ? std::ranges::any_of(table.columns, has_comma)
                                         : target.form().decimal == ',';
  predictions.decimal = comma ? ',' : '.';
  predictions.percent = target.form().percent;
  const Tensor output = nn::predict(network, encoder.encode(table)).cast(DType::f64);
  if (target.task() == Task::regression) {
    predictions.numbers = (output.squeeze(1) * deviation + mean).to_vector<double>();
    return predictions;
  }
  const std::vector<double> probability = output.softmax(1).to_vector<double>();
  const std::vector<std::string>& classes = target.classes();
  predictions.probability.resize(classes.size());
  for (const std::string& name : classes) predictions.names.push_back("p_" + name);
  for (size_t row = 0; row < static_cast<size_t>(sheet.rows()); ++row) {
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
  Whole whole(network, encoder.inputs());
  const Shape inputs = {encoder.inputs()};
  whole.scale.mean = Tensor::from(encoder.mean(), inputs);
  whole.scale.std = Tensor::from(encoder.deviation(), inputs);
  Document networks = Document::array();
  for (const PerceptronShape& shape : shapes) {
    networks.push_back({{"pieces", shape.pieces},
                        {"layers", shape.layers},
                        {"width", shape.width},
                        {"dropout", shape.dropout}});
  }
  const Document json = {{"version", kVersion},
                         {"target", Document::parse(target.to_json())},
                         {"encoder", Document::parse(encoder.to_json())},
                         {"mean", mean},
                         {"deviation", deviation},
                         {"inputs", encoder.inputs()},
                         {"outputs", target.outputs()},
                         {"networks", networks}};
  NamedTensors tensors = whole.named_parameters();
  for (auto& buffer : whole.named_buffers()) tensors.push_back(std::move(buffer));
  save_safetensors(path, tensors, {{"attune", json.dump()}});
}

void TabularModel::rehearse_saving(const std::string& path) const {
  const internal::AtomicFile place(path);  // throws where nothing can be written
  const std::string beside = path + ".rehearsal";
  save(beside);
  std::filesystem::remove(beside);
}

namespace {

// The sizes that a file claims, before anything of that size is made of them.
void check_sizes(const TabularModel& model, const TensorFile& file) {
  int64_t numbers = 2 * model.encoder.inputs(), held = 0;
  for (const PerceptronShape& s : model.shapes) {
    const bool fits = s.inputs == model.encoder.inputs() && s.outputs == model.target.outputs();
    if (!fits || s.layers < 0 || s.layers > 1000 || s.width < 1 || s.width > kLargest ||
        s.pieces < 0 || s.pieces > kLargest) {
      throw ValueError("its sizes contradict each other");
    }
    numbers += count_numbers(s);
  }
  for (const auto& [name, tensor] : file) held += tensor.numel();
  if (numbers != held) {
    throw ValueError(
        fmt::format("a network of its sizes has {} numbers, the file has {}", numbers, held));
  }
}

void check_finite(const std::string& name, const Tensor& tensor) {
  if (!tensor.isfinite().all().item<bool>()) {
    throw ValueError(
        fmt::format("tensor {} holds a number that is NaN or infinite", in_quotes(name)));
  }
}

std::vector<PerceptronShape> shapes_in(const Document& json) {
  std::vector<PerceptronShape> shapes;
  const auto add = [&](const Document& network, int64_t pieces) {
    shapes.push_back({.inputs = json.at("inputs").as<int64_t>(),
                      .outputs = json.at("outputs").as<int64_t>(),
                      .pieces = pieces,
                      .layers = network.at("layers").as<int64_t>(),
                      .width = network.at("width").as<int64_t>(),
                      .dropout = network.at("dropout").as<double>()});
  };
  if (!json.has("networks")) {  // before version 3
    add(json, 0);
    return shapes;
  }
  for (const Document& network : json.at("networks").items()) {
    add(network, network.at("pieces").as<int64_t>());
  }
  if (shapes.empty()) throw ValueError("it has no network");
  return shapes;
}

// Pieces of which one is of no column, or has no width, would make numbers that are none.
void check_pieces(const std::string& name, const Tensor& tensor, int64_t inputs) {
  if (tensor.numel() == 0) return;
  const bool columns = name.ends_with("pieces.column"), widths = name.ends_with("pieces.width");
  const bool bad = columns ? tensor.min().cast(DType::i64).item<int64_t>() < 0 ||
                                 tensor.max().cast(DType::i64).item<int64_t>() >= inputs
                   : widths ? !(tensor.min().cast(DType::f64).item<double>() > 0)
                            : false;
  if (bad) throw ValueError(fmt::format("tensor {} is none of pieces of ranges", in_quotes(name)));
}

TabularModel read_model(const TensorFile& file, const Document& json, const std::string& path) {
  const auto version = json.at("version").as<int64_t>();
  if (version < 1 || version > kVersion) {
    throw ValueError(
        fmt::format("version {} of the format; this attune reads up to {}", version, kVersion));
  }
  TabularModel model{.encoder = TableEncoder::from_json(json.at("encoder").dump()),
                     .target = Target::from_json(json.at("target").dump())};
  model.mean = json.at("mean").as<double>();
  model.deviation = json.at("deviation").as<double>();
  model.shapes = shapes_in(json);
  if (!std::isfinite(model.mean) || !(model.deviation > 0) || !std::isfinite(model.deviation)) {
    throw ValueError("the target's mean or deviation is no number");
  }
  check_sizes(model, file);
  for (const auto& [name, tensor] : file) {
    check_finite(name, tensor);
    check_pieces(name, tensor, model.encoder.inputs());
  }
  Whole whole(make_network(model.shapes, model.target.task()), model.encoder.inputs());
  whole.load(path);
  model.encoder.set_scale(whole.scale.mean.to_vector<double>(),
                          whole.scale.std.to_vector<double>());
  model.network = whole.network;
  model.network.eval();
  return model;
}

}  // namespace

TabularModel TabularModel::load(const std::string& path) {
  const auto refuse = [&](std::string_view why) {
    return IoError(fmt::format("{}: no model of attune fit: {}", shown_path(path), why));
  };
  const TensorFile file = load_safetensors(path);
  const auto entry = file.metadata().find("attune");
  if (entry == file.metadata().end()) throw refuse("its metadata has no entry 'attune'");
  std::optional<Document> json;
  try {
    json = Document::parse(entry->second);
  } catch (const ValueError&) {  // in the words of a library that the user has not heard of
    throw refuse("its description is damaged");
  }
  try {
    return read_model(file, *json, path);
  } catch (const ValueError& e) {
    const std::string_view why = e.what();
    throw refuse(
        why.find("[json.exception") != std::string_view::npos ? "its description is damaged" : why);
  }
}

}  // namespace attune::tune
