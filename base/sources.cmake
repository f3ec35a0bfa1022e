attune_module(base
  SOURCES
    base/rng.cpp
    base/threads.cpp
    base/internal/crc32c.cpp
    base/internal/file.cpp
    base/internal/text.cpp
  PRIVATE OpenMP::OpenMP_CXX attune_fmt)
