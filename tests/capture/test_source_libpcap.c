/* Whole captures against libpcap as the oracle: what both can read, they read
 * alike.  Where they may differ is listed in 'differences' with the reason. */

#include "tests/support/capture_file.h"
#include "tests/support/test.h"

#include "tests/capture/frames.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pcap/pcap.h>

#define MAGIC_MICRO UINT32_C(0xa1b2c3d4)

#define BEYOND_SNAP_LENGTH "longer than the snapshot length"
#define SIGNED_TIME        "time without sign"
#define SIMPLE_TIME        "time of the packet before"

enum {
    TEXT_BYTES = 200
};

struct tally {
    unsigned n_equal;
    unsigned n_neither; /* Read by neither of us. */
    unsigned n_explained;
    unsigned n_wrong;
    uint64_t n_packets;
};

/* What libpcap made of the file, to be explained or not. */
struct comparison {
    const char *path;
    const char *ours;   /* Our error, or "". */
    const char *theirs; /* libpcap's error, or "". */
    char difference[300];
    char harmless[TEXT_BYTES]; /* Difference that did not end it. */
};

struct known_difference {
    const char *difference; /* Starts so. */
    const char *theirs;     /* libpcap's error contains this. */
    const char *reason;
};

static const struct known_difference differences[] = {
    {"only we read it", "different from",
     "libpcap wants one link type and snapshot length per pcapng file"},
    {"we read more", "different from",
     "libpcap wants one link type and snapshot length per pcapng file"},
    {"only we read it", "no Interface Description Blocks",
     "a file without interfaces is whole, and has no packets"},
    {SIMPLE_TIME, "",
     "a simple packet has no time: we give it that of the one before"},
    {BEYOND_SNAP_LENGTH, "",
     "libpcap cuts what the file's snapshot length does not allow"},
    {SIGNED_TIME, "", "libpcap takes seconds and fractions for signed"},
};

static const struct known_difference *
explain(const struct comparison *comparison)
{
    const char *difference = comparison->difference[0] ? comparison->difference
                                                       : comparison->harmless;

    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        const struct known_difference *known = &differences[i];

        if (!strncmp(difference, known->difference,
                     strlen(known->difference)) &&
            strstr(comparison->theirs, known->theirs)) {
            return known;
        }
    }
    return NULL;
}

/* libpcap takes both words of a time stamp for signed: a file of 2038 was made
 * in 1901 for it.  The drafts, tcpdump and Wireshark have them unsigned. */
static bool
same_but_for_sign(int64_t ours, int64_t theirs, int64_t unit_ns)
{
    const int64_t wrap = INT64_C(1) << 32;
    int64_t difference = ours - theirs;

    return difference == wrap * SECOND_NS || difference == wrap * unit_ns ||
           difference == wrap * (SECOND_NS + unit_ns);
}

/* Says in 'text' how the frame differs from libpcap's packet; "" if not. */
static void
compare_frame(const struct frame *frame, const struct pcap_pkthdr *header,
              const uint8_t *data, pcap_t *pcap, char *text)
{
    int64_t ns = (int64_t)header->ts.tv_sec * SECOND_NS + header->ts.tv_usec;
    uint32_t wire = frame->captured;

    text[0] = '\0';
    if (header->len > wire) {
        wire = header->len;
    }
    if (frame->captured > header->caplen &&
        header->caplen == (uint32_t)pcap_snapshot(pcap)) {
        snprintf(text, TEXT_BYTES, BEYOND_SNAP_LENGTH);
    } else if (frame->captured != header->caplen) {
        snprintf(text, TEXT_BYTES, "captured %u, libpcap %u", frame->captured,
                 header->caplen);
    }
    if (memcmp(frame->data, data, header->caplen) != 0) {
        snprintf(text, TEXT_BYTES, "other bytes");
    }
    if (frame->wire_size != wire) {
        snprintf(text, TEXT_BYTES, "wire size %u, libpcap %u", frame->wire_size,
                 wire);
    }
    if (same_but_for_sign(frame->time.ns, ns, 1) ||
        same_but_for_sign(frame->time.ns, ns, MICROSECOND_NS)) {
        snprintf(text, TEXT_BYTES, SIGNED_TIME);
    } else if (frame->time.ns && !ns && pcap_major_version(pcap) == 1) {
        snprintf(text, TEXT_BYTES, SIMPLE_TIME);
    } else if (frame->time.ns != ns) {
        snprintf(text, TEXT_BYTES, "time %" PRId64 ", libpcap %" PRId64,
                 frame->time.ns, ns);
    }
}

