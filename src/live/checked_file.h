#pragma once

#include <string>

#include "axs/host/file.h"

/// Records in files that must be whole or not be believed at all.
namespace axs::live {

/// As host::write_file_atomically(), with a checksum behind the record.
Result<> write_checked(const std::string& path, ByteVector record, host::FileAccess access);
/// The record. Errc::corrupt if it is not what was written.
Result<ByteVector> read_checked(const std::string& path, std::size_t size_max);

}  // namespace axs::live
