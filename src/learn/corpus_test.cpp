#include "axs/learn/corpus.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "axs/learn/test_folder.h"

using namespace axs;
using namespace axs::learn;

namespace fs = std::filesystem;

TEST_CASE("corpus: the last tenth of a file is for validation") {
  const TestFolder folder;
  const std::string text =
      folder.write("text.txt", std::string(9'000, 'a') + std::string(1'000, 'b'));
  const auto corpus = *read_corpus(text);
  CHECK(corpus.training == std::vector<std::uint8_t>(9'000, 'a'));
  CHECK(corpus.validation == std::vector<std::uint8_t>(1'000, 'b'));
  CHECK(corpus.files == 1);
  std::vector<std::uint8_t> all(9'000, 'a');
  all.insert(all.end(), 1'000, 'b');
  CHECK(corpus.hash == sha256(all));
}

TEST_CASE("corpus: a folder is read in the order of its paths, links and large files left out") {
  const TestFolder folder;
  folder.write("b.py", std::string(3'000, 'b'));
  folder.write("a/z.py", std::string(3'000, 'z'));
  folder.write("a/note.txt", std::string(3'000, 'n'));
  folder.write("large.py", std::string(9'000, 'l'));
  fs::create_symlink(folder.path() + "/b.py", folder.path() + "/link.py");
  const auto corpus = *read_corpus(folder.path(), {.suffix = ".py", .file_bytes = 5'000});
  CHECK(corpus.files == 2);
  CHECK(corpus.training.size() == 5'400);
  CHECK(corpus.training.front() == 'z');
  CHECK(corpus.training.back() == 'b');
  CHECK(corpus.validation.front() == 'z');
  CHECK(corpus.validation.size() == 600);
}

TEST_CASE("corpus: of a large one no more is for validation than is of use, in equal shares") {
  const TestFolder folder;
  folder.write("a", std::string(60'000, 'a'));
  folder.write("b", std::string(40'000, 'b'));
  const auto corpus = *read_corpus(folder.path(), {.suffix = "", .validation_bytes = 2'000});
  CHECK(corpus.training.size() == 98'000);
  CHECK(std::ranges::count(corpus.validation, 'a') == 1'200);
  CHECK(std::ranges::count(corpus.validation, 'b') == 800);
}

TEST_CASE("corpus: of many small files a few have their last tenth for validation") {
  const TestFolder folder;
  for (int i = 0; i < 100; ++i)
    folder.write("f" + std::to_string(100 + i), std::string(1'000, static_cast<char>(i)));
  const auto corpus = *read_corpus(folder.path(), {.suffix = "", .validation_bytes = 2'000});
  // Every fifth: a tenth of all would be five times too much.
  CHECK(corpus.validation.size() == 2'000);
  CHECK(std::ranges::count(corpus.validation, std::uint8_t{5}) == 100);
  CHECK(std::ranges::count(corpus.validation, std::uint8_t{6}) == 0);
  CHECK(corpus.training.size() == 98'000);
}

TEST_CASE("corpus: what is missing, empty or too small is named") {
  const TestFolder folder;
  const std::string missing = folder.path() + "/none";
  CHECK(read_corpus(missing).error().what ==
        "corpus " + missing + ": no such file or folder, want a file or folder of text");
  CHECK(read_corpus(missing).error().code == Errc::invalid);
  const std::string small = folder.write("small.txt", "abc");
  CHECK(read_corpus(small).error().what ==
        "corpus " + small + ": 3 bytes in 1 files, want at least 4096");
  fs::create_directory(folder.path() + "/empty");
  CHECK(read_corpus(folder.path() + "/empty").error().what ==
        "corpus " + folder.path() + "/empty: 0 bytes in 0 files, want at least 4096");
  CHECK(read_corpus("/dev/null").error().code == Errc::invalid);
}

TEST_CASE("corpus: the newest Python library is found") {
  const TestFolder folder;
  folder.write("python3.9/old.py", std::string(9'000, 'o'));
  folder.write("python3.11/new.py", std::string(9'000, 'n'));
  folder.write("python3/packages.py", std::string(9'000, 'p'));
  CHECK(read_default_corpus(folder.path())->training.front() == 'n');
  const TestFolder without;
  CHECK(read_default_corpus(without.path()).error().code == Errc::not_found);
}
