#include "attune/tune/samplers/internal/tpe/parzen_estimator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "attune/tune/internal/math/normal.h"

namespace attune::tune::internal {
namespace {

constexpr double kNarrow = 1e-3;   // a slice whose mass is its width times the density
constexpr size_t kNewest = 25;     // observations of full weight
constexpr double kSharpest = 100;  // no kernel is narrower than this part of the range
constexpr size_t kSlots = 64;      // per axis with levels: for the levels around a good one

size_t count_of(const ParzenAxes& axes, ParzenAxis::Kind kind) {
  return static_cast<size_t>(std::count_if(
      axes.begin(), axes.end(), [&](const ParzenAxis& axis) { return axis.kind() == kind; }));
}

}  // namespace

ParzenPoints::ParzenPoints(const ParzenAxes& axes, std::vector<double> coordinates)
    : size_(axes.empty() ? 0 : coordinates.size() / axes.size()),
      coordinates_(std::move(coordinates)),
      log_narrow_(size_) {
  for (const double x : coordinates_) low_.push_back(static_cast<float>(x));
  high_ = low_;
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    if (axes[axis].kind() != ParzenAxis::Kind::levels) continue;
    for (size_t i = 0; i < size_; ++i) {
      const auto [low, high] = axes[axis].slice(coordinate(axis, i));
      if (high - low < kNarrow) {
        high_[axis * size_ + i] = -1;
        log_narrow_[i] += std::log(high - low);
      } else {
        low_[axis * size_ + i] = static_cast<float>(low);
        high_[axis * size_ + i] = static_cast<float>(high);
      }
    }
  }
}

ParzenEstimator::ParzenEstimator(std::shared_ptr<const ParzenAxes> axes, ParzenWeights weights)
    : axes_(std::move(axes)), weighting_(weights) {
  table_.smooth = count_of(*axes_, ParzenAxis::Kind::smooth);
  table_.levels = count_of(*axes_, ParzenAxis::Kind::levels);
  table_.choices = count_of(*axes_, ParzenAxis::Kind::choices);
  places_.resize(numeric());
  log_hit_.resize(table_.choices);
  make_room();
  for (size_t axis = 0; axis < table_.axes(); ++axis) {
    table_.center(axis)[0] = axis < numeric() ? 0.5F : -1.0F;  // no choice has index -1
    table_.gap(axis)[0] = 1;
  }
}

size_t ParzenEstimator::row_of(int64_t number) const {
  return static_cast<size_t>(std::lower_bound(numbers_.begin(), numbers_.end(), number) -
                             numbers_.begin()) +
         1;
}

bool ParzenEstimator::contains(int64_t number) const {
  return std::binary_search(numbers_.begin(), numbers_.end(), number);
}

template <typename F>
void ParzenEstimator::each_column(const F& move) {
  for (size_t c = 0; c < table_.columns(); ++c) move(table_.data + c * table_.stride);
  move(stale_.data() + begin_);
}

// Room for one observation more, and for filling the last block up.
void ParzenEstimator::make_room() {
  const size_t rows = numbers_.empty() && storage_.empty() ? 0 : size() + 1;
  const size_t needed = parzen_padded(size() + 2), before = table_.stride;
  if (begin_ + needed <= before) return;
  // Odd in cache lines, so that a row's columns do not all fall into one set of the cache.
  const size_t stride = 2 * needed <= before ? before : 2 * before + kParzenPad;
  std::vector<float> storage(table_.columns() * stride);
  for (size_t c = 0; c < table_.columns(); ++c) {
    std::copy_n(table_.data + c * before, rows, storage.data() + c * stride);
  }
  storage_ = std::move(storage);
  table_.data = storage_.data();
  table_.stride = stride;
  begin_ = 0;
  stale_.assign(stride, 1);
  slots_.assign(table_.levels * kSlots, {});
  weights_.resize(stride);
  work_.resize(stride);
}

