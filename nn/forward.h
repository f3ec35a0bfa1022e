#pragma once
// Names of what a header only refers to: a program that tunes a function includes <attune/tune.h>
// and does not read all of nn for it.

namespace attune {
class Tensor;
namespace nn {
struct Dataset;
class Module;
}  // namespace nn
}  // namespace attune
