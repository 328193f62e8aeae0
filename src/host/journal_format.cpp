#include "axs/host/journal_format.h"

#include <array>
#include <charconv>
#include <cstring>

#include "axs/core/crc32c.h"

namespace axs::host::journal_format {

namespace {

constexpr std::array<std::uint8_t, 8> magic{'A', 'X', 'S', 'J', 'R', 'N', 'L', '\n'};
constexpr std::string_view suffix = ".log";
constexpr std::size_t digits = 20;

template <class T>
T load(ByteView data, std::size_t at) {
  T value;
  std::memcpy(&value, data.data() + at, sizeof value);
  return value;
}

}  // namespace

ByteVector segment_header() {
  ByteVector header;
  WireWriter writer{header};
  writer.put(magic);
  writer.put(version);
  writer.put(crc32c(header));
  return header;
}

Result<> check_segment_header(ByteView data, const std::string& path) {
  if (data.size() < header_size || !std::equal(magic.begin(), magic.end(), data.begin()) ||
      load<std::uint32_t>(data, 12) != crc32c(data.first(12)))
    return Error{Errc::corrupt, path + ": not the header of a journal"};
  const auto seen = load<std::uint32_t>(data, 8);
  if (seen != version)
    return Error{Errc::invalid, path + ": journal version " + std::to_string(seen) + ", want " +
                                    std::to_string(version)};
  return Ok{};
}

std::string segment_name(std::uint64_t first_sequence) {
  const std::string number = std::to_string(first_sequence);
  return std::string(digits - number.size(), '0').append(number).append(suffix);
}

std::optional<std::uint64_t> parse_segment_name(std::string_view name) {
  if (name.size() != digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  std::uint64_t sequence = 0;
  const char* end = name.data() + digits;
  const auto [stop, error] = std::from_chars(name.data(), end, sequence);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return sequence;
}

void append_record(ByteVector& out, const Record& record) {
  const std::size_t start = out.size();
  WireWriter writer{out};
  writer.put(std::uint32_t{0});
  writer.put(static_cast<std::uint32_t>(record.payload.size()));
  writer.put(record.sequence);
  writer.put(record.durable);
  writer.bytes(record.payload);
  const std::uint32_t crc = crc32c(ByteView{out}.subspan(start + sizeof crc));
  std::memcpy(out.data() + start, &crc, sizeof crc);
}

std::optional<Record> parse_record(ByteView data, std::uint64_t sequence) {
  if (data.size() < record_header_size || load<std::uint64_t>(data, 8) != sequence)
    return std::nullopt;
  const auto payload_size = load<std::uint32_t>(data, 4);
  if (payload_size > data.size() - record_header_size) return std::nullopt;
  const ByteView whole = data.first(record_header_size + payload_size);
  if (load<std::uint32_t>(data, 0) != crc32c(whole.subspan(sizeof(std::uint32_t))))
    return std::nullopt;
  return Record{sequence, load<std::uint64_t>(data, 16), whole.subspan(record_header_size)};
}

bool proves_durable(ByteView data, std::uint64_t sequence) {
  for (; data.size() >= record_header_size; data = data.subspan(1)) {
    const auto candidate = load<std::uint64_t>(data, 8);
    const auto durable = load<std::uint64_t>(data, 16);
    // The cheap tests first: they refuse nearly every offset that is not the start of a record.
    if (candidate <= sequence || durable <= sequence || durable > candidate) continue;
    if (parse_record(data, candidate)) return true;
  }
  return false;
}

}  // namespace axs::host::journal_format
