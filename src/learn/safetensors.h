#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/wire.h"

/// The safetensors format of the Hugging Face project, fp32 only: eight bytes of header length,
/// a JSON header, the values in little-endian.
namespace axs::learn {

/// A tensor to be written; its values are borrowed.
struct NamedTensor {
  std::string name;
  std::vector<std::size_t> dimensions;
  std::span<const float> values;
};

using Metadata = std::map<std::string, std::string>;

/// What a file holds.
struct TensorFile {
  Metadata metadata;
  std::map<std::string, std::vector<float>> tensors;
};

/// Replaces the file durably.
Result<> write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                           const Metadata& metadata);

/// Reads what write_safetensors wrote, and fp32 files of others. Any input is safe; the Error says
/// what in it is wrong.
Result<TensorFile> parse_safetensors(ByteView bytes);
/// The same for a file, which the Error names.
Result<TensorFile> read_safetensors(const std::string& path);

}  // namespace axs::learn
