attune_module(optim
  SOURCES
    optim/adagrad.cpp
    optim/adam.cpp
    optim/clip.cpp
    optim/divergence.cpp
    optim/ema.cpp
    optim/formula_optimizer.cpp
    optim/lbfgs.cpp
    optim/internal/line_search.cpp
    optim/lion.cpp
    optim/optimizer.cpp
    optim/rmsprop.cpp
    optim/schedule.cpp
    optim/sgd.cpp
    optim/step_cost.cpp
    optim/trainer.cpp
  DEPENDS tensor nn
  PRIVATE attune_fmt OpenMP::OpenMP_CXX PkgConfig::HWY)
