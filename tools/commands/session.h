/* What every run has, on captures or live: options, a policy in force, outputs.
 *
 * session_options.c reads the command line, session_load.c loads settings and
 * policy, and others when it is asked to, session.c does the rest.  Belongs to
 * the thread of the command. */

#ifndef TOOLS_COMMANDS_SESSION_H
#define TOOLS_COMMANDS_SESSION_H

#include "flows/flow_table.h"
#include "tools/output/output.h"
#include "tools/process/log.h"
#include "tools/runtime/pipeline.h"
#include "tools/runtime/worker_limits.h"
#include "tools/settings/settings.h"

#include <getopt.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SESSION_MAX_OVERRIDES = 100
};

/* What the command line says.  Most of it are settings. */
struct session_options {
    struct settings_override overrides[SESSION_MAX_OVERRIDES + 1];
    size_t n_overrides;
    bool quiet;
};

/* How often settings and policy were read again, and how that went. */
struct session_reloads {
    uint64_t done, refused;
    struct wall_time last, last_done; /* ns 0: never. */
    bool failed;                      /* The last one. */
};

struct session {
    const char *command; /* Names us in what is told. */
    bool logs; /* Tells by the log, as services do, which is open then. */
    struct session_options options;
    struct settings_source from;       /* Where the settings come from. */
    struct settings settings;          /* In force. */
    struct policy *policy;             /* In force now. */
    struct application_engine *engine; /* Knows the names, for this thread, and
                                        * inspects for the first worker. */
    struct session_reloads reloads;
    struct worker_limits limits; /* As the settings in force have them. */
    atomic_bool redacts;         /* Of 'source'. */
    struct event_source source;
    struct output *output;         /* NULL: no events. */
    struct event_encoder *encoder; /* Of status events; NULL with it. */
    unsigned status_queue;         /* Of 'output': this thread's. */
};

enum session_parse {
    SESSION_RUN,  /* Go ahead. */
    SESSION_HELP, /* Help was printed: exit with success. */
    SESSION_USAGE /* A mistake was told: exit with the usage status. */
};

/* What --help says of the options that all sessions have. */
#define SESSION_HELP_OUTPUTS                                                   \
    "  -o, --output FILE|-      write events as NDJSON\n"                      \
    "  -r, --redis URI          write events to a Redis server:\n"             \
    "                           redis://[USER[:PASSWORD]@]HOST[:PORT][/DB],\n" \
    "                           rediss:// (TLS), redis+sentinel:// or\n"       \
    "                           unix:///PATH, see segmon(1), REDIS; "          \
    "password\n"                                                               \
    "                           also from the environment:\n"                  \
    "                           SEGMON_REDIS_PASSWORD, or a file that\n"       \
    "                           SEGMON_REDIS_PASSWORD_FILE names\n"            \
    "      --redis-mode MODE    of the -r before: stream (default), list, "    \
    "for\n"                                                                    \
    "                           readers that take events from its head, or\n"  \
    "                           channel, for whoever listens just then\n"      \
    "      --redis-key KEY      of the -r before; {sensor} and {type} stand\n" \
    "                           for the sensor's name and the kind of "        \
    "event;\n"                                                                 \
    "                           default: " REDIS_TEMPLATE_DEFAULT "\n"         \
    "      --redis-field NAME   of the event in a stream's entry; default:\n"  \
    "                           " OUTPUT_FIELD "\n"                            \
    "      --redis-max-length N of a stream, about, or list; default: no "     \
    "end\n"                                                                    \
    "      --spool FOLDER       keep events on disk until Redis has them, "    \
    "so\n"                                                                     \
    "                           that none is lost, whoever dies; default: "    \
    "in\n"                                                                     \
    "                           memory\n"                                      \
    "  -e, --events KIND,...    flow, violation, status; default: all\n"
