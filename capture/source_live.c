/* libpcap on an interface; see source_live.h.
 *
 * libpcap's own waiting is not used: on an idle interface it may last for ever.
 *
 * A handle is opened behind a filter that takes nothing, and joins its group.
 * Frames that came before the filter stay in the ring, and so would be there
 * twice, or would not match the filter.  They are known by their stamps, which
 * are older than the moment when the group was found complete, and neither
 * delivered nor counted. */

#include "capture/source_live.h"

#include "capture/error.h"
#include "capture/link_state.h"
#include "capture/live_filter.h"
#include "capture/live_group.h"
#include "capture/source_class.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#define LOOK_NS        SECOND_NS
#define FIRST_RETRY_NS (250 * MILLISECOND_NS)
#define LAST_RETRY_NS  (2 * SECOND_NS)

enum {
    ETHERNET_HEADER_BYTES = 14
};

struct source_live {
    struct source base;
    struct source_live_options options;
    char *name, *filter; /* Owned; of the options. */
    struct source_live_stats stats;
    pcap_t *pcap;  /* NULL: to be opened. */
    bool taking;   /* Frames; else all is being made ready. */
    int index;     /* Of the interface that is open. */
    uint64_t term; /* Of the group. */
    uint16_t link; /* LINKTYPE_*. */
    int64_t tick_ns;
    struct wall_time since; /* Frames before are not of this handle. */
    /* What was counted when last looked at: the counters of the handle wrap,
     * those of an interface begin anew with another. */
    unsigned came_before, drops_before;
    uint64_t in_ring; /* Frames that came and were not delivered yet. */
    struct link_state link_before;
    struct mono_time next_look, next_try;
    int64_t retry_ns;
    /* The batch being read. */
    struct frame *frames;
    size_t n_frames, n_bytes;
    uint8_t *bytes;
};

static bool init(struct source_live *, const struct source_live_options *,
                 struct error *);
static enum source_status live_read(struct source *, struct frame *,
                                    size_t max_frames, size_t *n_frames,
                                    struct error *);
static void take_frame(unsigned char *context, const struct pcap_pkthdr *,
                       const unsigned char *data);
static const char *live_interface_name(const struct source *, uint16_t);
static void live_get_stats(const struct source *, struct source_stats *);
static void live_close(struct source *);
static bool try_open(struct source_live *, struct error *);
static bool check_filter(const struct source_live *, struct error *);
static bool open_handle(struct source_live *, struct error *);
static pcap_t *make_handle(const struct source_live *, struct error *);
static bool activate(pcap_t *, struct error *);
static bool join(struct source_live *, struct error *);
static bool begin(struct source_live *, struct error *);
static void close_handle(struct source_live *);
static void lose(struct source_live *, const char *reason);
static void lose_by(struct source_live *, const struct error *);
static void try_again(struct source_live *, struct mono_time now);
static void look(struct source_live *);
static void note_link(struct source_live *, const struct link_state *);
static uint64_t growth(uint64_t now, uint64_t before);
static void count_drops(struct source_live *);
static uint16_t link_type_of(int dlt);

static const struct source_class live_class = {
    .read = live_read,
    .interface_name = live_interface_name,
    .get_stats = live_get_stats,
    .close = live_close,
};

struct source *
source_open_live(const struct source_live_options *options, struct error *error)
{
    struct source_live *live = calloc(1, sizeof *live);

    if (!live) {
        error_set(error, ERROR_MEMORY, options->interface, "no memory");
        return NULL;
    }
    live->base.class = &live_class;
    if (!init(live, options, error) || !try_open(live, error)) {
        struct error reason = *error;

        error_set(error, reason.code, options->interface, "%s", reason.message);
        live_close(&live->base);
        return NULL;
    }
    return &live->base;
}

static bool
init(struct source_live *live, const struct source_live_options *options,
     struct error *error)
{
    live->options = *options;
    live->name = strdup(options->interface);
    live->filter = strdup(options->filter ? options->filter : "");
    live->bytes = malloc((size_t)SOURCE_LIVE_BATCH * options->snapshot);
    live->retry_ns = FIRST_RETRY_NS;
    live->options.interface = live->name;
    live->options.filter = live->filter;
    return (live->name && live->filter && live->bytes) ||
           error_set(error, ERROR_MEMORY, NULL, "no memory");
}

