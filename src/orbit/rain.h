#pragma once

#include "axs/catalog/geo.h"

/// What rain takes from the rate of a ground link. Mean values over a path through even rain; the
/// cells of a thunderstorm are not modelled.
namespace axs::orbit {

/// A band of a ground link, with the coefficients k and alpha of the specific attenuation k R^alpha
/// (ITU-R P.838-3, table 5, combined for circular polarisation), and how strong the signal is in
/// clear sky at the zenith.
struct RadioBand {
  double frequency_ghz;
  double k;
  double alpha;
  double clear_snr_db;
};

/// Ku, user terminals downwards. 9 dB carry 8PSK 3/4, 2.2 bits a symbol at 7.9 dB (DVB-S2, ETSI EN
/// 302 307-1), with a decibel to spare.
inline constexpr RadioBand ku_12{12, 0.024205, 1.15162, 9};
/// Ka, gateways downwards and upwards, with larger antennas.
inline constexpr RadioBand ka_20{20, 0.093875, 1.01989, 15};
inline constexpr RadioBand ka_30{30, 0.234700, 0.93112, 15};

/// Up to which height it rains, km over the sea (ITU-R P.839-2, its formula for the whole world;
/// over North America and Europe that recommendation has a lower one, so rain counts for too much
/// there).
double rain_height_km(double latitude_deg);

/// Attenuation in dB by `rain_mm_h` millimetres of rain an hour at a station at sea level that sees
/// its satellite at this elevation: the specific attenuation times the slant path below the rain
/// height, shortened by 90 / (90 + 4 L) for the horizontal part L in km, because rain falls in
/// cells (CCIR Report 564-3, there for the rain of 0.01 % of a year; here for any). Elevations
/// below 5 degrees count as 5.
double rain_attenuation_db(const RadioBand& band, double rain_mm_h, double latitude_deg,
                           double elevation_deg);

/// The share of the clear-sky rate that is left, in [0, 1]: Shannon's capacity at the weaker signal
/// over that at the full one. Modems of many steps follow it; below -3 dB there is no link.
double rate_share(const RadioBand& band, double attenuation_db);

}  // namespace axs::orbit
