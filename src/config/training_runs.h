#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "axs/core/result.h"
#include "axs/plan/published_run.h"

namespace axs::config {

/// A table of training runs as comma-separated values (RFC 4180): a header that names the columns
/// (source, model, model_params_B, layers, hidden, heads, ffn_hidden, vocab, seq_len, global_batch,
/// micro_batch, gpu_type, n_gpus, tp, pp, dp, vpp, ep, cp, seq_parallel, zero_stage, recompute,
/// precision, step_time_s, peak_mem_gib, notes), then a run per line. tokens_per_s,
/// achieved_tflops_per_gpu, flops_convention, mfu_pct and hfu_pct may be there too; other columns
/// are passed over. A cell that cannot be read, or a wrong number of cells, is remembered in its
/// run; `file` names the text in errors.
Result<std::vector<plan::PublishedRun>> parse_training_runs(std::string_view text,
                                                            const std::string& file);
Result<std::vector<plan::PublishedRun>> read_training_runs(const std::string& file);

}  // namespace axs::config
