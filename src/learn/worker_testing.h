#pragma once

#include <string>

#include "axs/learn/test_folder.h"
#include "axs/train/worker_protocol.h"

namespace axs::learn {

/// For tests: a small job on a text with a pattern, each site with its folder inside `folder`.
inline train::Begin small_job(const TestFolder& folder, std::uint32_t site, std::uint32_t sites) {
  std::string text;
  for (int i = 0; i < 6'000; ++i)
    text += "for item in range(" + std::to_string(i * 7 % 97) + "): print(item)\n";
  train::Begin begin;
  begin.site = {site};
  begin.sites = sites;
  begin.seed = 3;
  begin.model = {.layers = 2, .heads = 2, .kv_heads = 1, .width = 32, .hidden = 64, .context = 16};
  begin.train.sequences = 2 * sites;
  begin.train.tokens = std::uint64_t{100} * 2 * 16 * sites;
  begin.train.inner.rate_peak = 1e-2;
  begin.train.inner.rate_final = 1e-3;
  begin.train.inner.warmup_steps = 5;
  begin.train.outer.period = 10;
  begin.train.outer.fragments = 2;
  begin.data = folder.write("corpus", text);
  begin.folder = folder.path() + "/site" + std::to_string(site);
  return begin;
}

}  // namespace axs::learn
