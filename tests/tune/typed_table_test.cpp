#include <doctest/doctest.h>

#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/tabular/typed_table.h"

using namespace attune;
using namespace attune::tune;

namespace {

using Texts = std::vector<std::string>;

// One column of a table with these cells, quoted, between ; so that commas need no thought.
Column column_of(const Texts& cells, const Texts& missing = {}, char delimiter = ',') {
  std::string text = "x" + std::string(1, delimiter) + "y\n";
  for (const std::string& cell : cells) text += "\"" + cell + "\"" + delimiter + "1\n";
  return read_column(Sheet::parse(text), 0, MissingTexts(missing));
}

std::vector<double> numbers(const Texts& cells) {
  const Column column = column_of(cells);
  REQUIRE(column.format.kind == ColumnKind::number);
  return column.numbers;
}

using Numbers = std::vector<double>;

}  // namespace

TEST_CASE("numbers as people write them") {
  CHECK(numbers({"1", "-2.5", "3e2", "+4"}) == Numbers{1, -2.5, 300, 4});
  CHECK(numbers({"12,345.67", "1,234", "5"}) == Numbers{12345.67, 1234, 5});
  CHECK(numbers({"$12,345.67", "-$5", "$-6", "($7.50)"}) == Numbers{12345.67, -5, -6, -7.5});
  CHECK(numbers({"12 \u20AC", "1.234,50 \u20AC", "3,5 \u20AC"}) == Numbers{12, 1234.5, 3.5});
  CHECK(numbers({"12.5%", "50 %", "-1%"}) == Numbers{0.125, 0.5, -0.01});
  CHECK(numbers({"12345,67", "0,5"}) == Numbers{12345.67, 0.5});
  CHECK(numbers({"0,123", "0,500"}) == Numbers{0.123, 0.5});  // no group begins with 0
  CHECK(numbers({"1 234,5", "12\u00A0345,0", "7,25"}) == Numbers{1234.5, 12345, 7.25});
  CHECK(numbers({"1'234.5", "7"}) == Numbers{1234.5, 7});
  CHECK(numbers({"(1,234)", "10"}) == Numbers{-1234, 10});
  CHECK(numbers({"\u2212"
                 "5",
                 "6"}) == Numbers{-5, 6});
  CHECK(numbers({"5 kg", "12.5 kg"}) == Numbers{5, 12.5});
  CHECK(numbers({"1700000000000000001", "1700000000000000257"})[1] > 1.7e18);
}

TEST_CASE("1,234 is a thousand and some, unless the table is of ;") {
  CHECK(numbers({"1,234", "5,678"}) == Numbers{1234, 5678});
  CHECK(column_of({"1,234", "5,678"}, {}, ';').numbers == Numbers{1.234, 5.678});
}

TEST_CASE("thousands and decimals are told apart by the digits behind the separator") {
  // Three digits behind each separator, and whole numbers below 1000 without one.
  CHECK(column_of({"1,619", "754", "12,000"}, {}, ';').numbers == Numbers{1619, 754, 12000});
  CHECK(column_of({"1.619", "754", "12.000"}, {}, ';').numbers == Numbers{1619, 754, 12000});
  CHECK(column_of({"1.619", "1.234.567"}, {}, ';').numbers == Numbers{1619, 1234567});
  CHECK(column_of({"1,619 \u20AC", "754 \u20AC"}, {}, ';').numbers == Numbers{1619, 754});
  // Anything else is decimals.
  CHECK(column_of({"1,619", "754,5"}, {}, ';').numbers == Numbers{1.619, 754.5});
  CHECK(column_of({"1,619", "7540"}, {}, ';').numbers == Numbers{1.619, 7540});
  CHECK(column_of({"0.619", "754"}, {}, ';').numbers == Numbers{0.619, 754});
  CHECK(column_of({"1.619", "754"}).numbers == Numbers{1.619, 754});  // a table of commas
}

TEST_CASE("where thousands and decimals look alike, that is said and can be told") {
  const Sheet sheet = Sheet::parse("x;y\n1,619;a\n2,500;b\n");
  CHECK(remarks_on_reading(read_columns(sheet, {.keep_index = true}))[0] ==
        "'x': '1,619' is read as 1.619, and may be a number of thousands; --decimal , or "
        "--decimal . says which");
  const auto told = [](const char* text, char decimal) {
    SheetOptions options;
    options.decimal = decimal;
    const Column column = read_column(Sheet::parse(text, options), 0, MissingTexts());
    CHECK(column.thousands_or_decimals.empty());
    return column.numbers;
  };
  CHECK(told("x;y\n1,619;a\n2,500;b\n", '.') == Numbers{1619, 2500});
  CHECK(told("x;y\n1,619;a\n2,500;b\n", ',') == Numbers{1.619, 2.5});
  CHECK(told("x;y\n1.619;a\n2.500;b\n", ',') == Numbers{1619, 2500});
  CHECK(told("x;y\n1.619;a\n254;b\n", '.') == Numbers{1.619, 254});
  CHECK(!column_of({"1,234", "5,678"}).thousands_or_decimals.empty());
  CHECK(column_of({"1.234", "5.678"}).thousands_or_decimals.empty());
}

