#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "axs/core/crypto.h"
#include "axs/core/result.h"

namespace axs::learn {

/// Text as byte tokens, split once and for all. The last tenth of every file is for validation, so
/// a single file is split as nanoGPT does and a folder has every kind of its files on both sides;
/// of a large corpus less: the last tenth of some of many files, or a smaller part of each of few,
/// so that validation has about CorpusLimits::validation_bytes.
struct Corpus {
  std::string source;  ///< The file or folder.
  std::size_t files{};
  std::vector<std::uint8_t> training;
  std::vector<std::uint8_t> validation;
  Hash256 hash{};  ///< Of the training bytes, then the validation bytes.
};

/// What is read of a folder.
struct CorpusLimits {
  std::string suffix;                              ///< Of the names of files; empty for all.
  std::size_t file_bytes{std::size_t{4} << 20};    ///< Larger files are left out.
  std::size_t total_bytes{std::size_t{64} << 20};  ///< Files beyond this sum are left out.
  /// Over so many tokens the mean loss is known to a few thousandths; more only take time.
  std::size_t validation_bytes{std::size_t{256} << 10};
};

/// Reads a file, or the regular files below a folder in the order of their relative paths; symbolic
/// links are not followed. Error naming the path if it is missing, unreadable, or holds less than
/// 4,096 bytes.
Result<Corpus> read_corpus(const std::string& path, const CorpusLimits& limits = {});

/// The Python standard library's source files, real text that is on every Debian machine: the *.py
/// below the newest /usr/lib/python3.N.
Result<Corpus> read_default_corpus(const std::string& library_root = "/usr/lib");

}  // namespace axs::learn
