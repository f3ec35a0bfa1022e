#pragma once
// A parameter as a short text, the form that a command line takes:
//   lr=log(1e-4,1e-1)  batch=choice(16,32)  layers=int(1,4)  dropout=range(0,0.5)

#include <string>
#include <string_view>

#include "attune/tune/space.h"

namespace attune::tune {

// NAME=FORM(…), where FORM is one of
//   range(low,high)  step(low,high,step)  log(low,high)            numbers
//   int(low,high)  int(low,high,step)  log_int(low,high)  powers_of_two(low,high)
//   choice(a,b,…)                        texts, numbers, true, false, null; "…" as in JSON
//   values(0.1,0.3,…)                    exactly these numbers
// and may be followed by @VALUE, its value in the first trial. ValueError says what is wrong with
// the text, SearchSpaceError what is wrong with the range.
NamedParam param_from_text(std::string_view text);

// The forms above, for a command's help.
std::string param_forms();

}  // namespace attune::tune
