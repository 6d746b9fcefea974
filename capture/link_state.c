/* RTM_GETLINK by name; see link_state.h.  Files under /sys would tell the same,
 * but of the namespace they were mounted in. */

#include "capture/link_state.h"

#include "capture/error.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    ANSWER_BYTES = 32768,
    PATIENCE_S = 1 /* The kernel answers at once, or something is wrong. */
};

struct request {
    struct nlmsghdr header;
    struct ifinfomsg link;
    struct rtattr name_header;
    char name[IF_NAMESIZE];
};

static bool exchange(int fd, const char *name, struct link_state *,
                     struct error *);
static bool ask(int fd, const char *name);
static bool read_answer(const char *name, struct nlmsghdr *, size_t size,
                        struct link_state *, struct error *);
static void read_attribute(struct rtattr *, struct link_state *);
static void read_stats(const void *data, size_t size, struct link_state *);
static bool read_number(const void *data, size_t size, uint32_t *number);

bool
link_state_read(const char *name, struct link_state *state, struct error *error)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    bool good;

    if (fd < 0) {
        return error_set_errno(error, name, "cannot be asked about");
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    good = exchange(fd, name, state, error);
    close(fd);
    return good;
}

static bool
exchange(int fd, const char *name, struct link_state *state,
         struct error *error)
{
    union {
        struct nlmsghdr header; /* For its alignment. */
        char bytes[ANSWER_BYTES];
    } answer;
    ssize_t size;

    if (strlen(name) >= IF_NAMESIZE) {
        return error_set(error, ERROR_VALUE, name, "no such interface");
    }
    if (!ask(fd, name)) {
        return error_set_errno(error, name, "cannot be asked about");
    }
    do {
        size = recv(fd, &answer, sizeof answer, 0);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        return error_set_errno(error, name, "cannot be asked about");
    }
    return read_answer(name, &answer.header, (size_t)size, state, error);
}

static bool
ask(int fd, const char *name)
{
    size_t length = strlen(name) + 1;
    struct request request = {
        .header = {.nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
        .name_header = {.rta_len = (unsigned short)RTA_LENGTH(length),
                        .rta_type = IFLA_IFNAME},
    };

    memcpy(request.name, name, length);
    request.header.nlmsg_len =
        (unsigned)(NLMSG_LENGTH(sizeof request.link) + RTA_SPACE(length));
    return send(fd, &request, request.header.nlmsg_len, 0) >= 0;
}

static bool
read_answer(const char *name, struct nlmsghdr *header, size_t size,
            struct link_state *state, struct error *error)
{
    struct ifinfomsg *link = NLMSG_DATA(header);
    struct rtattr *attribute;
    size_t left;

    if (!NLMSG_OK(header, size) || header->nlmsg_type != RTM_NEWLINK ||
        header->nlmsg_len < NLMSG_LENGTH(sizeof *link)) {
        return error_set(error, ERROR_VALUE, name, "no such interface");
    }
    memset(state, 0, sizeof *state);
    state->index = link->ifi_index;
    state->up = link->ifi_flags & IFF_UP;
    state->carrier = link->ifi_flags & IFF_RUNNING;
    left = IFLA_PAYLOAD(header);
    for (attribute = IFLA_RTA(link); RTA_OK(attribute, left);
         attribute = RTA_NEXT(attribute, left)) {
        read_attribute(attribute, state);
    }
    return true;
}

static void
read_attribute(struct rtattr *attribute, struct link_state *state)
{
    const void *data = RTA_DATA(attribute);
    size_t size = RTA_PAYLOAD(attribute);
    uint32_t number;

    switch (attribute->rta_type) {
    case IFLA_MTU: read_number(data, size, &state->mtu); break;
    case IFLA_CARRIER_DOWN_COUNT:
        read_number(data, size, &state->carrier_downs);
        break;
    case IFLA_PROMISCUITY:
        state->promiscuous = read_number(data, size, &number) && number;
        break;
    case IFLA_ADDRESS:
        state->has_address = size == sizeof state->address;
        if (state->has_address) {
            memcpy(state->address, data, size);
        }
        break;
    case IFLA_STATS64: read_stats(data, size, state); break;
    default: break;
    }
}

/* Newer kernels tell more. */
static void
read_stats(const void *data, size_t size, struct link_state *state)
{
    struct rtnl_link_stats64 stats;

    memset(&stats, 0, sizeof stats);
    memcpy(&stats, data, size < sizeof stats ? size : sizeof stats);
    state->missed = stats.rx_missed_errors + stats.rx_fifo_errors;
    state->discarded = stats.rx_dropped;
    state->damaged = stats.rx_crc_errors + stats.rx_frame_errors;
    state->too_long = stats.rx_length_errors + stats.rx_over_errors;
}

static bool
read_number(const void *data, size_t size, uint32_t *number)
{
    bool good = size >= sizeof *number;

    if (good) {
        memcpy(number, data, sizeof *number);
    }
    return good;
}
