#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "attune/tensor/io/csv.h"

using namespace attune;

namespace {

using Numbers = std::vector<double>;
using Texts = std::vector<std::string>;

struct File {
  std::string path =
      (std::filesystem::temp_directory_path() / ("attune_csv_" + std::to_string(getpid()) + ".csv"))
          .string();
  explicit File(const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
  ~File() { std::filesystem::remove(path); }
};

Table read(const std::string& text, const CsvOptions& options = {}) {
  return read_csv(File(text).path, options);
}
Numbers numbers(const Table& table, size_t column) {
  return std::get<Numbers>(table.columns.at(column));
}
Texts texts(const Table& table, size_t column) { return std::get<Texts>(table.columns.at(column)); }

// What reading fails with, without the path in front.
std::string message(const std::string& text, const CsvOptions& options = {}) {
  const File file(text);
  try {
    read_csv(file.path, options);
  } catch (const IoError& e) {
    const std::string what = e.what();
    REQUIRE(what.starts_with(file.path + ": "));
    return what.substr(file.path.size() + 2);
  }
  return "read";
}

}  // namespace

TEST_CASE("csv: names, numbers and text") {
  const Table t = read("x,kind,y\n1,red,2.5\n-3e2,blue,.5\n");
  CHECK(t.names == Texts{"x", "kind", "y"});
  CHECK(t.rows == 2);
  CHECK(numbers(t, 0) == Numbers{1, -300});
  CHECK(texts(t, 1) == Texts{"red", "blue"});
  CHECK(numbers(t, 2) == Numbers{2.5, 0.5});
  CHECK(t.is_number(0));
  CHECK(!t.is_number(1));
}

TEST_CASE("csv: quoted cells by RFC 4180") {
  const Table t =
      read("a,b\n\"x, y\",\"say \"\"hi\"\"\"\n\"two\nlines\",\"\"\n\"5\",plain\"quote\n");
  CHECK(texts(t, 0) == Texts{"x, y", "two\nlines", "5"});
  CHECK(texts(t, 1) == Texts{"say \"hi\"", "", "plain\"quote"});
  CHECK(numbers(read("n\n\"1\"\n\"2\"\n"), 0) == Numbers{1, 2});
}

TEST_CASE("csv: line ends of any kind, empty lines, a byte-order mark, no last line end") {
  for (const char* text : {"a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4",
                           "\xEF\xBB\xBF"
                           "a,b\n\n1,2\n\n3,4\n\n",
                           "\r\na,b\r\n1,2\n3,4"}) {
    CAPTURE(text);
    const Table t = read(text);
    CHECK(t.names == Texts{"a", "b"});
    CHECK(numbers(t, 0) == Numbers{1, 3});
    CHECK(numbers(t, 1) == Numbers{2, 4});
  }
}

TEST_CASE("csv: the delimiter is found, or given") {
  for (const char c : {',', ';', '\t'}) {
    std::string text = "a|b|c\n1|2|3\n4|5|6\n";
    std::ranges::replace(text, '|', c);
    CHECK(read(text).names == Texts{"a", "b", "c"});
  }
  CHECK(read("1,5;2,5\n3,5;4,5\n").columns.size() == 2);       // each splits them alike
  CHECK(read("a b;c\n1,5;2,5\n").names == Texts{"a b", "c"});  // decimal commas
  CHECK(texts(read("a b;c\n1,5;2,5\n"), 0) == Texts{"1,5"});
  CHECK(read("a,b\n\"x;y;z\",2\n").names == Texts{"a", "b"});  // inside quotes
  CHECK(read("note;a\n\"x, y, z\";1\n").names == Texts{"note", "a"});
  CHECK(read("a|b\n1|2\n", {.delimiter = '|'}).names == Texts{"a", "b"});
  CHECK(read("one\n1\n2\n").names == Texts{"one"});
}

TEST_CASE("csv: whether the first row is names") {
  CHECK(read("1,2\n3,4\n").names == Texts{"column1", "column2"});
  CHECK(read("1,2\n3,4\n").rows == 2);
  CHECK(read("a,2\nb,4\n").rows == 2);
  CHECK(read("a,b\nc,d\n").rows == 1);
  CHECK(read("a,b\nc,d\n", {.header = CsvHeader::no}).rows == 2);
  CHECK(read("1,2\n3,4\n", {.header = CsvHeader::yes}).names == Texts{"1", "2"});
  CHECK(read(",b\n1,2\n").names == Texts{"column1", "b"});
  CHECK(read("a,b\n").rows == 0);
}

TEST_CASE("csv: missing cells") {
  const Table t = read("x,kind,none\n1,a,\n,?,NA\nNaN,b,\nnan , NA ,?\n");
  const Numbers x = numbers(t, 0);
  CHECK(x[0] == 1);
  CHECK(std::isnan(x[1]));
  CHECK(std::isnan(x[2]));
  CHECK(std::isnan(x[3]));
  CHECK(texts(t, 1) == Texts{"a", "", "b", ""});
  for (const double e : numbers(t, 2)) CHECK(std::isnan(e));
  CHECK(texts(read("a\n1\n-\n"), 0) == Texts{"1", "-"});
  CHECK(std::isnan(numbers(read("a\n1\n-\n", {.missing = {"-"}}), 0)[1]));
}

TEST_CASE("csv: numbers at the ends of a double, and what only looks like one") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(numbers(read("a\n1e999\n-1e999\n1e-999\n+2\n 3 \n1e99999\n-1e-99999\ninf\n"), 0) ==
        Numbers{infinity, -infinity, 0, 2, 3, infinity, 0, infinity});
  CHECK(numbers(read("a\n123456789012345678\n0.1\n4e-320\n"), 0) ==
        Numbers{123456789012345678.0, 0.1, 4e-320});
  const std::string zeros(6000, '0'), huge = "1e" + std::string(30, '9');
  CHECK(numbers(read("a\n0." + zeros + "1\n-1" + zeros + "\n0." + zeros + "1e6001\n" + huge +
                     "\n1e-" + huge.substr(2) + "\n"),
                0) == Numbers{0, -infinity, 1, infinity, 0});
  for (const char* text : {"1.2.3", "12a", "1,5", "0x10", "+-1", "1 2", "--1", "e5"}) {
    CAPTURE(text);
    CHECK(texts(read(std::string("a;b\n") + text + ";1\n"), 0) == Texts{text});
  }
}