static struct source_live *
live_of(struct source *source)
{
    return (struct source_live *)source;
}

static enum source_status
live_read(struct source *source, struct frame *frames, size_t max_frames,
          size_t *n_frames, struct error *error)
{
    struct source_live *live = live_of(source);
    int result;

    (void)error;
    live->frames = frames;
    live->n_frames = 0;
    live->n_bytes = 0;
    *n_frames = 0;
    if (!live->taking || max_frames == 0) {
        return SOURCE_MORE;
    }
    max_frames =
        max_frames < SOURCE_LIVE_BATCH ? max_frames : SOURCE_LIVE_BATCH;
    result = pcap_dispatch(live->pcap, (int)max_frames, take_frame,
                           (unsigned char *)live);
    *n_frames = live->n_frames;
    if (result < 0 && result != PCAP_ERROR_BREAK) {
        lose(live, pcap_geterr(live->pcap));
    }
    return SOURCE_MORE;
}

static void
take_frame(unsigned char *context, const struct pcap_pkthdr *header,
           const unsigned char *data)
{
    struct source_live *live = (struct source_live *)(void *)context;
    uint32_t captured = header->caplen < live->options.snapshot
                            ? header->caplen
                            : live->options.snapshot;
    struct wall_time time = {header->ts.tv_sec * SECOND_NS +
                             header->ts.tv_usec * live->tick_ns};
    uint8_t *copy = live->bytes + live->n_bytes;

    if (time.ns < live->since.ns) {
        return;
    }
    memcpy(copy, data, captured);
    live->n_bytes += captured;
    live->in_ring--; /* Wraps, and back when it is counted. */
    live->stats.received++;
    live->stats.bytes += header->len;
    live->frames[live->n_frames++] = (struct frame){
        .time = time,
        .data = copy,
        .number = live->stats.received,
        .captured = captured,
        .wire_size = header->len < captured ? captured : header->len,
        .link = live->link,
        .interface = live->options.number,
    };
}

static const char *
live_interface_name(const struct source *source, uint16_t interface)
{
    const struct source_live *live = (const struct source_live *)source;

    (void)interface;
    return live->options.interface;
}

static void
live_get_stats(const struct source *source, struct source_stats *stats)
{
    const struct source_live *live = (const struct source_live *)source;

    *stats = (struct source_stats){.frames = live->stats.received};
}

static void
live_close(struct source *source)
{
    struct source_live *live = live_of(source);

    close_handle(live);
    free(live->bytes);
    free(live->name);
    free(live->filter);
    free(live);
}

int
source_live_fd(const struct source *source)
{
    const struct source_live *live = (const struct source_live *)source;

    return live->taking ? pcap_get_selectable_fd(live->pcap) : -1;
}

void
source_live_check(struct source *source, struct mono_time now,
                  struct wall_time wall)
{
    struct source_live *live = live_of(source);
    struct live_group *group = live->options.group;
    struct error error;

    if (live->pcap) {
        count_drops(live);
    }
    if (live->pcap && group && live_group_is_over(group, live->term)) {
        close_handle(live);
        live->stats.state = SOURCE_LIVE_STARTING;
        live->next_try = now;
    }
    if (live->pcap && !live->taking &&
        (!group || live_group_is_complete(group, live->term))) {
        live->since = wall;
        if (!begin(live, &error)) {
            lose_by(live, &error);
        }
    }
    if (live->pcap && now.ns >= live->next_look.ns) {
        live->next_look.ns = now.ns + LOOK_NS;
        look(live);
    }
    if (!live->pcap && now.ns >= live->next_try.ns) {
        try_again(live, now);
    }
}

void
source_live_stop(struct source *source)
{
    close_handle(live_of(source));
}

void
source_live_get_stats(const struct source *source,
                      struct source_live_stats *stats)
{
    *stats = ((const struct source_live *)source)->stats;
}

