#include "axs/core/assert.h"

#include <cstdio>
#include <cstdlib>

namespace axs {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "axs: invariant broken: %s at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace axs
