/* See spool_folder.h. */

#include "tests/support/test.h"

#include "tests/tools/spool/spool_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void take_gap(struct spool_oracle *oracle,
                     const struct spool_record *record);

void
spool_folder_make(char path[SPOOL_FOLDER_SIZE])
{
    const char *in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    snprintf(path, SPOOL_FOLDER_SIZE, "%s/segmon-spool-XXXXXX", in);
    assert_non_null(mkdtemp(path));
}

void
spool_folder_remove(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char name[512];

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread. */
    while (folder && (entry = readdir(folder))) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        unlink(name);
    }
    if (folder) {
        closedir(folder);
    }
    rmdir(path);
}

unsigned
spool_folder_count(const char *path, const char *prefix, uint64_t *bytes)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    struct stat info;
    char name[512];
    unsigned n = 0;

    *bytes = 0;
    assert_non_null(folder);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread. */
    while ((entry = readdir(folder))) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
            stat(name, &info) == 0 && S_ISREG(info.st_mode)) {
            *bytes += (uint64_t)info.st_size;
            n++;
        }
    }
    closedir(folder);
    return n;
}

bool
spool_folder_first(const char *path, const char *prefix, char *name,
                   size_t size)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char first[256] = "";

    assert_non_null(folder);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread. */
    while ((entry = readdir(folder))) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
            (!first[0] || strcmp(entry->d_name, first) < 0)) {
            snprintf(first, sizeof first, "%s", entry->d_name);
        }
    }
    closedir(folder);
    snprintf(name, size, "%s/%s", path, first);
    return first[0] != '\0';
}

void
spool_text_fill(char *bytes, size_t size, uint64_t number)
{
    memcpy(bytes, &number, sizeof number);
    for (size_t i = sizeof number; i < size; i++) {
        bytes[i] = (char)(number * 31 + i * 7 + size);
    }
}

uint64_t
spool_text_number(const char *bytes, size_t size)
{
    uint64_t number = 0;

    if (size < sizeof number) {
        return 0;
    }
    memcpy(&number, bytes, sizeof number);
    for (size_t i = sizeof number; i < size; i++) {
        if (bytes[i] != (char)(number * 31 + i * 7 + size)) {
            return 0;
        }
    }
    return number;
}

void
spool_oracle_take(struct spool_oracle *oracle, enum event_kind kind,
                  const struct spool_record *record)
{
    uint64_t number;

    assert_int_equal(record->kind, kind);
    assert_true(record->serial > oracle->serial[kind]);
    assert_true(redis_id_compare(record->id, oracle->id[kind]) > 0);
    oracle->serial[kind] = record->serial;
    oracle->id[kind] = record->id;
    if (record->type == SPOOL_GAP) {
        assert_int_equal(kind, EVENT_STATUS);
        take_gap(oracle, record);
        return;
    }
    number = spool_text_number(record->bytes, record->size);
    assert_true(number > oracle->number[kind]);
    oracle->number[kind] = number;
    oracle->n_read[kind]++;
    if (kind != EVENT_STATUS) { /* There gap records have serials, too. */
        assert_int_equal(number, record->serial);
    }
}

void
spool_oracle_drain(struct spool_oracle *oracle, struct spool *spool)
{
    static const enum event_kind order[] = {EVENT_FLOW, EVENT_VIOLATION,
                                            EVENT_STATUS};
    struct spool_record record;

    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        while (spool_read(spool, order[i], &record)) {
            spool_oracle_take(oracle, order[i], &record);
            spool_ack(spool, order[i], record.id);
        }
        /* What that told of gaps is to be read, too. */
        spool_commit(spool, (struct mono_time){0});
    }
    while (spool_read(spool, EVENT_STATUS, &record)) {
        spool_oracle_take(oracle, EVENT_STATUS, &record);
        spool_ack(spool, EVENT_STATUS, record.id);
        spool_commit(spool, (struct mono_time){0});
    }
}

void
spool_assert_balance(const struct spool *spool)
{
    struct spool_stat stat;

    spool_get_stat(spool, &stat);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct spool_kind_stat *k = &stat.kind[kind];
        uint64_t dropped = 0;

        for (unsigned i = 0; i < SPOOL_N_REASONS; i++) {
            dropped += k->dropped[i];
        }
        assert_int_equal(k->appended + k->recovered + k->rewound,
                         k->acked + k->pending + dropped);
    }
}

static void
take_gap(struct spool_oracle *oracle, const struct spool_record *record)
{
    struct spool_gap gap;
    uint64_t n;

    assert_true(spool_gap_decode(record, &gap));
    oracle->n_gaps++;
    if (gap.first_serial == 0) { /* It is not known how many. */
        oracle->by_reason[gap.reason]++;
        return;
    }
    n = gap.last_serial - gap.first_serial + 1;
    assert_true(gap.last_serial >= gap.first_serial);
    oracle->n_told[gap.kind] += n;
    oracle->by_reason[gap.reason] += n;
}
