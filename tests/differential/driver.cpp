// Runs a batch of cases in attune for tests/differential/compare.py: one JSON object a line,
// tensors in one safetensors file. An error of attune's is a result; a crash ends the program,
// which is a finding.
//
//   driver run CASES.jsonl IN.safetensors OUT.safetensors [FIRST_LINE [END_LINE]]  > results.jsonl
//   driver optim CASES.jsonl IN.safetensors OUT.safetensors                        > results.jsonl

#include <attune/optim.h>
#include <attune/tensor.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <typeinfo>

#include "tests/differential/driver_ops.h"

using namespace attune;

// ---- One case ----

static Tensor with_view(Tensor x, const Json& steps) {
  for (const auto& s : steps) {
    const std::string kind = s[0];
    if (kind == "transpose")
      x = x.transpose(s[1], s[2]);
    else if (kind == "flip")
      x = x.flip(Axes(s[1].get<int>()));
    else if (kind == "expand")
      x = x.expand(shape(s[1]));
    else if (kind == "index")
      x = index(x, s[1]);
    else
      throw std::logic_error("driver: view " + kind);
  }
  return x;
}

static Tensor weighted(const Tensors& ys, const Tensors& weights) {
  Tensor loss;
  for (size_t i = 0; i < ys.size(); ++i) {
    if (!weights[i].defined()) continue;
    const Tensor part = (ys[i] * weights[i]).sum();
    loss = loss.defined() ? loss + part : part;
  }
  return loss;
}

static std::string name_of(const std::exception& e) {
#define IS(type) \
  if (dynamic_cast<const type*>(&e) != nullptr) return #type;
  IS(ShapeError)
  IS(DTypeError)
  IS(IndexError)
  IS(ValueError)
  IS(IoError)
  IS(OutOfMemory)
  IS(Error)
#undef IS
  return std::string("FOREIGN ") + typeid(e).name();
}

static void run_case(const Json& c, const std::map<std::string, Tensor>& in,
                     const std::map<std::string, Op>& ops, NamedTensors& out, Json& result) {
  const std::string id = std::to_string(c["id"].get<int64_t>());
  Tensors bases, xs;
  for (const auto& name : c["in"]) bases.push_back(in.at(name));
  const Json views = c.value("views", Json::object()), args = c.value("args", Json::object());
  const auto viewed = [&](size_t i) {
    const std::string key = std::to_string(i);
    return views.contains(key) ? with_view(bases[i], views[key]) : bases[i];
  };
  const bool chain = c.value("chain", false);  // differentiate through the views, too
  for (size_t i = 0; i < bases.size(); ++i) xs.push_back(chain ? bases[i] : viewed(i));
  const auto run = [&] {
    Tensors at = xs;
    if (chain) {
      for (size_t i = 0; i < at.size(); ++i) at[i] = viewed(i);
    }
    const std::string name = c["op"];
    const auto op = ops.find(name);
    if (op == ops.end()) throw std::logic_error("driver: no op " + name);
    return op->second(at, args);
  };
  const auto keep_all = [&](const char* kind, const Tensors& ys) {
    // A copy: views of impossible shapes must fail here, not when all are saved.
    Tensors copies;
    for (const Tensor& y : ys) copies.push_back(y.clone());
    for (size_t i = 0; i < ys.size(); ++i)
      out.emplace_back(id + kind + std::to_string(i), copies[i]);
  };
  const Tensors ys = run();
  result["n"] = ys.size();
  result["stage"] = "copy";
  keep_all(".o", ys);
  if (!c.contains("grad")) return;

  result["stage"] = "gradient";
  Tensors watched, cots;
  for (const auto& i : c["grad"]) watched.push_back(xs[i.get<size_t>()]);
  for (size_t k = 0; k < ys.size(); ++k) {
    const auto cot = in.find(id + ".c" + std::to_string(k));
    const bool fits = cot != in.end() && cot->second.shape() == ys[k].shape() &&
                      cot->second.dtype() == ys[k].dtype();
    if (cot != in.end() && !fits) return;  // the comparison will say so
    cots.push_back(fits ? cot->second : Tensor());
  }
  if (!c.value("second", false)) {
    Tape tape(watched);
    keep_all(".g", tape.gradient(weighted(run(), cots), watched));
    return;
  }
  Tensors weights;
  for (size_t i = 0; i < watched.size(); ++i)
    weights.push_back(in.at(id + ".d" + std::to_string(i)));
  Tape outer(watched);
  Tensors first;
  {
    Tape inner(watched);
    first = inner.gradient(weighted(run(), cots), watched);
  }
  keep_all(".g", first);
  result["stage"] = "second";
  keep_all(".h", outer.gradient(weighted(first, weights), watched));
}

