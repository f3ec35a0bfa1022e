#pragma once
// check() and fail() for ops: their messages may hold shapes, dtypes and tensors.

#include "attune/base/internal/check.h"
#include "attune/tensor/format.h"
