#pragma once
// Families of ops that are formulas. A list X(Formula, …) names them, an enum stands for them where
// types cannot be passed, and with_formula() leads from a value of the enum back to the formula,
// which lives once per instruction set (docs/simd.md).
//
//   #define UNARY_OPS(X) X(Neg, neg) X(Abs, abs)
//   enum class UnaryOp : uint8_t { UNARY_OPS(ATTUNE_ENUMERATOR) };
//   …                                         // the formulas, in the target's namespace
//   ATTUNE_WITH_FORMULA(UnaryOp, UNARY_OPS)   // with_formula(op, body) calls body(Neg()), …

#define ATTUNE_ENUMERATOR(F, ...) k##F,
#define ATTUNE_FORMULA_CASE(F, ...) \
  case decltype(op)::k##F:          \
    return body(F());
#define ATTUNE_WITH_FORMULA(Op, OPS)               \
  template <class Body>                            \
  HWY_INLINE auto with_formula(Op op, Body body) { \
    switch (op) { OPS(ATTUNE_FORMULA_CASE) }       \
    __builtin_unreachable();                       \
  }
