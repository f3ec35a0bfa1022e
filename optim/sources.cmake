attune_module(optim
  SOURCES
    optim/adam.cpp
    optim/clip.cpp
    optim/optimizer.cpp
    optim/schedule.cpp
    optim/sgd.cpp
    optim/trainer.cpp
  DEPENDS tensor nn
  PRIVATE fmt::fmt-header-only OpenMP::OpenMP_CXX PkgConfig::HWY)
