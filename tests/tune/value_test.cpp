#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/study.h"
#include "attune/tune/value.h"

using namespace attune;
using tune::Params;
using tune::ParamValue;

TEST_CASE("values: convert to what they are, and to nothing else") {
  const Params p{{"lr", 0.25}, {"layers", 3}, {"act", "relu"}, {"bias", true}, {"none", nullptr}};
  const double lr = p.at("lr");
  const int layers = p.at("layers");
  const std::string act = p.at("act");
  const bool bias = p.at("bias");
  CHECK(lr == 0.25);
  CHECK(layers == 3);
  CHECK(act == "relu");
  CHECK(bias);
  CHECK(p.at("act") == "relu");
  CHECK(p.at("layers") == 3);
  CHECK(p.at("layers").as_double() == 3);
  CHECK(p.at("none").is_null());
  CHECK_THROWS_AS(p.at("lr").as_int(), ValueError);
  CHECK_THROWS_AS(p.at("act").as_double(), ValueError);
  CHECK_THROWS_AS(p.at("layers").as_bool(), ValueError);
  CHECK_THROWS_AS(static_cast<void>(static_cast<int8_t>(ParamValue(1000))), ValueError);
  CHECK_THROWS_WITH_AS(p.at("lrr"),
                       "params: there is no 'lrr'; there is 'lr', 'layers', 'act', 'bias', 'none'",
                       ValueError);
  CHECK(p.get("width", 64) == 64);
}

TEST_CASE("values: integers that do not fit are refused, not wrapped") {
  constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();
  CHECK(ParamValue(kLargest).as_int() == std::numeric_limits<int64_t>::max());
  CHECK_THROWS_WITH_AS(ParamValue(kLargest + 1),
                       "param: the value 9223372036854775808 is too large; integers go up to "
                       "9223372036854775807",
                       ValueError);
  CHECK_THROWS_AS(ParamValue(std::numeric_limits<uint64_t>::max()), ValueError);
  CHECK(ParamValue('a').as_int() == 'a');
  CHECK(ParamValue(std::numeric_limits<int64_t>::min()).as_int() ==
        std::numeric_limits<int64_t>::min());
}

