#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/cli/terminal.h"

namespace axs::cli {

/// Whether the terminal shows more than ASCII.
enum class Glyphs { unicode, ascii };

/// How many columns a terminal takes for `text`; all that we print is one per character.
std::size_t columns(std::string_view text);

struct ViewLine {
  std::string text;
  Colour colour = Colour::plain;
};

/// What a person sees of a run while it lasts, as lines; who draws them is another matter. Told the
/// facts of all processes as they come, and the time since the run started, which the caller knows:
/// the facts' own times are those of different clocks.
class View {
 public:
  explicit View(Glyphs glyphs = Glyphs::unicode) : glyphs_{glyphs} {}

  void feed(Duration now, const catalog::Noted& noted);

  /// What has happened since the last call and deserves a line that stays: faults and what was done
  /// about them, losses of workers, evaluations.
  std::vector<ViewLine> take_news();

  /// How things stand: a bar per phase, with the time left, and a line per site. No line has more
  /// than `width` columns.
  std::vector<ViewLine> block(Duration now, std::size_t width) const;

  /// How things stand in one line, for where nothing can be redrawn.
  std::string summary(Duration now) const;

 private:
  struct Phase {
    std::string name;
    Duration begin;
    std::optional<Duration> end;
    Duration expected;
  };
  struct Site {
    std::uint64_t steps{};
    std::uint64_t tokens{};
    std::optional<double> loss{};
    double tokens_per_second{};
    std::uint64_t bytes{};
    std::string state{};                       ///< in place of numbers, while it does not compute
    std::map<std::string, std::string> via{};  ///< by peer, the kind of way
  };
  using Direction = std::pair<std::string, std::string>;

  template <class Fact>
  void see(const std::string&, const Fact&) {}
  void see(const std::string& site, const catalog::RunStarted& fact);
  void see(const std::string& site, const catalog::Predicted& fact);
  void see(const std::string& site, const catalog::FaultBegan& fact);
  void see(const std::string& site, const catalog::FaultEnded& fact);
  void see(const std::string& site, const catalog::RouteMeasured& fact);
  void see(const std::string& site, const catalog::LinkTraffic& fact);
  void see(const std::string& site, const catalog::SiteStarted& fact);
  void see(const std::string& site, const catalog::SiteFinished& fact);
  void see(const std::string& site, const catalog::WorkerStarted& fact);
  void see(const std::string& site, const catalog::WorkerReady& fact);
  void see(const std::string& site, const catalog::WorkerLost& fact);
  void see(const std::string& site, const catalog::Progress& fact);
  void see(const std::string& site, const catalog::Evaluated& fact);
  void see(const std::string& site, const catalog::Exported& fact);
  void see(const std::string& site, const catalog::SyncApplied& fact);
  void see(const std::string& site, const catalog::Diverged& fact);
  void see(const std::string& site, const catalog::HandshakeFailed& fact);
  void see(const std::string& site, const catalog::RouteChanged& fact);
  void see(const std::string& site, const catalog::PeerMisbehaved& fact);

  void see(const std::string& site, const catalog::TransferBegan& fact);
  void see(const std::string& site, const catalog::TransferDone& fact);
  void see(const std::string& site, const catalog::TransferFailed& fact);

  /// "model from sfo to fra"
  template <class TransferFact>
  std::string transfer_text(const TransferFact& fact) const;
  void say(Colour colour, const std::string& text);
  void enter(const std::string& phase, Duration expected);
  /// The share of the token budget that the sites have computed.
  double share() const;
  std::optional<Duration> time_left(Duration now) const;
  std::optional<double> fraction(const Phase& phase, Duration now) const;
  ViewLine phase_line(const Phase& phase, Duration now, std::size_t width) const;
  std::string site_line(const std::string& name, const Site& site, std::size_t width) const;
  std::string bar(std::optional<double> fraction, std::size_t width) const;

  Glyphs glyphs_;
  Duration now_{};
  std::vector<ViewLine> news_;
  std::vector<Phase> phases_;
  std::vector<std::string> order_;  ///< the sites as the scenario lists them
  std::map<std::string, Site> sites_;
  std::map<Direction, std::uint64_t> counted_;  ///< by link and sender
  std::map<std::uint32_t, std::string> faults_;
  std::uint64_t budget_ = 0;
  Duration finishing_{};  ///< as predicted
  std::uint64_t syncs_ = 0;
  std::deque<std::pair<Duration, double>> shares_;  ///< of the last while, for the time left
};

}  // namespace axs::cli
