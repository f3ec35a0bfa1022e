#pragma once
// A model of all learning curves of a study: what a configuration will have reached after so many
// steps. A Gaussian process over configuration and step, as in freeze-thaw Bayesian optimization
// (Swersky, Snoek and Adams, 2014): losses approach an asymptote, which is a function of the
// configuration, by what decays as the steps go on. In place of their approximation, curves are
// thinned out: early steps tell little that later ones do not.

#include <cstdint>
#include <span>
#include <vector>

namespace attune::tune::internal {

class CurveModel {
 public:
  struct Point {
    std::vector<double> place = {};  // units; of a categorical parameter the choice's number
    int64_t curve = -1;              // the trial; -1: another than all that are known
    double steps = 0;
    double loss = 0;
  };

  // categorical: of each coordinate. `longest`: steps of a whole curve.
  CurveModel(std::vector<Point> points, std::vector<bool> categorical, double longest);

  struct Estimate {
    double mean = 0, deviation = 0;
  };
  // Of the loss itself, without its noise. What lies far above the best is drawn in beforehand.
  Estimate at(const Point& point) const;

  double best() const { return best_; }    // the lowest loss seen
  double scale() const { return scale_; }  // the deviation of all

 private:
  struct Settings {
    std::vector<double> lengths;
    double decay = 1;       // steps until what decays has halved
    double common = 0.5;    // what decays in all curves alike
    double by_place = 0.5;  // and with the configuration
    double own = 0.1;       // in each curve by itself
    double offset = 0.05;   // each curve's own, for good
    double noise = 0.01;
  };
  double covariance(const Settings& s, const Point& a, const Point& b) const;
  std::vector<double> covariances(const Settings& s, std::span<const size_t> some) const;
  double likelihood(const Settings& s, std::span<const size_t> some) const;
  void fit();
  void solve();

  std::vector<Point> points_;
  std::vector<bool> categorical_;
  double longest_, best_ = 0, center_ = 0, scale_ = 1;
  std::vector<double> targets_;
  Settings settings_;
  std::vector<double> factor_, weights_;  // L^-1 and K^-1 y, with K = L L'
};

}  // namespace attune::tune::internal
