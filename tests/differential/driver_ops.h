#pragma once
// The ops that tests/differential/driver.cpp can call by name, and the arguments they take.

#include <attune/tensor.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using Json = nlohmann::json;
using Tensors = std::vector<attune::Tensor>;
using Op = std::function<Tensors(const Tensors&, const Json&)>;

std::map<std::string, Op> make_ops();
attune::Tensor index(const attune::Tensor& x, const Json& list);
attune::Shape shape(const Json& sizes);

// More of them, and arguments that they share.
void add_more_ops(std::map<std::string, Op>& ops);
attune::Scalar scalar(const Json& text);
double number(const Json& text);
attune::Axes axes(const Json& arguments, const char* key = "axes");
attune::KeepDims keep(const Json& arguments);
