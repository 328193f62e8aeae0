#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "axs/core/wire.h"

/// How a journal lies on the disk; pure functions over bytes.
///
/// A journal is a folder of segments named by the sequence of their first record,
/// "00000000000000000042.log". A segment is a header and records without gaps, all little-endian:
///
///     header  "AXSJRNL\n"  version u32  crc u32 (of the 12 bytes before)
///     record  crc u32 (of all that follows)  size u32  sequence u64  durable u64  payload
///
/// `durable` is the number of records that were known to be on the disk when this one was written.
/// It is what tells a torn tail from damage: a bad record that a later, whole record says was
/// durable has been damaged since; any other was never promised to anyone and may be cut.
namespace axs::host::journal_format {

inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t header_size = 16;
inline constexpr std::size_t record_header_size = 24;

ByteVector segment_header();
/// Errc::corrupt if it is no header, Errc::invalid if it is of another version.
Result<> check_segment_header(ByteView data, const std::string& path);

std::string segment_name(std::uint64_t first_sequence);
/// The first sequence, or nothing if the name is not one of a segment.
std::optional<std::uint64_t> parse_segment_name(std::string_view name);

struct Record {
  std::uint64_t sequence;
  std::uint64_t durable;
  ByteView payload;  ///< Borrowed from what was parsed.
  std::size_t size() const { return record_header_size + payload.size(); }
};

void append_record(ByteVector& out, const Record& record);
/// The record at the start of `data`, if it is whole and has this sequence.
std::optional<Record> parse_record(ByteView data, std::uint64_t sequence);
/// Whether some whole record in `data` says that record `sequence` was durable.
bool proves_durable(ByteView data, std::uint64_t sequence);

}  // namespace axs::host::journal_format
