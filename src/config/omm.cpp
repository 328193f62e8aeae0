#include "axs/config/omm.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace axs::config {

namespace {

using orbit::ElementSet;
using Json = nlohmann::json;

/// What may go to a terminal and into JSON: printable ASCII, and no more than a line's worth.
std::string printable(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string shown{text.substr(0, longest)};
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  return shown;
}

/// A message as keys and texts, and where it stands, for errors.
struct Message {
  std::string place;
  std::map<std::string, std::string, std::less<>> values;

  Error wrong(std::string_view key, std::string_view seen, std::string_view want) const {
    return {Errc::invalid,
            fmt::format("{}: {} is \"{}\", want {}", place, key, printable(seen), want)};
  }
  const std::string* find(std::string_view key) const {
    const auto found = values.find(key);
    return found == values.end() ? nullptr : &found->second;
  }
};

struct Range {
  double from;
  double to;
};

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<double> number(const Message& message, std::string_view key, Range range) {
  const std::string* text = message.find(key);
  if (text == nullptr)
    return Error{Errc::invalid, fmt::format("{}: {} is missing", message.place, key)};
  const std::optional<double> value = number_in(*text);
  if (!value) return message.wrong(key, *text, "a number");
  if (!(*value >= range.from && *value <= range.to))
    return message.wrong(key, *text, fmt::format("it in [{}, {}]", range.from, range.to));
  return *value;
}

/// A key that need not be there, but may say nothing else.
Result<> only(const Message& message, std::string_view key, std::string_view want) {
  const std::string* text = message.find(key);
  if (text != nullptr && *text != want)
    return message.wrong(key, *text, fmt::format("\"{}\"", want));
  return Ok{};
}

Result<catalog::UtcTime> epoch_of(const Message& message) {
  const std::string* text = message.find("EPOCH");
  if (text == nullptr) return Error{Errc::invalid, message.place + ": EPOCH is missing"};
  const auto epoch = catalog::parse_utc(text->ends_with('Z') ? *text : *text + "Z");
  if (!epoch) return message.wrong("EPOCH", *text, "it like 2025-10-08T12:00:00.000000");
  return *epoch;
}

std::string text_or_empty(const Message& message, std::string_view key) {
  const std::string* text = message.find(key);
  return text == nullptr ? "" : printable(*text);
}

Result<ElementSet> elements_of(const Message& message) {
  AXS_TRY(only(message, "CENTER_NAME", "EARTH"));
  AXS_TRY(only(message, "REF_FRAME", "TEME"));
  AXS_TRY(only(message, "TIME_SYSTEM", "UTC"));
  AXS_TRY(only(message, "MEAN_ELEMENT_THEORY", "SGP4"));
  AXS_TRY(only(message, "EPHEMERIS_TYPE", "0"));
  ElementSet set{text_or_empty(message, "OBJECT_NAME"), text_or_empty(message, "NORAD_CAT_ID"), {}};
  orbit::MeanElements& e = set.elements;
  e.epoch = AXS_TRY(epoch_of(message));
  e.inclination_deg = AXS_TRY(number(message, "INCLINATION", {0, 180}));
  e.raan_deg = AXS_TRY(number(message, "RA_OF_ASC_NODE", {0, 360}));
  e.eccentricity = AXS_TRY(number(message, "ECCENTRICITY", {0, 0.9999999}));
  e.perigee_deg = AXS_TRY(number(message, "ARG_OF_PERICENTER", {0, 360}));
  e.mean_anomaly_deg = AXS_TRY(number(message, "MEAN_ANOMALY", {0, 360}));
  e.mean_motion = AXS_TRY(number(message, "MEAN_MOTION", {1e-4, 18}));
  e.bstar = AXS_TRY(number(message, "BSTAR", {-10, 10}));
  return set;
}

Result<std::vector<ElementSet>> elements_of(const std::vector<Message>& messages,
                                            std::string_view source) {
  if (messages.empty())
    return Error{Errc::invalid, fmt::format("{}: no element set, want at least one", source)};
  std::vector<ElementSet> sets;
  sets.reserve(messages.size());
  for (const Message& message : messages) sets.push_back(AXS_TRY(elements_of(message)));
  return sets;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Result<Message> message_of(const Json& object, std::string place) {
  if (!object.is_object())
    return Error{Errc::invalid, place + ": want an object of keys and values"};
  Message message{std::move(place), {}};
  for (const auto& [key, value] : object.items())
    if (!value.is_null()) message.values.emplace(key, text_of(value));
  return message;
}

/// The cells of one line; a cell in double quotes may have commas, and a quote as two of them (RFC
/// 4180). Line breaks inside quotes are not taken.
Result<std::vector<std::string>> cells_of(std::string_view line, const std::string& place) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      cells.back() += line[i++];
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      cells.emplace_back();
    else
      cells.back() += line[i];
  }
  if (quoted) return Error{Errc::invalid, place + ": a quote that does not end"};
  return cells;
}

std::string_view cut_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Result<std::vector<ElementSet>> parse_omm_json(std::string_view text, std::string_view source) {
  // What lies deeper than a value in an object in a list is left out: walking through it again
  // would take as much stack as somebody cares to write brackets.
  const auto shallow = [](int depth, Json::parse_event_t, const Json&) { return depth <= 2; };
  const Json document = Json::parse(text, shallow, false);
  if (document.is_discarded()) return Error{Errc::invalid, fmt::format("{}: not JSON", source)};
  std::vector<Message> messages;
  const auto add = [&](const Json& object) -> Result<> {
    messages.push_back(
        AXS_TRY(message_of(object, fmt::format("{} message {}", source, messages.size() + 1))));
    return Ok{};
  };
  if (!document.is_array()) AXS_TRY(add(document));
  if (document.is_array())
    for (const Json& object : document) AXS_TRY(add(object));
  return elements_of(messages, source);
}

Result<std::vector<ElementSet>> parse_omm_csv(std::string_view text, std::string_view source) {
  const std::vector<std::string> keys = AXS_TRY(cells_of(cut_line(text), std::string{source}));
  std::vector<Message> messages;
  for (int at = 2; !text.empty(); ++at) {
    const std::string_view line = cut_line(text);
    if (line.empty()) continue;
    Message message{fmt::format("{} line {}", source, at), {}};
    const std::vector<std::string> cells = AXS_TRY(cells_of(line, message.place));
    if (cells.size() != keys.size())
      return Error{Errc::invalid, fmt::format("{}: {} cells, want {} as in the first line",
                                              message.place, cells.size(), keys.size())};
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (!cells[i].empty()) message.values.emplace(keys[i], cells[i]);
    messages.push_back(std::move(message));
  }
  return elements_of(messages, source);
}

}  // namespace axs::config
