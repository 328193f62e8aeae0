#include "axs/learn/safetensors.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "axs/host/file.h"

namespace axs::learn {

namespace {

using Json = nlohmann::json;

/// More than any model that is trained here.
constexpr std::size_t file_max = std::size_t{1} << 40;

ByteView bytes_of(std::span<const float> values) {
  static_assert(std::endian::native == std::endian::little);
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

/// The header, padded so that the values begin at a multiple of 8, as the format asks for.
std::string header_of(std::span<const NamedTensor> tensors, const Metadata& metadata) {
  Json header = Json::object();
  header["__metadata__"] = metadata;
  std::size_t begin = 0;
  for (const auto& tensor : tensors) {
    const std::size_t end = begin + tensor.values.size_bytes();
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.dimensions}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

/// The values that a header entry points to, or the reason why not, to follow its name.
Result<std::vector<float>> values_of(const Json& entry, ByteView data) {
  const auto bad = [](const char* why) { return Error{Errc::corrupt, why}; };
  if (!entry.is_object() || entry.value("dtype", Json{}) != "F32")
    return bad("is not of dtype F32");
  const auto offsets = entry.value("data_offsets", Json{});
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    return bad("has no data_offsets");
  const std::size_t begin = offsets[0];
  const std::size_t end = offsets[1];
  if (begin > end || end > data.size() || (end - begin) % sizeof(float) != 0)
    return bad("points outside the file");
  std::vector<float> values((end - begin) / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), data.data() + begin, end - begin);
  return values;
}

Result<> read_metadata(const Json& entry, Metadata& out) {
  if (!entry.is_object()) return Error{Errc::corrupt, "__metadata__ is not an object"};
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) return Error{Errc::corrupt, "metadata " + key + " is not a string"};
    out[key] = value.get<std::string>();
  }
  return Ok{};
}

}  // namespace

Result<TensorFile> parse_safetensors(ByteView bytes) {
  std::uint64_t header_size = 0;
  if (bytes.size() < sizeof(header_size)) return Error{Errc::corrupt, "shorter than its header"};
  std::memcpy(&header_size, bytes.data(), sizeof(header_size));
  const ByteView rest = bytes.subspan(sizeof(header_size));
  if (header_size > rest.size()) return Error{Errc::corrupt, "shorter than its header"};
  const ByteView text = rest.first(header_size);
  const Json header = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!header.is_object()) return Error{Errc::corrupt, "header is not a JSON object"};
  TensorFile file;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      (void)AXS_TRY(read_metadata(entry, file.metadata));
      continue;
    }
    auto values = values_of(entry, rest.subspan(header_size));
    if (!values) return Error{Errc::corrupt, "tensor " + name + " " + values.error().what};
    file.tensors[name] = *std::move(values);
  }
  return file;
}

Result<> write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                           const Metadata& metadata) {
  const std::string header = header_of(tensors, metadata);
  const std::uint64_t header_size = header.size();
  std::vector<ByteView> parts;
  parts.emplace_back(reinterpret_cast<const std::uint8_t*>(&header_size), sizeof(header_size));
  parts.emplace_back(reinterpret_cast<const std::uint8_t*>(header.data()), header.size());
  for (const auto& tensor : tensors) parts.push_back(bytes_of(tensor.values));
  return host::write_parts_atomically(path, parts, host::FileAccess::everyone);
}

Result<TensorFile> read_safetensors(const std::string& path) {
  const ByteVector bytes = AXS_TRY(host::read_file(path, file_max));
  auto file = parse_safetensors(bytes);
  if (!file) return Error{file.error().code, path + ": " + file.error().what};
  return file;
}

}  // namespace axs::learn
