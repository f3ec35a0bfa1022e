#pragma once
// All of attune.

#include "attune/tensor.h"
#include "attune/nn.h"
#include "attune/optim.h"
#include "attune/tune.h"
#include "attune/tabular.h"
