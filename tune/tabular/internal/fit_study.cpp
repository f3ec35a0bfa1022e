#include "tune/tabular/internal/fit_study.h"

#include <filesystem>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/document.h"

namespace attune::tune {
namespace {

constexpr char kRecipe[] = "attune:recipe";  // an attribute of the study

// The name of a file may be any bytes, what a study keeps may not.
std::string as_utf8(std::string text) {
  for (size_t flaw = 0; (flaw = utf8_flaw(text)) != std::string::npos;) text[flaw] = '_';
  return text;
}

Document to_json(const SheetOptions& csv) {
  return {{"delimiter", std::string(csv.delimiter ? 1 : 0, csv.delimiter)},
          {"header", static_cast<int>(csv.header)},
          {"encoding", csv.encoding == Encoding::latin1 ? "latin1" : "utf8"},
          {"decimal", std::string(csv.decimal ? 1 : 0, csv.decimal)}};
}

SheetOptions csv_from(const Document& json) {
  SheetOptions csv;
  const std::string delimiter = json.at("delimiter").as<std::string>();
  csv.delimiter = delimiter.empty() ? '\0' : delimiter[0];
  csv.header = static_cast<CsvHeader>(json.at("header").as<int64_t>());
  if (json.has("encoding") && json.at("encoding").as<std::string>() == "latin1") {
    csv.encoding = Encoding::latin1;
  }
  const std::string decimal = json.has("decimal") ? json.at("decimal").as<std::string>() : "";
  if (!decimal.empty()) csv.decimal = decimal[0];
  return csv;
}

Document describe(const FitOptions& o, const Recipe& recipe) {
  return {{"data", as_utf8(std::filesystem::absolute(o.data).string())},
          {"target", o.target},
          {"task", name_of(recipe.target().task())},
          {"validation", o.validation},
          {"test", o.test},
          {"seed", o.seed},
          {"score", name_of(recipe.score())},
          {"group", o.group},
          {"time", o.time},
          {"folds", recipe.folds()},
          {"missing", o.missing},
          {"keep_index", o.keep_index},
          {"csv", to_json(o.csv)},
          {"version", kRecipeVersion},
          {"fingerprint", hash_text(recipe.fingerprint())}};
}

std::string fingerprint_of(const Document& recipe) {
  return recipe.has("fingerprint") ? recipe.at("fingerprint").as<std::string>() : "";
}

// A first row that holds the target's name is names.
Sheet read_table(const std::string& path, SheetOptions options, const std::string& target) {
  options.expected = {target};
  return Sheet::read(path, options);
}

RecipeOptions recipe_options(const FitOptions& o) {
  return {.target = o.target,
          .task = o.task,
          .missing = o.missing,
          .keep_index = o.keep_index,
          .score = o.score,
          .group = o.group,
          .time = o.time,
          .folds = o.folds,
          .validation = o.validation,
          .test = o.test,
          .seed = o.seed};
}

}  // namespace

Recipe recipe_for(const FitOptions& options) {
  return {read_table(options.data, options.csv, options.target), recipe_options(options)};
}

std::string default_study_name(const FitOptions& o, const Recipe& recipe) {
  const uint64_t hash = recipe.fingerprint();
  return fmt::format("{}-{:08x}", as_utf8(std::filesystem::path(o.data).stem().string()),
                     static_cast<uint32_t>(hash ^ hash >> 32));
}

void claim_study(Study& study, const FitOptions& options, const Recipe& made) {
  const Document recipe = describe(options, made);
  const std::optional<std::string> kept = study.attribute(kRecipe);
  if (!kept && study.size() > 0) {
    throw ValueError(fmt::format(
        "fit: study '{}' was not made by fit; choose another name for this one", study.name()));
  }
  const Document before = kept ? Document::parse(*kept) : recipe;
  if (!before.has("version") || before.at("version").dump() != recipe.at("version").dump()) {
    throw ValueError(
        fmt::format("fit: study '{}' was made by another version of attune, which prepared tables "
                    "in another way; choose another name for this one",
                    study.name()));
  }
  if (fingerprint_of(before) != fingerprint_of(recipe)) {
    throw ValueError(
        fmt::format("fit: study '{}' is of other data, another target, split or seed; "
                    "choose another name for this one",
                    study.name()));
  }
  study.set_attribute_json(kRecipe, recipe.dump());
}

Recipe recipe_of(const Study& study, const std::string& data) {
  const std::optional<std::string> kept = study.attribute(kRecipe);
  if (!kept) throw ValueError(fmt::format("study '{}' was not made by fit", study.name()));
  const Document json = Document::parse(*kept);
  const std::string path = data.empty() ? json.at("data").as<std::string>() : data;
  if (!json.has("version") || json.at("version").as<int64_t>() != kRecipeVersion) {
    throw ValueError(
        fmt::format("study '{}' was made by another version of attune, which prepared tables in "
                    "another way",
                    study.name()));
  }
  const std::string target = json.at("target").as<std::string>();
  Recipe recipe(read_table(path, csv_from(json.at("csv")), target),
                {.target = target,
                 .task = json.at("task").as<std::string>() == "regression" ? Task::regression
                                                                           : Task::classification,
                 .missing = json.at("missing").as<std::vector<std::string>>(),
                 .keep_index = json.at("keep_index").dump() == "true",
                 .score = score_named(json.at("score").as<std::string>()),
                 .group = json.at("group").as<std::string>(),
                 .time = json.at("time").as<std::string>(),
                 .folds = json.at("folds").as<int64_t>(),
                 .validation = json.at("validation").as<double>(),
                 .test = json.at("test").as<double>(),
                 .seed = json.at("seed").as<uint64_t>()});
  if (hash_text(recipe.fingerprint()) != fingerprint_of(json)) {
    throw ValueError(
        fmt::format("{} is not the table that study '{}' was made of", path, study.name()));
  }
  return recipe;
}

}  // namespace attune::tune
