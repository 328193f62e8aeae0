// Each CASE but 0 is a sum that makes no sense, so it must not compile (tests/compile_fail.py).
#include "axs/core/id.h"
#include "axs/core/result.h"
#include "axs/core/time.h"
#include "axs/core/units.h"

using namespace axs;

static_assert(Meters{10} / Seconds{2} == MetersPerSecond{5});
static_assert(Watts{3} * Seconds{2} == Joules{6});
static_assert(Bytes{6} / Bytes{3} == 2.0);

#if CASE == 1
auto sum = Meters{1} + Seconds{1};
#endif
#if CASE == 2
auto sum = Joules{1} + Watts{1};
#endif
#if CASE == 3
bool less = Bytes{1} < Seconds{1};
#endif
#if CASE == 4
Bytes implicit = 5.0;
#endif
#if CASE == 5
double escaped = Bytes{5};
#endif
#if CASE == 6
Seconds wrong = Meters{3} / Seconds{1};
#endif
#if CASE == 7
auto sum = Instant{} + Instant{};
#endif
#if CASE == 8
SiteId site = LinkId{};
#endif
#if CASE == 9
bool equal = SiteId{} == LinkId{};
#endif
