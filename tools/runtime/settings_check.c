/* What several settings must agree on. */

#include "tools/redis/redis_password.h"
#include "tools/redis/redis_uri.h"
#include "tools/runtime/settings_impl.h"
#include "tools/runtime/settings_memory.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static void check_memory(struct settings_reader *);
static void check_outputs(struct settings_reader *);
static void check_password(struct settings_reader *,
                           const struct settings_output *);
static bool is_repeated(const struct settings *, size_t i);
static const struct yaml_node *where(const struct settings_reader *,
                                     const char *name);

void
settings_check(struct settings_reader *reader)
{
    if (reader->problems->n_errors == reader->n_errors_before) {
        check_memory(reader);
        check_outputs(reader);
    }
}

static void
check_memory(struct settings_reader *reader)
{
    const struct settings *settings = reader->settings;
    struct settings_memory memory = settings_share_memory(settings);
    const uint64_t mib = UINT64_C(1) << 20;

    if (settings->memory_bytes && settings->memory_bytes < memory.least) {
        SETTINGS_ERROR(reader, "E-BUDGET", where(reader, "memory"),
                       "'memory' is too small for the rest of the settings: "
                       "the least is %" PRIu64 "M, of which capture rings "
                       "take %" PRIu64 "M and event queues %" PRIu64 "M",
                       (memory.least + mib - 1) / mib, memory.capture / mib,
                       memory.queues / mib);
    }
}

static void
check_outputs(struct settings_reader *reader)
{
    const struct settings *settings = reader->settings;

    for (size_t i = 0; i < settings->n_outputs; i++) {
        if (is_repeated(settings, i)) {
            SETTINGS_ERROR(reader, "E-DUPLICATE", where(reader, "outputs"),
                           "two of the outputs are the same");
            return;
        }
        if (!(settings->outputs[i].events & settings->events)) {
            SETTINGS_ERROR(reader, "E-CONFLICT", where(reader, "outputs"),
                           "an output gets none of the 'events' that are made");
            return;
        }
    }
}

/* Two outputs must not write over each other. */
static bool
is_repeated(const struct settings *settings, size_t i)
{
    const char *target = settings->outputs[i].target;

    for (size_t k = 0; k < i; k++) {
        if (strcmp(settings->outputs[k].target, target) == 0) {
            return true;
        }
    }
    return false;
}

void
settings_check_files(struct settings_reader *reader)
{
    const struct settings *settings = reader->settings;

    for (size_t i = 0; i < settings->n_outputs && reader->looks_at_files; i++) {
        check_password(reader, &settings->outputs[i]);
    }
}

static void
check_password(struct settings_reader *reader,
               const struct settings_output *output)
{
    struct redis_uri uri = {.port = 0};
    struct error error;

    if (output->password_file[0] &&
        !redis_password_read(&uri, output->password_file, &error)) {
        problems_add(reader->problems, PROBLEM_ERROR, "E-FILE",
                     output->password_file, 0, 0, "%s", error.message);
    }
    explicit_bzero(&uri, sizeof uri);
    if (redis_uri_is_one(output->target) && reader->is_public &&
        redis_uri_parse(output->target, &uri, &error) && uri.password[0]) {
        const struct yaml_node *node = where(reader, "outputs");

        problems_add(reader->problems, PROBLEM_WARNING, "W-SECRET", node->file,
                     node->line, node->column,
                     "a password is in a file that everybody may read; use "
                     "'password_file'");
    }
    explicit_bzero(&uri, sizeof uri);
}

/* Of a key that was set. */
static const struct yaml_node *
where(const struct settings_reader *reader, const char *name)
{
    static const struct yaml_node nowhere = {.file = "settings"};
    const struct settings_key *key = settings_key_find(&settings_table, name);
    size_t i = (size_t)(key - settings_table.keys);

    return reader->set[i] ? reader->set[i] : &nowhere;
}
