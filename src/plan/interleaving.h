#pragma once

#include <algorithm>
#include <cstdint>

#include "axs/core/units.h"

namespace axs::plan {

/// Interleaved 1F1B (Narayanan et al. 2021, section 2.2): the layers of a stage are several chunks,
/// its virtual stages, that lie as many chunks apart in the model as there are stages, so that each
/// micro-batch comes by several times and others wait less for the first and the last one.

/// What is left of the waiting goes by one over the chunks, transfers go by the chunks: more than
/// these gain nothing.
inline constexpr std::uint32_t virtual_stages_max = 8;

/// From so many layers on, chunks may differ. The schedule waits for the shorter ones as if they
/// were not, at most for two layers over the chunks of a stage, which nothing counts: less than a
/// sixtieth of a step then.
inline constexpr std::uint32_t layers_for_uneven_chunks = 64;

/// Of the model, so that the chunks of stages are all alike or, where embedding and head count as
/// layers, the first and the last have one less (Llama 3, arXiv 2407.21783, section 3.3.2).
constexpr bool has_chunks(std::uint32_t layers, std::uint32_t chunks) {
  return layers % chunks == 0 || (layers >= layers_for_uneven_chunks && (layers + 2) % chunks == 0);
}
/// Of one of all chunks of the model, in its order.
constexpr std::uint32_t layers_of_chunk(std::uint32_t layers, std::uint32_t chunks,
                                        std::uint32_t chunk) {
  if (layers % chunks == 0) return layers / chunks;
  return (layers + 2) / chunks - (chunk == 0 || chunk + 1 == chunks ? 1 : 0);
}
/// All chunks of a stage. They are at least two, as are the stages.
constexpr std::uint32_t layers_in_chunks(std::uint32_t layers, std::uint32_t stages,
                                         std::uint32_t virtual_stages, std::uint32_t stage) {
  if (layers % (stages * virtual_stages) == 0) return layers / stages;
  return (layers + 2) / stages - (stage == 0 || stage + 1 == stages ? 1 : 0);
}

/// The schedule is made for rounds of as many micro-batches as there are stages. Places in the last
/// round may stay empty, which shortens nothing.
constexpr std::uint32_t round_of(std::uint32_t stages, std::uint32_t virtual_stages) {
  return virtual_stages > 1 ? stages : 1;
}
/// With the places that stay empty.
constexpr std::int64_t in_rounds(std::int64_t micro_batches, std::uint32_t round) {
  return round == 1 ? micro_batches : (micro_batches + round - 1) / round * round;
}

/// Until the first micro-batch has come and the last has left, if each further one takes `slowest`:
/// `once` is all stages together, with what they exchange if there is one chunk on each. That holds
/// for whole rounds, in which what passes a stage never finds it idle.
inline Seconds fill_of(Seconds once, Seconds slowest, std::uint32_t virtual_stages) {
  return virtual_stages == 1 ? once
                             : slowest + std::max(once - slowest, Seconds{}) / virtual_stages;
}

}  // namespace axs::plan
