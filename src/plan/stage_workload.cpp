#include "axs/plan/stage_workload.h"

#include <algorithm>

namespace axs::plan {

Workload stage_workload(const Job& job, const Method& method, const DeviceType& type,
                        std::uint32_t tensor, std::uint32_t replicas) {
  Workload work{.shape = job.shape,
                .plan = {.tensor = tensor,
                         .context = method.context,
                         .data = replicas,
                         .expert = method.whole_experts ? tensor : 1,
                         .sequence_parallel = tensor > 1,
                         .sharding = method.sharding,
                         .recompute = method.recompute,
                         .precision = std::min(job.precision, type.accelerator.fastest),
                         .micro_batch = method.micro_batch,
                         .global_batch = method.micro_batch * replicas,
                         .sequence = job.sequence,
                         .stage_layers = {}},
                .accelerator = type.accelerator,
                .network = type.network,
                .software = job.software};
  work.software.memory_figure = MemoryFigure::device;
  work.shape.experts.dense_layers = 0;
  if (work.shape.global_layers > 0) work.shape.window = work.shape.global_layers = 0;
  return work;
}

}  // namespace axs::plan
