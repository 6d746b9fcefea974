/* Every frame of every capture beside the repository, right before an unmapped
 * page: one result each, bounds kept, the short cut equal to the walk. */

#include "tests/support/guard.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "capture/source.h"
#include "dissect/walk.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SKIPPED = 77,
    BATCH = 64,
    MAX_PATH = 4096
};

static char captures[MAX_PATH];
static struct guard guard;
static uint64_t n_files, n_refused, n_frames, n_fast;
static uint64_t n_results[DISSECT_N_RESULTS];

static void
check_packet(const struct frame *frame, const struct packet *p)
{
    assert_true(p->ip_version == 4 || p->ip_version == 6);
    assert_true(p->ip_at <= p->transport_at);
    assert_true(p->transport_at <= p->payload_at);
    assert_true(p->payload_at <= frame->captured);
    assert_true(p->payload_captured <= frame->captured - p->payload_at);
    assert_true(p->payload_captured <= p->payload_bytes);
    assert_true(p->payload_bytes <= p->ip_bytes);
}

static void
check_frame(struct frame frame)
{
    enum dissect_result result;
    struct packet packet, fast;

    frame.data = guard_copy(&guard, frame.data, frame.captured);
    result = walk_frame(&frame, &dissect_default_options, &packet);
    assert_true((unsigned)result < DISSECT_N_RESULTS);
    n_results[result]++;
    n_frames++;
    if (result == DISSECT_OK) {
        check_packet(&frame, &packet);
    }
    if (fast_frame(&frame, &fast)) {
        n_fast++;
        assert_int_equal(result, DISSECT_OK);
        assert_memory_equal(&fast, &packet, sizeof packet);
    }
}

/* Damaged files are read up to the damage. */
static void
check_file(const char *path)
{
    struct source_options options = {.filter = NULL};
    struct frame frames[BATCH];
    enum source_status status = SOURCE_MORE;
    struct error error;
    struct source *source = source_open_file(path, &options, &error);

    if (!source) {
        n_refused++;
        return;
    }
    n_files++;
    while (status == SOURCE_MORE) {
        size_t n;

        status = source_read(source, frames, BATCH, &n, &error);
        for (size_t i = 0; i < n; i++) {
            check_frame(frames[i]);
        }
    }
    source_close(source);
}

static void
check_folder(const char *path, int depth)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        char child[MAX_PATH + 256];

        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (depth > 0 && entry->d_type == DT_DIR) {
            check_folder(child, depth - 1);
        } else if (entry->d_type == DT_REG) {
            check_file(child);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

static void
every_frame_of_every_capture_ends_in_one_result(void **state)
{
    uint64_t sum = 0;

    (void)state;
    guard = guard_new(SOURCE_MAX_FRAME_BYTES);
    check_folder(captures, 1);
    for (int i = 0; i < DISSECT_N_RESULTS; i++) {
        print_message("%8llu %s\n", (unsigned long long)n_results[i],
                      dissect_result_label((enum dissect_result)i));
        sum += n_results[i];
    }
    print_message("%llu files, %llu not captures; %llu frames, %llu short\n",
                  (unsigned long long)n_files, (unsigned long long)n_refused,
                  (unsigned long long)n_frames, (unsigned long long)n_fast);
    assert_int_equal(sum, n_frames);
    assert_true(n_results[DISSECT_OK] > 0);
    guard_free(&guard);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_of_every_capture_ends_in_one_result),
    };
    const char *shared = getenv("SEGMON_SHARED");
    DIR *folder;

    snprintf(captures, sizeof captures, "%s/captures",
             shared ? shared : SOURCE_DIR "/../shared");
    folder = opendir(captures);
    if (!folder) {
        printf("skipped: no captures in %s\n", captures);
        return SKIPPED;
    }
    closedir(folder);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