TEST_CASE("percents with and without their sign, dates of two readings, mixed decimals") {
  const Column mixed = column_of({"32.4", "15.1%", "2 %"});
  CHECK(mixed.numbers == Numbers{0.324, 0.151, 0.02});
  CHECK(mixed.bare_percents == 1);
  const auto remarks = [](const char* cells) {
    return remarks_on_reading(read_columns(Sheet::parse(cells), {.keep_index = true}));
  };
  CHECK(remarks("d,y\n1/2/2023,1\n3/4/2023,2\n")[0] ==
        "read as dates (mdy; no day is above 12, so dmy is possible as well): 'd'");
  CHECK(remarks("d,y\n1/20/2023,1\n3/4/2023,2\n")[0] == "read as dates (mdy): 'd'");
  CHECK(remarks("d,y\n27 Mar 2020,1\n1 Apr 2020,2\n")[0] == "read as dates (months by name): 'd'");
  const TypedTable both = read_columns(Sheet::parse("x;y\n1,50;1\n1.55;2\n2,5;3\n2.5;4\n"));
  CHECK(both.left_out[0].reason == "it mixes decimal points and decimal commas, as 1.50 and 1,50");
}

TEST_CASE("a column that is there twice is refused where the model knows one") {
  const std::vector<ColumnFormat> one = {{.name = "x"}}, two = {{.name = "x"}, {.name = "x.1"}};
  const Sheet sheet = Sheet::parse("x,x\n1,2\n3,4\n");
  CHECK_THROWS_WITH_AS(read_columns(sheet, one, MissingTexts()),
                       "table: several columns are named 'x'; give them names of their own",
                       ValueError);
  CHECK(read_columns(sheet, two, MissingTexts()).columns[1].numbers == Numbers{2, 4});
}

TEST_CASE("texts stay texts") {
  for (const Texts& cells : {Texts{"red", "blue"}, Texts{"A1", "01", "02"}, Texts{"1.2.3", "4.5.6"},
                             Texts{"1-2", "3-4"}, Texts{"12:30", "9:15"}, Texts{"0x10", "0x20"},
                             Texts{"5 kg", "6 lb"}, Texts{"1,23,4", "5,6,7"}}) {
    CAPTURE(cells[0]);
    CHECK(column_of(cells).format.kind == ColumnKind::category);
  }
  // Codes, of which there are few; many are numbers.
  CHECK(column_of({"01", "02", "03", "01"}).format.kind == ColumnKind::category);
  Texts zips;
  for (int i = 0; i < 100; ++i) zips.push_back(fmt::format("{:05}", 7 * i));
  CHECK(column_of(zips).format.kind == ColumnKind::number);
}

TEST_CASE("a column almost all of whose cells are numbers is numbers") {
  Texts cells(39, "1.5");
  cells.emplace_back("oops");
  const Column column = column_of(cells);
  CHECK(column.format.kind == ColumnKind::number);
  CHECK(column.missing == 1);
  CHECK(column.strays.cells == 1);
  CHECK(column.strays.first == "oops");
  CHECK(column.strays.first_row == 39);
  const Sheet sheet = Sheet::parse("a,b\n1,-\n2,3\n4,n/a\n", {}, "t.csv");
  CHECK(remarks_on_strays(read_columns(sheet)) ==
        Texts{"t.csv: line 2, column 'b': '-' is taken as missing"});
  // More than a tenth are others: these are categories.
  CHECK(column_of({"1", "2", "3", "4", "many"}).format.kind == ColumnKind::category);
  CHECK(column_of({"1", "2", "3", "4", "many"}, {"many"}).numbers[0] == 1);
}

TEST_CASE("missing cells: what is missing everywhere, and what only among numbers") {
  for (const char* text : {"", "NA", "n/a", "NaN", "null", "?", "<NA>", "NaT", "#N/A", "#DIV/0!",
                           "\\N", "-", "None", "--"}) {
    CAPTURE(text);
    const Column column = column_of({"1", text, "3"});
    CHECK(column.format.kind == ColumnKind::number);
    CHECK(std::isnan(column.numbers[1]));
  }
  const Column coded = column_of({"1", "-999", "-999.0"}, {"-999"});
  CHECK(coded.missing == 2);
  CHECK(coded.strays.cells == 0);                             // it was asked for
  const Column texts = column_of({"None", "mild", "", "-"});  // here None is a value
  CHECK(texts.codes == std::vector<int32_t>{0, 1, -1, 2});
  CHECK(texts.missing == 1);
}