// The width that Bergstra et al. give a kernel: the larger of the distances to its neighbours; at
// the ends, of which the interval's are none, the distance to the one there is.
void ParzenEstimator::update_gap(size_t axis, size_t rank) {
  const std::vector<Place>& places = places_[axis];
  if (rank >= places.size()) return;
  const float x = places[rank].coordinate;
  const bool first = rank == 0, last = rank + 1 == places.size();
  float gap = 0;
  if (first && last) gap = std::max(x, 1 - x);
  if (!first) gap = x - places[rank - 1].coordinate;
  if (!last) gap = std::max(gap, places[rank + 1].coordinate - x);
  const size_t row = row_of(places[rank].number);
  table_.gap(axis)[row] = gap;
  stale_[begin_ + row] = 1;
}

void ParzenEstimator::insert(int64_t number, std::span<const double> coordinates) {
  make_room();
  const size_t row = row_of(number), after = numbers_.size() + 1 - row;
  numbers_.insert(numbers_.begin() + static_cast<std::ptrdiff_t>(row - 1), number);
  each_column(
      [&](auto* column) { std::memmove(column + row + 1, column + row, after * sizeof(*column)); });
  stale_[begin_ + row] = 1;
  for (size_t axis = 0; axis < table_.axes(); ++axis) {
    const auto x = static_cast<float>(coordinates[axis]);
    table_.center(axis)[row] = x;
    table_.gap(axis)[row] = 1;
    if (axis >= numeric()) continue;
    std::vector<Place>& places = places_[axis];
    const Place place{x, static_cast<uint32_t>(number)};
    const auto at = std::lower_bound(places.begin(), places.end(), place);
    const auto rank = static_cast<size_t>(at - places.begin());
    places.insert(at, place);
    update_gap(axis, rank);
    update_gap(axis, rank + 1);
    if (rank > 0) update_gap(axis, rank - 1);
  }
}

void ParzenEstimator::erase(int64_t number) {
  const size_t row = row_of(number), after = numbers_.size() - row;
  std::vector<float> coordinates(numeric());
  for (size_t axis = 0; axis < numeric(); ++axis) coordinates[axis] = table_.center(axis)[row];
  numbers_.erase(numbers_.begin() + static_cast<std::ptrdiff_t>(row - 1));
  const bool full = begin_ + 1 + parzen_padded(numbers_.size() + 1) > table_.stride;
  if (after <= row || full) {
    each_column([&](auto* column) {
      std::memmove(column + row, column + row + 1, after * sizeof(*column));
    });
  } else {  // the oldest goes each time a window is full: what is before it moves up
    each_column([&](auto* column) { std::memmove(column + 1, column, row * sizeof(*column)); });
    ++begin_;
    ++table_.data;
  }
  for (size_t axis = 0; axis < numeric(); ++axis) {
    std::vector<Place>& places = places_[axis];
    const Place place{coordinates[axis], static_cast<uint32_t>(number)};
    const auto at = std::lower_bound(places.begin(), places.end(), place);
    const auto rank = static_cast<size_t>(at - places.begin());
    places.erase(at);
    update_gap(axis, rank);
    if (rank > 0) update_gap(axis, rank - 1);
  }
}

void ParzenEstimator::prepare_weights() {
  const size_t n = size();
  if (n == weighed_) return;
  weighed_ = n;
  const auto count = static_cast<double>(n);
  const size_t ramp = weighting_ == ParzenWeights::ramp && n > kNewest ? n - kNewest : 0;
  std::fill(weights_.begin(), weights_.end(), 0.0F);
  weights_[0] = 1;  // the prior's
  double sum = 1;
  for (size_t j = 0; j < n; ++j) {
    double weight = 1;
    if (j < ramp) weight = 1 / count;
    if (j < ramp && j > 0) {
      weight += (1 - 1 / count) * static_cast<double>(j) / static_cast<double>(ramp - 1);
    }
    weights_[j + 1] = static_cast<float>(weight);
    sum += weight;
  }
  log_weights_ = std::log(sum);
}