TEST_CASE("csv: as a tensor") {
  const Table t = read("x,kind,y\n1,red,2\n3,blue,4\n5,red,\n");
  const Tensor x = t.to_tensor({"y", "x"});
  CHECK(x.shape() == Shape{3, 2});
  CHECK(x.dtype() == DType::f32);
  CHECK(x.narrow(0, 0, 2).to_vector<float>() == std::vector<float>{2, 1, 4, 3});
  CHECK(std::isnan(x[{2, 0}].item<float>()));
  CHECK(read("1,2\n3,4\n").to_tensor({}, DType::f64).to_vector<double>() == Numbers{1, 2, 3, 4});
  CHECK_THROWS_WITH_AS(t.to_tensor(),
                       "table: column \"kind\" is text; turn it into numbers, or leave it out",
                       DTypeError);
  const Table far = read("x\n1e39\ninf\n");
  CHECK(far.to_tensor({}, DType::f64).to_vector<double>()[0] == 1e39);
  CHECK_THROWS_WITH_AS(far.to_tensor(),
                       "table: column \"x\" holds 1e+39, which f32 does not; ask for f64",
                       DTypeError);
  CHECK_THROWS_WITH_AS(t.to_tensor({"z"}), "table: no column is named \"z\"; there are: x, kind, y",
                       ValueError);
}

TEST_CASE("csv: every mistake is named with its line") {
  CHECK(message("a,b\n1,2\n3\n") ==
        "line 3: 1 cell where the first row has 2; if the delimiter is another, name it");
  CHECK(message("A title\na,b\n1,2\n") ==
        "line 1: 1 cell where all rows below have 2; remove it if it is a title, or name the "
        "columns that it lacks");
  CHECK(message("a,b,\n1,2\n3,4\n") ==
        "line 1: 3 cells where all rows below have 2; remove the names that no column has, or a "
        "delimiter at its end");
  CHECK(message("a,b\n1,2,3\n") ==
        "line 2: 3 cells where the first row has 2; if the delimiter is another, name it");
  CHECK(message("a,b\n\"two\nlines\",2\n3,4,5\n").starts_with("line 4: 3 cells"));
  CHECK(message("a,b\r\n\"two\r\nlines\",2\r\n3,4,5\r\n").starts_with("line 4: 3 cells"));
  CHECK(message("a,b\n1,\"open\n3,4\n") == "line 2: a quote is opened and never closed");
  CHECK(message("a,b\n\"x\"y,2\n") ==
        "line 2: text follows a closing quote; a quote inside a quoted cell is written twice");
  CHECK(message("a,a\n1,2\n") == "line 1: columns 1 and 2 are both named 'a'");
  CHECK(message("") == "the file is empty");
  CHECK(message("\xEF\xBB\xBF\n\n") == "the file is empty");
  CHECK(message(std::string("a,b\n1,\0", 7)) ==
        "not a text file: byte 6 is 0; if it is UTF-16, save it as UTF-8");
  CHECK_THROWS_WITH_AS(read_csv("/dev/zero"),
                       "/dev/zero: not a text file: byte 0 is 0; if it is UTF-16, save it as UTF-8",
                       IoError);
  CHECK_THROWS_AS(read_csv("/dev/urandom"), IoError);
  CHECK(message(std::string(65 << 20, '1')) == "not a table: no line end within 64 MB of byte 0");
  CHECK(message("a\n" + std::string(9 << 20, '1') + "\n") ==
        "line 2: a cell of 9437184 bytes; at most 8388607 can be read");
  CHECK_THROWS_WITH_AS(read_csv("no/such.csv"),
                       "no/such.csv: cannot be opened: No such file or directory", IoError);
  CHECK_THROWS_AS(read("a\n1\n", {.delimiter = '"'}), ValueError);
}

TEST_CASE("csv: a table that was changed into nonsense is refused") {
  Table table;
  table.names = {"a", "b"};
  table.columns = {std::vector<double>{1, 2}, std::vector<double>{3, 4, 5}};
  table.rows = 2;
  CHECK_THROWS_WITH_AS(table.to_tensor(), "table: column \"b\" has 3 rows, not 2", ShapeError);
  table.columns.pop_back();
  CHECK_THROWS_WITH_AS(table.to_tensor(), "table: 2 names for 1 columns", ShapeError);
}
