/* What several settings must agree on. */

#include "tools/process/folder_access.h"
#include "tools/redis/redis_password.h"
#include "tools/redis/redis_tls.h"
#include "tools/redis/redis_uri.h"
#include "tools/settings/settings_impl.h"
#include "tools/settings/settings_memory.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static void check_flows(struct settings_reader *);
static void check_memory(struct settings_reader *);
static void check_spool(struct settings_reader *);
static void check_password(struct settings_reader *,
                           const struct settings_output *);
static void check_tls(struct settings_reader *, const struct settings_output *);

void
settings_check(struct settings_reader *reader)
{
    if (reader->problems->n_errors == reader->n_errors_before) {
        check_flows(reader);
        check_memory(reader);
    }
    settings_check_outputs(reader);
}

/* A table numbers its flows with 26 bits. */
static void
check_flows(struct settings_reader *reader)
{
    const struct settings *settings = reader->settings;
    uint64_t most = settings->capture.workers * FLOW_TABLE_MAX;

    if (settings->flows.max > most) {
        SETTINGS_ERROR(reader, "E-LIMIT", settings_where(reader, "flows.max"),
                       "the tables of %" PRIu64 " workers hold %" PRIu64
                       " flows at most",
                       settings->capture.workers, most);
    }
}

static void
check_memory(struct settings_reader *reader)
{
    const struct settings *settings = reader->settings;
    struct settings_memory memory = settings_share_memory(settings);
    const uint64_t mib = UINT64_C(1) << 20;

    if (settings->memory_bytes && settings->memory_bytes < memory.least) {
        SETTINGS_ERROR(reader, "E-BUDGET", settings_where(reader, "memory"),
                       "'memory' is too small for the rest of the settings: "
                       "the least is %" PRIu64 "M, of which capture rings "
                       "take %" PRIu64 "M and event queues %" PRIu64 "M",
                       (memory.least + mib - 1) / mib, memory.capture / mib,
                       memory.queues / mib);
    }
}

void
settings_check_files(struct settings_reader *reader)
{
    const struct settings *settings = reader->settings;

    for (size_t i = 0; i < settings->n_outputs && reader->looks_at_files; i++) {
        check_password(reader, &settings->outputs[i]);
        check_tls(reader, &settings->outputs[i]);
    }
    if (settings->spool.directory[0] && reader->looks_at_files) {
        check_spool(reader);
    }
}

/* Who runs the service has to have a right to it. */
static void
check_spool(struct settings_reader *reader)
{
    const struct settings *settings = reader->settings;
    const struct yaml_node *node = settings_where(reader, "spool.directory");
    const char *user = settings->service.user;

    switch (folder_access(settings->spool.directory, user)) {
    case FOLDER_OTHER:
        SETTINGS_ERROR(reader, "E-FILE", node, "it is not a folder");
        break;
    case FOLDER_REFUSED:
        SETTINGS_ERROR(reader, "E-FILE", node, "%s%s%s may not write there",
                       user[0] ? "the user '" : "you", user,
                       user[0] ? "'" : "");
        break;
    case FOLDER_MISSING:
        problems_add(reader->problems, PROBLEM_WARNING, "W-FILE", node->file,
                     node->line, node->column,
                     "it is not there, and neither is the folder that it "
                     "would be in");
        break;
    case FOLDER_WRITABLE: break;
    }
}

static void
check_password(struct settings_reader *reader,
               const struct settings_output *output)
{
    struct redis_uri uri = {.n_addresses = 0};
    struct error error;

    if (output->password_file[0] &&
        !redis_password_read(&uri, output->password_file, &error)) {
        problems_add(reader->problems, PROBLEM_ERROR, "E-FILE",
                     output->password_file, 0, 0, "%s", error.message);
    }
    explicit_bzero(&uri, sizeof uri);
    if (redis_uri_is_one(output->target) && reader->is_public &&
        redis_uri_parse(output->target, &uri, &error) && uri.password[0]) {
        const struct yaml_node *node = settings_where(reader, "outputs");

        problems_add(reader->problems, PROBLEM_WARNING, "W-SECRET", node->file,
                     node->line, node->column,
                     "a password is in a file that everybody may read; use "
                     "'password_file'");
    }
    explicit_bzero(&uri, sizeof uri);
}

/* As files may be missing, so may TLS itself. */
static void
check_tls(struct settings_reader *reader, const struct settings_output *output)
{
    struct redis_uri uri;
    struct error error;

    if (redis_uri_is_one(output->target) &&
        redis_uri_parse(output->target, &uri, &error) &&
        !redis_tls_check(&uri, &error)) {
        problems_add(reader->problems, PROBLEM_ERROR,
                     error.code == ERROR_UNSUPPORTED ? "E-VALUE" : "E-FILE",
                     error.where, 0, 0, "%s", error.message);
    }
    explicit_bzero(&uri, sizeof uri);
}
