#include "attune/tensor/internal/lapack.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "attune/tensor/internal/block.h"

static_assert(std::is_same_v<blasint, int32_t>, "OpenBLAS with 64-bit integers is not supported");

// Fortran's calling convention: pointers, and at the end the length of each text.
#define ROUTINES(T, p)                                                                             \
  void p##potrf_(const char*, const int*, T*, const int*, int*, size_t);                           \
  void p##getrf_(const int*, const int*, T*, const int*, int*, int*);                              \
  void p##getrs_(const char*, const int*, const int*, const T*, const int*, const int*, T*,        \
                 const int*, int*, size_t);                                                        \
  void p##getri_(const int*, T*, const int*, const int*, T*, const int*, int*);                    \
  void p##gesdd_(const char*, const int*, const int*, T*, const int*, T*, T*, const int*, T*,      \
                 const int*, T*, const int*, int*, int*, size_t);                                  \
  void p##syevd_(const char*, const char*, const int*, T*, const int*, T*, T*, const int*, int*,   \
                 const int*, int*, size_t, size_t);                                                \
  void p##geqrf_(const int*, const int*, T*, const int*, T*, T*, const int*, int*);                \
  void p##orgqr_(const int*, const int*, const int*, T*, const int*, const T*, T*, const int*,     \
                 int*);                                                                            \
  void p##gelsd_(const int*, const int*, const int*, T*, const int*, T*, const int*, T*, const T*, \
                 int*, T*, const int*, int*, int*);
extern "C" {
ROUTINES(float, s)
ROUTINES(double, d)
}

namespace attune::internal {
namespace {

// Memory for `count` numbers.
template <class T>
struct Work {
  explicit Work(int64_t count)
      : memory(make({std::max<int64_t>(count, 1)}, sizeof(T) == 8 ? DType::f64 : DType::f32)) {}
  operator T*() const { return reinterpret_cast<T*>(block(memory).data); }  // NOLINT
  Tensor memory;
};

// call(work, size) twice: asked how much work memory it takes, and with as much.
template <class T, class Call>
void with_work(Call call) {
  T size = 0;
  call(&size, -1);
  // An f32 holds no integer above 2^24 exactly.
  const auto count = static_cast<int64_t>(std::ceil(static_cast<double>(size) * (1 + 1e-6)));
  call(static_cast<T*>(Work<T>(count)), static_cast<int>(count));
}

}  // namespace

#define DEFINITIONS(T, p)                                                                         \
  LapackInt potrf(LapackInt n, T* a) {                                                            \
    int info = 0;                                                                                 \
    p##potrf_("U", &n, a, &n, &info, 1);                                                          \
    return info;                                                                                  \
  }                                                                                               \
  LapackInt getrf(LapackInt n, T* a, LapackInt* pivots) {                                         \
    int info = 0;                                                                                 \
    p##getrf_(&n, &n, a, &n, pivots, &info);                                                      \
    return info;                                                                                  \
  }                                                                                               \
  LapackInt getrs_transposed(LapackInt n, LapackInt columns, const T* a, const LapackInt* pivots, \
                             T* b) {                                                              \
    int info = 0;                                                                                 \
    p##getrs_("T", &n, &columns, a, &n, pivots, b, &n, &info, 1);                                 \
    return info;                                                                                  \
  }                                                                                               \
  LapackInt getri(LapackInt n, T* a, const LapackInt* pivots) {                                   \
    int info = 0;                                                                                 \
    with_work<T>([&](T* work, int size) { p##getri_(&n, a, &n, pivots, work, &size, &info); });   \
    return info;                                                                                  \
  }                                                                                               \
  LapackInt gesdd(LapackInt m, LapackInt n, T* a, T* s, T* u, T* vt) {                            \
    int info = 0, r = std::min(m, n);                                                             \
    const Work<int> integers(8 * int64_t{r});                                                     \
    with_work<T>([&](T* work, int size) {                                                         \
      p##gesdd_("S", &m, &n, a, &m, s, u, &m, vt, &r, work, &size, integers, &info, 1);           \
    });                                                                                           \
    return info;                                                                                  \
  }                                                                                               \
  LapackInt syevd(LapackInt n, T* a, T* values) {                                                 \
    int info = 0;                                                                                 \
    const int count = 3 + 5 * n;                                                                  \
    const Work<int> integers(count);                                                              \
    with_work<T>([&](T* work, int size) {                                                         \
      p##syevd_("V", "U", &n, a, &n, values, work, &size, integers, &count, &info, 1, 1);         \
    });                                                                                           \
    return info;                                                                                  \
  }                                                                                               \
  LapackInt geqrf(LapackInt m, LapackInt n, T* a, T* tau) {                                       \
    int info = 0;                                                                                 \
    with_work<T>([&](T* work, int size) { p##geqrf_(&m, &n, a, &m, tau, work, &size, &info); });  \
    return info;                                                                                  \
  }                                                                                               \
  LapackInt orgqr(LapackInt m, LapackInt r, T* a, const T* tau) {                                 \
    int info = 0;                                                                                 \
    with_work<T>(                                                                                 \
        [&](T* work, int size) { p##orgqr_(&m, &r, &r, a, &m, tau, work, &size, &info); });       \
    return info;                                                                                  \
  }                                                                                               \
  LapackInt gelsd(LapackInt m, LapackInt n, LapackInt columns, T* a, T* b) {                      \
    int info = 0, rank = 0;                                                                       \
    const int rows = std::max(m, n), r = std::min(m, n);                                          \
    const T precision = -1; /* the machine's */                                                   \
    const Work<T> values(r);                                                                      \
    const Work<int> integers(int64_t{r} * (3 * 32 + 11)); /* for halving r up to 32 times */      \
    with_work<T>([&](T* work, int size) {                                                         \
      p##gelsd_(&m, &n, &columns, a, &m, b, &rows, values, &precision, &rank, work, &size,        \
                integers, &info);                                                                 \
    });                                                                                           \
    return info;                                                                                  \
  }                                                                                               \
  void trsm(bool upper, bool unit, LapackInt n, LapackInt columns, const T* a, T* b) {            \
    cblas_##p##trsm(CblasRowMajor, CblasLeft, upper ? CblasUpper : CblasLower, CblasNoTrans,      \
                    unit ? CblasUnit : CblasNonUnit, n, columns, 1, a, n, b, columns);            \
  }
DEFINITIONS(float, s)
DEFINITIONS(double, d)
#undef DEFINITIONS

}  // namespace attune::internal