/* Whether 'text' is no reason to stop. */
static bool
is_harmless(const char *text)
{
    return !strcmp(text, "") || !strcmp(text, BEYOND_SNAP_LENGTH) ||
           !strcmp(text, SIGNED_TIME) || !strcmp(text, SIMPLE_TIME);
}

/* One file, read by both. */
struct pair {
    struct source *ours;
    enum source_status status;
    struct error error;
    pcap_t *theirs;
    char text[PCAP_ERRBUF_SIZE];
    uint64_t n_equal;
};

/* Reads one packet of each and says in 'text' how they differ.  False when one
 * of the two has no more. */
static bool
pair_step(struct pair *pair, char *text)
{
    struct pcap_pkthdr *header;
    const uint8_t *data;
    struct frame frame;
    size_t n = 0;
    int result;

    while (pair->status == SOURCE_MORE && !n) {
        pair->status = source_read(pair->ours, &frame, 1, &n, &pair->error);
    }
    result = pcap_next_ex(pair->theirs, &header, &data);
    if (result == PCAP_ERROR) {
        snprintf(pair->text, sizeof pair->text, "%s",
                 pcap_geterr(pair->theirs));
    }
    text[0] = '\0';
    if (n && result == 1) {
        compare_frame(&frame, header, data, pair->theirs, text);
        pair->n_equal += !text[0];
    } else if (n || result == 1) {
        snprintf(text, TEXT_BYTES, "we read %s", n ? "more" : "less");
    }
    return n && result == 1;
}

/* Reads both to the first real difference, or their end. */
static void
pair_compare(struct pair *pair, struct comparison *comparison)
{
    char text[TEXT_BYTES];
    bool more = pair->ours && pair->theirs;

    while (more && !comparison->difference[0]) {
        more = pair_step(pair, text);
        if (!is_harmless(text)) {
            snprintf(comparison->difference, sizeof comparison->difference,
                     "%s (packet %" PRIu64 ")", text, pair->n_equal + 1);
        } else if (text[0]) {
            memcpy(comparison->harmless, text, sizeof text);
        }
    }
    if (!comparison->difference[0] &&
        !pair->error.message[0] != !pair->text[0]) {
        snprintf(comparison->difference, sizeof comparison->difference,
                 "only %s", pair->text[0] ? "we read it" : "libpcap reads it");
    }
}

/* Fills in 'comparison'; returns the number of packets that were equal. */
static uint64_t
compare(const char *path, struct comparison *comparison)
{
    static struct pair pair; /* 'comparison' points into it. */
    const struct source_options options = {0};

    pair = (struct pair){.status = SOURCE_MORE};
    pair.ours = source_open_file(path, &options, &pair.error);
    pair.theirs = pcap_open_offline_with_tstamp_precision(
        path, PCAP_TSTAMP_PRECISION_NANO, pair.text);
    *comparison =
        (struct comparison){path, pair.error.message, pair.text, "", ""};
    pair_compare(&pair, comparison);
    source_close(pair.ours);
    if (pair.theirs) {
        pcap_close(pair.theirs);
    }
    return pair.n_equal;
}

