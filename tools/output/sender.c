/* The writer's side of the sender; see sender.h. */

#include "tools/output/sender.h"

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/output/sender_impl.h"
#include "tools/spool/crc32c.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FOLDER_MODE = 0700,
    FOLDER_NAME_SIZE = 100,
    MAX_HOST_IN_NAME = 40
};

/* A disk without news is left alone for so long. */
#define IDLE_COMMIT_NS SECOND_NS

static void set_form(struct sender *, const struct sender_options *);
static bool open_spool(struct sender *, struct error *);
static bool make_folder(struct sender *, struct error *);
static uint32_t spool_id(const struct sender *);
static void folder_name(const struct sender *, char name[FOLDER_NAME_SIZE]);
static bool start(struct sender *, struct error *);
static bool start_thread(pthread_t *, void *(*run)(void *), struct sender *,
                         struct error *);
static bool has_lost(const struct sender_status *);
static uint64_t max_bytes(const struct sender *);
static int64_t lag_of(const struct sender *, const struct spool_stat *);

struct sender *
sender_new(const struct sender_options *options, struct error *error)
{
    struct sender *sender = calloc(1, sizeof *sender);

    if (!sender) {
        error_set(error, ERROR_MEMORY, "", "no memory for a Redis output");
        return NULL;
    }
    set_form(sender, options);
    sender->jitter = (uint64_t)system_clock_wall().ns | 1;
    sender->status.up = true;
    redis_place_init(&sender->place, &sender->options.uri);
    doorbell_init(&sender->work);
    doorbell_init(&sender->sync);
    doorbell_init(&sender->room);
    pthread_mutex_init(&sender->mutex, NULL);
    pthread_mutex_init(&sender->status_mutex, NULL);
    redis_state_init(&sender->state);
    redis_state_init(&sender->state_sent);
    for (size_t i = 0; i < 2; i++) {
        json_init(&sender->rounds[i].commands,
                  SENDER_ROUND_BYTES + SPOOL_MAX_RECORD +
                      (size_t)EVENT_N_KINDS * SENDER_BATCH_EVENTS *
                          REDIS_ENCODER_OVERHEAD);
    }
    json_init(&sender->head, REDIS_ENCODER_OVERHEAD);
    json_init(&sender->answer, SENDER_ANSWER_BYTES);
    json_init(&sender->gap_line, EVENT_MAX_BYTES);
    sender->event_encoder = event_encoder_new(options->source, error);
    if (!sender->event_encoder ||
        !redis_encoder_init(&sender->encoder, &options->form,
                            options->source->sensor, error) ||
        !open_spool(sender, error) || !start(sender, error)) {
        sender_free(sender);
        return NULL;
    }
    return sender;
}

static void
set_form(struct sender *sender, const struct sender_options *options)
{
    static const struct sender_form *const forms[OUTPUT_N_MODES] = {
        [OUTPUT_STREAM] = &sender_stream_form,
        [OUTPUT_LIST] = &sender_list_form,
        [OUTPUT_CHANNEL] = &sender_channel_form};

    sender->options = *options;
    sender->form = forms[options->form.mode];
    sender->server.is_there = true;
    if (sender->form->is_lossy) {
        sender->options.spool.directory = NULL;
    }
}

void
sender_free(struct sender *sender)
{
    if (!sender) {
        return;
    }
    atomic_store(&sender->stop, true);
    if (sender->is_started) {
        doorbell_ring(&sender->work);
        pthread_join(sender->thread, NULL);
    }
    if (sender->is_syncing) {
        doorbell_ring(&sender->sync);
        pthread_join(sender->syncer, NULL);
    }
    sender_disconnect(sender);
    redis_place_done(&sender->place);
    spool_close(sender->spool, system_clock_mono());
    redis_encoder_done(&sender->encoder);
    event_encoder_free(sender->event_encoder);
    json_done(&sender->gap_line);
    json_done(&sender->head);
    json_done(&sender->answer);
    for (size_t i = 0; i < 2; i++) {
        json_done(&sender->rounds[i].commands);
    }
    redis_state_done(&sender->state);
    redis_state_done(&sender->state_sent);
    doorbell_done(&sender->work);
    doorbell_done(&sender->sync);
    doorbell_done(&sender->room);
    pthread_mutex_destroy(&sender->mutex);
    pthread_mutex_destroy(&sender->status_mutex);
    explicit_bzero(&sender->options.uri, sizeof sender->options.uri);
    free(sender);
}

bool
sender_put(struct sender *sender, enum event_kind kind,
           struct wall_time emitted, const char *line, size_t size)
{
    struct redis_id id;
    bool kept;

    pthread_mutex_lock(&sender->mutex);
    kept = spool_append(sender->spool, kind, emitted, line, size, &id);
    sender->n_put += kind == EVENT_STATUS;
    sender->is_dirty = true;
    pthread_mutex_unlock(&sender->mutex);
    return kept;
}