const char *
source_live_state_name(enum source_live_state state)
{
    static const char *const names[] = {
#define SOURCE_LIVE_NAME(NAME, TEXT) [SOURCE_LIVE_##NAME] = (TEXT),
        SOURCE_LIVE_STATES(SOURCE_LIVE_NAME)
#undef SOURCE_LIVE_NAME
    };

    return names[state];
}

/* An interface that is down cannot be opened, but is none the worse. */
static bool
try_open(struct source_live *live, struct error *error)
{
    struct link_state link;

    if (!link_state_read(live->options.interface, &link, error)) {
        return false;
    }
    live->link_before = link;
    live->index = link.index;
    live->stats.mtu = link.mtu;
    live->stats.reason[0] = '\0';
    if (!link.up) {
        live->stats.state = SOURCE_LIVE_DOWN;
        return check_filter(live, error);
    }
    live->stats.state = SOURCE_LIVE_STARTING;
    if (!open_handle(live, error)) {
        close_handle(live);
        return false;
    }
    return true;
}

static bool
check_filter(const struct source_live *live, struct error *error)
{
    pcap_t *dead = pcap_open_dead(DLT_EN10MB, (int)live->options.snapshot);
    struct bpf_program program;
    bool good = dead && pcap_compile(dead, &program, live->filter, 1,
                                     PCAP_NETMASK_UNKNOWN) == 0;

    if (good) {
        pcap_freecode(&program);
    } else {
        error_set(error, ERROR_VALUE, NULL, "filter '%.80s': %s", live->filter,
                  dead ? pcap_geterr(dead) : "no memory");
    }
    if (dead) {
        pcap_close(dead);
    }
    return good;
}

static bool
open_handle(struct source_live *live, struct error *error)
{
    char text[PCAP_ERRBUF_SIZE] = "";

    live->pcap = make_handle(live, error);
    if (!live->pcap) {
        return false;
    }
    if (pcap_setnonblock(live->pcap, 1, text) != 0) {
        return error_set(error, ERROR_SYSTEM, NULL, "%s", text);
    }
    live->link = link_type_of(pcap_datalink(live->pcap));
    live->tick_ns =
        pcap_get_tstamp_precision(live->pcap) == PCAP_TSTAMP_PRECISION_NANO
            ? 1
            : MICROSECOND_NS;
    /* The filter comes later, but whether there can be one is to be told now.
     */
    return live_filter_set(live->pcap, live->filter, error) &&
           live_filter_close(live->pcap, error) &&
           (!live->options.group || join(live, error));
}

static pcap_t *
make_handle(const struct source_live *live, struct error *error)
{
    const struct source_live_options *options = &live->options;
    char text[PCAP_ERRBUF_SIZE] = "no memory";
    pcap_t *pcap = pcap_create(options->interface, text);

    if (!pcap) {
        error_set(error, ERROR_SYSTEM, NULL, "%s", text);
        return NULL;
    }
    pcap_set_snaplen(pcap, (int)options->snapshot);
    pcap_set_promisc(pcap, options->promiscuous);
    pcap_set_timeout(pcap, SOURCE_LIVE_TIMEOUT_MS);
    pcap_set_buffer_size(pcap, (int)options->buffer_bytes);
    pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    if (!activate(pcap, error)) {
        pcap_close(pcap);
        return NULL;
    }
    return pcap;
}

static bool
activate(pcap_t *pcap, struct error *error)
{
    int result = pcap_activate(pcap);
    const char *detail = pcap_geterr(pcap);

    if (result >= 0) { /* Warnings are of no concern. */
        return true;
    }
    return error_set(error, ERROR_SYSTEM, NULL, "%s%s%s",
                     pcap_statustostr(result), detail[0] ? ": " : "", detail);
}

static bool
join(struct source_live *live, struct error *error)
{
    bool ethernet = live->link == FRAME_LINK_ETHERNET;

    switch (live_group_join(
        live->options.group, live->options.member, pcap_fileno(live->pcap),
        ethernet ? ETHERNET_HEADER_BYTES : 0, &live->term, error)) {
    case LIVE_JOIN_DONE: return true;
    case LIVE_JOIN_EARLY:
        return error_set(error, ERROR_SYSTEM, NULL,
                         "waits for the other workers");
    case LIVE_JOIN_FAILED:
    default: return false;
    }
}

