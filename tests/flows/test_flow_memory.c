/* Memory: bounded, counted, and not asked for once a table is at its size.
 *
 * Linked with --wrap, so every allocation of the program passes through here,
 * and all that regions ask of the system.
 */

#include "tests/support/sanitized.h"

#include "flows/flow.h"
#include "flows/flow_parts.h"
#include "flows/flow_store.h"
#include "tests/flows/packets.h"
#include "tests/flows/resident.h"

#include <sys/types.h>

enum {
    USER_BYTES = 24 /* What the program keeps beside a flow. */
};

static uint64_t n_allocations;

/* The linker's names, which are not for us to define. */
void *real_aligned_alloc(size_t alignment,
                         size_t size) __asm__("__real_aligned_alloc");
void *wrap_aligned_alloc(size_t alignment,
                         size_t size) __asm__("__wrap_aligned_alloc");
void *real_malloc(size_t size) __asm__("__real_malloc");
void *wrap_malloc(size_t size) __asm__("__wrap_malloc");
void *real_calloc(size_t n, size_t size) __asm__("__real_calloc");
void *wrap_calloc(size_t n, size_t size) __asm__("__wrap_calloc");
void *real_realloc(void *old, size_t size) __asm__("__real_realloc");
void *wrap_realloc(void *old, size_t size) __asm__("__wrap_realloc");
void *real_mmap(void *at, size_t size, int protection, int flags, int fd,
                off_t offset) __asm__("__real_mmap");
void *wrap_mmap(void *at, size_t size, int protection, int flags, int fd,
                off_t offset) __asm__("__wrap_mmap");
int real_mprotect(void *at, size_t size,
                  int protection) __asm__("__real_mprotect");
int wrap_mprotect(void *at, size_t size,
                  int protection) __asm__("__wrap_mprotect");

void *
wrap_aligned_alloc(size_t alignment, size_t size)
{
    n_allocations++;
    return real_aligned_alloc(alignment, size);
}

void *
wrap_malloc(size_t size)
{
    n_allocations++;
    return real_malloc(size);
}

void *
wrap_calloc(size_t n, size_t size)
{
    n_allocations++;
    return real_calloc(n, size);
}

void *
wrap_realloc(void *old, size_t size)
{
    n_allocations++;
    return real_realloc(old, size);
}

void *
wrap_mmap(void *at, size_t size, int protection, int flags, int fd,
          off_t offset)
{
    n_allocations++;
    return real_mmap(at, size, protection, flags, fd, offset);
}

int
wrap_mprotect(void *at, size_t size, int protection)
{
    n_allocations++;
    return real_mprotect(at, size, protection);
}

static void
count_record(void *context, const struct flow_record *record, void *user)
{
    (void)record;
    (void)user;
    ++*(uint64_t *)context;
}

static struct packet
numbered_syn(uint32_t i)
{
    struct packet p = tcp_packet(1, (uint16_t)i, 2, 80, SECOND_NS + i * 1000L);

    p.src = ipv4(10, 1 + (i >> 24), i >> 16 & 0xff, i >> 8 & 0xff);
    p.tcp_flags = TCP_SYN;
    p.tcp_seq = i;
    return p;
}

/* A whole connection of six packets. */
static void
play_connection(struct flow_table *table, uint32_t i)
{
    static const uint8_t flags[] = {TCP_SYN,           TCP_SYN | TCP_ACK,
                                    TCP_ACK,           TCP_ACK,
                                    TCP_FIN | TCP_ACK, TCP_FIN | TCP_ACK};
    static const unsigned from_server[] = {0, 1, 0, 0, 0, 1};
    static const uint32_t seq[] = {100, 500, 101, 101, 201, 501};

    for (unsigned step = 0; step < 6; step++) {
        struct packet p = numbered_syn(i);

        p.tcp_flags = flags[step];
        p.tcp_seq = seq[step];
        p.tcp_ack = !from_server[step] ? 501 : step < 5 ? 101 : 202;
        p.payload_bytes = step == 3 ? 100 : 0;
        if (from_server[step]) {
            struct addr addr = p.src;
            uint16_t port = p.src_port;

            p.src = p.dst;
            p.dst = addr;
            p.src_port = p.dst_port;
            p.dst_port = port;
        }
        flow_table_update(table, &p, 0);
        flow_table_advance(table, p.time);
    }
}

static void
a_flood_of_syns_keeps_its_bounds(void **state)
{
    uint64_t records = 0;
    struct flow_table_options options = table_options(NULL);
    struct flow_table *table;
    struct flow_table_counters c;
    const uint32_t n = 1000000;

    (void)state;
    options.record = count_record;
    options.context = &records;
    options.max_flows = 10000;
    table = new_table(&options);
    for (uint32_t i = 0; i < n; i++) {
        struct packet p = numbered_syn(i);

        flow_table_update(table, &p, 0);
        flow_table_advance(table, p.time);
    }
    c = counters_of(table);
    assert_int_equal(c.created, n);
    assert_int_equal(c.active, 10000);
    assert_int_equal(c.ended, n - 10000);
    assert_int_equal(c.evicted, n - 10000);
    assert_int_equal(c.packets, n);
    assert_int_equal(records, c.ended);
    flow_table_free(table);
}

