#include "attune/tensor/io/eigen.h"

#include <doctest/doctest.h>

#include "tests/support/check.h"

#if __has_include(<Eigen/Core>)
#define ATTUNE_TEST_EIGEN
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <Eigen/Core>
#pragma GCC diagnostic pop
#elif __has_include(<eigen3/Eigen/Core>)
#define ATTUNE_TEST_EIGEN
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <eigen3/Eigen/Core>
#pragma GCC diagnostic pop
#endif

#ifdef ATTUNE_TEST_EIGEN
using namespace attune;
using namespace attune::support;

namespace {
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
}

TEST_CASE("eigen: a map of a tensor's elements, and copies back") {
  const Tensor x = random({3, 4}, DType::f32, -1, 1);
  const auto m = eigen_map<Eigen::Map<const Matrix>>(x);
  CHECK(m.data() == x.data<float>().data());
  CHECK(m(1, 2) == x[{1, 2}].item<float>());
  CHECK(max_error(from_eigen((m * m.transpose()).eval()), x.matmul(x.t())) < 1e-6);
  CHECK(max_error(from_eigen(Eigen::MatrixXf(m.transpose())), x.t()) == 0);  // column-major

  const Tensor v = random({4}, DType::f64, -1, 1);
  const auto w = eigen_map<Eigen::Map<const Eigen::VectorXd>>(v);
  CHECK(max_error(from_eigen(Eigen::VectorXd(2 * w)), v * 2) == 0);
  CHECK(eigen_map<Eigen::Map<const Eigen::Vector4d>>(v).sum() == w.sum());

  CHECK_THROWS_AS(eigen_map<Eigen::Map<const Matrix>>(v), ShapeError);
  const Tensor doubles = x.cast(DType::f64), turned = x.t();
  CHECK_THROWS_AS(eigen_map<Eigen::Map<const Matrix>>(doubles), DTypeError);
  CHECK_THROWS_AS(eigen_map<Eigen::Map<const Matrix>>(turned), Error);
  CHECK_THROWS_AS(eigen_map<Eigen::Map<const Eigen::Vector3d>>(v), ShapeError);
}
#endif
