#include "axs/learn/job.h"

#include <cstring>

#include "axs/catalog/scenario.h"
namespace axs::learn {

using train::Begin;

Result<TrainerOptions> trainer_options(const Begin& begin) {
  const catalog::InnerRule inner = catalog::inner_rule(begin.train);
  const std::uint64_t tokens = catalog::tokens_per_step(begin.train, begin.model, begin.sites);
  ReplicaWork work;
  if (const auto& shares = begin.train.shares)
    work = {shares->micro_batch, shares->sites[begin.site.value].micro_batches};
  return TrainerOptions{.shape = AXS_TRY(shape_of(begin.model)),
                        .optimiser = {.beta1 = static_cast<float>(inner.beta1),
                                      .beta2 = static_cast<float>(inner.beta2),
                                      .weight_decay = static_cast<float>(inner.weight_decay),
                                      .clip = static_cast<float>(inner.clip_norm)},
                        .learning_rate = {.peak = inner.rate_peak,
                                          .floor = inner.rate_final,
                                          .warmup = inner.warmup_steps,
                                          .steps = begin.train.tokens / tokens},
                        .seed = begin.seed,
                        .shards = begin.sites,
                        .shard = begin.site.value,
                        .sequences = catalog::site_sequences(begin.train, begin.site, begin.sites),
                        .work = std::move(work)};
}

Result<> check_job(const Begin& begin) {
  const auto bad = [](const std::string& what) { return Error{Errc::invalid, "worker: " + what}; };
  if (begin.version != train::worker_protocol_version)
    return bad("protocol version " + std::to_string(begin.version) + ", want " +
               std::to_string(train::worker_protocol_version));
  if (begin.site.value >= begin.sites)
    return bad("site " + std::to_string(begin.site.value) + ", want below " +
               std::to_string(begin.sites));
  if (begin.model.context == 0) return bad("model: context 0, want at least 1");
  if (const auto& shares = begin.train.shares; shares && shares->sites.size() != begin.sites)
    return bad("shares of " + std::to_string(shares->sites.size()) + " sites, want " +
               std::to_string(begin.sites));
  if (catalog::site_sequences(begin.train, begin.site, begin.sites) == 0)
    return bad("no sequences in a step, want some");
  return Ok{};
}

Result<std::shared_ptr<const Corpus>> corpus_of(const Begin& begin) {
  return std::make_shared<const Corpus>(
      AXS_TRY(begin.data.empty() ? read_default_corpus() : read_corpus(begin.data)));
}

ByteView bytes_of(std::span<const float> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

void read_values(WireReader& reader, std::span<float> values) {
  const ByteView bytes = reader.bytes(values.size_bytes());
  if (reader.ok()) std::memcpy(values.data(), bytes.data(), bytes.size());
}

}  // namespace axs::learn
