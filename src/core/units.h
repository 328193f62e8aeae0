#pragma once

#include <compare>

namespace axs {

/// A double with a dimension: the exponents of time, length, data, work, energy and money, in SI
/// base units. Wrong sums do not compile; the machine code is that of a bare double.
template <int Time, int Length, int Data, int Work, int Energy, int Money>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_{value} {}
  constexpr double value() const { return value_; }
  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity{-value_}; }
  constexpr Quantity& operator+=(Quantity b) { return *this = *this + b; }
  constexpr Quantity& operator-=(Quantity b) { return *this = *this - b; }
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity{a.value_ + b.value_};
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity{a.value_ - b.value_};
  }
  friend constexpr Quantity operator*(Quantity a, double k) { return Quantity{a.value_ * k}; }
  friend constexpr Quantity operator*(double k, Quantity a) { return a * k; }
  friend constexpr Quantity operator/(Quantity a, double k) { return Quantity{a.value_ / k}; }

 private:
  double value_{};
};

template <int T, int L, int D, int W, int E, int M, int T2, int L2, int D2, int W2, int E2, int M2>
constexpr auto operator*(Quantity<T, L, D, W, E, M> a, Quantity<T2, L2, D2, W2, E2, M2> b) {
  constexpr bool dimensionless =
      T == -T2 && L == -L2 && D == -D2 && W == -W2 && E == -E2 && M == -M2;
  const double product = a.value() * b.value();
  if constexpr (dimensionless)
    return product;
  else
    return Quantity<T + T2, L + L2, D + D2, W + W2, E + E2, M + M2>{product};
}

template <int T, int L, int D, int W, int E, int M, int T2, int L2, int D2, int W2, int E2, int M2>
constexpr auto operator/(Quantity<T, L, D, W, E, M> a, Quantity<T2, L2, D2, W2, E2, M2> b) {
  constexpr bool dimensionless = T == T2 && L == L2 && D == D2 && W == W2 && E == E2 && M == M2;
  const double quotient = a.value() / b.value();
  if constexpr (dimensionless)
    return quotient;
  else
    return Quantity<T - T2, L - L2, D - D2, W - W2, E - E2, M - M2>{quotient};
}

using Seconds = Quantity<1, 0, 0, 0, 0, 0>;
using Meters = Quantity<0, 1, 0, 0, 0, 0>;
using Bytes = Quantity<0, 0, 1, 0, 0, 0>;
using Flops = Quantity<0, 0, 0, 1, 0, 0>;
using Joules = Quantity<0, 0, 0, 0, 1, 0>;
using Dollars = Quantity<0, 0, 0, 0, 0, 1>;
using MetersPerSecond = decltype(Meters{} / Seconds{1});
using BytesPerSecond = decltype(Bytes{} / Seconds{1});
using FlopsPerSecond = decltype(Flops{} / Seconds{1});
using Watts = decltype(Joules{} / Seconds{1});
using DollarsPerJoule = decltype(Dollars{} / Joules{1});

constexpr BytesPerSecond bits_per_second(double rate) {
  return BytesPerSecond{rate / 8};
}

}  // namespace axs
