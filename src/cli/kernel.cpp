#include "axs/cli/kernel.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace axs::cli {
namespace {

/// Runs `attempt` in a child, so that what it changes dies with the child.
bool in_child(bool (*attempt)()) {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) _exit(attempt() ? 0 : 1);
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool enter_network_namespace() {
  const int user_namespace = geteuid() == 0 ? 0 : CLONE_NEWUSER;
  return unshare(CLONE_NEWNET | user_namespace) == 0;
}

/// "Make a link of this kind", as rtnetlink(7) wants it.
struct NewLink {
  nlmsghdr header;
  ifinfomsg link;
  rtattr link_info;
  rtattr info_kind;
  char kind[8];
};

NewLink new_veth() {
  NewLink message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = RTM_NEWLINK;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
  message.link_info = {.rta_len = 2 * sizeof(rtattr) + sizeof message.kind,
                       .rta_type = IFLA_LINKINFO};
  message.info_kind = {.rta_len = sizeof(rtattr) + sizeof message.kind, .rta_type = IFLA_INFO_KIND};
  std::memcpy(message.kind, "veth", sizeof "veth");
  return message;
}

bool make_veth() {
  if (!enter_network_namespace()) return false;
  const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const NewLink message = new_veth();
  if (netlink < 0 || send(netlink, &message, sizeof message, 0) < 0) return false;
  struct {
    nlmsghdr header;
    nlmsgerr error;
    NewLink echo;
  } answer{};
  return recv(netlink, &answer, sizeof answer, 0) > 0 && answer.header.nlmsg_type == NLMSG_ERROR &&
         answer.error.error == 0;
}

bool make_tun() {
  if (!enter_network_namespace()) return false;
  const int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  return tun >= 0 && ioctl(tun, TUNSETIFF, &request) == 0;
}

bool become_realtime() {
  const sched_param lowest{.sched_priority = sched_get_priority_min(SCHED_FIFO)};
  return sched_setscheduler(0, SCHED_FIFO, &lowest) == 0;
}

bool udp_option_works(int option, int value) {
  const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (udp < 0) return false;
  const bool works = setsockopt(udp, IPPROTO_UDP, option, &value, sizeof value) == 0;
  close(udp);
  return works;
}

}  // namespace

bool network_namespaces_work() {
  return in_child(enter_network_namespace);
}
bool veth_works() {
  return in_child(make_veth);
}
bool tun_works() {
  return in_child(make_tun);
}
bool udp_gso_works() {
  return udp_option_works(UDP_SEGMENT, 1400);
}
bool udp_gro_works() {
  return udp_option_works(UDP_GRO, 1);
}
bool realtime_priority_works() {
  return in_child(become_realtime);
}

}  // namespace axs::cli
