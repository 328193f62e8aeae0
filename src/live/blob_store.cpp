#include "axs/live/blob_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "axs/host/file.h"

namespace axs::live {

namespace {

constexpr std::size_t blob_size_max = std::size_t{1} << 30;
constexpr const char* unfinished = ".part";

/// Whole under its name, or not there at all, when the process is killed; not synced.
Result<> write_whole(const std::string& path, ByteView bytes) {
  const std::string temporary = path + unfinished;
  {
    const host::Fd file{
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR)};
    if (!file) return host::system_error(temporary);
    const Result<> written = host::write_all(file.get(), bytes, temporary);
    if (!written) {
      ::unlink(temporary.c_str());
      return written;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return host::system_error(path);
  return Ok{};
}

}  // namespace

Result<BlobStore> BlobStore::open(const std::string& folder) {
  AXS_TRY(host::make_folder(folder));
  BlobStore store{folder};
  AXS_TRY(store.load());
  return store;
}

Result<> BlobStore::load() {
  std::error_code failure;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator{folder_, failure})
    files.push_back(entry.path());
  if (failure) return Error{Errc::unavailable, folder_ + ": " + failure.message()};
  for (const auto& file : files) {
    auto bytes = AXS_TRY(host::read_file(file.string(), blob_size_max));
    const Hash256 content = sha256(bytes);
    if (file.filename() == to_hex(content))
      blobs_[content] = std::make_shared<const ByteVector>(std::move(bytes));
    else
      std::filesystem::remove(file, failure);
  }
  return Ok{};
}

Result<> BlobStore::put(const Hash256& content, ByteView bytes) {
  if (sha256(bytes) != content)
    return Error{Errc::corrupt, "contribution of " + std::to_string(bytes.size()) +
                                    " bytes: hash differs from " + to_hex(content)};
  if (blobs_.contains(content)) return Ok{};
  AXS_TRY(write_whole(path_of(content), bytes));
  blobs_[content] = std::make_shared<const ByteVector>(bytes.begin(), bytes.end());
  return Ok{};
}

BlobStore::Blob BlobStore::find(const Hash256& content) const {
  const auto found = blobs_.find(content);
  return found == blobs_.end() ? nullptr : found->second;
}

void BlobStore::forget(const Hash256& content) {
  blobs_.erase(content);
  ::unlink(path_of(content).c_str());
}

std::vector<Hash256> BlobStore::contents() const {
  std::vector<Hash256> all;
  for (const auto& [content, blob] : blobs_) all.push_back(content);
  return all;
}

std::uint64_t BlobStore::bytes() const {
  std::uint64_t total = 0;
  for (const auto& [content, blob] : blobs_) total += blob->size();
  return total;
}

std::string BlobStore::path_of(const Hash256& content) const {
  return folder_ + "/" + to_hex(content);
}

}  // namespace axs::live
