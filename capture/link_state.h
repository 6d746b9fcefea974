/* What the system says of a network interface.
 *
 * One question to the kernel (rtnetlink), in the caller's network namespace;
 * nothing is kept between calls.  Any thread. */

#ifndef CAPTURE_LINK_STATE_H
#define CAPTURE_LINK_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct error;

struct link_state {
    int index;        /* Another interface of the same name has another. */
    bool up;          /* Switched on, */
    bool carrier;     /* and connected. */
    bool promiscuous; /* Somebody has it take all frames. */
    bool has_address;
    uint8_t address[6]; /* Its own, if it is Ethernet's. */
    uint32_t mtu;
    uint32_t carrier_downs; /* Times the connection was lost; 0 if unknown. */
    uint64_t missed;        /* Frames the device had no room for. */
    uint64_t discarded;     /* Frames the system dropped behind the device;
                             * among them, captured nevertheless, those of
                             * protocols it does not speak. */
    uint64_t damaged;       /* Frames with a wrong checksum or alignment. */
    uint64_t too_long;      /* Frames longer than the device is set up for. */
};

/* False, with the reason, if there is no such interface or it cannot be asked
 * about. */
bool link_state_read(const char *name, struct link_state *state,
                     struct error *error);

#endif
