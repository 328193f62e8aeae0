#pragma once

#include <cstddef>
#include <cstdint>

#include "axs/core/pack.h"

/// Shortest ways over lasers from eight stations at once. Included by one file per vector width.
///
/// What is computed is the one solution of
///   km[v] = min(up-link of v, min over lasers u-v of (km[u] + length))
/// in rounded arithmetic. Rounded addition keeps order, so however the minima are taken, from
/// whatever order of satellites, the last bit comes out as in Dijkstra's algorithm.
namespace axs::orbit {

inline constexpr std::size_t route_lanes = 8;

/// The laser terminals of satellite i are numbered from 4 i on.
inline constexpr std::uint32_t terminals_per_satellite = 4;

/// Kilometres from each of eight stations.
struct alignas(64) RouteRow {
  double km[route_lanes];
};

/// Light that came to a laser terminal made the way to its satellite shorter, in some lanes. All
/// such events in order of time: replayed with other lengths of the lasers, a little later, they
/// solve nearly all of the equations in one pass.
struct Arrivals {
  std::uint32_t* terminals;
  std::uint8_t* lanes;
  std::size_t count;
  std::size_t capacity;  ///< At least so much as one satellite has terminals above `count`. What
                         ///< does not fit is forgotten.
};

/// Satellites whose way has become shorter, each once. `now` and `next` have a place more than
/// there are satellites.
struct RouteQueue {
  std::uint32_t* now;
  std::uint32_t* next;
  std::uint8_t* waiting;  ///< For each satellite, 0 at first and in the end.
  std::size_t count;      ///< In `now`.
};

struct RouteRun {
  std::size_t satellites;
  const std::uint32_t* far_terminals;
  const double* terminal_km;
  RouteRow* rows;
  Arrivals arrivals;  ///< To be replayed; in the end with all that came after.
  RouteQueue queue;
};

/// Ways that end at a station: over each satellite that it sees.
struct LandingRun {
  const RouteRow* rows;
  const std::uint32_t* satellites;
  const double* down_km;
  std::size_t count;
  RouteRow* km;
};

namespace route_kernel {

inline constexpr std::uint32_t each = terminals_per_satellite;

/// Packs put together until they hold a row.
template <class P>
struct Row : Row<PackPair<P>> {};
template <class P>
  requires(P::width == route_lanes)
struct Row<P> {
  using type = P;
};

/// Light arrives at a terminal; returns the lanes in which that made the way shorter.
template <class P>
[[gnu::always_inline]] inline unsigned arrive(const RouteRun& run, std::uint32_t terminal) {
  double* const here = run.rows[terminal / each].km;
  const double* const there = run.rows[run.far_terminals[terminal] / each].km;
  const P through = P::load(there) + P{run.terminal_km[terminal]}, before = P::load(here);
  min(through, before).store(here);
  return less(through, before);
}

template <class P>
[[gnu::always_inline]] inline void replay(const RouteRun& run) {
  const Arrivals& arrivals = run.arrivals;
  for (std::size_t i = 0; i < arrivals.count; ++i)
    arrivals.lanes[i] = static_cast<std::uint8_t>(arrive<P>(run, arrivals.terminals[i]));
}

/// So that four more arrivals fit. What is forgotten costs time at the next replay, nothing else.
template <class P>
[[gnu::always_inline]] inline void make_room(Arrivals& arrivals) {
  const std::size_t most = arrivals.capacity - each;
  if (arrivals.count > most) arrivals.count = most;
}

/// Puts an arrival down if it had an effect. Without a branch, since nobody could foretell it.
template <class P>
[[gnu::always_inline]] inline void note(Arrivals& arrivals, std::uint32_t terminal,
                                        unsigned lanes) {
  arrivals.terminals[arrivals.count] = terminal;
  arrivals.lanes[arrivals.count] = static_cast<std::uint8_t>(lanes);
  arrivals.count += lanes != 0;
}

template <class P>
[[gnu::always_inline]] inline bool shorter_over_a_laser(const RouteRun& run,
                                                        std::uint32_t satellite) {
  const P before = P::load(run.rows[satellite].km);
  P km = before;
#pragma GCC unroll 4
  for (std::uint32_t i = 0; i < each; ++i) {
    const std::uint32_t terminal = each * satellite + i;
    const double* const there = run.rows[run.far_terminals[terminal] / each].km;
    km = min(P::load(there) + P{run.terminal_km[terminal]}, km);
  }
  return less(km, before) != 0;
}

/// Asks every satellite whether its equation holds, mends it and puts it into the queue if not.
template <class P>
[[gnu::always_inline]] inline void check(RouteRun& run) {
  Arrivals& arrivals = run.arrivals;
  for (std::uint32_t satellite = 0; satellite < run.satellites; ++satellite) {
    if (!shorter_over_a_laser<P>(run, satellite)) continue;
    make_room<P>(arrivals);
    for (std::uint32_t i = 0; i < each; ++i)
      note<P>(arrivals, each * satellite + i, arrive<P>(run, each * satellite + i));
    run.queue.now[run.queue.count++] = satellite;
    run.queue.waiting[satellite] = 1;
  }
}

/// Sends light on from a satellite; returns how many were put into the queue behind `waiting`.
template <class P>
[[gnu::always_inline]] inline std::size_t send_on(RouteRun& run, std::uint32_t satellite,
                                                  std::size_t waiting) {
  const P from = P::load(run.rows[satellite].km);
#pragma GCC unroll 4
  for (std::uint32_t i = 0; i < each; ++i) {
    const std::uint32_t terminal = each * satellite + i;
    const std::uint32_t far = run.far_terminals[terminal], there = far / each;
    const P through = from + P{run.terminal_km[terminal]}, before = P::load(run.rows[there].km);
    const unsigned lanes = less(through, before);
    min(through, before).store(run.rows[there].km);
    note<P>(run.arrivals, far, lanes);
    const unsigned shorter = lanes != 0 ? 1U : 0U;
    std::uint8_t& waits = run.queue.waiting[there];
    run.queue.next[waiting] = there;
    waiting += shorter & ~waits;
    waits = static_cast<std::uint8_t>(waits | shorter);
  }
  return waiting;
}

/// Works the queue off, round by round.
template <class P>
[[gnu::always_inline]] inline void settle(RouteRun& run) {
  RouteQueue& queue = run.queue;
  while (queue.count != 0) {
    std::size_t waiting = 0;
    for (std::size_t i = 0; i < queue.count; ++i) {
      const std::uint32_t satellite = queue.now[i];
      queue.waiting[satellite] = 0;
      make_room<P>(run.arrivals);
      waiting = send_on<P>(run, satellite, waiting);
    }
    std::uint32_t* const done = queue.now;
    queue.now = queue.next;
    queue.next = done;
    queue.count = waiting;
  }
}

/// The queue holds the satellites with up-links if there is nothing to replay.
template <class P>
void solve(RouteRun& run) {
  // A copy, because nothing that is written through a pointer to bytes can change it: it stays in
  // registers.
  RouteRun own = run;
  if (own.arrivals.count != 0) {
    replay<P>(own);
    check<P>(own);
  }
  settle<P>(own);
  run = own;
}

/// No way to any satellite is known.
template <class P>
void clear(RouteRow* rows, std::size_t satellites) {
  for (std::size_t i = 0; i < satellites; ++i) P{__builtin_inf()}.store(rows[i].km);
}

template <class P>
void land(const LandingRun& run) {
  P best{__builtin_inf()};
  for (std::size_t i = 0; i < run.count; ++i)
    best = min(P::load(run.rows[run.satellites[i]].km) + P{run.down_km[i]}, best);
  best.store(run.km->km);
}

}  // namespace route_kernel

}  // namespace axs::orbit
