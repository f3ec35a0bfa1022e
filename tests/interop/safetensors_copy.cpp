// safetensors_copy IN OUT: loads a file and saves what it held. For safetensors_check.py.
#include <cstdio>

#include "attune/tensor/io/safetensors.h"

int main(int count, char** arguments) {
  if (count != 3) return 2;
  try {
    const attune::TensorFile file = attune::load_safetensors(arguments[1]);
    attune::save_safetensors(arguments[2], {file.begin(), file.end()}, file.metadata());
  } catch (const attune::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
