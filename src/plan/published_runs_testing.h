#pragma once

#include "axs/plan/published_run.h"

/// Published runs for tests.
namespace axs::plan::testing {

/// Llama 3 8B on 16 H100.
inline PublishedRun llama() {
  PublishedRun run;
  run.line = 2;
  run.source = "somebody's blog";
  run.model = "a model";
  run.accelerator = "H100";
  run.precision = "bf16";
  run.parameters_billion = 8.03;
  run.layers = 32;
  run.hidden = 4096;
  run.heads = 32;
  run.feed_forward = 14336;
  run.vocabulary = 128256;
  run.sequence = 8192;
  run.global_batch = 64;
  run.micro_batch = 1;
  run.devices = 16;
  run.tensor = 2;
  run.pipeline = 1;
  return run;
}

}  // namespace axs::plan::testing
