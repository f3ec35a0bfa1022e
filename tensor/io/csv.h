#pragma once
// Tables from text files: comma-separated values, by RFC 4180 and as found in the wild.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "attune/tensor/tensor.h"

namespace attune {

enum class CsvHeader : uint8_t { automatic, yes, no };

struct CsvOptions {
  char delimiter = 0;  // 0: whichever of , ; and tab splits the first rows alike
  // automatic: the first row is names unless one of its cells is a number or all are empty.
  CsvHeader header = CsvHeader::automatic;
  // Cells that mean "not known", as empty ones do. Spaces around a cell are ignored.
  std::vector<std::string> missing{"NA", "N/A", "NaN", "nan", "NULL", "null", "?"};
};

// A column is numbers if every cell is one or is missing (then NaN), else text (missing: "").
using CsvColumn = std::variant<std::vector<double>, std::vector<std::string>>;

struct Table {
  std::vector<std::string> names;  // "column1", … where the file gives none
  std::vector<CsvColumn> columns;
  int64_t rows = 0;

  size_t index_of(const std::string& name) const;  // ValueError names what there is
  bool is_number(size_t column) const {
    return std::holds_alternative<std::vector<double>>(columns[column]);
  }
  // [rows, columns], of the columns named or of all. DTypeError if one is text, or holds a finite
  // number that would be infinite in `dtype`; ShapeError if one was given another number of rows.
  Tensor to_tensor(const std::vector<std::string>& of = {}, DType dtype = DType::f32) const;
};

// Quoted cells may hold delimiters, line ends and doubled quotes; lines end in LF, CRLF or CR;
// empty lines and a byte-order mark are skipped. Numbers are read the same in every locale; one
// beyond a double is infinite. IoError names the file and the line of a row with too many or too
// few cells, of an open quote, and the byte that shows a file not to be text.
Table read_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace attune