static int run_cases(int argc, char** argv) {
  const TensorFile file = load_safetensors(argv[3]);
  const std::map<std::string, Tensor> in(file.begin(), file.end());
  const auto ops = make_ops();
  std::ifstream cases(argv[2]);
  const int64_t first = argc > 5 ? std::atoll(argv[5]) : 0;
  const int64_t last = argc > 6 ? std::atoll(argv[6]) : INT64_MAX;
  NamedTensors out;
  std::string line;
  for (int64_t n = 0; std::getline(cases, line); ++n) {
    if (n < first || n >= last) continue;
    const Json c = Json::parse(line);
    Json result = {{"id", c["id"]}, {"line", n}, {"stage", "value"}};
    std::printf("# %lld\n", static_cast<long long>(n));  // if it is the last, this one crashed
    std::fflush(stdout);
    try {
      run_case(c, in, ops, out, result);
      result["stage"] = "done";
    } catch (const std::exception& e) {
      result["error"] = name_of(e);
      result["message"] = e.what();
    }
    std::printf("%s\n", result.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    std::fflush(stdout);
  }
  // After a crash compare.py runs the lines before it again, and then those behind it.
  save_safetensors(argv[4], out);
  return 0;
}

// ---- Optimizers: {"id", "kind", "options", "params": [names], "grads": [[names] of each step]}
// ----

template <class O>
static Tensors steps(O optimizer, Tensors params, const std::vector<Tensors>& grads) {
  for (const Tensors& g : grads)
    optimizer.update(std::span<Tensor>(params), std::span<const Tensor>(g));
  return params;
}

static int run_optim(char** argv) {
  const TensorFile file = load_safetensors(argv[3]);
  std::ifstream cases(argv[2]);
  NamedTensors out;
  std::string line;
  while (std::getline(cases, line)) {
    const Json c = Json::parse(line);
    Json result = {{"id", c["id"]}};
    try {
      Tensors params;
      for (const auto& name : c["params"]) params.push_back(file.at(name));
      std::vector<Tensors> grads;
      for (const auto& step : c["grads"]) {
        grads.emplace_back();
        for (const auto& name : step) grads.back().push_back(file.at(name));
      }
      const Json o = c["options"];
      const auto get = [&](const char* key, double otherwise) { return o.value(key, otherwise); };
      const std::string kind = c["kind"];
      Tensors after;
      if (kind == "SGD") {
        after = steps(optim::SGD({.learning_rate = get("lr", 1e-2),
                                  .momentum = get("momentum", 0),
                                  .dampening = get("dampening", 0),
                                  .nesterov = o.value("nesterov", false),
                                  .weight_decay = get("weight_decay", 0)}),
                      params, grads);
      } else if (kind == "Adam") {
        after = steps(optim::Adam({.learning_rate = get("lr", 1e-3),
                                   .beta1 = get("beta1", 0.9),
                                   .beta2 = get("beta2", 0.999),
                                   .epsilon = get("eps", 1e-8),
                                   .weight_decay = get("weight_decay", 0),
                                   .amsgrad = o.value("amsgrad", false)}),
                      params, grads);
      } else if (kind == "RMSprop") {
        after = steps(optim::RMSprop({.learning_rate = get("lr", 1e-2),
                                      .alpha = get("alpha", 0.99),
                                      .epsilon = get("eps", 1e-8),
                                      .momentum = get("momentum", 0),
                                      .centered = o.value("centered", false),
                                      .weight_decay = get("weight_decay", 0)}),
                      params, grads);
      } else if (kind == "Adagrad") {
        after = steps(optim::Adagrad({.learning_rate = get("lr", 1e-2),
                                      .rate_decay = get("lr_decay", 0),
                                      .initial_accumulator = get("initial_accumulator_value", 0),
                                      .epsilon = get("eps", 1e-10),
                                      .weight_decay = get("weight_decay", 0)}),
                      params, grads);
      } else if (kind == "Adadelta") {
        after = steps(optim::Adadelta({.learning_rate = get("lr", 1),
                                       .rho = get("rho", 0.9),
                                       .epsilon = get("eps", 1e-6),
                                       .weight_decay = get("weight_decay", 0)}),
                      params, grads);
      } else if (kind == "LBFGS") {
        after = steps(optim::LBFGS({.learning_rate = get("lr", 1)}), params, grads);
      } else {
        after = steps(optim::AdamW({.learning_rate = get("lr", 1e-3),
                                    .beta1 = get("beta1", 0.9),
                                    .beta2 = get("beta2", 0.999),
                                    .epsilon = get("eps", 1e-8),
                                    .weight_decay = get("weight_decay", 1e-2),
                                    .amsgrad = o.value("amsgrad", false)}),
                      params, grads);
      }
      for (size_t i = 0; i < after.size(); ++i) {
        out.emplace_back(std::to_string(c["id"].get<int>()) + "." + std::to_string(i), after[i]);
      }
    } catch (const std::exception& e) {
      result["error"] = name_of(e);
      result["message"] = e.what();
    }
    std::printf("%s\n", result.dump().c_str());
  }
  save_safetensors(argv[4], out);
  return 0;
}

int main(int argc, char** argv) {
  ThreadScope one(1);
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "run" && argc >= 5) return run_cases(argc, argv);
  if (mode == "optim" && argc == 5) return run_optim(argv);
  std::fprintf(stderr, "usage: driver run CASES IN OUT [FIRST [END]] | optim CASES IN OUT\n");
  return 2;
}