void
sender_commit(struct sender *sender)
{
    struct mono_time now = system_clock_mono();
    bool is_due, is_sync_due;

    pthread_mutex_lock(&sender->mutex);
    is_due = sender->is_dirty || now.ns - sender->commit_ns >= IDLE_COMMIT_NS;
    if (is_due) {
        sender->is_dirty = false;
        sender->commit_ns = now.ns;
        spool_write(sender->spool, now);
        sender_publish(sender);
    }
    is_sync_due = spool_sync_is_due(sender->spool, now);
    pthread_mutex_unlock(&sender->mutex);
    if (is_due) {
        doorbell_ring(&sender->work);
    }
    if (is_sync_due) {
        doorbell_ring(&sender->sync);
    }
}

bool
sender_has_room(struct sender *sender)
{
    bool has_room;

    pthread_mutex_lock(&sender->mutex);
    has_room = spool_has_room(sender->spool);
    pthread_mutex_unlock(&sender->mutex);
    return has_room;
}

void
sender_wait(struct sender *sender, int64_t timeout_ns)
{
    atomic_store(&sender->is_waited_for, true);
    doorbell_ring(&sender->work);
    doorbell_wait(&sender->room, timeout_ns);
    atomic_store(&sender->is_waited_for, false);
}

void
sender_put_state(struct sender *sender, const struct redis_state *state)
{
    if (!sender->form->has_state) {
        return;
    }
    pthread_mutex_lock(&sender->mutex);
    if (redis_state_copy(&sender->state, state)) {
        sender->state_waits = true;
        sender->states_put++;
    }
    sender_publish(sender);
    pthread_mutex_unlock(&sender->mutex);
    doorbell_ring(&sender->work);
}

/* The mutex, so that nothing is acknowledged any more when this returns. */
void
sender_give_up(struct sender *sender)
{
    pthread_mutex_lock(&sender->mutex);
    atomic_store(&sender->has_given_up, true);
    spool_write(sender->spool, system_clock_mono());
    sender_publish(sender);
    pthread_mutex_unlock(&sender->mutex);
}

void
sender_get_status(struct sender *sender, struct sender_status *status)
{
    pthread_mutex_lock(&sender->status_mutex);
    *status = sender->status;
    pthread_mutex_unlock(&sender->status_mutex);
    status->turns = 1 + counter_read(&sender->turns);
}

void
sender_publish(struct sender *sender)
{
    struct spool_stat stat;
    uint64_t n_pending = 0, n_before = 0;
    int64_t lag_ns;

    spool_get_stat(sender->spool, &stat);
    lag_ns = lag_of(sender, &stat);
    pthread_mutex_lock(&sender->status_mutex);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        n_pending += stat.kind[kind].pending;
        n_before += sender->status.spool.kind[kind].pending;
    }
    sender->status.state_waits = sender->states_put != sender->states_done;
    if (n_before == 0 && (n_pending > 0 || sender->status.state_waits)) {
        sender->progress_ns = system_clock_mono().ns;
    }
    sender->status.spool = stat;
    sender->status.server = sender->server;
    sender->status.mode = sender->options.form.mode;
    sender->status.max_bytes = max_bytes(sender);
    memcpy(sender->status.n_discarded, sender->n_discarded,
           sizeof sender->n_discarded);
    sender->status.n_gaps = stat.kind[EVENT_STATUS].appended - sender->n_put;
    sender->status.has_disk = sender->folder[0] != '\0';
    sender->status.has_given_up = atomic_load(&sender->has_given_up);
    sender->status.progress_ns = sender->progress_ns;
    sender->status.lag_ns = lag_ns;
    pthread_mutex_unlock(&sender->status_mutex);
}

void
sender_set_up(struct sender *sender, bool up)
{
    if (atomic_load(&sender->has_given_up)) {
        return; /* Nothing is tried any more: it stays as it was. */
    }
    pthread_mutex_lock(&sender->status_mutex);
    if (!up) {
        sender->status.error = sender->error;
    } else if (!sender->status.up && !has_lost(&sender->status)) {
        sender->status.error = sender->noted;
    }
    sender->status.up = up;
    sender->status.is_denied = !up && sender->is_denied;
    pthread_mutex_unlock(&sender->status_mutex);
}

void
sender_note(struct sender *sender)
{
    pthread_mutex_lock(&sender->status_mutex);
    if (sender->noted.code == ERROR_NONE) {
        sender->noted = sender->error;
    }
    if (sender->status.error.code == ERROR_NONE) {
        sender->status.error = sender->noted;
    }
    pthread_mutex_unlock(&sender->status_mutex);
}

static bool
has_lost(const struct sender_status *status)
{
    uint64_t sum = 0;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        for (unsigned i = 0; i < SPOOL_N_REASONS; i++) {
            sum += status->spool.kind[kind].dropped[i];
        }
    }
    return sum > 0;
}

