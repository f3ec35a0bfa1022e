#include <doctest/doctest.h>

#include <algorithm>

#include "attune/base/error.h"
#include "attune/tune/tabular/sheet.h"

using namespace attune;
using namespace attune::tune;

namespace {

using Texts = std::vector<std::string>;

std::string message(const std::string& text, const SheetOptions& options = {}) {
  try {
    Sheet::parse(text, options, "t.csv");
  } catch (const Error& e) {
    return e.what();
  }
  return "read";
}

}  // namespace

TEST_CASE("Sheet: cells are texts, as they stand in the file") {
  const Sheet sheet = Sheet::parse("\xEF\xBB\xBFzip; name ;n\r\n00501;\"a; \"\"b\"\"\"; 1,50 \r\n");
  CHECK(sheet.names() == Texts{"zip", "name", "n"});
  CHECK(sheet.delimiter() == ';');
  CHECK(sheet.cell(0, 0) == "00501");
  CHECK(sheet.cell(0, 1) == "a; \"b\"");
  CHECK(sheet.cell(0, 2) == "1,50");
  CHECK(sheet.row_text(0) == "00501;\"a; \"\"b\"\"\"; 1,50 ");
  CHECK(sheet.header_text() == "zip; name ;n");
  CHECK(sheet.line_end() == "\r\n");
  CHECK(sheet.byte_order_mark().size() == 3);
  CHECK(sheet.place(0, 1) == "table: line 2, column 'name'");
}

TEST_CASE("Sheet: a first row with the expected name is names, whatever stands beside it") {
  const std::string years = "2019,2020,price\n1,2,3\n";
  CHECK(!Sheet::parse(years).has_header());
  CHECK(Sheet::parse(years, {.expected = {"price"}}).names() == Texts{"2019", "2020", "price"});
  CHECK(Sheet::parse("Inf,x,y\n1,2,a\n", {.expected = {"y"}}).names() == Texts{"Inf", "x", "y"});
  CHECK_THROWS_WITH_AS(
      Sheet::parse("2019,y\n1,2\n", {}, "t.csv").index_of("z"),
      "t.csv: no column 'z' among the 2, which are 'column1', 'column2'; the first "
      "row was taken for data, --header yes takes it for names",
      ValueError);
}

TEST_CASE("Sheet: names that are missing, or there twice") {
  const Sheet sheet = Sheet::parse(",x,x,x.1\n1,2,3,4\n");
  CHECK(sheet.names() == Texts{"column1", "x", "x.1", "x.1.1"});
  CHECK(!sheet.named(0));
  CHECK(sheet.renamed(2));
  CHECK(!sheet.renamed(1));
  CHECK_THROWS_WITH_AS(sheet.index_of("x"),
                       "table: several columns are named 'x'; give them names of their own",
                       ValueError);
  CHECK(sheet.index_of("x.1.1") == 3);
  // As R writes row names: the header lacks the first.
  const Sheet r = Sheet::parse("mpg,cyl\n\"Mazda RX4\",21,6\n\"Fiat\",32,4\n");
  CHECK(r.names() == Texts{"column1", "mpg", "cyl"});
  CHECK(r.cell(1, 0) == "Fiat");
}

TEST_CASE("Sheet: the nearest name, or those there are") {
  const Sheet sheet = Sheet::parse("words,age,town\na,1,b\n");
  CHECK_THROWS_WITH_AS(sheet.index_of("Wrds"),
                       "table: no column 'Wrds' among the 3; the nearest is 'words'", ValueError);
  CHECK_THROWS_WITH_AS(sheet.index_of("sex"),
                       "table: no column 'sex' among the 3, which are 'words', 'age', 'town'",
                       ValueError);
}

TEST_CASE("Sheet: bytes that are not UTF-8 are found at reading, with their place") {
  const std::string latin = "city,x\nBonn,1\nK\xF6ln,2\n";
  CHECK(message(latin) ==
        "t.csv: line 3, column 'city': byte 0xF6 is not UTF-8; convert the file with iconv -f "
        "latin1 -t utf8, or read it with --encoding latin1");
  CHECK(message("x,stra\xDF"
                "e\n1,2\n")
            .starts_with("t.csv: line 1, column 2: byte 0xDF"));
  const Sheet sheet = Sheet::parse(latin, {.encoding = Encoding::latin1});
  CHECK(sheet.cell(1, 0) == "K\u00F6ln");
  // As Windows writes it.
  CHECK(Sheet::parse("x\n\x80"
                     "5\n",
                     {.encoding = Encoding::latin1})
            .cell(0, 0) == "\u20AC5");
}

TEST_CASE("Sheet: every mistake has its line; equal tables have equal hashes") {
  CHECK(message("a,b\n1,2\n3\n") ==
        "t.csv: line 3: 1 cell where the first row has 2; if the delimiter is another, name it");
  CHECK(message("A title\na,b,c\n1,2,3\n") ==
        "t.csv: line 1: 1 cell where all rows below have 3; remove it if it is a title, or name "
        "the columns that it lacks");
  CHECK(message("") == "t.csv: the file is empty");
  CHECK(message("a,b\n1,\"x\n") == "t.csv: line 2: a quote is opened and never closed");
  CHECK(Sheet::parse("a,b\n1,2\n").hash() == Sheet::parse("a,b\n1,2\n").hash());
  CHECK(Sheet::parse("a,b\n1,2\n").hash() != Sheet::parse("a,b\n1,3\n").hash());
  CHECK(Sheet::parse("a,b\n1,2\n").hash() !=
        Sheet::parse("a,b\n1,2\n", {.header = CsvHeader::no}).hash());
}
