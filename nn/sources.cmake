attune_module(nn
  SOURCES
    nn/attention.cpp
    nn/batch_norm.cpp
    nn/call.cpp
    nn/conv.cpp
    nn/ctc.cpp
    nn/dataset.cpp
    nn/dropout.cpp
    nn/embedding.cpp
    nn/ensemble.cpp
    nn/group_norm.cpp
    nn/init.cpp
    nn/layer_norm.cpp
    nn/linear.cpp
    nn/loss.cpp
    nn/module.cpp
    nn/module_file.cpp
    nn/piecewise_linear.cpp
    nn/pair_loss.cpp
    nn/recurrent.cpp
    nn/sequential.cpp
    nn/split.cpp
    nn/standardizer.cpp
    nn/transformer.cpp
  DEPENDS tensor
  PRIVATE attune_fmt
  O2)
