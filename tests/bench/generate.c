/* generate mix|flows|elephant|idle SEED SCALE OUT.pcap OUT.truth.tsv
 * [SAMPLE.pcap]: the captures of the benchmark, and the flows that are truly in
 * them.
 *
 * What is said comes from a sample capture (default: the lab's); who says it,
 * when and how often from habits.c.  Only integers decide, so the same seed and
 * scale give the same bytes on every machine. */

#include "tests/support/choices.h"

#include "capture/error.h"
#include "dissect/packet.h"
#include "tests/bench/habits.h"
#include "tests/bench/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_PORT = 10000, /* Above those of all servers: no tuple comes twice. */
    LAST_PORT = 65000,
    SCANNED_PORTS = 1024,
    SCALE_UNIT = 1000000
};

static const int64_t start_ns = INT64_C(1772442000000000000); /* 2026-03-02 */

struct town {
    const struct mix *mix;
    uint32_t scale; /* Of SCALE_UNIT. */
    uint32_t total_weight;
    struct choices choices;
    uint16_t *next_port[N_PLACES]; /* Of each host. */
    struct talk **heap;            /* By next_ns: those going on. */
    size_t n_going, capacity, most_going;
    struct wire wire;
    FILE *truth;
    uint64_t n_flows;
};

static void begin(struct town *, int64_t now);
static void pick_ends(struct town *, const struct habit *, struct talk *);
static uint16_t client_port(struct town *, enum place_name, uint32_t host);
static uint32_t bulk_size(struct town *, const struct habit *);
static struct addr address(enum place_name, uint32_t host, bool ipv4);
static uint32_t popular(struct choices *, uint32_t n);
static void heap_push(struct town *, struct talk *);
static void heap_sift_down(struct town *);
static void play(struct town *);
static void tell(struct town *, const struct talk *);
static void *needed(void *memory);
static _Noreturn void die(const char *what, const char *why);
static FILE *opened(const char *path);
static void closed(FILE *, const char *path);

int
main(int argc, char *argv[])
{
    static const char header[] =
        "protocol\tsource\tsource_port\tdestination\tdestination_port\t"
        "packets\tbytes\tpackets_back\tbytes_back\topening\tvlan\ttopic\n";
    static struct town town;
    struct error error;
    char text[1024];
    double scale;

    if (argc < 6 || argc > 7 || !(town.mix = mix_find(argv[1])) ||
        (scale = strtod(argv[3], NULL)) <= 0 || scale > 100) {
        fputs("usage: generate mix|flows|elephant|idle SEED SCALE OUT.pcap "
              "OUT.truth.tsv [SAMPLE.pcap]\n",
              stderr);
        return 2;
    }
    town.scale = (uint32_t)(scale * (double)SCALE_UNIT + 0.5);
    town.choices = choices_from_seed(strtoull(argv[2], NULL, 10));
    if (!dialogues_load(argc > 6 ? argv[6] : SAMPLE, dialogues, N_TOPICS,
                        &error)) {
        error_format(&error, text, sizeof text);
        die("sample", text);
    }
    for (size_t i = 0; i < N_PLACES; i++) {
        town.next_port[i] = needed(calloc(places[i].n_hosts, sizeof(uint16_t)));
    }
    town.truth = opened(argv[5]);
    if (!wire_begin(&town.wire, opened(argv[4])) ||
        fputs(header, town.truth) == EOF) {
        die(argv[4], strerror(errno));
    }
    play(&town);
    closed(town.wire.file, argv[4]);
    closed(town.truth, argv[5]);
    printf("packets %" PRIu64 "\nip_bytes %" PRIu64 "\nflows %" PRIu64
           "\nmost_at_once %zu\n",
           town.wire.packets, town.wire.ip_bytes, town.n_flows,
           town.most_going);
    for (size_t i = 0; i < N_PLACES; i++) {
        free(town.next_port[i]);
    }
    dialogues_done(dialogues, N_TOPICS);
    free(town.heap);
    return EXIT_SUCCESS;
}

/* Begins the conversations, evenly but for some jitter, and lets those going on
 * speak in the order of time. */
