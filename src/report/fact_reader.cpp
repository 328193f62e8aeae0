#include "axs/report/fact_reader.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace axs::report {
namespace {

using nlohmann::json;

/// Years from the epoch of a run no clock of it can be.
constexpr Instant latest{std::int64_t{1} << 58};
constexpr Instant earliest{-latest.ns};

/// Thrown and caught in this file only, like json's own exceptions.
struct NotAFact {};

template <class T>
void read(const json& value, T& out);

template <class T>
void read_number(const json& value, T& out) {
  if constexpr (std::floating_point<T>) {
    // A number that is not finite is written as null.
    out = value.is_null() ? std::numeric_limits<T>::quiet_NaN() : value.get<T>();
  } else {
    if (!value.is_number_integer()) throw NotAFact{};
    const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                                 : std::in_range<T>(value.get<std::int64_t>());
    if (!fits) throw NotAFact{};
    out = value.get<T>();
  }
}

void read_hash(const std::string& text, Hash256& out) {
  if (text.size() != 2 * out.size()) throw NotAFact{};
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = digits.find(text[2 * i]), low = digits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) throw NotAFact{};
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
}

template <class T>
void read_fields(const json& object, T& out) {
  if (!object.is_object()) throw NotAFact{};
  for_each_field(out, [&](std::string_view name, auto& field) {
    const auto found = object.find(name);
    if (found != object.end()) read(*found, field);
  });
}

template <class T>
void read(const json& value, T& out) {
  using namespace wire_detail;
  if constexpr (std::same_as<T, bool>)
    out = value.get<bool>();
  else if constexpr (std::same_as<T, std::string>)
    out = value.get<std::string>();
  else if constexpr (std::same_as<T, Duration> || std::same_as<T, Instant>)
    read_number(value, out.ns);
  else if constexpr (std::same_as<T, Hash256>)
    read_hash(value.get<std::string>(), out);
  else if constexpr (is_quantity<T>)
    out = T{value.get<double>()};
  else if constexpr (is_vector<T>) {
    if (!value.is_array()) throw NotAFact{};
    for (const json& element : value) read(element, out.emplace_back());
  } else if constexpr (std::is_arithmetic_v<T>)
    read_number(value, out);
  else
    read_fields(value, out);
}

using ReadFact = catalog::Fact (*)(const json&);

struct Kind {
  std::string_view name;
  ReadFact read;
};

template <class T>
catalog::Fact read_kind(const json& object) {
  T fact;
  read_fields(object, fact);
  return fact;
}

template <class Variant>
struct Kinds;
template <class... T>
struct Kinds<std::variant<T...>> {
  static constexpr std::array all{Kind{type_name<T>(), read_kind<T>}...};
};

/// Of a line that says none: the first.
std::uint64_t version_of(const json& object) {
  const auto found = object.is_object() ? object.find("v") : object.end();
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 1;
}

std::optional<catalog::Noted> read_object(const json& object) {
  if (!object.is_object() || version_of(object) > catalog::facts_version) return std::nullopt;
  catalog::Noted noted;
  read_fields(object, noted.origin);
  const auto& type = object.at("type").get_ref<const std::string&>();
  const auto& kinds = Kinds<catalog::AnyFact>::all;
  const auto kind = std::ranges::find(kinds, type, &Kind::name);
  if (kind == kinds.end()) return std::nullopt;
  noted.fact = kind->read(object);
  if (noted.origin.at > latest || noted.origin.at < earliest) return std::nullopt;
  return noted;
}

std::optional<catalog::Noted> fact_of(const json& line) {
  try {
    return read_object(line);
  } catch (const json::exception&) {
    return std::nullopt;
  } catch (const NotAFact&) {
    return std::nullopt;
  }
}

Result<> read_file(const std::filesystem::path& path, RunLogs& run) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return Error{Errc::unavailable, path.string() + ": cannot be read"};
  FactStream stream;
  record::Log log;
  std::vector<char> piece(1 << 16);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    const auto facts = stream.feed({piece.data(), static_cast<std::size_t>(file.gcount())});
    log.insert(log.end(), facts.begin(), facts.end());
  }
  if (stream.version() > catalog::facts_version)
    return Error{Errc::invalid, path.string() + ": facts of version " +
                                    std::to_string(stream.version()) + ", want at most " +
                                    std::to_string(catalog::facts_version)};
  run.logs.push_back(std::move(log));
  run.ignored += stream.ignored();
  return Ok{};
}

}  // namespace

std::optional<catalog::Noted> read_fact(std::string_view line) {
  return fact_of(json::parse(line, nullptr, /*allow_exceptions=*/false));
}

std::vector<catalog::Noted> FactStream::feed(std::string_view piece) {
  std::vector<catalog::Noted> facts;
  for (auto end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
    partial_ += piece.substr(0, end);
    piece.remove_prefix(end + 1);
    const json line = json::parse(partial_, nullptr, /*allow_exceptions=*/false);
    version_ = std::max(version_, version_of(line));
    if (auto noted = fact_of(line))
      facts.push_back(*std::move(noted));
    else if (!partial_.empty())
      ++ignored_;
    partial_.clear();
  }
  partial_ += piece;
  return facts;
}

Result<RunLogs> read_run(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code failure;
  if (!fs::is_directory(folder, failure))
    return Error{Errc::invalid, folder + ": no such folder, want that of a run"};
  std::vector<fs::path> paths;
  const fs::path own = fs::path{folder} / "events.jsonl";
  if (fs::is_regular_file(own, failure)) paths.push_back(own);
  for (const auto& site : fs::directory_iterator{fs::path{folder} / "sites", failure})
    if (fs::is_regular_file(site.path() / "events.jsonl", failure))
      paths.push_back(site.path() / "events.jsonl");
  if (paths.empty())
    return Error{Errc::invalid, folder + ": no events.jsonl in it, want the folder of a run"};
  std::ranges::sort(paths);
  RunLogs run;
  for (const fs::path& path : paths) AXS_TRY(read_file(path, run));
  return run;
}

}  // namespace axs::report