TEST_CASE("values: messages quote, escape and shorten what they repeat") {
  const auto message = [](auto&& action) -> std::string {
    try {
      action();
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  const std::string hostile = "\x1b[31m\n" + std::string(100'000, 'x');
  for (const std::string& text :
       {message([&] { ParamValue(hostile).as_double(); }), message([&] {
          Params{{hostile, 1}}.at("a");
        }),
        message([&] { Params{}.at(hostile); }), message([&] { tune::from_json(hostile); })}) {
    CAPTURE(text);
    CHECK(!text.empty());
    CHECK(text.size() < 300);
    CHECK(text.find_first_of("\n\x1b") == std::string::npos);
  }
}

TEST_CASE("values: kinds stay apart, numbers compare by size") {
  CHECK(ParamValue(1) == ParamValue(1.0));
  CHECK_FALSE(ParamValue(1) == ParamValue(true));
  CHECK_FALSE(ParamValue("1") == ParamValue(1));
  CHECK(ParamValue(1).variant() != ParamValue(1.0).variant());
}

TEST_CASE("json: numbers as Python writes them") {
  const std::pair<double, const char*> vectors[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-3.0, "-3.0"},
      {0.1, "0.1"},
      {0.30000000000000004, "0.30000000000000004"},
      {0.0001, "0.0001"},
      {1e-05, "1e-05"},
      {0.00012345, "0.00012345"},
      {1e15, "1000000000000000.0"},
      {9007199254740992.0, "9007199254740992.0"},
      {123456789012345.6, "123456789012345.6"},
      {1e16, "1e+16"},
      {1.2345678901234566e17, "1.2345678901234566e+17"},
      {1e22, "1e+22"},
      {1e100, "1e+100"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {-2.5e-07, "-2.5e-07"},
      {NAN, "NaN"},
      {INFINITY, "Infinity"},
      {-INFINITY, "-Infinity"},
      {100.0, "100.0"},
      {1.0 / 3, "0.3333333333333333"}};
  for (const auto& [value, text] : vectors) {
    CHECK(tune::json::number(value) == text);
    const double back = tune::from_json(text);
    CHECK((back == value || (std::isnan(back) && std::isnan(value))));
    CHECK(std::signbit(back) == std::signbit(value));
  }
}

TEST_CASE("json: strings as Python writes them, and back") {
  const std::pair<std::string, const char*> vectors[] = {
      {"a\"b\\c/\n\r\t\b\f", R"("a\"b\\c/\n\r\t\b\f")"},
      {std::string("\x00\x1f\x7f", 3), R"("\u0000\u001f\u007f")"},
      {"h\xc3\xa4llo \xe2\x82\xac", R"("h\u00e4llo \u20ac")"},
      {"\xf0\x9f\x98\x80", R"("\ud83d\ude00")"},
      {"\xed\xa0\xbd", R"("\ud83d")"},  // half a pair
  };
  for (const auto& [text, json] : vectors) {
    CHECK(tune::json::quote(text) == json);
    CHECK(tune::from_json(json).as_string() == text);
  }
  CHECK(tune::json::quote("\xff") == R"("\ufffd")");
  CHECK(tune::to_json(nullptr) == "null");
  CHECK(tune::to_json(true) == "true");
  CHECK(tune::to_json(2) == "2");
}

TEST_CASE("json: numbers as other languages print them, where that is asked for") {
  using tune::json::Numbers;
  const auto read = [](const char* text) {
    return tune::json::parse(text, Numbers::lenient).scalar().as_double();
  };
  for (const char* text : {"nan", "NaN", "NAN", "-nan", "+NaN"}) CHECK(std::isnan(read(text)));
  for (const char* text : {"inf", "Inf", "Infinity", "+inf"}) CHECK(read(text) == INFINITY);
  for (const char* text : {"-inf", "-Infinity", "-INF"}) CHECK(read(text) == -INFINITY);
  CHECK(read("+1") == 1);
  CHECK(read("2.") == 2);
  CHECK(read("-.5") == -0.5);
  CHECK(read("1E3") == 1000);
  CHECK(read("1e999") == INFINITY);
  CHECK(tune::json::parse("7", Numbers::lenient).scalar().as_int() == 7);
  CHECK(tune::json::parse("9007199254740993", Numbers::lenient).scalar().as_int() ==
        9007199254740993);
  CHECK(tune::json::parse("[inf, nan,2.]", Numbers::lenient).list().size() == 3);
  for (const char* bad : {"1x", "--1", "+-1", "infin", "e5", "0x10", "1 2", "+", "."}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(tune::json::parse(bad, Numbers::lenient), ValueError);
    CHECK_THROWS_AS(tune::json::parse(bad), ValueError);
  }
  for (const char* bad : {"nan", "inf", "+1", "2.", ".5"}) {
    CHECK_THROWS_AS(tune::json::parse(bad), ValueError);  // Python could not read it
  }
}

TEST_CASE("json: strict, for readers that know no Infinity") {
  CHECK(tune::json::strict(0.5) == "0.5");
  CHECK(tune::json::strict(NAN) == "\"NaN\"");
  CHECK(tune::json::strict(-INFINITY) == "\"-Infinity\"");
  CHECK(tune::json::strict(Params{{"x", INFINITY}, {"n", 3}}) == R"({"x": "Infinity", "n": 3})");
  CHECK(tune::json::text(tune::json::parse(R"( {"a":[1,{"b":null}],"c":"d"} )")) ==
        R"({"a": [1, {"b": null}], "c": "d"})");
}

TEST_CASE("json: reads what Python may have written, and refuses the rest") {
  CHECK(tune::from_json(" 123456789012345678901234567890 ").as_double() ==
        123456789012345678901234567890.0);
  CHECK(tune::from_json("-9223372036854775808").as_int() == std::numeric_limits<int64_t>::min());
  CHECK(tune::from_json("1e400").as_double() == INFINITY);
  const auto value = tune::json::parse(R"({"a": [1, {"b": null}], "c": {}})");
  CHECK(value.find("a")->list().size() == 2);
  CHECK(value.find("a")->list()[1].find("b")->scalar().is_null());
  for (const char* bad : {"", "{", "[1,]", "{\"a\" 1}", "nul", "1 2", "\"a", "\"\\x\"",
                          "\"\\u12g4\"", "-", "1.", "{1: 2}", "\"a\nb\""}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(tune::json::parse(bad), ValueError);
  }
  CHECK_THROWS_AS(tune::json::parse(std::string(100000, '[')), ValueError);
}