static void
the_limit_in_bytes_holds(void **state)
{
    uint64_t records = 0;
    struct flow_table_options options = table_options(NULL);
    struct flow_table *table;
    struct flow_table_counters c;
    size_t before = resident_bytes();

    (void)state;
    options.record = count_record;
    options.context = &records;
    options.max_flows = 10000000;
    options.max_bytes = 4000000;
    options.user_bytes = USER_BYTES;
    table = new_table(&options);
    for (uint32_t i = 0; i < 200000; i++) {
        if (i % 2) {
            play_connection(table, i);
        } else {
            struct packet p = numbered_syn(i);

            flow_table_update(table, &p, 0);
        }
        c = counters_of(table);
        assert_true(c.bytes <= options.max_bytes);
        assert_int_equal(c.created, c.ended + c.active);
    }
    assert_true(c.bytes >= options.max_bytes - options.max_bytes / 20);
    if (!IS_SANITIZED) {
        assert_true(resident_bytes() - before <= c.bytes + RESIDENT_NOISE);
    }
    assert_in_range(c.active, 14000, 20000);
    assert_true(c.evicted > 0);
    flow_table_free(table);
}

static void
a_table_at_its_size_allocates_nothing(void **state)
{
    uint64_t records = 0;
    struct flow_table_options options = table_options(NULL);
    struct flow_table *table;
    uint64_t before;

    (void)state;
    options.record = count_record;
    options.context = &records;
    options.max_flows = 2000;
    table = new_table(&options);
    for (uint32_t i = 0; i < 10000; i++) {
        play_connection(table, i);
    }
    before = n_allocations;
    for (uint32_t i = 10000; i < 100000; i++) {
        play_connection(table, i);
    }
    assert_int_equal(n_allocations, before);
    flow_table_free(table);
}

static void
send_syn(struct flow_table *table, uint32_t i)
{
    struct packet p = numbered_syn(i);

    flow_table_update(table, &p, 0);
}

static void
exchange_udp(struct flow_table *table, uint32_t i)
{
    struct packet p = numbered_syn(i);
    struct packet q;

    p.protocol = PROTOCOL_UDP;
    p.tcp_flags = 0;
    q = p;
    q.src = p.dst;
    q.dst = p.src;
    q.src_port = p.dst_port;
    q.dst_port = p.src_port;
    flow_table_update(table, &p, 0);
    flow_table_update(table, &q, 0);
}

/* What the table allocates for a flow, the owner's bytes included. */
static unsigned
bytes_a_flow(void (*play)(struct flow_table *, uint32_t i))
{
    uint64_t records = 0;
    struct flow_table_options options = table_options(NULL);
    struct flow_table *table;
    struct flow_table_counters empty;
    struct flow_table_counters full;
    const uint32_t n = 100000;

    options.record = count_record;
    options.context = &records;
    options.max_flows = n;
    options.user_bytes = USER_BYTES;
    table = new_table(&options);
    empty = counters_of(table);
    for (uint32_t i = 0; i < n; i++) {
        play(table, i);
    }
    full = counters_of(table);
    assert_int_equal(full.active, n);
    flow_table_free(table);
    return (unsigned)((full.bytes - empty.bytes) / n);
}

/* Entry, node and chain head for all, a part for the dialogue of TCP; and up to
 * a 64th that is not in use yet. */
static void
flows_are_small(void **state)
{
    const size_t least = sizeof(struct flow) + USER_BYTES +
                         sizeof(struct flow_node) + sizeof(uint32_t);
    const size_t tcp = least + sizeof(struct flow_part);
    unsigned syn = bytes_a_flow(send_syn);
    unsigned udp = bytes_a_flow(exchange_udp);
    unsigned connection = bytes_a_flow(play_connection);

    (void)state;
    print_message("a SYN: %u bytes, UDP: %u, a connection: %u\n", syn, udp,
                  connection);
    /* The first step is there before the first flow. */
    assert_in_range(syn, least - 2, least + least / FLOW_REGION_SLACK);
    assert_in_range(udp, least - 2, least + least / FLOW_REGION_SLACK);
    assert_in_range(connection, tcp - 2, tcp + tcp / FLOW_REGION_SLACK);
    assert_true(syn <= 192);
    assert_true(connection <= 256);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_syns_keeps_its_bounds),
        cmocka_unit_test(the_limit_in_bytes_holds),
        cmocka_unit_test(a_table_at_its_size_allocates_nothing),
        cmocka_unit_test(flows_are_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
