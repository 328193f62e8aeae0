#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "axs/core/wire.h"
#include "axs/host/fd.h"

/// Files that survive a crash. Every error names the path and what the system said.
namespace axs::host {

/// Who may read a file.
enum class FileAccess { owner_only, everyone };

/// Replaces the file by `data`: after a crash at any point it holds either the old or all of the
/// new content, and after success the new content is on the disk (file and folder are synced). An
/// error, a full disk included, leaves the old file and nothing else. One writer per path at a
/// time.
Result<> write_file_atomically(const std::string& path, ByteView data, FileAccess access);
/// The same with the content in parts, one after the other.
Result<> write_parts_atomically(const std::string& path, std::span<const ByteView> parts,
                                FileAccess access);

/// Replaces the file for whoever reads it, at once and whole, but is in no hurry to have it on the
/// disk: for what is written again and again.
Result<> replace_file(const std::string& path, std::string_view text);

/// The place that a person named for what they asked for. A file, or none yet, is replaced as by
/// write_file_atomically(), for everyone; of a link that to which it leads. What else is there, a
/// device or a pipe, stays and is written to, as a shell does; a pipe that nobody reads is an
/// error. What this process writes to already, such as its standard output, is written on.
class Output {
 public:
  /// An error if it cannot be written now: who works for long asks before. Leaves no new file, and
  /// the old one as it is.
  static Result<Output> at(const std::string& path);
  Result<> write(std::string_view text) const;

 private:
  Output(std::string path, Fd place) : path_{std::move(path)}, place_{std::move(place)} {}

  std::string path_;
  Fd place_;  ///< of what is no file to replace; open, for whoever reads a pipe waits for its end
};
Result<> write_output(const std::string& path, std::string_view text);

/// The content of the file; Errc::exhausted if it is longer than `size_max` bytes.
Result<ByteVector> read_file(const std::string& path, std::size_t size_max);

/// Makes the folder and its parents, durably; fine if it exists.
Result<> make_folder(const std::string& path);

/// Makes the names in the folder durable: new, renamed and removed files.
Result<> sync_folder(const std::string& path);

/// The names in the folder, sorted; none if it cannot be read.
std::vector<std::string> names_in(const std::string& path);

/// Bytes that an unprivileged process may still write on the file system that holds `path`.
Result<std::uint64_t> free_space(const std::string& path);

/// Writes all of `data` at the file's position; on error some of it may have been written.
Result<> write_all(int fd, ByteView data, const std::string& path);

}  // namespace axs::host