/* From here on frames count, and drops. */
static bool
begin(struct source_live *live, struct error *error)
{
    struct pcap_stat now = {0};

    pcap_stats(live->pcap, &now);
    if (!live_filter_set(live->pcap, live->options.filter, error)) {
        return false;
    }
    live->came_before = now.ps_recv;
    live->drops_before = now.ps_drop;
    live->in_ring = 0;
    live->taking = true;
    live->stats.state = SOURCE_LIVE_CAPTURING;
    return true;
}

static void
close_handle(struct source_live *live)
{
    if (!live->pcap) {
        return;
    }
    count_drops(live);
    live->stats.unread += live->in_ring;
    if (live->options.group) {
        live_group_leave(live->options.group, live->term);
    }
    pcap_close(live->pcap);
    live->pcap = NULL;
    live->term = 0;
    live->taking = false;
    live->in_ring = 0;
}

static void
lose(struct source_live *live, const char *reason)
{
    snprintf(live->stats.reason, sizeof live->stats.reason, "%s", reason);
    close_handle(live);
    live->stats.state = SOURCE_LIVE_LOST;
    live->stats.losses++;
}

static void
lose_by(struct source_live *live, const struct error *error)
{
    lose(live, error->message);
}

static void
try_again(struct source_live *live, struct mono_time now)
{
    struct live_group *group = live->options.group;
    struct error error;

    if (group && !live_group_awaits(group, live->options.member)) {
        return; /* Others first; the next check may find it our turn. */
    }
    if (!try_open(live, &error)) {
        live->stats.state = SOURCE_LIVE_LOST;
        snprintf(live->stats.reason, sizeof live->stats.reason, "%s",
                 error.message);
    }
    live->next_try.ns = now.ns + live->retry_ns;
    live->retry_ns *= 2;
    if (live->retry_ns > LAST_RETRY_NS) {
        live->retry_ns = LAST_RETRY_NS;
    }
}

/* A handle does not notice that its interface was replaced by another one. */
static void
look(struct source_live *live)
{
    struct link_state link;
    struct error error;

    if (!link_state_read(live->options.interface, &link, &error)) {
        lose_by(live, &error);
    } else if (link.index != live->index) {
        lose(live, "another interface has its name");
    } else {
        live->retry_ns = FIRST_RETRY_NS;
        note_link(live, &link);
    }
}

static void
note_link(struct source_live *live, const struct link_state *link)
{
    struct source_live_stats *stats = &live->stats;

    stats->missed += growth(link->missed, live->link_before.missed);
    stats->discarded += growth(link->discarded, live->link_before.discarded);
    stats->mtu = link->mtu;
    live->link_before = *link;
    if (!link->up || !link->carrier) {
        stats->state = SOURCE_LIVE_DOWN;
    } else if (live->taking) {
        stats->state = SOURCE_LIVE_CAPTURING;
    } else {
        stats->state = SOURCE_LIVE_STARTING;
    }
}

/* A driver may set its counters back. */
static uint64_t
growth(uint64_t now, uint64_t before)
{
    return now < before ? now : now - before;
}

/* The difference of what wraps at 2^32 is right while fewer come between two
 * checks. */
static void
count_drops(struct source_live *live)
{
    struct pcap_stat now;

    if (live->taking && pcap_stats(live->pcap, &now) == 0) {
        uint32_t came = now.ps_recv - live->came_before;
        uint32_t dropped = now.ps_drop - live->drops_before;

        live->stats.kernel_drops += dropped;
        live->in_ring += came - dropped;
        live->came_before = now.ps_recv;
        live->drops_before = now.ps_drop;
    }
}

/* Of the types an interface of Linux has, libpcap numbers this one unlike the
 * files. */
static uint16_t
link_type_of(int dlt)
{
    return dlt == DLT_RAW ? FRAME_LINK_RAW : (uint16_t)dlt;
}
