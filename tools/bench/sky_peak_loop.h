#pragma once

#include "axs/core/pack.h"

/// Twelve chains hide the latency of four cycles on two ports with room to spare.
template <class P>
double peak_loop() {
  constexpr int chains = 12, rounds = 4'000'000;
  P sums[chains];
#pragma GCC unroll 12
  for (int chain = 0; chain < chains; ++chain) sums[chain] = P{0.5 + chain};
  const P factor{0.999999}, term{1e-9};
  for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int chain = 0; chain < chains; ++chain) sums[chain] = fma(sums[chain], factor, term);
  }
  double lanes[P::width];
  double all = 0;
#pragma GCC unroll 12
  for (int chain = 0; chain < chains; ++chain) sums[chain].store(lanes), all += lanes[0];
  // What has been computed must be used; it is never negative.
  return all >= 0 ? double{P::width} * chains * rounds : 0;
}
