/* Words of the policy language, with what they mean.
 *
 * Where a word matches texts (globs, patterns for host names) the meaning is
 * written down for every value that random flows can have: bit i of 'values'
 * says that value i is matched. */

#ifndef TESTS_RULES_RANDOM_WORDS_H
#define TESTS_RULES_RANDOM_WORDS_H

#include <stdbool.h>
#include <stdint.h>

struct random_word {
    const char *text;
    uint32_t values;
};

/* Two ranges of the responder's port, or of ICMP type * 256 + code. */
struct random_term {
    const char *text;
    struct {
        uint8_t protocol; /* 0 ends. */
        uint16_t first, last;
    } range[4];
    bool any;
};

struct random_range {
    const char *text;
    uint16_t first, last;
};

struct random_app {
    const char *text, *master, *name; /* "" any; both if both are given. */
};

struct random_date {
    const char *text;
    int64_t starts_s, expires_s; /* Since 1970, as either key. */
};

enum {
    RANDOM_N_TERMS = 22,
    RANDOM_N_PORT_RANGES = 5,
    RANDOM_N_APPS = 10,
    RANDOM_N_CATEGORIES = 3,
    RANDOM_N_VLANS = 6,
    RANDOM_N_SENSORS = 4,
    RANDOM_N_INTERFACES = 5,
    RANDOM_N_MACS = 4,
    RANDOM_N_HOSTS = 9,
    RANDOM_N_RISKS = 3,
    RANDOM_N_DAYS = 5,
    RANDOM_N_HOURS = 6,
    RANDOM_N_ZONES = 4,
    RANDOM_N_DATES = 7,
    RANDOM_N_PREFIXES = 40,
    /* Values of flows. */
    RANDOM_N_VLAN_VALUES = 7,
    RANDOM_N_SENSOR_VALUES = 4,
    RANDOM_N_INTERFACE_VALUES = 5,
    RANDOM_N_MAC_VALUES = 5,
    RANDOM_N_HOST_VALUES = 8
};

/* The last two are 'unknown' and 'none'. */
enum {
    RANDOM_APP_UNKNOWN = RANDOM_N_APPS - 2,
    RANDOM_APP_NONE = RANDOM_N_APPS - 1
};

extern const struct random_term random_terms[RANDOM_N_TERMS];
extern const struct random_range random_ports[RANDOM_N_PORT_RANGES];
extern const struct random_app random_apps[RANDOM_N_APPS];
extern const char *const random_categories[RANDOM_N_CATEGORIES];
extern const struct random_word random_vlans[RANDOM_N_VLANS];
extern const struct random_word random_sensors[RANDOM_N_SENSORS];
extern const struct random_word random_interfaces[RANDOM_N_INTERFACES];
extern const struct random_word random_macs[RANDOM_N_MACS];
extern const struct random_word random_hosts[RANDOM_N_HOSTS];
extern const char *const random_risks[RANDOM_N_RISKS];
extern const struct random_word random_days[RANDOM_N_DAYS];    /* 0: Monday. */
extern const struct random_range random_hours[RANDOM_N_HOURS]; /* Minutes. */
extern const struct random_zone {
    const char *text;
    int32_t minutes; /* East of UTC. */
} random_zones[RANDOM_N_ZONES];
extern const struct random_date random_dates[RANDOM_N_DATES]; /* Ascending. */
extern const char *const random_prefixes[RANDOM_N_PREFIXES];

extern const uint16_t random_vlan_values[RANDOM_N_VLAN_VALUES];
extern const char *const random_sensor_values[RANDOM_N_SENSOR_VALUES];
extern const char *const random_interface_values[RANDOM_N_INTERFACE_VALUES];
extern const uint8_t random_mac_values[RANDOM_N_MAC_VALUES][6];
extern const char *const random_host_values[RANDOM_N_HOST_VALUES];

#endif
