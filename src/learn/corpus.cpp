#include "axs/learn/corpus.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace axs::learn {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t least_bytes = 4'096;

Result<std::vector<std::uint8_t>> read_file(const fs::path& path) {
  std::ifstream in{path, std::ios::binary | std::ios::ate};
  if (!in)
    return Error{Errc::not_found,
                 "corpus " + path.string() + ": cannot be opened: " + std::strerror(errno)};
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(in.tellg()));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!in) return Error{Errc::corrupt, "corpus " + path.string() + ": cannot be read to its end"};
  return bytes;
}

using Bytes = std::vector<std::uint8_t>;

/// What a corpus is split by.
struct Whole {
  std::size_t bytes{};
  std::size_t files{};
};

/// How many bytes at the end of a file are for validation.
std::size_t validation_of(std::size_t size, std::size_t number, const Whole& whole,
                          const CorpusLimits& limits) {
  const std::size_t tenth = size - size * 9 / 10;
  const std::size_t surplus = whole.bytes / 10 / limits.validation_bytes;
  if (surplus <= 1) return tenth;
  // Of many files a few: pieces of some length, not the last brace of each.
  if (whole.files >= 10 * surplus) return number % surplus == 0 ? tenth : 0;
  return size * limits.validation_bytes / whole.bytes;
}

void add_file(const Bytes& bytes, const Whole& whole, const CorpusLimits& limits, Corpus& corpus) {
  const std::size_t held_out = validation_of(bytes.size(), corpus.files, whole, limits);
  const auto cut = static_cast<std::ptrdiff_t>(bytes.size() - held_out);
  corpus.training.insert(corpus.training.end(), bytes.begin(), bytes.begin() + cut);
  corpus.validation.insert(corpus.validation.end(), bytes.begin() + cut, bytes.end());
  ++corpus.files;
}

Result<std::vector<fs::path>> list_files(const fs::path& folder, const CorpusLimits& limits) {
  std::vector<fs::path> paths;
  std::error_code failure;
  fs::recursive_directory_iterator it{folder, failure};
  for (; !failure && it != fs::recursive_directory_iterator{}; it.increment(failure)) {
    const auto& entry = *it;
    if (!fs::is_regular_file(entry.symlink_status(failure)) || failure) continue;
    if (!entry.path().string().ends_with(limits.suffix)) continue;
    if (entry.file_size(failure) <= limits.file_bytes) paths.push_back(entry.path());
  }
  if (failure)
    return Error{Errc::unavailable, "corpus " + folder.string() + ": " + failure.message()};
  std::ranges::sort(paths, {}, [&](const fs::path& path) {
    return path.lexically_relative(folder).generic_string();
  });
  return paths;
}

Result<> add_folder(const fs::path& folder, const CorpusLimits& limits, Corpus& corpus) {
  std::size_t total = 0;
  std::vector<Bytes> files;
  for (const auto& path : AXS_TRY(list_files(folder, limits))) {
    Bytes bytes = AXS_TRY(read_file(path));
    if (total + bytes.size() > limits.total_bytes) continue;
    total += bytes.size();
    files.push_back(std::move(bytes));
  }
  for (const Bytes& bytes : files) add_file(bytes, {total, files.size()}, limits, corpus);
  return Ok{};
}

Hash256 hash_of(const Corpus& corpus) {
  Sha256 sha;
  sha.update(corpus.training);
  sha.update(corpus.validation);
  return sha.value();
}

/// N of "python3.N", or -1.
int minor_version(const std::string& name) {
  const std::string_view prefix = "python3.";
  if (!name.starts_with(prefix)) return -1;
  int minor = -1;
  const char* end = name.data() + name.size();
  const auto [stop, failure] = std::from_chars(name.data() + prefix.size(), end, minor);
  return failure == std::errc{} && stop == end ? minor : -1;
}

}  // namespace

Result<Corpus> read_corpus(const std::string& path, const CorpusLimits& limits) {
  Corpus corpus;
  corpus.source = path;
  std::error_code failure;
  const auto status = fs::status(path, failure);
  if (!fs::exists(status))
    return Error{Errc::invalid,
                 "corpus " + path + ": no such file or folder, want a file or folder of text"};
  if (fs::is_directory(status)) {
    (void)AXS_TRY(add_folder(path, limits, corpus));
  } else {
    const Bytes bytes = AXS_TRY(read_file(path));
    add_file(bytes, {bytes.size(), 1}, limits, corpus);
  }
  const std::size_t size = corpus.training.size() + corpus.validation.size();
  if (size < least_bytes)
    return Error{Errc::invalid, "corpus " + path + ": " + std::to_string(size) + " bytes in " +
                                    std::to_string(corpus.files) + " files, want at least " +
                                    std::to_string(least_bytes)};
  corpus.hash = hash_of(corpus);
  return corpus;
}

Result<Corpus> read_default_corpus(const std::string& library_root) {
  int newest = -1;
  std::error_code failure;
  for (fs::directory_iterator it{library_root, failure}; !failure && it != fs::directory_iterator{};
       it.increment(failure))
    newest = std::max(newest, minor_version(it->path().filename().string()));
  if (newest < 0)
    return Error{Errc::not_found, "corpus: no python3.N below " + library_root +
                                      "; install python3 or name a file or folder of text"};
  return read_corpus(library_root + "/python3." + std::to_string(newest), {.suffix = ".py"});
}

}  // namespace axs::learn
