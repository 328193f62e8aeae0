#include "axs/learn/export.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "axs/core/assert.h"
#include "axs/host/file.h"
#include "axs/learn/safetensors.h"

namespace axs::learn {

namespace {

using Json = nlohmann::ordered_json;

Json config_of(const ModelShape& shape) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"vocab_size", shape.vocabulary},
          {"hidden_size", shape.width},
          {"intermediate_size", shape.hidden},
          {"num_hidden_layers", shape.layers},
          {"num_attention_heads", shape.heads},
          {"num_key_value_heads", shape.kv_heads},
          {"head_dim", shape.head_width()},
          {"max_position_embeddings", shape.context},
          {"rms_norm_eps", shape.norm_epsilon},
          {"rope_theta", shape.rope_base},
          {"tie_word_embeddings", shape.head == Head::tied},
          {"hidden_act", "silu"},
          {"attention_bias", false},
          {"mlp_bias", false},
          {"bos_token_id", nullptr},
          {"eos_token_id", nullptr},
          {"pad_token_id", nullptr},
          {"torch_dtype", "float32"}};
}

std::string utf8(unsigned code_point) {
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  return {static_cast<char>(0xC0 | (code_point >> 6)),
          static_cast<char>(0x80 | (code_point & 0x3F))};
}

/// The character that stands for a byte in a ByteLevel tokenizer (GPT-2): itself if it is printable
/// in Latin-1, else the next one from U+0100 on.
Json byte_level_vocabulary() {
  Json vocabulary = Json::object();
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    vocabulary[utf8(printable ? byte : next++)] = byte;
  }
  return vocabulary;
}

Json tokenizer() {
  const Json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", false},
                           {"trim_offsets", true},
                           {"use_regex", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", Json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", byte_level_vocabulary()},
            {"merges", Json::array()}}}};
}

Json tokenizer_config(const ModelShape& shape) {
  return {{"tokenizer_class", "PreTrainedTokenizerFast"},
          {"model_max_length", shape.context},
          {"clean_up_tokenization_spaces", false}};
}

Result<> write_json(const std::filesystem::path& path, const Json& json) {
  const std::string text = json.dump(2) + "\n";
  const ByteView bytes{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  return host::write_file_atomically(path.string(), bytes, host::FileAccess::everyone);
}

}  // namespace

Result<> export_model(const std::string& folder, const ModelShape& shape,
                      std::span<const float> parameters) {
  AXS_ASSERT(parameters.size() == parameter_count(shape));
  const std::filesystem::path path{folder};
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure) return Error{Errc::unavailable, folder + ": cannot be made: " + failure.message()};
  std::vector<NamedTensor> tensors;
  for (const auto& tensor : parameter_tensors(shape)) {
    tensors.push_back(
        {tensor.name, tensor_dimensions(shape, tensor), parameters.first(tensor.size)});
    parameters = parameters.subspan(tensor.size);
  }
  (void)AXS_TRY(
      write_safetensors((path / "model.safetensors").string(), tensors, {{"format", "pt"}}));
  (void)AXS_TRY(write_json(path / "config.json", config_of(shape)));
  (void)AXS_TRY(write_json(path / "tokenizer.json", tokenizer()));
  return write_json(path / "tokenizer_config.json", tokenizer_config(shape));
}

}  // namespace axs::learn
