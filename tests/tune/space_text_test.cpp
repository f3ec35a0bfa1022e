// Parameters as texts of a command line.
#include <doctest/doctest.h>

#include "attune/base/error.h"
#include "attune/tune/space_text.h"

using namespace attune;
using namespace attune::tune;

TEST_CASE("param text: every form is the range that it names") {
  const auto same = [](const char* text, const Param& expected) {
    CAPTURE(text);
    const auto [name, param] = param_from_text(text);
    CHECK(name == "p");
    Param named = expected;
    named.name = "p";
    CHECK(param.same_distribution(named));
    CHECK(param.same_local(named));
  };
  same("p=range(0,0.5)", range(0, 0.5));
  same("p = log( 1e-4 , 1e-1 )", log_range(1e-4, 1e-1));
  same("p=step(0,1,0.25)", stepped_range(0, 1, 0.25));
  same("p=int(1,4)", int_range(1, 4));
  same("p=int(0,100,10)", int_range(0, 100, 10));
  same("p=log_int(1,1024)", log_int_range(1, 1024));
  same("p=powers_of_two(16,256)", powers_of_two(16, 256));
  same("p=choice(16,32)", choice({16, 32}));
  same("p=choice(adam, sgd,\"a,b\\\"\", true, null, 0.5)",
       choice({"adam", "sgd", "a,b\"", true, nullptr, 0.5}));
  same("p=values(0.3,0.1)", values({0.1, 0.3}));
  same("p=log(1e-4,1e-1)@1e-3", log_range(1e-4, 1e-1).starting_at(1e-3));
  same("p=choice(a,b)@b", choice({"a", "b"}).starting_at("b"));
}

TEST_CASE("param text: what is wrong is named") {
  const auto message = [](const char* text) -> std::string {
    try {
      param_from_text(text);
    } catch (const Error& e) {
      return e.what();
    }
    return "none";
  };
  const auto holds = [&](const char* text, const char* part) {
    const std::string said = message(text);
    CAPTURE(said);
    CHECK(said.find(part) != std::string::npos);
  };
  holds("lr", "NAME=FORM(…) is needed");
  holds("=log(1,2)", "its name is missing");
  holds("lr=0.1", "after '=' a form is needed");
  holds("lr=lag(1,2)", "unknown form 'lag'; there are range(low,high)");
  holds("lr=log(1)", "it is written log(low,high)");
  holds("lr=log(1,x)", "'x' is no number");
  holds("n=int(1,2.5)", "'2.5' is no whole number");
  holds("n=int(1,2)3", "'3' follows the ')'");
  holds("a=choice()", "it is written choice(a,b,…)");
  holds("a=choice(x,,y)", "a value is missing");
  holds("lr=log(0,1)", "lr");
  holds("lr=range(2,1)", "lr");
}
