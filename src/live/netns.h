#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/live/port.h"

namespace axs::live {

/// A named network namespace, as `ip netns` makes and shows them; needs root. It is deleted with
/// this object, and one of the same name that a killed run left behind is replaced.
class NetNamespace {
 public:
  /// `name` must begin with "axs-": we delete no namespace that may be another program's.
  static Result<NetNamespace> create(const std::string& name);
  NetNamespace(NetNamespace&& other) noexcept : name_{std::exchange(other.name_, {})} {}
  NetNamespace& operator=(NetNamespace&&) = delete;
  ~NetNamespace();
  const std::string& name() const { return name_; }

  /// Runs `work` on a thread inside the namespace and waits for it.
  Result<> inside(const std::function<Result<>()>& work) const;

 private:
  explicit NetNamespace(std::string name) : name_{std::move(name)} {}
  std::string name_;
};

/// Runs `work` on a thread inside the network namespace of that name, and waits for it.
Result<> inside_namespace(const std::string& name, const std::function<Result<>()>& work);

/// Where the system keeps a namespace of that name.
std::string namespace_path(const std::string& name);

/// A hosts file for programs in that namespace: `ip netns exec` and SiteProgram put it in the place
/// of /etc/hosts. It goes away with the namespace.
std::string hosts_path(const std::string& name);
/// Writes it: the names of this machine's own file and, before them, these lines.
Result<> write_hosts(const std::string& name, const std::string& lines);

/// Removes all namespaces whose names begin with `prefix`, itself "axs-...": those that a killed
/// program of ours has left.
void remove_namespaces(const std::string& prefix);

/// How a TUN device is set up: its IPv4 addresses, each with everything in the same /24 behind it.
struct TunConfig {
  std::string device = "axs0";  ///< "axs%d": the first number that is free.
  std::vector<std::string> addresses;
  /// Packets come and go as net/offload.h says: TCP in large pieces, checksums left open.
  bool offloads = false;
};

/// A device and what it is asked by; both work from outside its namespace too.
struct TunDevice {
  host::Fd fd;
  host::Fd control;
  std::string name;

  Result<> set_mtu(std::size_t mtu) const;
};
/// The same as open_tun() below, in an existing namespace, or in that of this process if it has no
/// name.
Result<TunDevice> open_tun_device(const std::string& where, const TunConfig& config);

/// A TUN device inside `where`, up, with its address. It goes away with the descriptor.
Result<host::Fd> open_tun(const NetNamespace& where, const TunConfig& config);

/// The IPv4 address in host order, or what is wrong with it.
Result<std::uint32_t> parse_ipv4(const std::string& text);

}  // namespace axs::live
