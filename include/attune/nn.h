#pragma once
// Layers, losses, data sets and the training loop. Made by script/umbrella.

#include "attune/nn/activation.h"
#include "attune/nn/dataset.h"
#include "attune/nn/dropout.h"
#include "attune/nn/embedding.h"
#include "attune/nn/ensemble.h"
#include "attune/nn/fields.h"
#include "attune/nn/init.h"
#include "attune/nn/layer.h"
#include "attune/nn/layer_norm.h"
#include "attune/nn/linear.h"
#include "attune/nn/loss.h"
#include "attune/nn/module.h"
#include "attune/nn/piecewise_linear.h"
#include "attune/nn/sequential.h"
#include "attune/nn/split.h"
#include "attune/nn/standardizer.h"
