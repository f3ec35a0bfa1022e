#pragma once
// The option `--target NAME` of a measuring program: attune and OpenBLAS both keep to an older
// instruction set, as on a processor that has no newer one.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "hwy/targets.h"

namespace bench {

// Acts on a leading `--target avx2` and takes it away from the arguments. OpenBLAS reads its
// variable before main starts, so the program starts itself anew if that is not set yet.
inline void limit_target(int& argc, char**& argv) {
  if (argc < 3 || std::strcmp(argv[1], "--target") != 0) return;
  if (std::strcmp(argv[2], "avx2") != 0) {
    std::fprintf(stderr, "--target: avx2 is the only one, got %s\n", argv[2]);
    std::exit(2);
  }
  if (std::getenv("OPENBLAS_CORETYPE") == nullptr) {
    setenv("OPENBLAS_CORETYPE", "Haswell", 1);
    execv("/proc/self/exe", argv);
  }
  if ((hwy::SupportedTargets() & HWY_AVX2) == 0) {
    std::fprintf(stderr, "--target: this processor has no AVX2\n");
    std::exit(2);
  }
  hwy::SetSupportedTargetsForTest(HWY_AVX2);
  argv[2] = argv[0];
  argc -= 2, argv += 2;
}

}  // namespace bench
