#include "axs/live/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "axs/host/file.h"

namespace axs::live {

namespace {

const std::string folder = "/run/netns";
/// Where `ip netns exec` looks for what a namespace has instead of files in /etc.
const std::string files_folder = "/etc/netns";
constexpr std::size_t hosts_size_max = 1 << 20;

void remove_namespace(const std::string& name) {
  (void)umount2(namespace_path(name).c_str(), MNT_DETACH);
  (void)unlink(namespace_path(name).c_str());
  (void)unlink(hosts_path(name).c_str());
  (void)rmdir((files_folder + "/" + name).c_str());
  (void)rmdir(files_folder.c_str());  // If nobody else has anything there.
}

/// Runs `work` on a thread of its own, because a namespace is entered by a thread and for good.
Result<> on_thread(const std::function<Result<>()>& work) {
  Result<> outcome = Ok{};
  std::thread{[&] { outcome = work(); }}.join();
  return outcome;
}

/// The interface in a request that names it.
ifreq request_for(const std::string& device) {
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

sockaddr ipv4(std::uint32_t host_order) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(host_order);
  sockaddr plain;
  std::memcpy(&plain, &address, sizeof plain);
  return plain;
}

Result<> bring_up(int control, const std::string& device) {
  ifreq request = request_for(device);
  if (ioctl(control, SIOCGIFFLAGS, &request) != 0)
    return host::system_error(device + ": SIOCGIFFLAGS");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(control, SIOCSIFFLAGS, &request) != 0)
    return host::system_error(device + ": SIOCSIFFLAGS");
  return Ok{};
}

Result<> set_address(int control, const std::string& device, std::uint32_t address) {
  ifreq request = request_for(device);
  request.ifr_addr = ipv4(address);
  if (ioctl(control, SIOCSIFADDR, &request) != 0)
    return host::system_error(device + ": SIOCSIFADDR");
  request.ifr_netmask = ipv4(0xffffff00);
  if (ioctl(control, SIOCSIFNETMASK, &request) != 0)
    return host::system_error(device + ": SIOCSIFNETMASK");
  return Ok{};
}

/// The first is the device's own, the others are those of "axs0:1", "axs0:2" and so on.
Result<> set_addresses(int control, const std::string& device,
                       const std::vector<std::string>& addresses) {
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const std::uint32_t address = AXS_TRY(parse_ipv4(addresses[i]));
    AXS_TRY(set_address(control, i == 0 ? device : device + ":" + std::to_string(i), address));
  }
  return Ok{};
}

Result<> make_tun(TunDevice& tun, const TunConfig& config) {
  tun.fd = host::Fd{open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  if (!tun.fd) return host::system_error("/dev/net/tun: open");
  ifreq request = request_for(config.device);
  request.ifr_flags =
      static_cast<short>(IFF_TUN | IFF_NO_PI | (config.offloads ? IFF_VNET_HDR : 0));
  if (ioctl(tun.fd.get(), TUNSETIFF, &request) != 0)
    return host::system_error(config.device + ": TUNSETIFF");
  tun.name = request.ifr_name;
  if (config.offloads && ioctl(tun.fd.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0)
    return host::system_error(tun.name + ": TUNSETOFFLOAD");
  return Ok{};
}

Result<> set_up_tun(TunDevice& tun, const TunConfig& config) {
  AXS_TRY(make_tun(tun, config));
  tun.control = host::Fd{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!tun.control) return host::system_error(tun.name + ": socket");
  // A burst of a gigabit sender must not be lost before we read it.
  ifreq request = request_for(tun.name);
  request.ifr_qlen = 10'000;
  if (ioctl(tun.control.get(), SIOCSIFTXQLEN, &request) != 0)
    return host::system_error(tun.name + ": SIOCSIFTXQLEN");
  AXS_TRY(set_addresses(tun.control.get(), tun.name, config.addresses));
  AXS_TRY(bring_up(tun.control.get(), tun.name));
  return bring_up(tun.control.get(), "lo");
}

}  // namespace

std::string namespace_path(const std::string& name) {
  return folder + "/" + name;
}

void remove_namespaces(const std::string& prefix) {
  AXS_ASSERT(prefix.starts_with("axs-"));
  // After a crash of the machine only the files are left.
  for (const std::string& where : {folder, files_folder})
    for (const std::string& name : host::names_in(where))
      if (name.starts_with(prefix)) remove_namespace(name);
}

std::string hosts_path(const std::string& name) {
  return files_folder + "/" + name + "/hosts";
}

Result<> write_hosts(const std::string& name, const std::string& lines) {
  AXS_ASSERT(name.starts_with("axs-"));
  AXS_TRY(host::make_folder(files_folder + "/" + name));
  std::string text = lines;
  if (const auto own = host::read_file("/etc/hosts", hosts_size_max))
    text.append(own->begin(), own->end());
  return host::replace_file(hosts_path(name), text);
}

Result<NetNamespace> NetNamespace::create(const std::string& name) {
  if (!name.starts_with("axs-") || name.find('/') != std::string::npos)
    return Error{Errc::invalid,
                 "network namespace " + name + ": want a name that begins with axs-"};
  remove_namespace(name);
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return host::system_error(folder + ": mkdir");
  const host::Fd mount_point{
      open(namespace_path(name).c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0444)};
  if (!mount_point) return host::system_error(namespace_path(name) + ": open");
  NetNamespace created{name};
  AXS_TRY(on_thread([&]() -> Result<> {
    if (unshare(CLONE_NEWNET) != 0) return host::system_error(name + ": unshare");
    const std::string own = "/proc/self/task/" + std::to_string(syscall(SYS_gettid)) + "/ns/net";
    if (mount(own.c_str(), namespace_path(name).c_str(), "none", MS_BIND, nullptr) != 0)
      return host::system_error(namespace_path(name) + ": mount");
    return Ok{};
  }));
  return created;
}

NetNamespace::~NetNamespace() {
  if (!name_.empty()) remove_namespace(name_);
}

Result<> NetNamespace::inside(const std::function<Result<>()>& work) const {
  return inside_namespace(name_, work);
}

Result<> inside_namespace(const std::string& name, const std::function<Result<>()>& work) {
  return on_thread([&]() -> Result<> {
    const host::Fd target{open(namespace_path(name).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!target || setns(target.get(), CLONE_NEWNET) != 0)
      return host::system_error("network namespace " + name);
    return work();
  });
}

Result<TunDevice> open_tun_device(const std::string& where, const TunConfig& config) {
  TunDevice tun;
  const auto work = [&] { return set_up_tun(tun, config); };
  AXS_TRY(where.empty() ? work() : inside_namespace(where, work));
  return tun;
}

Result<> TunDevice::set_mtu(std::size_t mtu) const {
  ifreq request = request_for(name);
  request.ifr_mtu = static_cast<int>(mtu);
  if (ioctl(control.get(), SIOCSIFMTU, &request) != 0)
    return host::system_error(name + ": SIOCSIFMTU");
  return Ok{};
}

Result<host::Fd> open_tun(const NetNamespace& where, const TunConfig& config) {
  TunDevice tun = AXS_TRY(open_tun_device(where.name(), config));
  return std::move(tun.fd);
}

Result<std::uint32_t> parse_ipv4(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1)
    return Error{Errc::invalid, "address " + text + ": want an IPv4 address such as 10.77.0.1"};
  return ntohl(address.s_addr);
}

}  // namespace axs::live
