#pragma once

#include <memory>
#include <span>

#include "axs/learn/corpus.h"
#include "axs/learn/trainer.h"
#include "axs/train/worker_protocol.h"

/// What a Begin asks of a worker, in the terms of this module.
namespace axs::learn {

/// Errc::invalid, with a sentence for the user, if it is no job for this program.
Result<> check_job(const train::Begin& begin);

/// The learning rate is laid out over the steps of the whole budget.
Result<TrainerOptions> trainer_options(const train::Begin& begin);

Result<std::shared_ptr<const Corpus>> corpus_of(const train::Begin& begin);

/// Values as they lie in memory.
ByteView bytes_of(std::span<const float> values);

/// Reads them back; the reader is no longer ok() if it holds fewer.
void read_values(WireReader& reader, std::span<float> values);

}  // namespace axs::learn
