attune_module(optim
  SOURCES
    optim/adam.cpp
    optim/clip.cpp
    optim/formula_optimizer.cpp
    optim/optimizer.cpp
    optim/schedule.cpp
    optim/sgd.cpp
    optim/trainer.cpp
  DEPENDS tensor nn
  PRIVATE attune_fmt OpenMP::OpenMP_CXX PkgConfig::HWY)
