#include "axs/learn/checkpoint.h"

#include <algorithm>
#include <charconv>

#include "axs/core/crypto.h"

namespace axs::learn {

namespace {

constexpr const char* version = "1";
const std::string extra_prefix = "extra.";

/// What must be the same in the file and in the trainer, and how it is written.
Metadata identity_of(const Trainer& trainer) {
  const auto& options = trainer.options();
  const auto& shape = options.shape;
  const auto text = [](auto value) { return std::to_string(value); };
  return {{"axs.version", version},
          {"axs.corpus", to_hex(trainer.corpus().hash)},
          {"axs.seed", text(options.seed)},
          {"axs.shards", text(options.shards)},
          {"axs.shard", text(options.shard)},
          {"axs.shape",
           text(shape.vocabulary) + " " + text(shape.layers) + " " + text(shape.width) + " " +
               text(shape.heads) + " " + text(shape.kv_heads) + " " + text(shape.hidden) + " " +
               text(shape.context) + " " + text(shape.rope_base) + " " + text(shape.norm_epsilon) +
               (shape.head == Head::tied ? " tied" : " own")}};
}

void update(Sha256& sha, std::string_view text) {
  sha.update({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

/// Over the names and values of all tensors and over the metadata but itself, in the order of the
/// names.
std::string hash_of(const std::map<std::string, std::span<const float>>& tensors,
                    const Metadata& metadata) {
  Sha256 sha;
  for (const auto& [name, values] : tensors) {
    update(sha, name);
    sha.update({reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
  }
  for (const auto& [key, value] : metadata)
    if (key != "axs.sha256") update(sha, key + "=" + value + ";");
  return to_hex(sha.value());
}

Result<std::uint64_t> number(const Metadata& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  const std::string text = found == metadata.end() ? "" : found->second;
  std::uint64_t value = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || stop != text.data() + text.size())
    return Error{Errc::corrupt, key + " \"" + text + "\", want a number"};
  return value;
}

Result<> check_identity(const Metadata& seen, const Trainer& trainer) {
  for (const auto& [key, wanted] : identity_of(trainer)) {
    const auto found = seen.find(key);
    if (found == seen.end() || found->second != wanted)
      return Error{Errc::invalid, key + " \"" + (found == seen.end() ? "" : found->second) +
                                      "\", want \"" + wanted + "\""};
  }
  return Ok{};
}

Result<> check_hash(const TensorFile& file) {
  std::map<std::string, std::span<const float>> views(file.tensors.begin(), file.tensors.end());
  const auto found = file.metadata.find("axs.sha256");
  if (found == file.metadata.end() || found->second != hash_of(views, file.metadata))
    return Error{Errc::corrupt, "damaged, its hash does not fit its content"};
  return Ok{};
}

Result<> check_sizes(const TensorFile& file, std::size_t wanted) {
  for (const char* name : {"parameters", "first_moment", "second_moment"}) {
    const auto found = file.tensors.find(name);
    const std::size_t seen = found == file.tensors.end() ? 0 : found->second.size();
    if (seen != wanted)
      return Error{Errc::corrupt, std::string{name} + " of " + std::to_string(seen) +
                                      " values, want " + std::to_string(wanted)};
  }
  return Ok{};
}

CheckpointExtras extras_of(TensorFile&& file) {
  CheckpointExtras extras;
  for (auto& [name, values] : file.tensors)
    if (name.starts_with(extra_prefix))
      extras.tensors[name.substr(extra_prefix.size())] = std::move(values);
  for (auto& [key, value] : file.metadata)
    if (key.starts_with(extra_prefix)) extras.notes[key.substr(extra_prefix.size())] = value;
  return extras;
}

Result<CheckpointExtras> restore(TensorFile&& file, Trainer& trainer) {
  (void)AXS_TRY(check_identity(file.metadata, trainer));
  (void)AXS_TRY(check_hash(file));
  (void)AXS_TRY(check_sizes(file, trainer.parameters().size()));
  const auto steps = AXS_TRY(number(file.metadata, "axs.steps"));
  const auto next_sequence = AXS_TRY(number(file.metadata, "axs.next_sequence"));
  std::ranges::copy(file.tensors["parameters"], trainer.parameters().begin());
  std::ranges::copy(file.tensors["first_moment"], trainer.optimiser().first_moment().begin());
  std::ranges::copy(file.tensors["second_moment"], trainer.optimiser().second_moment().begin());
  trainer.optimiser().set_steps(steps);
  trainer.set_next_sequence(next_sequence);
  return extras_of(std::move(file));
}

}  // namespace

Result<> save_checkpoint(const std::string& path, const Trainer& trainer,
                         const CheckpointExtras& extras) {
  std::map<std::string, std::span<const float>> views{
      {"parameters", trainer.parameters()},
      {"first_moment", trainer.optimiser().first_moment()},
      {"second_moment", trainer.optimiser().second_moment()}};
  Metadata metadata = identity_of(trainer);
  metadata["axs.steps"] = std::to_string(trainer.steps());
  metadata["axs.next_sequence"] = std::to_string(trainer.next_sequence());
  for (const auto& [name, values] : extras.tensors) views[extra_prefix + name] = values;
  for (const auto& [key, value] : extras.notes) metadata[extra_prefix + key] = value;
  metadata["axs.sha256"] = hash_of(views, metadata);
  std::vector<NamedTensor> tensors;
  for (const auto& [name, values] : views) tensors.push_back({name, {values.size()}, values});
  return write_safetensors(path, tensors, metadata);
}

Result<CheckpointExtras> load_checkpoint(const std::string& path, Trainer& trainer) {
  auto extras = restore(AXS_TRY(read_safetensors(path)), trainer);
  if (!extras) return Error{extras.error().code, path + ": " + extras.error().what};
  return extras;
}

}  // namespace axs::learn