// Weights, and widths where something has changed.
void ParzenEstimator::prepare() {
  prepare_weights();
  const size_t rows = size() + 1;
  const auto count = static_cast<double>(size());
  const auto narrowest = static_cast<float>(1 / std::min(kSharpest, count + 2));
  if (narrowest != narrowest_) std::fill(stale_.begin(), stale_.end(), 1);
  narrowest_ = narrowest;
  // The chance of a choice: its count, here 0 or 1, and 1 / kernels for each, normalised.
  for (size_t i = 0; i < table_.choices; ++i) {
    const size_t axis = numeric() + i;
    const auto choices = static_cast<double>((*axes_)[axis].count());
    log_hit_[i] = static_cast<float>(std::log2((count + 2) / (count + 1 + choices)));
    float* log_other = table_.scale(axis);
    log_other[0] = static_cast<float>(-std::log2(choices));
    std::fill(log_other + 1, log_other + rows, static_cast<float>(-std::log2(count + 1 + choices)));
  }
  for (size_t row = 0; row < rows; row += kParzenBlock) {
    char* stale = stale_.data() + begin_ + row;
    if (std::none_of(stale, stale + kParzenBlock, [](char flag) { return flag; })) continue;
    parzen_widths(table_, narrowest_, row);
    std::fill(stale, stale + kParzenBlock, 0);
  }
  // What fills up the last block: priors, whose weights are 0.
  for (size_t c = 0; c < table_.columns(); ++c) {
    float* column = table_.data + c * table_.stride;
    std::fill(column + rows, column + parzen_padded(rows), column[0]);
  }
}

// Rows keep their places in it while begin_ moves up.
ParzenMemo ParzenEstimator::memo(size_t axis, const ParzenPoints& points, size_t point) {
  const ParzenPoint row = points.row(point);
  const float low = row.low[axis * row.stride], high = row.high[axis * row.stride];
  const auto count = static_cast<double>((*axes_)[axis].count());
  const auto level = static_cast<size_t>(points.coordinate(axis, point) * count);
  Slot& slot = slots_[(axis - table_.smooth) * kSlots + level % kSlots];
  if (slot.low != low || slot.high != high) {
    slot.low = low;
    slot.high = high;
    slot.columns.assign(3 * table_.stride, std::numeric_limits<float>::quiet_NaN());
  }
  float* first = slot.columns.data() + begin_;
  return {first, first + table_.stride, first + 2 * table_.stride};
}

std::vector<double> ParzenEstimator::log_density(const ParzenPoints& points) {
  prepare();
  std::vector<double> result(points.size());
  std::vector<ParzenMemo> memos(table_.levels);
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t k = 0; k < memos.size(); ++k) memos[k] = memo(table_.smooth + k, points, i);
    const float sum = parzen_log_sum(table_, weights_.data(), log_hit_.data(), memos.data(),
                                     parzen_padded(size() + 1), points.row(i), work_.data());
    result[i] = std::numbers::ln2 * static_cast<double>(sum) - log_weights_ + points.log_narrow(i);
  }
  return result;
}

std::vector<double> ParzenEstimator::draw(size_t count, Rng& rng) {
  prepare();
  std::vector<double> coordinates(table_.axes() * count);
  const auto kernels = static_cast<double>(size() + 1);
  const double weights = std::exp(log_weights_);
  for (size_t i = 0; i < count; ++i) {
    double rest = rng.uniform() * weights;
    size_t row = 0;
    while (row < size() && (rest -= static_cast<double>(weights_[row])) >= 0) ++row;
    for (size_t axis = 0; axis < table_.axes(); ++axis) {
      const ParzenAxis& a = (*axes_)[axis];
      const auto center = static_cast<double>(table_.center(axis)[row]);
      double x = 0;
      if (axis >= numeric()) {
        const auto choices = static_cast<double>(a.count());
        x = rng.uniform() * (row == 0 ? choices : kernels + choices);
        x = x < choices ? std::floor(x) : center;
      } else {  // at least a third of the normal lies within, so that trying again is quick
        const auto width = static_cast<double>(std::clamp(table_.gap(axis)[row], narrowest_, 1.0F));
        do x = center + width * normal_quantile(rng.uniform());
        while (!(x >= 0 && x <= 1));
        x = a.coordinate(x);
      }
      coordinates[axis * count + i] = x;
    }
  }
  return coordinates;
}

}  // namespace attune::tune::internal