#define SESSION_HELP_WORK                                                      \
    "  -w, --workers N          threads that do the work; default: 1\n"        \
    "      --no-dpi             do not classify applications\n"                \
    "      --no-decapsulation   judge tunnels, not what is inside them\n"      \
    "      --teredo             look inside Teredo too\n"                      \
    "      --duplicates HOW     mark (default): count copies of a packet "     \
    "with\n"                                                                   \
    "                           the rest; drop: count them apart only\n"       \
    "      --max-flows N        conversations alive at once; default: "        \
    "1000000\n"                                                                \
    "      --memory SIZE        of all together, such as 512M or 2G; "         \
    "default:\n"                                                               \
    "                           no limits but those that follow\n"             \
    "      --flow-memory SIZE   of the flow table; default: no limit but\n"    \
    "                           --max-flows and --memory\n"                    \
    "      --dpi-memory SIZE    of classifying applications, what nDPI keeps " \
    "of\n"                                                                     \
    "                           conversations included; default: 128M\n"       \
    "      --no-sandbox         allow any system call, debuggers and core "    \
    "dumps\n"                                                                  \
    "      --set KEY=VALUE      any setting, as in segmon.yaml(5); "           \
    "repeatable\n"

/* For getopt_long(). */
#define SESSION_SHORT_OPTIONS "p:o:r:e:f:w:qh"
#define SESSION_LONG_OPTIONS                                                   \
    {"policy", required_argument, NULL, 'p'},                                  \
        {"output", required_argument, NULL, 'o'},                              \
        {"redis", required_argument, NULL, 'r'},                               \
        {"redis-mode", required_argument, NULL, SESSION_OPTION_REDIS_MODE},    \
        {"redis-key", required_argument, NULL, SESSION_OPTION_REDIS_KEY},      \
        {"redis-field", required_argument, NULL, SESSION_OPTION_REDIS_FIELD},  \
        {"redis-max-length", required_argument, NULL,                          \
         SESSION_OPTION_REDIS_MAX_LENGTH},                                     \
        {"spool", required_argument, NULL, SESSION_OPTION_SPOOL},              \
        {"events", required_argument, NULL, 'e'},                              \
        {"sensor", required_argument, NULL, SESSION_OPTION_SENSOR},            \
        {"filter", required_argument, NULL, 'f'},                              \
        {"workers", required_argument, NULL, 'w'},                             \
        {"no-dpi", no_argument, NULL, SESSION_OPTION_NO_DPI},                  \
        {"no-decapsulation", no_argument, NULL,                                \
         SESSION_OPTION_NO_DECAPSULATION},                                     \
        {"teredo", no_argument, NULL, SESSION_OPTION_TEREDO},                  \
        {"duplicates", required_argument, NULL, SESSION_OPTION_DUPLICATES},    \
        {"max-flows", required_argument, NULL, SESSION_OPTION_MAX_FLOWS},      \
        {"memory", required_argument, NULL, SESSION_OPTION_MEMORY},            \
        {"flow-memory", required_argument, NULL, SESSION_OPTION_FLOW_MEMORY},  \
        {"dpi-memory", required_argument, NULL, SESSION_OPTION_DPI_MEMORY},    \
        {"no-sandbox", no_argument, NULL, SESSION_OPTION_NO_SANDBOX},          \
        {"set", required_argument, NULL, SESSION_OPTION_SET},                  \
        {"quiet", no_argument, NULL, 'q'},                                     \
    {                                                                          \
        "help", no_argument, NULL, 'h'                                         \
    }

enum session_option {
    SESSION_OPTION_SENSOR = 256,
    SESSION_OPTION_REDIS_MODE,
    SESSION_OPTION_REDIS_KEY,
    SESSION_OPTION_REDIS_FIELD,
    SESSION_OPTION_REDIS_MAX_LENGTH,
    SESSION_OPTION_SPOOL,
    SESSION_OPTION_NO_DPI,
    SESSION_OPTION_NO_DECAPSULATION,
    SESSION_OPTION_TEREDO,
    SESSION_OPTION_DUPLICATES,
    SESSION_OPTION_MAX_FLOWS,
    SESSION_OPTION_MEMORY,
    SESSION_OPTION_FLOW_MEMORY,
    SESSION_OPTION_DPI_MEMORY,
    SESSION_OPTION_SET,
    /* Those of live runs that are settings too. */
    SESSION_OPTION_HEARTBEAT,
    SESSION_OPTION_BUFFER,
    SESSION_OPTION_SNAPLEN,
    SESSION_OPTION_NO_PROMISCUOUS,
    SESSION_OPTION_LOG_LEVEL,
    SESSION_OPTION_METRICS,
    SESSION_OPTION_USER,
    SESSION_OPTION_NO_SANDBOX,
    SESSION_OPTION_FIRST_OTHER /* The commands' own. */
};

