#include "axs/learn/model_shape.h"

#include <algorithm>
#include <string>

#include "axs/catalog/model_presets.h"

namespace axs::learn {

namespace {

Error bad_shape(const std::string& what, std::size_t seen, const std::string& wanted) {
  return {Errc::invalid, "model: " + what + " " + std::to_string(seen) + ", want " + wanted};
}

void add_layer(const ModelShape& shape, std::uint32_t layer,
               std::vector<train::ParameterTensor>& out) {
  const std::string prefix = "model.layers." + std::to_string(layer) + ".";
  const auto add = [&](const char* name, std::size_t size) {
    out.push_back({prefix + name, size, layer});
  };
  const std::size_t width = shape.width;
  add("input_layernorm.weight", width);
  add("self_attn.q_proj.weight", width * width);
  add("self_attn.k_proj.weight", shape.kv_width() * width);
  add("self_attn.v_proj.weight", shape.kv_width() * width);
  add("self_attn.o_proj.weight", width * width);
  add("post_attention_layernorm.weight", width);
  add("mlp.gate_proj.weight", shape.hidden * width);
  add("mlp.up_proj.weight", shape.hidden * width);
  add("mlp.down_proj.weight", width * shape.hidden);
}

}  // namespace

Result<ModelShape> shape_of(const catalog::Model& model) {
  const catalog::Model bytes{.layers = model.layers,
                             .heads = model.heads,
                             .kv_heads = model.kv_heads,
                             .width = model.width,
                             .hidden = model.hidden,
                             .context = model.context,
                             .head_width = model.head_width};
  const bool own_width = model.heads == 0 || head_width(model) * model.heads == model.width;
  if (model != bytes || !own_width)
    return Error{Errc::invalid, "model: not a Llama-type decoder over bytes, want one"};
  const ModelShape shape{.layers = model.layers,
                         .width = model.width,
                         .heads = model.heads,
                         .kv_heads = model.kv_heads,
                         .hidden = model.hidden,
                         .context = model.context};
  (void)AXS_TRY(check_shape(shape));
  // A product of such sizes does not overflow.
  constexpr std::size_t size_max = 1 << 16;
  if (std::max({shape.layers, shape.width, shape.hidden, shape.context}) > size_max)
    return Error{Errc::invalid, "model: a size above " + std::to_string(size_max)};
  return shape;
}

Result<ModelShape> preset_shape(std::string_view name) {
  return shape_of(AXS_TRY(catalog::model_preset(name)));
}

Result<> check_shape(const ModelShape& shape) {
  for (const auto& [what, seen] : {std::pair{"vocabulary", shape.vocabulary},
                                   {"layers", shape.layers},
                                   {"width", shape.width},
                                   {"heads", shape.heads},
                                   {"kv_heads", shape.kv_heads},
                                   {"hidden", shape.hidden},
                                   {"context", shape.context}})
    if (seen == 0) return bad_shape(what, seen, "at least 1");
  if (shape.width % shape.heads != 0) return bad_shape("width", shape.width, "a multiple of heads");
  if (shape.heads % shape.kv_heads != 0)
    return bad_shape("heads", shape.heads, "a multiple of kv_heads");
  if (shape.head_width() % 16 != 0)
    return bad_shape("width / heads", shape.head_width(), "a multiple of 16");
  if (shape.hidden % 16 != 0) return bad_shape("hidden", shape.hidden, "a multiple of 16");
  return Ok{};
}

std::vector<train::ParameterTensor> parameter_tensors(const ModelShape& shape) {
  std::vector<train::ParameterTensor> tensors;
  tensors.push_back({"model.embed_tokens.weight", shape.vocabulary * shape.width, {}});
  for (std::uint32_t layer = 0; layer < shape.layers; ++layer) add_layer(shape, layer, tensors);
  tensors.push_back({"model.norm.weight", shape.width, {}});
  if (shape.head == Head::own)
    tensors.push_back({"lm_head.weight", shape.vocabulary * shape.width, {}});
  return tensors;
}

std::size_t parameter_count(const ModelShape& shape) {
  std::size_t count = 0;
  for (const auto& tensor : parameter_tensors(shape)) count += tensor.size;
  return count;
}

std::vector<std::size_t> tensor_dimensions(const ModelShape& shape,
                                           const train::ParameterTensor& tensor) {
  if (tensor.name.find("norm") != std::string::npos) return {tensor.size};
  const std::size_t columns =
      tensor.name.find("down_proj") != std::string::npos ? shape.hidden : shape.width;
  return {tensor.size / columns, columns};
}

}  // namespace axs::learn