static uint64_t
max_bytes(const struct sender *sender)
{
    const struct output_spool *spool = &sender->options.spool;

    if (sender->folder[0]) {
        return spool->max_bytes ? spool->max_bytes : SPOOL_DEFAULT_BYTES;
    }
    return spool->memory_bytes ? spool->memory_bytes
                               : SPOOL_DEFAULT_MEMORY_BYTES;
}

/* By the id, which has the time in it.  Nothing is known of what was never
 * read; that is so for a moment only. */
static int64_t
lag_of(const struct sender *sender, const struct spool_stat *stat)
{
    int64_t now_ms = system_clock_wall().ns / MILLISECOND_NS;
    int64_t lag_ms = 0;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        uint64_t ms = sender->oldest[kind].ms;

        if (stat->kind[kind].pending > 0 && ms != 0 && ms < (uint64_t)now_ms &&
            now_ms - (int64_t)ms > lag_ms) {
            lag_ms = now_ms - (int64_t)ms;
        }
    }
    return lag_ms * MILLISECOND_NS;
}

static bool
open_spool(struct sender *sender, struct error *error)
{
    const struct output_spool *asked = &sender->options.spool;
    struct spool_options options = {
        .max_bytes = asked->max_bytes,
        .memory_bytes = asked->memory_bytes,
        .sync_ns = asked->sync_ns,
        .retain_ns = SPOOL_DEFAULT_RETAIN_NS,
    };

    sender->spool_id = spool_id(sender);
    if (asked->directory && !make_folder(sender, error)) {
        return false;
    }
    options.directory = asked->directory ? sender->folder : NULL;
    sender->spool = spool_open(&options, system_clock_mono(), error);
    if (sender->spool) {
        struct spool_stat stat;

        spool_get_stat(sender->spool, &stat);
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            sender->lanes[kind].is_in_doubt = stat.kind[kind].recovered > 0;
            sender->lanes[kind].is_known = stat.kind[kind].last_serial > 0;
        }
        sender_publish(sender);
    }
    return sender->spool != NULL;
}

/* Each output has its own in the one that was asked for. */
static bool
make_folder(struct sender *sender, struct error *error)
{
    const char *directory = sender->options.spool.directory;
    char name[FOLDER_NAME_SIZE];
    int size;

    if (mkdir(directory, FOLDER_MODE) < 0 && errno != EEXIST) {
        return error_set_errno(error, directory, "cannot be made");
    }
    folder_name(sender, name);
    size = snprintf(sender->folder, sizeof sender->folder, "%s/%s", directory,
                    name);
    return (size > 0 && (size_t)size < sizeof sender->folder) ||
           error_set(error, ERROR_LIMIT, directory,
                     "the name of the spool's folder is too long");
}

/* So that no two are one, of all that tells outputs apart: what waits for one
 * stream must not go to another. */
static uint32_t
spool_id(const struct sender *sender)
{
    const char *server = sender->options.uri.name;
    uint32_t database = sender->options.uri.database;
    uint32_t crc = crc32c(0, server, strlen(server) + 1);

    crc = crc32c(crc, &database, sizeof database);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const char *key = sender->encoder.keys[kind];

        crc = crc32c(crc, key, strlen(key) + 1);
    }
    return crc;
}

/* The server, for people. */
static void
folder_name(const struct sender *sender, char name[FOLDER_NAME_SIZE])
{
    const struct redis_uri *uri = &sender->options.uri;
    const struct redis_address *address = &uri->addresses[0];
    char host[MAX_HOST_IN_NAME + 1];

    snprintf(host, sizeof host, "%.*s", MAX_HOST_IN_NAME, address->host);
    for (char *at = host; *at; at++) {
        if (!isalnum((unsigned char)*at) && *at != '-') {
            *at = '_';
        }
    }
    snprintf(name, FOLDER_NAME_SIZE, "redis-%s-%u-%" PRIu32 "-%08" PRIx32, host,
             uri->is_unix ? 0 : address->port, uri->database, sender->spool_id);
}

static bool
start(struct sender *sender, struct error *error)
{
    if (sender->options.must_connect && !sender_connect(sender)) {
        *error = sender->error;
        return false;
    }
    sender->is_syncing =
        sender->folder[0] &&
        start_thread(&sender->syncer, sender_sync_run, sender, error);
    if (sender->folder[0] && !sender->is_syncing) {
        return false;
    }
    sender->is_started =
        start_thread(&sender->thread, sender_run, sender, error);
    return sender->is_started;
}

static bool
start_thread(pthread_t *thread, void *(*run)(void *), struct sender *sender,
             struct error *error)
{
    int failed = pthread_create(thread, NULL, run, sender);

    return !failed ||
           error_set(error, ERROR_SYSTEM, "",
                     "cannot start a sender's thread (error %d)", failed);
}