static void
play(struct town *town)
{
    const struct mix *mix = town->mix;
    uint64_t n = mix->n_talks;
    uint64_t span_us = (uint64_t)mix->milliseconds * 1000;
    int64_t now = start_ns;
    uint64_t gap_ns;

    n = mix->scales & SCALE_TALKS ? n * town->scale / SCALE_UNIT : n;
    span_us =
        mix->scales & SCALE_TIME ? span_us * town->scale / SCALE_UNIT : span_us;
    n = n ? n : 1;
    for (size_t i = 0; i < mix->n_habits; i++) {
        town->total_weight += mix->habits[i].weight;
    }
    gap_ns = span_us * 1000 / n;
    while (n || town->n_going) {
        if (n && (town->n_going == 0 || now <= town->heap[0]->next_ns)) {
            begin(town, now);
            now += (int64_t)(gap_ns * choose(&town->choices, 65536) / 32768);
            n--;
            continue;
        }
        if (talk_step(town->heap[0], &town->wire, &town->choices)) {
            heap_sift_down(town);
            continue;
        }
        tell(town, town->heap[0]);
        free(town->heap[0]);
        town->heap[0] = town->heap[--town->n_going];
        heap_sift_down(town);
    }
}

static void
begin(struct town *town, int64_t now)
{
    struct choices *choices = &town->choices;
    const struct habit *habit = town->mix->habits;
    struct talk *talk = needed(calloc(1, sizeof *talk));
    uint32_t at = (choose(choices, 65536) << 15 | choose(choices, 32768)) %
                  town->total_weight;

    while (at >= habit->weight) {
        at -= habit++->weight;
    }
    pick_ends(town, habit, talk);
    talk->dialogue = &dialogues[habit->about];
    talk->manner = habit->manner;
    talk->next_ns = now;
    talk->delay_ns = 100000 + choose(choices, 30000) * 10;
    if (habit->from == INTERNET || habit->to == INTERNET) {
        talk->delay_ns += choose(choices, 40) * 1000000;
    }
    talk->bulk_gap_ns = town->mix->fastest_ns << choose(choices, 6);
    if (choose(choices, 1000) < habit->bulk) {
        talk->bulk = bulk_size(town, habit);
    }
    for (size_t i = 0; i < 2; i++) {
        talk->seq[i] = choose(choices, 65536) << 16 | choose(choices, 65536);
        talk->ip_id[i] = (uint16_t)choose(choices, 65536);
    }
    talk_begin(talk);
    heap_push(town, talk);
}

static void
pick_ends(struct town *town, const struct habit *habit, struct talk *talk)
{
    struct choices *choices = &town->choices;
    bool ipv4 = !places[habit->from].ipv6 || !places[habit->to].ipv6 ||
                !chance(choices, 8);
    uint32_t client = choose(choices, places[habit->from].n_hosts);
    uint32_t server = popular(choices, places[habit->to].n_hosts);

    if (habit->from == habit->to && client == server) {
        server = (server + 1) % places[habit->to].n_hosts;
    }
    talk->end[0].addr = address(habit->from, client, ipv4);
    talk->end[0].port = client_port(town, habit->from, client);
    talk->end[1].addr = address(habit->to, server, ipv4);
    talk->end[1].port =
        habit->port ? habit->port : dialogues[habit->about].port;
    if (habit->port == ANY_PORT) {
        talk->end[1].port = (uint16_t)(1 + choose(choices, SCANNED_PORTS));
    }
    /* A guest is who comes from there, whatever the mirror port shows. */
    if (habit->from == GUEST || choose(choices, 1000) < town->mix->tagged) {
        talk->vlan = places[habit->from].vlan;
    }
}

static uint16_t
client_port(struct town *town, enum place_name place, uint32_t host)
{
    uint16_t *next = &town->next_port[place][host];

    if (*next == LAST_PORT - FIRST_PORT) {
        die(places[place].name, "a host has no port left: smaller scale");
    }
    return (uint16_t)(FIRST_PORT + (*next)++);
}

