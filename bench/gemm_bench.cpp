// The matrix products of the networks that bench/run.py trains, attune's door against OpenBLAS, by
// turns on one thread. internal/gemm.cpp chooses by what this shows.
//   attune_gemm [--target avx2] [--rounds N] [M N K LAYOUT]
// LAYOUT: which factors lie transposed, nn, tn, nt or tt. Prints a line of JSON per product: the
// shortest time of each side, and the ratio of times, attune / OpenBLAS, as the ratio of the
// shortest and as the median over the rounds.

#include <cblas.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <attune/tensor.h>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/gemm.h"
#include "attune/tensor/internal/one_blas_thread.h"
#include "bench/target.h"

namespace {

using namespace attune;
using internal::elements;
using internal::Gemm;

struct Product {
  int64_t m, n, k;
  bool ta, tb;
  bool operator==(const Product&) const = default;
};

// Forward, weight gradient and input gradient of each layer of bench/run.py's networks.
std::vector<Product> products_of_networks() {
  std::vector<Product> all;
  const auto add = [&all](const Product& p) {
    if (std::ranges::find(all, p) == all.end()) all.push_back(p);
  };
  for (const std::vector<int64_t>& net :
       std::initializer_list<std::vector<int64_t>>{{16, 64, 128, 10},
                                                   {64, 64, 128, 10},
                                                   {256, 64, 128, 10},
                                                   {64, 64, 64, 64, 64, 10},
                                                   {64, 784, 128, 10},
                                                   {128, 784, 512, 512, 10}}) {
    const int64_t batch = net[0];
    for (size_t i = 1; i + 1 < net.size(); ++i) {
      add({batch, net[i + 1], net[i], false, true});
      add({net[i + 1], net[i], batch, true, false});
      if (i > 1) add({batch, net[i], net[i + 1], false, false});
    }
  }
  for (const int64_t size : {256, 512, 1024}) all.push_back({size, size, size, false, false});
  return all;
}

// The seconds that one call takes, of as many as fill the time.
template <class Body>
double seconds(int calls, const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
}

void measure(const Product& p, int rounds) {
  Rng rng(1);
  const Tensor a = Tensor::randn({p.m * p.k}, rng), b = Tensor::randn({p.k * p.n}, rng),
               c = Tensor::empty({p.m * p.n});
  const Gemm<float> g{.m = p.m,
                      .n = p.n,
                      .k = p.k,
                      .a = elements<float>(a),
                      .a_row = p.ta ? 1 : p.k,
                      .a_column = p.ta ? p.m : 1,
                      .b = elements<float>(b),
                      .b_row = p.tb ? 1 : p.n,
                      .b_column = p.tb ? p.k : 1,
                      .c = elements<float>(c),
                      .c_row = p.n};
  const auto ours = [&] { gemm(g); };
  const auto theirs = [&, size = [](int64_t v) { return static_cast<int>(v); }] {
    cblas_sgemm(CblasRowMajor, p.ta ? CblasTrans : CblasNoTrans, p.tb ? CblasTrans : CblasNoTrans,
                size(p.m), size(p.n), size(p.k), 1, g.a, size(p.ta ? p.m : p.k), g.b,
                size(p.tb ? p.k : p.n), 0, g.c, size(p.n));
  };
  const double once = std::min(seconds(2, theirs), seconds(2, theirs));
  const int calls = std::max(1, static_cast<int>(100e-6 / once));
  std::vector<double> own, blas, ratio;
  for (int i = 0; i < rounds; ++i) {
    own.push_back(seconds(calls, ours));
    blas.push_back(seconds(calls, theirs));
    ratio.push_back(own.back() / blas.back());
  }
  std::ranges::nth_element(ratio, ratio.begin() + rounds / 2);
  const double best = std::ranges::min(own), other = std::ranges::min(blas);
  const double flops = 2e-9 * static_cast<double>(p.m * p.n * p.k);
  std::printf(
      "{\"product\":\"%ldx%ldx%ld %c%c\",\"us\":%.2f,\"openblas_us\":%.2f,\"gflops\":%.1f,"
      "\"openblas_gflops\":%.1f,\"ratio\":%.3f,\"median_ratio\":%.3f}\n",
      static_cast<long>(p.m), static_cast<long>(p.n), static_cast<long>(p.k), p.ta ? 't' : 'n',
      p.tb ? 't' : 'n', best * 1e6, other * 1e6, flops / best, flops / other, best / other,
      ratio[static_cast<size_t>(rounds / 2)]);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  bench::limit_target(argc, argv);
  int rounds = 400;
  std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() >= 2 && words[0] == "--rounds") {
    rounds = std::atoi(words[1].data());
    words.erase(words.begin(), words.begin() + 2);
  }
  if (rounds < 1 || (!words.empty() && (words.size() != 4 || words[3].size() != 2))) {
    return std::fprintf(stderr, "usage: attune_gemm [--target avx2] [--rounds N] [M N K LAYOUT]\n"),
           2;
  }
  const ThreadScope one(1);
  const internal::OneBlasThread one_blas;
  std::vector<Product> products = products_of_networks();
  if (!words.empty()) {
    products = {{std::atoll(words[0].data()), std::atoll(words[1].data()),
                 std::atoll(words[2].data()), words[3][0] == 't', words[3][1] == 't'}};
  }
  for (const Product& p : products) measure(p, rounds);
}
