// The second set: functions of floats, most from the collection of Surjanovic & Bingham (Virtual
// Library of Simulation Experiments, 2013). Their optima are moved by fixed amounts, off the centre
// and off the bounds. How each minimum is known: exactly (sums of squares), or solved for to 1e-12,
// axis by axis or from the published place; `attune_quality check` compares.

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "problems.h"

namespace attune::quality {
namespace {

using std::numbers::pi;
using Vector = std::vector<double>;

double square(double x) { return x * x; }

Vector minus(const Vector& x, const Vector& shift) {
  Vector z(x.size());
  for (size_t i = 0; i < x.size(); ++i) z[i] = x[i] - shift[i];
  return z;
}

// f with its origin moved: the optimum `at` of f goes to at + shift.
Problem moved(std::string name, const Bounds& bounds, double (*f)(const Vector&), double optimum,
              Vector shift, Vector at) {
  for (size_t i = 0; i < at.size(); ++i) at[i] += shift[i];
  auto g = [f, shift = std::move(shift)](const Vector& x) { return f(minus(x, shift)); };
  return continuous(std::move(name), bounds, std::move(g), optimum, 0, at);
}

double griewank(const Vector& z) {
  double sum = 0, product = 1;
  for (size_t i = 0; i < z.size(); ++i) {
    sum += z[i] * z[i] / 4000;
    product *= std::cos(z[i] / std::sqrt(static_cast<double>(i + 1)));
  }
  return sum - product + 1;
}

double rastrigin(const Vector& z) {
  double sum = 0;
  for (const double v : z) sum += v * v + 10 * (1 - std::cos(2 * pi * v));
  return sum;
}

double michalewicz(const Vector& x) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    sum -= std::sin(x[i]) * std::pow(std::sin(static_cast<double>(i + 1) * x[i] * x[i] / pi), 20);
  }
  return sum;
}

// Every other axis is turned around, so that the optimum is not on the diagonal.
double schwefel(const Vector& x) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double z = i % 2 == 0 ? x[i] : -x[i];
    sum += 418.98288727243374 - z * std::sin(std::sqrt(std::abs(z)));
  }
  return sum;
}

double styblinski(const Vector& x) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double z = i % 2 == 0 ? x[i] : -x[i];
    sum += (z * z * z * z - 16 * z * z + 5 * z) / 2;
  }
  return sum;
}

double dixon_price(const Vector& z) {
  double sum = square(z[0] - 1);
  for (size_t i = 1; i < z.size(); ++i) {
    sum += static_cast<double>(i + 1) * square(2 * z[i] * z[i] - z[i - 1]);
  }
  return sum;
}

double zakharov(const Vector& z) {
  double squares = 0, line = 0;
  for (size_t i = 0; i < z.size(); ++i) {
    squares += z[i] * z[i];
    line += 0.5 * static_cast<double>(i + 1) * z[i];
  }
  return squares + square(line) + square(square(line));
}

double camel(const Vector& z) {
  const double a = z[0] * z[0], b = z[1] * z[1];
  return (4 - 2.1 * a + a * a / 3) * a + z[0] * z[1] + (-4 + 4 * b) * b;
}

// Its logarithm. The factors are at least 1 and 3 anywhere: the lowest value is log 3.
double goldstein(const Vector& z) {
  const double x = z[0], y = z[1];
  const double first =
      1 + square(x + y + 1) * (19 - 14 * x + 3 * x * x - 14 * y + 6 * x * y + 3 * y * y);
  const double second =
      30 + square(2 * x - 3 * y) * (18 - 32 * x + 12 * x * x + 48 * y - 36 * x * y + 27 * y * y);
  return std::log(first * second);
}

double shekel(const Vector& z) {
  constexpr double kWidth[10] = {.1, .2, .2, .4, .4, .6, .3, .7, .5, .5};
  constexpr double kCenter[10][4] = {{4, 4, 4, 4}, {1, 1, 1, 1},    {8, 8, 8, 8}, {6, 6, 6, 6},
                                     {3, 7, 3, 7}, {2, 9, 2, 9},    {5, 3, 5, 3}, {8, 1, 8, 1},
                                     {6, 2, 6, 2}, {7, 3.6, 7, 3.6}};
  double sum = 0;
  for (size_t k = 0; k < 10; ++k) {
    double distance = kWidth[k];
    for (size_t i = 0; i < 4; ++i) distance += square(z[i] - kCenter[k][i]);
    sum -= 1 / distance;
  }
  return sum;
}

// A bowl whose axes differ 10,000-fold in curvature, turned in every plane.
double ellipsoid(const Vector& z) {
  Vector r = z;
  for (size_t i = 0; i < r.size(); ++i) {
    for (size_t j = i + 1; j < r.size(); ++j) {
      const double angle = 0.4 + 0.37 * static_cast<double>(i) + 0.23 * static_cast<double>(j);
      const double a = r[i], b = r[j];
      r[i] = std::cos(angle) * a - std::sin(angle) * b;
      r[j] = std::sin(angle) * a + std::cos(angle) * b;
    }
  }
  double sum = 0;
  for (size_t i = 0; i < r.size(); ++i) {
    sum += std::pow(1e4, static_cast<double>(i) / static_cast<double>(r.size() - 1)) * r[i] * r[i];
  }
  return sum;
}

