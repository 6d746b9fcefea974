/* What a flow is carried by, as policies say it: "tcp/443", "icmp/3:13", "dns".
 *
 * Every term is a range in one of six spaces.  TCP, UDP and SCTP are ranges of
 * the responder's port; ICMP and ICMPv6 of type * 256 + code; the last space is
 * the protocol number.  Pure functions; any thread. */

#ifndef RULES_SERVICES_H
#define RULES_SERVICES_H

#include "rules/names.h"

#include <stddef.h>
#include <stdint.h>

enum service_space {
    SERVICE_TCP,
    SERVICE_UDP,
    SERVICE_SCTP,
    SERVICE_ICMP,
    SERVICE_ICMP6,
    SERVICE_PROTOCOL,
    SERVICE_N_SPACES
};

enum {
    SERVICE_MAX_HINT = 160
};

struct service_term {
    uint8_t space; /* enum service_space. */
    bool any;      /* "any": everything, in every space. */
    uint16_t first, last;
};

/* Reads one term that is no name: "tcp/8000-8010", "icmp6/128", "ip/gre",
 * "any".  On failure 'hint' says what is wrong and how to write it. */
bool service_term_parse(const char *text, struct service_term *,
                        char hint[SERVICE_MAX_HINT]);

/* True if 'text' is meant as a term, not as the name of a service. */
bool service_is_term(const char *text);

/* The terms of a well-known name as "tcp/53 udp/53"; NULL if there is none. */
const char *service_builtin(const char *name);
void service_suggest(struct name_suggestion *); /* Offers all of them. */

/* Where a packet is: its space, and its place in it. */
enum service_space service_space_of(uint8_t protocol);
uint16_t service_position(enum service_space, uint8_t protocol,
                          uint16_t dst_port, uint8_t icmp_type,
                          uint8_t icmp_code);

/* "tcp", "gre", "47"; false if it is neither name nor number. */
bool service_protocol_parse(const char *text, uint8_t *protocol);
bool service_icmp_parse(const char *text, bool icmp6, uint16_t *first,
                        uint16_t *last); /* "3:13", "8", "echo-request". */
bool service_range_parse(const char *text, unsigned max, uint16_t *first,
                         uint16_t *last); /* "80", "8000-8010" */

#endif
