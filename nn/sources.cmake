attune_module(nn
  SOURCES
    nn/call.cpp
    nn/dataset.cpp
    nn/dropout.cpp
    nn/embedding.cpp
    nn/ensemble.cpp
    nn/init.cpp
    nn/layer_norm.cpp
    nn/linear.cpp
    nn/loss.cpp
    nn/module.cpp
    nn/module_file.cpp
    nn/piecewise_linear.cpp
    nn/sequential.cpp
    nn/split.cpp
    nn/standardizer.cpp
  DEPENDS tensor
  PRIVATE attune_fmt
  O2)
