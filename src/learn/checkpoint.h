#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/learn/safetensors.h"
#include "axs/learn/trainer.h"

namespace axs::learn {

/// What a program keeps in a checkpoint beside the trainer: the outer optimiser's momentum, errors
/// of codes, fragments in flight; and its own notes, under keys of its own.
struct CheckpointExtras {
  std::map<std::string, std::vector<float>> tensors;
  Metadata notes;
};

/// Writes a worker's whole state to one safetensors file, durably: after Ok it survives a power
/// cut, after an Error the file that was there is as it was.
Result<> save_checkpoint(const std::string& path, const Trainer& trainer,
                         const CheckpointExtras& extras = {});

/// Puts the state into a trainer that was created with the same options and corpus; from there on
/// it computes the same bits as the one that was saved. Error if the file is missing, damaged (a
/// hash covers all values), of another version, or of another model, corpus, seed or shard. The
/// trainer is unchanged after an Error.
Result<CheckpointExtras> load_checkpoint(const std::string& path, Trainer& trainer);

}  // namespace axs::learn