TEST_CASE("dates become days") {
  const auto days = [](const Texts& cells) {
    const Column column = column_of(cells);
    REQUIRE(column.format.kind == ColumnKind::date);
    return column.numbers;
  };
  CHECK(days({"1970-01-01", "2023-01-31"}) == Numbers{0, 19388});
  CHECK(days({"1970-01-02T12:00:00", "1970-01-02 06:00"}) == Numbers{1.5, 1.25});
  CHECK(days({"1970-01-02T00:00:00Z", "1970-01-02T02:00:00+02:00"}) == Numbers{1, 1});
  CHECK(days({"31.1.2023", "1.2.2023"}) == Numbers{19388, 19389});
  CHECK(days({"1/31/2023", "2/1/2023"}) == Numbers{19388, 19389});
  CHECK(days({"31/1/2023", "1/2/2023"}) == Numbers{19388, 19389});
  CHECK(days({"31 Jan 2023", "1-Feb-23"}) == Numbers{19388, 19389});
  CHECK(days({"Jan 31, 2023", "February 1, 2023"}) == Numbers{19388, 19389});
  CHECK(days({"20230131", "20230201"}) == Numbers{19388, 19389});
  CHECK(column_of({"", "20230131", "20230201"}).format.kind == ColumnKind::date);
  CHECK(days({"1/2/1970 12:00 PM", "1/2/1970 6:00 AM"}) == Numbers{1.5, 1.25});
  CHECK(column_of({"2023-02-30", "2023-13-01"}).format.kind == ColumnKind::category);
  CHECK(column_of({"20230131", "20239999"}).format.kind == ColumnKind::number);
}

TEST_CASE("yes and no in any case") {
  const Column column = column_of({"Yes", "no", "NO", "", "yes"});
  CHECK(column.format.kind == ColumnKind::boolean);
  CHECK(column.numbers[1] == 0);
  CHECK(column.numbers[4] == 1);
  CHECK(std::isnan(column.numbers[3]));
  CHECK(column_of({"True", "FALSE"}).numbers == Numbers{1, 0});
}

TEST_CASE("columns that count or name the rows are left out, with the reason") {
  std::string text = ",id,row,year,x,name\n";
  for (int i = 0; i < 20; ++i) {
    text += fmt::format("{},{},{},{},{},n{}\n", (7 * i) % 20 + 3, 1000 + (i * 37) % 100, i + 1,
                        2000 + i, i % 3, i);
  }
  const Sheet sheet = Sheet::parse(text);
  const TypedTable table = read_columns(sheet);
  Texts kept, left;
  for (const Column& column : table.columns) kept.push_back(column.format.name);
  for (const LeftOut& column : table.left_out) left.push_back(column.name + ": " + column.reason);
  CHECK(kept == Texts{"year", "x"});
  CHECK(left == Texts{"column1: it has no name and each row has a number of its own",
                      "id: each row has a number of its own", "row: it counts the rows from 1",
                      "name: each row has a text of its own"});
  CHECK(read_columns(sheet, {.keep_index = true}).columns.size() == 6);
  CHECK(read_columns(sheet, {.skip = {"x", "id"}}).columns.size() == 1);
}

TEST_CASE("a known format reads another table in the same way") {
  const TypedTable first = read_columns(Sheet::parse("code,price\n01,\"1,5\"\nA1,\"2,5\"\n"));
  std::vector<ColumnFormat> formats;
  for (const Column& column : first.columns) formats.push_back(column.format);
  // Other order, other columns, and codes that by themselves would be numbers.
  const Sheet other = Sheet::parse("z,price,code\n1,\"7,5\",01\n2,-,02\n", {}, "t.csv");
  const TypedTable second = read_columns(other, formats, MissingTexts());
  CHECK(second.columns[0].texts == std::vector<std::string_view>{"01", "02"});
  CHECK(second.columns[1].numbers[0] == 7.5);
  CHECK(std::isnan(second.columns[1].numbers[1]));
  CHECK_THROWS_WITH_AS(
      read_columns(Sheet::parse("code,price\n01,much\n", {}, "t.csv"), formats, MissingTexts()),
      "t.csv: line 2, column 'price': 'much' is not a number, as the cells of this column were in "
      "the table that the model was made of; --missing takes it as missing",
      ValueError);
}
