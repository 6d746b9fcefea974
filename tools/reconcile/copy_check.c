/* See copy_check.h. */

#include "tools/reconcile/copy_check.h"

#include "capture/error.h"
#include "tools/reconcile/event_read.h"
#include "tools/reconcile/key_sort.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A key: the sensor and the epoch, then the sequence number, and below that
 * what does not tell events apart. */
enum {
    EPOCH_BITS = 32,
    BEHIND_BIT = 1,
    KIND_SHIFT = 1,
    SEQUENCE_SHIFT = 3,
    TAIL = 24 /* Of an id, behind the sensor's name. */
};

struct copy_check {
    const char *sensors[COPY_MAX_SENSORS];
    size_t n_sensors;
    size_t last; /* Found last. */
    struct key_sort *streams, *files;
    struct copy_result counts; /* Of lines. */
    char *line;
};

/* A file as it is read. */
struct lines {
    int fd;
    size_t size; /* In the buffer. */
    bool is_cut; /* The rest of a line that was too long comes first. */
};

/* One side of a comparison. */
struct side {
    struct key_sort *sort;
    struct sort_key key;
    bool has;
};

struct comparison {
    struct side streams, files;
    struct copy_result *result;
    /* What the next event of a kind may belong to: NULL, if nothing. */
    struct copy_finding *open[EVENT_N_KINDS];
    struct copy_finding left_out[EVENT_N_KINDS]; /* There is no room for it. */
};

static bool take_lines(struct copy_check *, struct lines *, struct error *);
static bool take_line(struct copy_check *, const char *line, size_t size,
                      struct error *);
static bool find_name(struct copy_check *, const char *id, size_t *sensor,
                      struct event_name *);
static struct sort_key make_key(size_t sensor, const struct event_name *,
                                unsigned more);
static bool advance(struct side *, struct error *);
static bool compare(struct comparison *, struct error *);
static void take(struct comparison *, const struct sort_key *, uint64_t n);
static bool pass(struct side *, uint64_t *n, struct error *);
static bool is_same(const struct sort_key *, const struct sort_key *);
static void note(struct comparison *, const struct sort_key *, bool is_doubled);
static struct copy_finding *begin(struct comparison *, enum event_kind);
static enum event_kind kind_of(const struct sort_key *);

struct copy_check *
copy_check_new(void)
{
    struct copy_check *check = calloc(1, sizeof *check);

    if (!check) {
        return NULL;
    }
    check->streams = key_sort_new(KEY_SORT_MEMORY);
    check->files = key_sort_new(KEY_SORT_MEMORY);
    check->line = malloc(COPY_MAX_LINE);
    if (!check->streams || !check->files || !check->line) {
        copy_check_free(check);
        return NULL;
    }
    return check;
}

void
copy_check_free(struct copy_check *check)
{
    if (check) {
        key_sort_free(check->streams);
        key_sort_free(check->files);
        free(check->line);
        free(check);
    }
}

size_t
copy_check_add_sensor(struct copy_check *check, const char *name)
{
    check->sensors[check->n_sensors] = name;
    return check->n_sensors++;
}

const char *
copy_check_sensor(const struct copy_check *check, size_t sensor)
{
    return check->sensors[sensor];
}

bool
copy_check_add(struct copy_check *check, size_t sensor,
               const struct event_name *name, enum event_kind kind,
               bool is_behind, struct error *error)
{
    unsigned more = (unsigned)kind << KIND_SHIFT | (is_behind ? BEHIND_BIT : 0);

    return key_sort_add(check->streams, make_key(sensor, name, more), error);
}

bool
copy_check_read(struct copy_check *check, const char *path, struct error *error)
{
    struct lines lines = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    ssize_t n = 1;

    if (lines.fd < 0) {
        return error_set_errno(error, path, "cannot be opened");
    }
    while (n > 0) {
        do {
            n = read(lines.fd, check->line + lines.size,
                     COPY_MAX_LINE - lines.size);
        } while (n < 0 && errno == EINTR);
        lines.size += n > 0 ? (size_t)n : 0;
        if (n < 0) {
            error_set_errno(error, path, "cannot be read");
        } else if (!take_lines(check, &lines, error)) {
            n = -1;
        }
    }
    close(lines.fd);
    if (n == 0 && lines.size > 0) { /* Half a line: it is being written. */
        check->counts.lines++;
        check->counts.no_events++;
    }
    return n == 0;
}

bool
copy_check_judge(struct copy_check *check, struct copy_result *result,
                 struct error *error)
{
    struct comparison comparison = {.streams = {.sort = check->streams},
                                    .files = {.sort = check->files},
                                    .result = result};
    bool good = key_sort_finish(check->streams, error) &&
                key_sort_finish(check->files, error) &&
                advance(&comparison.streams, error) &&
                advance(&comparison.files, error);

    *result = check->counts;
    while (good && (comparison.streams.has || comparison.files.has)) {
        good = compare(&comparison, error);
    }
    return good;
}

