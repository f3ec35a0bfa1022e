#pragma once
// Tensors, their ops, gradients, random numbers and files. Made by script/umbrella.

#include "attune/base/error.h"
#include "attune/base/rng.h"
#include "attune/base/threads.h"
#include "attune/tensor/arguments.h"
#include "attune/tensor/dtype.h"
#include "attune/tensor/half.h"
#include "attune/tensor/io/csv.h"
#include "attune/tensor/io/safetensors.h"
#include "attune/tensor/memory.h"
#include "attune/tensor/shape.h"
#include "attune/tensor/tape.h"
#include "attune/tensor/tensor.h"