/* A table of options: what is particular to one command. */
struct session_syntax {
    const char *command;
    const char *help;
    const char *short_options;
    const struct option *long_options;
    /* Takes an option of the command that is no setting; false if the value is
     * not good. */
    bool (*set)(void *context, int option, const char *value);
    void *context;
};

/* Reads the command line into 'options', which is empty, and by 'set' into the
 * command's own.  'argv' must outlive it, and is cut where --set has a '='.
 * Leaves getopt's 'optind' at the operands. */
enum session_parse session_options_parse(struct session_options *,
                                         const struct session_syntax *,
                                         int argc, char *argv[]);

/* Whether an option sets this. */
bool session_options_set(const struct session_options *, const char *key);

/* The value of an option: a number from 1 to 'max'. */
bool session_parse_count(const char *text, uint64_t max, uint64_t *count);

/* Loads the settings; what is wrong with them is told.  'path' is the
 * configuration file or NULL, 'sensor' the name of a sensor that has none or
 * NULL: the host's; 'live' as in struct settings_source. */
bool session_open_settings(struct session *, const char *path,
                           const char *sensor, bool live);

/* Threads that do the work. */
unsigned session_workers(const struct session *);

/* Of frames; NULL: all are wanted. */
const char *session_filter(const struct session *);

/* Loads the policy, telling what is wrong with it; without one, everything is
 * observed.  Returns an exit status. */
int session_open_policy(struct session *);
void session_close_policy(struct session *);

/* SIGHUP asks to read settings and policy again from now on. */
void session_watch_reload(void);

/* Whether that was asked for since session_next_policy(). */
bool session_reload_asked(void);

/* For pipeline_options; 'context' is a struct session: the policy read again,
 * if that was asked for and it is sound, and so are the settings.  Those that
 * need no restart are then in force, too.  Both outcomes are told; a mistake in
 * either changes nothing. */
struct policy *session_next_policy(void *context, struct wall_time now);

/* Before anything is opened or parsed, and any thread is started: what
 * strangers wrote is dealt with under privileges_seal() and sandbox_enter(). */
bool session_enter_sandbox(const struct session *, struct error *);

/* The signal that asks for a clean stop; 0 until then.  Watched from now on;
 * a second one kills. */
const atomic_int *session_watch_stop(void);

/* A stop that takes longer than the settings allow ends the program at once. */
void session_limit_stop(const struct session *);

/* The run has come to its end: the outputs get what time the settings leave
 * them, and drop what remains. */
void session_begin_stop(const struct session *, struct mono_time now);

/* What the options ask of the rest. */
struct dissect_options session_dissect_options(const struct session *);
struct worker_options session_worker_options(struct session *);

/* What the settings in force say that workers follow while they work. */
struct worker_limits_values session_limits(const struct session *);

/* Opens the outputs with 'n_queues', of which the last is this thread's.
 * Without a target nothing is encoded, and there is no output at all. */
bool session_open_output(struct session *, unsigned n_queues, bool blocking,
                         struct error *);

/* What all status events with totals tell. */
struct event_status session_status(const struct session *,
                                   enum event_status_cause,
                                   const struct pipeline_counters *);

/* Adds what went on between segments, which not every status tells, for there
 * is much of it.  Returns what is to be freed after it was told, or NULL. */
struct event_pair *session_add_pairs(struct event_status *,
                                     const struct pairs *);

/* A status event from the calling thread; 'now' becomes its time. */
void session_send_status(struct session *, const struct event_status *,
                         struct wall_time now);

/* Sends the last status event, which tells what became of all events before it,
 * and closes the outputs; 'outputs', and 'status' with them, tell also what
 * became of itself.  Returns an exit status. */
int session_finish_output(struct session *, struct event_status *status,
                          struct wall_time now,
                          struct event_output outputs[OUTPUT_MAX_SINKS]);

/* Gives up after a failure: what was told already stands. */
void session_close_output(struct session *);

/* Whether every worker took the policies read again; else tells. */
bool session_policies_taken(const struct session *,
                            const struct pipeline_counters *);

/* Tells people: by the log, or on standard error. */
void session_tell(const struct session *, enum log_level, const char *text);

/* Tells an error; returns 'status'. */
int session_fail(const struct session *, const struct error *, int status);

#endif