/* Twice as long, half as often: as heavy a tail as real traffic's. */
static uint32_t
bulk_size(struct town *town, const struct habit *habit)
{
    uint64_t least = habit->bulk_least;
    unsigned doublings = 0;

    while (doublings < habit->doublings && chance(&town->choices, 2)) {
        doublings++;
    }
    least <<= doublings;
    least += least * choose(&town->choices, 1024) / 1024;
    if (town->mix->scales & SCALE_BULK) {
        least = least * town->scale / SCALE_UNIT;
    }
    return (uint32_t)least;
}

static struct addr
address(enum place_name place, uint32_t host, bool ipv4)
{
    struct addr addr;
    uint32_t tail = host + 16;

    if (!addr_parse(ipv4 ? places[place].ipv4 : places[place].ipv6, &addr)) {
        die(places[place].name, "no address");
    }
    if (ipv4) {
        tail = (uint32_t)addr.byte[12] << 24 | (uint32_t)addr.byte[13] << 16 |
               (uint32_t)addr.byte[14] << 8 | addr.byte[15];
        tail += host;
    }
    for (size_t i = 0; i < 4; i++) {
        addr.byte[15 - i] = (uint8_t)(tail >> 8 * i);
    }
    return addr;
}

/* Of n, the first ones much more often. */
static uint32_t
popular(struct choices *choices, uint32_t n)
{
    while (n > 1 && chance(choices, 2)) {
        n = (n + 1) / 2;
    }
    return choose(choices, n);
}

static void
heap_push(struct town *town, struct talk *talk)
{
    size_t i = town->n_going++;

    if (i == town->capacity) {
        town->capacity = i ? 2 * i : 1024;
        town->heap =
            needed(realloc(town->heap, town->capacity * sizeof(struct talk *)));
    }
    if (town->n_going > town->most_going) {
        town->most_going = town->n_going;
    }
    for (; i && town->heap[(i - 1) / 2]->next_ns > talk->next_ns;
         i = (i - 1) / 2) {
        town->heap[i] = town->heap[(i - 1) / 2];
    }
    town->heap[i] = talk;
}

/* The first one was changed: puts it where it belongs. */
static void
heap_sift_down(struct town *town)
{
    struct talk **heap = town->heap;
    struct talk *first = heap[0];
    size_t i = 0;

    for (size_t child = 1; child < town->n_going; child = 2 * i + 1) {
        if (child + 1 < town->n_going &&
            heap[child + 1]->next_ns < heap[child]->next_ns) {
            child++;
        }
        if (heap[child]->next_ns >= first->next_ns) {
            break;
        }
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = first;
}

static void
tell(struct town *town, const struct talk *talk)
{
    bool is_tcp = talk->dialogue->protocol == PROTOCOL_TCP;
    const char *opening = !is_tcp                       ? "none"
                          : talk->manner == TALK_JOINED ? "missed"
                                                        : "syn";
    char source[ADDR_TEXT_SIZE];
    char destination[ADDR_TEXT_SIZE];

    fprintf(town->truth,
            "%u\t%s\t%u\t%s\t%u\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
            "\t%" PRIu64 "\t%s\t%u\t%s\n",
            talk->dialogue->protocol, addr_format(&talk->end[0].addr, source),
            talk->end[0].port, addr_format(&talk->end[1].addr, destination),
            talk->end[1].port, talk->packets[0], talk->bytes[0],
            talk->packets[1], talk->bytes[1], opening, talk->vlan,
            talk->dialogue->name);
    town->n_flows++;
}

static void *
needed(void *memory)
{
    if (!memory) {
        die("memory", strerror(errno));
    }
    return memory;
}

static FILE *
opened(const char *path)
{
    FILE *file = fopen(path, "wb");

    if (!file) {
        die(path, strerror(errno));
    }
    setvbuf(file, NULL, _IOFBF, 1 << 20);
    return file;
}

static void
closed(FILE *file, const char *path)
{
    bool failed = ferror(file);

    if (fclose(file) != 0 || failed) {
        die(path, strerror(errno));
    }
}

static _Noreturn void
die(const char *what, const char *why)
{
    fprintf(stderr, "generate: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}