/* Whole lines; what is left is moved to the front. */
static bool
take_lines(struct copy_check *check, struct lines *lines, struct error *error)
{
    size_t at = 0;
    const char *end;

    while ((end = memchr(check->line + at, '\n', lines->size - at))) {
        size_t size = (size_t)(end - check->line) - at;

        if (!lines->is_cut &&
            !take_line(check, check->line + at, size, error)) {
            return false;
        }
        lines->is_cut = false;
        at += size + 1;
    }
    lines->size -= at;
    memmove(check->line, check->line + at, lines->size);
    if (lines->size == COPY_MAX_LINE) {
        check->counts.lines += !lines->is_cut;
        check->counts.no_events += !lines->is_cut;
        lines->is_cut = true;
        lines->size = 0;
    }
    return true;
}

static bool
take_line(struct copy_check *check, const char *line, size_t size,
          struct error *error)
{
    char id[EVENT_ID_SIZE];
    struct event_name name;
    size_t sensor;

    check->counts.lines++;
    if (!event_read_id(line, size, id)) {
        check->counts.no_events++;
        return true;
    }
    if (!find_name(check, id, &sensor, &name)) {
        check->counts.others++;
        return true;
    }
    return key_sort_add(check->files, make_key(sensor, &name, 0), error);
}

/* Lines of one sensor come together, mostly. */
static bool
find_name(struct copy_check *check, const char *id, size_t *sensor,
          struct event_name *name)
{
    size_t size = strlen(id);

    for (size_t i = 0; size > TAIL && i < check->n_sensors; i++) {
        *sensor = (check->last + i) % check->n_sensors;
        if (event_name_parse(id, size, check->sensors[*sensor], name)) {
            check->last = *sensor;
            return true;
        }
    }
    return false;
}

static struct sort_key
make_key(size_t sensor, const struct event_name *name, unsigned more)
{
    return (struct sort_key){(uint64_t)sensor << EPOCH_BITS | name->epoch,
                             name->sequence << SEQUENCE_SHIFT | more};
}

static bool
advance(struct side *side, struct error *error)
{
    return key_sort_next(side->sort, &side->key, &side->has, error);
}

/* One event, on either side or both. */
static bool
compare(struct comparison *comparison, struct error *error)
{
    struct side *streams = &comparison->streams;
    struct side *files = &comparison->files;
    struct sort_key key = streams->key;
    uint64_t n_entries = 0, n = 0;
    bool in_stream = streams->has;
    bool in_file = files->has;

    if (in_stream && in_file && !is_same(&streams->key, &files->key)) {
        in_stream = sort_key_compare(&streams->key, &files->key) < 0;
        in_file = !in_stream;
    }
    if ((in_stream && !pass(streams, &n_entries, error)) ||
        (in_file && !pass(files, &n, error))) {
        return false;
    }
    if (in_stream) {
        take(comparison, &key, n);
    } else {
        comparison->result->only_here++;
    }
    return true;
}

/* An event of a stream that is in the files so many times. */
static void
take(struct comparison *comparison, const struct sort_key *key, uint64_t n)
{
    struct copy_result *result = comparison->result;

    result->events++;
    if (n > 1) {
        result->doubled += n - 1;
        note(comparison, key, true);
    } else if (n == 0 && !(key->low & BEHIND_BIT)) {
        result->missing++;
        note(comparison, key, false);
    } else {
        result->waiting += n == 0;
        comparison->open[kind_of(key)] = NULL;
    }
}

/* All that are the same event. */
static bool
pass(struct side *side, uint64_t *n, struct error *error)
{
    struct sort_key key = side->key;

    while (side->has && is_same(&side->key, &key)) {
        (*n)++;
        if (!advance(side, error)) {
            return false;
        }
    }
    return true;
}

static bool
is_same(const struct sort_key *a, const struct sort_key *b)
{
    return a->high == b->high &&
           a->low >> SEQUENCE_SHIFT == b->low >> SEQUENCE_SHIFT;
}

static void
note(struct comparison *comparison, const struct sort_key *key, bool is_doubled)
{
    struct copy_finding *open = comparison->open[kind_of(key)];
    struct copy_finding found = {
        .is_doubled = is_doubled,
        .kind = kind_of(key),
        .sensor = (size_t)(key->high >> EPOCH_BITS),
        .first = {(uint32_t)key->high, key->low >> SEQUENCE_SHIFT}};

    if (!open || open->is_doubled != is_doubled ||
        open->sensor != found.sensor ||
        open->first.epoch != found.first.epoch) {
        open = begin(comparison, found.kind);
        *open = found;
    }
    open->last = found.first.sequence;
    open->n++;
}

static struct copy_finding *
begin(struct comparison *comparison, enum event_kind kind)
{
    struct copy_result *result = comparison->result;

    if (result->n_findings < COPY_MAX_FINDINGS) {
        comparison->open[kind] = &result->findings[result->n_findings++];
    } else {
        comparison->open[kind] = &comparison->left_out[kind];
        result->findings_left_out++;
    }
    return comparison->open[kind];
}

static enum event_kind
kind_of(const struct sort_key *key)
{
    return (enum event_kind)(key->low >> KIND_SHIFT & 3);
}