static void
tally_file(struct tally *tally, const char *path)
{
    struct comparison comparison;
    const struct known_difference *known;

    tally->n_packets += compare(path, &comparison);
    known = explain(&comparison);
    if (known) {
        tally->n_explained++;
        print_message("%s: %s: %s\n", path,
                      comparison.difference[0] ? comparison.difference
                                               : comparison.harmless,
                      known->reason);
    } else if (!comparison.difference[0]) {
        tally->n_equal += !comparison.ours[0];
        tally->n_neither += !!comparison.ours[0];
    } else {
        tally->n_wrong++;
        print_error("%s: %s\n    ours: %s\n    libpcap: %s\n", path,
                    comparison.difference, comparison.ours, comparison.theirs);
    }
}

static void tally_folder(struct tally *, const char *folder);

static void
tally_path(struct tally *tally, const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        tally_folder(tally, path);
    } else {
        tally_file(tally, path);
    }
}

static void
tally_folder(struct tally *tally, const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        char path[4096];

        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            tally_path(tally, path);
        }
        free(entries[i]);
    }
    free(entries);
}

static void
generated_files_are_read_as_libpcap_does(void **state)
{
    char folder[64];
    char path[100];
    struct tally tally = {0};

    (void)state;
    frames_folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/generated", folder);
    for (unsigned variant = 0; variant < 64; variant++) {
        struct capture_file file;
        bool nano = variant & 2;

        capture_file_init(&file, variant & 1);
        capture_file_pcap(&file, nano ? UINT32_C(0xa1b23c4d) : MAGIC_MICRO,
                          variant & 4 ? FRAME_LINK_RAW : FRAME_LINK_ETHERNET);
        for (uint32_t i = 0; i < 50 * variant; i++) {
            uint32_t size = i * (i + variant) % 2000;
            struct capture_packet packet = {.seconds = 1700000000 + i * variant,
                                            .fraction = i * 9973 % 1000000,
                                            .captured = size,
                                            .wire = size + i % 3 * 100};

            capture_file_pcap_packet(&file, &packet, (uint8_t)i);
        }
        /* Cut somewhere in the last packets. */
        capture_file_save(path, file.data,
                          file.size - (variant & 8 ? variant * 13 % 24 : 0));
        tally_file(&tally, path);
        capture_file_done(&file);
    }
    frames_folder_remove(folder);
    assert_int_equal(tally.n_wrong, 0);
    assert_int_equal(tally.n_explained, 0);
    assert_true(tally.n_packets > 100000);
}

/* Where public captures may be. */
static const char *
captures_folder(void)
{
    static char folder[4096];
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread. */
    const char *shared = getenv("SEGMON_SHARED");

    snprintf(folder, sizeof folder, "%s/captures",
             shared ? shared : SOURCE_DIR "/../shared");
    return folder;
}

static void
real_captures_are_read_as_libpcap_does(void **state)
{
    struct tally tally = {0};

    (void)state;
    tally_folder(&tally, captures_folder());
    print_message("%u files equal, %u read by neither, %u explained, %u wrong; "
                  "%" PRIu64 " packets equal\n",
                  tally.n_equal, tally.n_neither, tally.n_explained,
                  tally.n_wrong, tally.n_packets);
    assert_int_equal(tally.n_wrong, 0);
    assert_true(tally.n_packets > 0);
}

/* With the argument "real" on the captures beside the tree, which need not be
 * there. */
int
main(int argc, char *argv[])
{
    const struct CMUnitTest generated[] = {
        cmocka_unit_test(generated_files_are_read_as_libpcap_does),
    };
    const struct CMUnitTest real[] = {
        cmocka_unit_test(real_captures_are_read_as_libpcap_does),
    };
    struct stat status;

    if (argc < 2 || strcmp(argv[1], "real") != 0) {
        return cmocka_run_group_tests(generated, NULL, NULL);
    }
    if (stat(captures_folder(), &status) != 0) {
        printf("skipped: no captures in %s\n", captures_folder());
        return 77;
    }
    return cmocka_run_group_tests(real, NULL, NULL);
}
