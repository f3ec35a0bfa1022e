#pragma once
// Optimizers, learning-rate schedules and gradient clipping. Made by script/umbrella.

#include "attune/optim/adagrad.h"
#include "attune/optim/adam.h"
#include "attune/optim/adamw.h"
#include "attune/optim/clip.h"
#include "attune/optim/divergence.h"
#include "attune/optim/ema.h"
#include "attune/optim/formula_optimizer.h"
#include "attune/optim/lbfgs.h"
#include "attune/optim/lion.h"
#include "attune/optim/optimizer.h"
#include "attune/optim/rmsprop.h"
#include "attune/optim/schedule.h"
#include "attune/optim/sgd.h"
#include "attune/optim/step_cost.h"
#include "attune/optim/trainer.h"