double hartmann3(const Vector& x) {
  constexpr double kHeight[4] = {1, 1.2, 3, 3.2};
  constexpr double kWidth[4][3] = {{3, 10, 30}, {.1, 10, 35}, {3, 10, 30}, {.1, 10, 35}};
  constexpr double kCenter[4][3] = {
      {3689, 1170, 2673}, {4699, 4387, 7470}, {1091, 8732, 5547}, {381, 5743, 8828}};
  double sum = 0;
  for (size_t k = 0; k < 4; ++k) {
    double exponent = 0;
    for (size_t i = 0; i < 3; ++i) exponent += kWidth[k][i] * square(x[i] - 1e-4 * kCenter[k][i]);
    sum -= kHeight[k] * std::exp(-exponent);
  }
  return sum;
}

// Three of twelve parameters matter.
double few12(const Vector& x) { return hartmann3({x[2], x[7], x[10]}); }

// Four of twenty matter much, the others a thousandth.
double few20(const Vector& z) {
  const double a = z[3], b = z[8], c = z[12], d = z[17];
  double rest = 0;
  for (const double v : z) rest += 1e-3 * v * v;
  return rest + a * a + 3 * square(b - .3 * a * a) + 2 * (1 - std::cos(2 * c)) + .5 * c * c +
         square(d + .5 * c);
}

// The places of Dixon & Price's minimum: 2^-(1 - 2^(1 - i)), i = 1, 2, ...
Vector dixon_place(size_t dims) {
  Vector at;
  for (size_t i = 0; i < dims; ++i) {
    at.push_back(std::pow(2.0, -(1 - std::pow(2.0, -static_cast<double>(i)))));
  }
  return at;
}

}  // namespace

std::vector<Problem> more_problems() {
  constexpr double kHartmann3 = -3.862779787332663;
  const Vector h3 = {0.11458887835703963, 0.5556488958001252, 0.8525469849774382};
  Vector twelve(12, 0.5);
  twelve[2] = h3[0], twelve[7] = h3[1], twelve[10] = h3[2];
  const Vector shift20 = {1.1, -2.3, .4,   2.7, -1.6, 3.2, -.8, 1.9, -2.9, .6,
                          -3,  2.2,  -1.2, 1.4, -.3,  2.5, -2,  .9,  3.4,  -1.7};
  constexpr double kTurn = 2.9035340314007785, kSchwefel = 420.96874878568275;
  std::vector<Problem> all = {
      // Sums of squares, and of such like: exactly 0.
      moved("griewank5", box(5, -100, 100), griewank, 0, {31, -47, 12, 58, -23}, Vector(5)),
      moved("rastrigin4", box(4, -5.12, 5.12), rastrigin, 0, {1.3, -.7, 2.1, -1.9}, Vector(4)),
      // Solved for axis by axis.
      continuous("michalewicz5", box(5, 0, pi), michalewicz, -4.687658179088149, 0,
                 {2.2029055201639234, 1.5707963267912002, 1.2849915705402493, 1.923058469859634,
                  1.7204697725772549}),
      continuous("schwefel3", box(3, -500, 500), schwefel, 0, 0,
                 {kSchwefel, -kSchwefel, kSchwefel}),
      continuous("styblinski5", box(5, -5, 5), styblinski, -5 * 39.16616570377142, 0,
                 {-kTurn, kTurn, -kTurn, kTurn, -kTurn}),
      // Exactly 0; two places.
      moved("dixon6", box(6, -10, 10), dixon_price, 0, {1.1, -2.3, .6, 1.7, -.9, 2.4},
            dixon_place(6)),
      moved("zakharov4", box(4, -5, 10), zakharov, 0, {1.2, -2.1, 4.3, .7}, Vector(4)),
      // Solved for; two places.
      moved("camel", {{-3, 3}, {-2, 2}}, camel, -1.0316284534898774, {.4, -.25},
            {0.08984201491881229, -0.7126564032594386}),
      moved("goldstein", box(2, -2, 2), goldstein, std::log(3.0), {.45, -.3}, {0, -1}),
      moved("shekel4", box(4, 0, 10), shekel, -10.53644315348353, {2.3, -1.7, 1.1, -2.6},
            {4.000746866197736, 3.9995094793336188, 4.000746869033321, 3.999509478916727}),
      moved("ellipsoid8", box(8, -5, 5), ellipsoid, 0, {1.7, -.6, 2.4, -3.1, .3, 1.2, -2.2, 2.9},
            Vector(8)),
      continuous("noisy_branin", {{-5, 10}, {0, 15}}, branin, 0.39788735772973816, 1, {pi, 2.275}),
      continuous("noisy_h3", box(3, 0, 1), hartmann3, kHartmann3, 0.1, h3),
      continuous("few12", box(12, 0, 1), few12, kHartmann3, 0, twelve),
      moved("few20", box(20, -5, 5), few20, 0, shift20, Vector(20)),
  };
  for (Problem& one : more_spaces()) all.push_back(std::move(one));
  return all;
}

}  // namespace attune::quality
