#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/cli/screen.h"
#include "axs/cli/view.h"
#include "axs/host/clock.h"
#include "axs/live/run_plan.h"
#include "axs/report/fact_reader.h"

namespace axs::cli {

/// Reads events.jsonl while somebody writes it: each call gives the facts of the lines that have
/// become whole.
class EventTail {
 public:
  explicit EventTail(std::string path) : path_{std::move(path)} {}

  std::vector<catalog::Noted> next();

 private:
  std::string path_;
  std::ifstream file_;
  report::FactStream stream_;
};

/// What a live run shows on standard error: on a terminal a block that is redrawn in place, else
/// plain lines. Standard output is left to results.
class RunView {
 public:
  RunView(const live::RunFolder& folder, const live::RunPlan& plan);

  /// Reads what is there without a word: an earlier `axs run` has shown it.
  void catch_up();
  /// Shows what has come since; to be called a few times a second.
  void show();
  /// Shows only how things stand, and on a terminal alone.
  void show_block();
  /// What was shown so disappears.
  void erase();
  /// The last line is drawn, and nothing is redrawn any more.
  void finish();

  /// The last T that any process noted, or nullptr.
  template <class T>
  const T* last() const {
    const auto found = last_.find(catalog::Fact{T{}}.index());
    return found == last_.end() ? nullptr : std::get_if<T>(&found->second);
  }

 private:
  void read();

  std::vector<EventTail> tails_;
  host::RunClock clock_;
  View view_;
  Screen screen_{stderr};
  Duration summed_up_{};
  std::map<std::size_t, catalog::Fact> last_;  ///< by kind
};

/// The same for a run in the twin that takes long; nothing where standard error is no terminal.
class TwinView {
 public:
  TwinView();

  bool is_shown() const { return screen_.is_terminal(); }
  void feed(const catalog::Noted& noted);
  void finish();

 private:
  View view_;
  Screen screen_{stderr};
  Duration began_;
  Duration drawn_;
  Duration now_{};
};

}  // namespace axs::cli
