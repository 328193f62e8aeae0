#pragma once

#include <map>
#include <string>
#include <vector>

#include "axs/catalog/facts.h"

/// What the processes of a run noted, each by its own clock, as one story.
namespace axs::record {

/// The facts of one events.jsonl, in the order of its lines. Several lives of a process may have
/// written it.
using Log = std::vector<catalog::Noted>;

struct Entry {
  Instant at;        ///< on the controller's clock, as far as the clocks could be compared
  std::string site;  ///< empty for the controller and the emulator
  catalog::Fact fact;
};

struct History {
  std::vector<Entry> entries;
  std::map<std::string, Duration> offsets;  ///< of the sites' clocks, as they were taken to be
};

/// Puts the logs together. The lines of one log keep their order; between logs the times decide,
/// after the offsets of the clocks have been taken out. These follow from what caused what: nothing
/// is merged before it was contributed, no site starts before its run.
History merge(const std::vector<Log>& logs);

/// Calls visit(entry, fact) for each entry that holds a T, in order.
template <class T, class Visit>
void for_each(const History& history, Visit&& visit) {
  for (const Entry& entry : history.entries)
    if (const T* fact = std::get_if<T>(&entry.fact)) visit(entry, *fact);
}

/// The last T that was noted, or nothing.
template <class T>
const T* last(const History& history) {
  const T* found = nullptr;
  for_each<T>(history, [&](const Entry&, const T& fact) { found = &fact; });
  return found;
}

}  // namespace axs::record
