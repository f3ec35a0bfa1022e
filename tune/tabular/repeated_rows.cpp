#include "attune/tune/tabular/repeated_rows.h"

#include <bit>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

namespace attune::tune {
namespace {

constexpr int64_t kLeastKinds = 10;  // with fewer kinds of rows there is nothing to divide

uint64_t mix(uint64_t hash, uint64_t value) {
  return std::rotl((hash ^ value) * 0x9E3779B97F4A7C15, 31) * 0xD6E8FEB86659FD93;
}

std::vector<uint64_t> hash_rows(const TypedTable& table) {
  std::vector<uint64_t> hashes(static_cast<size_t>(table.sheet.rows()), 1);
  for (const Column& column : table.columns) {
    const bool category = column.format.kind == ColumnKind::category;
    for (size_t row = 0; row < hashes.size(); ++row) {
      if (category) {
        hashes[row] = mix(hashes[row], static_cast<uint64_t>(int64_t{column.codes[row]}));
      } else {
        const double value = column.numbers[row];
        hashes[row] =
            mix(hashes[row], std::isnan(value) ? 7 : std::bit_cast<uint64_t>(value + 0.0));
      }
    }
  }
  return hashes;
}

}  // namespace

RepeatedRows find_repeated_rows(const TypedTable& table, const Target& target) {
  const std::vector<uint64_t> hashes = hash_rows(table);
  struct Kind {
    int64_t number, first;
  };
  std::unordered_map<uint64_t, Kind> kinds;
  std::unordered_set<uint64_t> whole;  // with the target
  RepeatedRows found{.groups = std::vector<int64_t>(hashes.size(), -1)};
  int64_t equal = 0, contrary = 0;  // rows that are not the first of their kind
  for (const int64_t row : target.rows()) {
    const uint64_t hash = hashes[static_cast<size_t>(row)];
    const auto [kind, is_new] = kinds.try_emplace(hash, Kind{std::ssize(kinds), row});
    found.groups[static_cast<size_t>(row)] = kind->second.number;
    if (!whole.insert(mix(hash, std::bit_cast<uint64_t>(target.value(row)))).second) {
      ++found.repeats;
    }
    if (is_new) continue;
    ++equal;
    contrary += target.value(row) != target.value(kind->second.first);
  }
  found.kinds = std::ssize(kinds);
  found.too_few = found.kinds < kLeastKinds;
  if (equal == 0 || 10 * contrary > equal || found.too_few) found.groups.clear();
  return found;
}

}  // namespace attune::tune
