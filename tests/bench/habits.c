#include "tests/bench/habits.h"

#include "dissect/packet.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

const struct place places[N_PLACES] = {
#define PLACE_ROW(NAME, IPV4, IPV6, HOSTS, VLAN)                               \
    {#NAME, IPV4, IPV6, HOSTS, VLAN},
    PLACES(PLACE_ROW)
#undef PLACE_ROW
};

struct dialogue dialogues[N_TOPICS] = {
#define TOPIC_ROW(NAME, PROTOCOL, CLIENT, SERVER, PORT)                        \
    {.name = #NAME,                                                            \
     .client = (CLIENT),                                                       \
     .server = (SERVER),                                                       \
     .port = (PORT),                                                           \
     .protocol = PROTOCOL_##PROTOCOL},
    TOPICS(TOPIC_ROW)
#undef TOPIC_ROW
};

/* The columns are those of struct habit. */

/* An office day.  Most conversations are short, most bytes are in few. */
static const struct habit office[] = {
    {28000, USERS, NAMES, ABOUT_DNS, TALK_ANSWERED, 0, 0, 0, 0},
    {3000, SERVERS, NAMES, ABOUT_DNS, TALK_ANSWERED, 0, 0, 0, 0},
    {1500, GUEST, NAMES, ABOUT_DNS, TALK_ANSWERED, 0, 0, 0, 0},
    {600, USERS, NAMES, ABOUT_DNS, TALK_SILENT, 0, 0, 0, 0},
    {900, USERS, NAMES, ABOUT_DNS_TCP, TALK_ANSWERED, 0, 0, 0, 0},
    {2400, USERS, NAMES, ABOUT_NTP, TALK_ANSWERED, 0, 0, 0, 0},
    {1800, MONITORING, SERVERS, ABOUT_SNMP, TALK_ANSWERED, 0, 0, 0, 0},
    {2500, SERVERS, COLLECTOR, ABOUT_SYSLOG, TALK_ANSWERED, 0, 0, 0, 0},
    /* The web. */
    {14000, USERS, INTERNET, ABOUT_HTTPS, TALK_ANSWERED, 0, 10, 100, 7},
    {3000, USERS, INTERNET, ABOUT_HTTPS, TALK_OPEN, 0, 10, 50, 8},
    {500, USERS, INTERNET, ABOUT_HTTPS, TALK_JOINED, 0, 0, 0, 0},
    {5000, USERS, INTERNET, ABOUT_QUIC, TALK_ANSWERED, 0, 16, 100, 7},
    {3500, USERS, INTERNET, ABOUT_HTTP, TALK_ANSWERED, 0, 8, 100, 7},
    {300, USERS, INTERNET, ABOUT_HTTP_DOWNLOAD, TALK_ANSWERED, 0, 40, 200, 8},
    {2500, GUEST, INTERNET, ABOUT_HTTPS, TALK_ANSWERED, 0, 10, 100, 7},
    {600, GUEST, INTERNET, ABOUT_HTTP, TALK_ANSWERED, 0, 0, 0, 0},
    {600, SERVERS, INTERNET, ABOUT_HTTPS, TALK_ANSWERED, 0, 12, 100, 7},
    {2500, INTERNET, DMZ, ABOUT_SHOP, TALK_ANSWERED, 0, 8, 50, 6},
    {900, INTERNET, DMZ, ABOUT_HTTP, TALK_ANSWERED, 0, 0, 0, 0},
    /* Inside. */
    {4500, USERS, SERVERS, ABOUT_INTRANET, TALK_ANSWERED, 0, 8, 50, 8},
    {2200, USERS, SERVERS, ABOUT_SMB, TALK_ANSWERED, 0, 24, 100, 7},
    {900, DMZ, PCIAPP, ABOUT_PAYMENT, TALK_ANSWERED, 0, 0, 0, 0},
    {900, PCIAPP, PCIDB, ABOUT_POSTGRESQL, TALK_ANSWERED, 0, 8, 50, 6},
    {300, PCIAPP, INTERNET, ABOUT_GATEWAY, TALK_ANSWERED, 0, 0, 0, 0},
    {250, JUMP, SERVERS, ABOUT_SSH, TALK_ANSWERED, 0, 24, 100, 7},
    {60, JUMP, PCIAPP, ABOUT_SSH, TALK_ANSWERED, 0, 0, 0, 0},
    {1200, SCADA, CELL, ABOUT_MODBUS, TALK_ANSWERED, 0, 0, 0, 0},
    /* Nobody knows it, or heard how it began. */
    {2000, SERVERS, SERVERS, ABOUT_TRANSFER, TALK_ANSWERED, 0, 8, 100, 7},
    {300, SERVERS, SERVERS, ABOUT_TRANSFER, TALK_JOINED, 0, 0, 0, 0},
    {300, USERS, SERVERS, ABOUT_SMB, TALK_JOINED, 0, 0, 0, 0},
    {300, SCADA, CELL, ABOUT_MODBUS, TALK_JOINED, 0, 0, 0, 0},
    /* What the policy forbids. */
    {80, GUEST, SERVERS, ABOUT_SSH, TALK_ANSWERED, 0, 0, 0, 0},
    {60, GUEST, SERVERS, ABOUT_INTRANET, TALK_ANSWERED, 0, 0, 0, 0},
    {60, USERS, PCIDB, ABOUT_POSTGRESQL, TALK_ANSWERED, 0, 0, 0, 0},
    {60, USERS, PCIDB, ABOUT_REDIS, TALK_REFUSED, 0, 0, 0, 0},
    {80, USERS, CELL, ABOUT_MODBUS, TALK_ANSWERED, 0, 0, 0, 0},
    {80, USERS, SERVERS, ABOUT_SMB1, TALK_ANSWERED, 0, 0, 0, 0},
    {80, USERS, USERS, ABOUT_SMB, TALK_ANSWERED, 0, 0, 0, 0},
    {60, CELL, INTERNET, ABOUT_HTTPS, TALK_ANSWERED, 0, 0, 0, 0},
    {60, INTERNET, DMZ, ABOUT_SSH, TALK_ANSWERED, 0, 0, 0, 0},
    {60, INTERNET, DMZ, ABOUT_TLS_1_0, TALK_ANSWERED, 0, 0, 0, 0},
    {60, USERS, INTERNET, ABOUT_DNS, TALK_ANSWERED, 0, 0, 0, 0},
    {40, USERS, SERVERS, ABOUT_FTP, TALK_ANSWERED, 0, 0, 0, 0},
    {40, USERS, SERVERS, ABOUT_TELNET, TALK_ANSWERED, 0, 0, 0, 0},
    {60, USERS, INTERNET, ABOUT_HTTPS, TALK_ANSWERED, 22, 0, 0, 0},
    {2000, GUEST, SERVERS, ABOUT_HTTP, TALK_REFUSED, ANY_PORT, 0, 0, 0},
    {1200, GUEST, SERVERS, ABOUT_HTTP, TALK_SILENT, ANY_PORT, 0, 0, 0},
};

/* The worst day of a flow table and of what writes its flows. */
static const struct habit many[] = {
    {46, USERS, NAMES, ABOUT_DNS, TALK_ANSWERED, 0, 0, 0, 0},
    {6, USERS, INTERNET, ABOUT_DNS, TALK_SILENT, 0, 0, 0, 0},
    {6, USERS, NAMES, ABOUT_NTP, TALK_ANSWERED, 0, 0, 0, 0},
    {5, MONITORING, SERVERS, ABOUT_SNMP, TALK_ANSWERED, 0, 0, 0, 0},
    {5, SERVERS, COLLECTOR, ABOUT_SYSLOG, TALK_ANSWERED, 0, 0, 0, 0},
    {12, GUEST, SERVERS, ABOUT_HTTP, TALK_REFUSED, ANY_PORT, 0, 0, 0},
    {10, INTERNET, DMZ, ABOUT_HTTP, TALK_SILENT, ANY_PORT, 0, 0, 0},
    {4, INTERNET, DMZ, ABOUT_SHOP, TALK_SILENT, 0, 0, 0, 0},
    {4, USERS, INTERNET, ABOUT_HTTP, TALK_ANSWERED, 0, 0, 0, 0},
    {2, USERS, INTERNET, ABOUT_HTTPS, TALK_ANSWERED, 0, 0, 0, 0},
};

/* Those that have been decided and stay: open connections, and UDP that may go
 * on. */
static const struct habit staying[] = {
    {50, USERS, NAMES, ABOUT_DNS, TALK_ANSWERED, 0, 0, 0, 0},
    {10, MONITORING, SERVERS, ABOUT_SNMP, TALK_ANSWERED, 0, 0, 0, 0},
    {22, USERS, INTERNET, ABOUT_HTTP, TALK_OPEN, 0, 0, 0, 0},
    {10, USERS, INTERNET, ABOUT_HTTPS, TALK_OPEN, 0, 0, 0, 0},
    {8, SCADA, CELL, ABOUT_MODBUS, TALK_OPEN, 0, 0, 0, 0},
};

static const struct habit elephants[] = {
    {6, USERS, INTERNET, ABOUT_HTTPS, TALK_ANSWERED, 0, 1000, 24000, 0},
    {4, USERS, INTERNET, ABOUT_HTTP, TALK_ANSWERED, 0, 1000, 24000, 0},
    {3, USERS, INTERNET, ABOUT_QUIC, TALK_ANSWERED, 0, 1000, 24000, 0},
    {4, USERS, SERVERS, ABOUT_SMB, TALK_ANSWERED, 0, 1000, 24000, 0},
    {2, PCIAPP, PCIDB, ABOUT_POSTGRESQL, TALK_ANSWERED, 0, 1000, 24000, 0},
    {2, JUMP, SERVERS, ABOUT_SSH, TALK_ANSWERED, 0, 1000, 24000, 0},
};

static const struct mix mixes[] = {
    {"mix", office, LENGTH(office), 100000, 500000, SCALE_TALKS | SCALE_TIME,
     300, 10000},
    /* All within 20 s: no idle timeout ends them before the capture does. */
    {"flows", many, LENGTH(many), 1000000, 20000, SCALE_TALKS, 0, 10000},
    {"idle", staying, LENGTH(staying), 1000000, 20000, SCALE_TALKS, 0, 10000},
    {"elephant", elephants, LENGTH(elephants), 24, 1000, SCALE_BULK, 300, 2000},
};

const struct mix *
mix_find(const char *name)
{
    for (size_t i = 0; i < LENGTH(mixes); i++) {
        if (strcmp(mixes[i].name, name) == 0) {
            return &mixes[i];
        }
    }
    return NULL;
}
