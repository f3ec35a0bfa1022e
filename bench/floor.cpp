// The floor: one training step of a ReLU perceptron (softmax cross-entropy, Adam) by hand, in f32.
// No tensors, no graph, no allocation: OpenBLAS and loops. attune is measured against it.
//   attune_floor BATCH IN HIDDEN… OUT

#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

namespace {

using Vector = std::vector<float>;

struct Layer {
  int in, out;
  Vector w, b, gw, gb, mw, vw, mb, vb, y, gy;  // w [in, out]; y, gy [batch, out]
};

void gemm(bool ta, bool tb, int m, int n, int k, const float* a, const float* b, float* c) {
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n,
              k, 1.f, a, ta ? m : k, b, tb ? k : n, 0.f, c, n);
}

void adam(Vector& param, const Vector& grad, Vector& mean, Vector& square, float lr, float c1,
          float c2) {
  float *p = param.data(), *m = mean.data(), *v = square.data();
  const float* g = grad.data();
  const size_t n = param.size();
#pragma omp simd
  for (size_t i = 0; i < n; ++i) {
    m[i] = 0.9f * m[i] + 0.1f * g[i];
    v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
    p[i] -= lr * (m[i] * c1) / (std::sqrt(v[i] * c2) + 1e-8f);
  }
}

void forward(std::vector<Layer>& layers, int batch, const float* x) {
  for (size_t i = 0; i < layers.size(); ++i) {
    Layer& l = layers[i];
    gemm(false, false, batch, l.out, l.in, i ? layers[i - 1].y.data() : x, l.w.data(), l.y.data());
    const bool relu = i + 1 < layers.size();
    const float* b = l.b.data();
    for (int r = 0; r < batch; ++r) {
      float* y = l.y.data() + static_cast<size_t>(r) * l.out;
#pragma omp simd
      for (int c = 0; c < l.out; ++c) {
        const float z = y[c] + b[c];
        y[c] = relu ? (z > 0 ? z : 0) : z;
      }
    }
  }
}

double cross_entropy(Layer& last, int batch, const int* labels) {
  const int classes = last.out;
  double loss = 0;
  for (int r = 0; r < batch; ++r) {
    const float* z = last.y.data() + static_cast<size_t>(r) * classes;
    float* g = last.gy.data() + static_cast<size_t>(r) * classes;
    const float top = *std::max_element(z, z + classes);
    float sum = 0;
    for (int c = 0; c < classes; ++c) g[c] = std::exp(z[c] - top), sum += g[c];
    loss += std::log(sum) + top - z[labels[r]];
    const float scale = 1.f / (sum * batch);
    for (int c = 0; c < classes; ++c) g[c] *= scale;
    g[labels[r]] -= 1.f / batch;
  }
  return loss / batch;
}

void backward(std::vector<Layer>& layers, int batch, const float* x) {
  for (size_t i = layers.size(); i-- > 0;) {
    Layer& l = layers[i];
    gemm(true, false, l.in, l.out, batch, i ? layers[i - 1].y.data() : x, l.gy.data(), l.gw.data());
    std::fill(l.gb.begin(), l.gb.end(), 0.f);
    for (int r = 0; r < batch; ++r) {
      const float* g = l.gy.data() + static_cast<size_t>(r) * l.out;
#pragma omp simd
      for (int c = 0; c < l.out; ++c) l.gb[c] += g[c];
    }
    if (i == 0) continue;
    Layer& below = layers[i - 1];
    gemm(false, true, batch, l.in, l.out, l.gy.data(), l.w.data(), below.gy.data());
    float* g = below.gy.data();
    const float* y = below.y.data();
#pragma omp simd
    for (size_t j = 0; j < below.y.size(); ++j) g[j] = y[j] > 0 ? g[j] : 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return std::fprintf(stderr, "usage: attune_floor BATCH IN HIDDEN... OUT\n"), 2;
  const int batch = std::atoi(argv[1]);
  std::vector<int> sizes;
  for (int i = 2; i < argc; ++i) sizes.push_back(std::atoi(argv[i]));

  std::mt19937 rng(1);
  std::normal_distribution<float> normal;
  std::vector<Layer> layers;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    Layer l{.in = sizes[i], .out = sizes[i + 1]};
    const size_t n = static_cast<size_t>(l.in) * l.out;
    l.w.resize(n);
    for (float& w : l.w) w = normal(rng) * std::sqrt(2.f / l.in);
    l.gw = l.mw = l.vw = Vector(n, 0);
    l.b = l.gb = l.mb = l.vb = Vector(l.out, 0);
    l.y = l.gy = Vector(static_cast<size_t>(batch) * l.out, 0);
    layers.push_back(std::move(l));
  }
  Vector x(static_cast<size_t>(batch) * sizes[0]);
  for (float& v : x) v = normal(rng);
  std::vector<int> labels(batch);
  for (int& v : labels) v = static_cast<int>(rng() % sizes.back());

  const auto step = [&](int number) {
    forward(layers, batch, x.data());
    const double loss = cross_entropy(layers.back(), batch, labels.data());
    backward(layers, batch, x.data());
    const float c1 = 1.f / (1 - std::pow(0.9f, number)), c2 = 1.f / (1 - std::pow(0.999f, number));
    for (Layer& l : layers) {
      adam(l.w, l.gw, l.mw, l.vw, 1e-3f, c1, c2);
      adam(l.b, l.gb, l.mb, l.vb, 1e-3f, c1, c2);
    }
    return loss;
  };

  const double first = step(1);
  double last = first;
  std::vector<double> us;
  for (int i = 0; i < 400; ++i) {
    const auto start = std::chrono::steady_clock::now();
    last = step(i + 1);
    us.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() *
                 1e6);
  }
  std::sort(us.begin(), us.end());
  std::printf("{\"batch\":%d,\"step_us\":%.1f,\"loss0\":%.3f,\"lossN\":%.3f}\n", batch,
              us[us.size() / 2], first, last);
}
