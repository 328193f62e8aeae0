#pragma once

namespace axs {

/// Prints the broken invariant and aborts. Never returns.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace axs

/// A broken invariant is a bug in AXS: stop at once, in every build. What may happen at run time
/// (input, IO, an infeasible plan) is a Result instead.
#define AXS_ASSERT(expression) \
  ((expression) ? void(0) : ::axs::assertion_failed(#expression, __FILE__, __LINE__))
