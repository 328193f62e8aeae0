#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/record/history.h"
#include "axs/report/leases.h"
#include "axs/report/reroutes.h"
#include "axs/report/series.h"

/// What a report shows, worked out of a run's history. Plain structs, so that the page gets them as
/// JSON. Times are seconds since the run started.
namespace axs::report {

struct SiteData {
  std::string name;
  catalog::SiteDescribed place{};
  std::uint64_t steps{};
  std::uint64_t tokens{};
  std::uint64_t kills{};
  double loss{};            ///< the last that was noted; not a number if none was
  double bytes_sent{};      ///< of UDP payload, relayed packets included
  double bytes_encoded{};   ///< of its contributions
  double values_encoded{};  ///< how many numbers those stand for
  double busy{};            ///< seconds that it computed steps
};

struct SiteSeries {
  Series loss;   ///< in training
  Series speed;  ///< tokens per second
  Series round;  ///< from one merged sync to the next, seconds
};

struct LinkData {
  catalog::LinkDescribed link{};
  double bytes{};  ///< both directions
  double packets{};
  double lost{};
  Series delay;  ///< one way, milliseconds
  Series rate;   ///< both directions, megabits per second
};

/// How long gradients from one site to another took one way.
struct RouteSpan {
  std::string from;
  std::string to;
  std::string path;
  std::string kind;  ///< "fibre", "leo", "wire", or "relay" for one through a third site
  std::string reason;
  double begin{};
  double end{};
};

struct FaultData {
  std::string kind;
  std::string text;
  double begin{};
  double end{};
  std::string outcome;  ///< what was done about it, as far as the record tells
};

/// Which ways gradients took, and why traffic was moved.
struct Routing {
  std::vector<RouteSpan> routes{};  ///< by pair, then time
  std::vector<Series> delays{};     ///< round trip of the route in use, milliseconds, by pair
  std::vector<Reroute> reroutes{};  ///< The first ones, if there are very many.
  std::string handovers{};          ///< About all that were planned, a sentence.
};

/// A bulk transfer; it may have gone on over kills of its ends.
struct TransferData {
  std::uint32_t transfer{};  ///< its number in the scenario
  std::string name;
  std::string from;
  std::string to;
  double bytes{};
  std::optional<double> began{};  ///< none if it failed before
  std::optional<double> done{};
  std::string failure{};  ///< the last thing that went wrong with it, if it is not done
};

struct Totals {
  double duration{};
  double bytes{};
  std::uint64_t tokens{};
  std::uint64_t syncs{};
  std::uint64_t steps{};
  std::uint64_t reroutes{};  ///< of gradients
  double round_median{};     ///< seconds from the first merge of a sync, at any site, to the next's
  double round_longest{};
  std::optional<double> validation_loss{};
  bool finished = false;
};

/// What the run was made of, besides its scenario and seed.
struct Origin {
  catalog::BuiltFrom built{};
  std::string corpus{};  ///< SHA-256, hexadecimal; empty where no worker has read one
};

struct RunData {
  catalog::RunStarted start{};
  Origin origin{};
  std::optional<catalog::Predicted> predicted{};
  Totals totals{};
  std::vector<SiteData> sites{};
  std::vector<SiteSeries> series{};  ///< by site
  std::vector<LinkData> links{};
  Routing routing{};
  std::vector<FaultData> faults{};
  std::vector<TransferData> transfers{};
  Bulk bulk{};
  Series validation{};
};

RunData run_data(const record::History& history);

}  // namespace axs::report
