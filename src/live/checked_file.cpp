#include "axs/live/checked_file.h"

#include "axs/core/crc32c.h"

namespace axs::live {

namespace {

constexpr std::size_t crc_size = sizeof(std::uint32_t);

}  // namespace

Result<> write_checked(const std::string& path, ByteVector record, host::FileAccess access) {
  const std::uint32_t sum = crc32c(record);
  WireWriter{record}.put(sum);
  return host::write_file_atomically(path, record, access);
}

Result<ByteVector> read_checked(const std::string& path, std::size_t size_max) {
  ByteVector bytes = AXS_TRY(host::read_file(path, size_max));
  if (bytes.size() < crc_size) return Error{Errc::corrupt, path + ": cut short"};
  const std::size_t size = bytes.size() - crc_size;
  const ByteVector sum = to_wire(crc32c(ByteView{bytes}.first(size)));
  if (!std::equal(sum.begin(), sum.end(), bytes.begin() + static_cast<std::ptrdiff_t>(size)))
    return Error{Errc::corrupt, path + ": damaged, its checksum does not fit"};
  bytes.resize(size);
  return bytes;
}

}  // namespace axs::live
