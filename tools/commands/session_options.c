/* The command line of a run; see session.h.
 *
 * Options that are settings are only passed on: settings.h says what values
 * they may have. */

#include "tools/commands/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* X(option, "key", value or NULL: that of the option) */
#define SHORT_FORMS(X)                                                         \
    X('p', "policy", NULL)                                                     \
    X('o', SETTINGS_OUTPUT_FILE, NULL)                                         \
    X('r', SETTINGS_OUTPUT_REDIS, NULL)                                        \
    X(SESSION_OPTION_REDIS_MODE, SETTINGS_OF_OUTPUT "mode", NULL)              \
    X(SESSION_OPTION_REDIS_KEY, SETTINGS_OF_OUTPUT "key", NULL)                \
    X(SESSION_OPTION_REDIS_FIELD, SETTINGS_OF_OUTPUT "field", NULL)            \
    X(SESSION_OPTION_REDIS_MAX_LENGTH, SETTINGS_OF_OUTPUT "max_length", NULL)  \
    X(SESSION_OPTION_SPOOL, "spool.directory", NULL)                           \
    X('e', "events", NULL)                                                     \
    X('f', "capture.filter", NULL)                                             \
    X('i', "capture.interfaces", NULL)                                         \
    X('w', "capture.workers", NULL)                                            \
    X(SESSION_OPTION_SENSOR, "sensor", NULL)                                   \
    X(SESSION_OPTION_NO_DPI, "dpi.enabled", "false")                           \
    X(SESSION_OPTION_NO_DECAPSULATION, "flows.decapsulate", "false")           \
    X(SESSION_OPTION_TEREDO, "flows.teredo", "true")                           \
    X(SESSION_OPTION_DUPLICATES, "flows.duplicates", NULL)                     \
    X(SESSION_OPTION_MAX_FLOWS, "flows.max", NULL)                             \
    X(SESSION_OPTION_MEMORY, "memory", NULL)                                   \
    X(SESSION_OPTION_FLOW_MEMORY, "flows.memory", NULL)                        \
    X(SESSION_OPTION_DPI_MEMORY, "dpi.memory", NULL)                           \
    X(SESSION_OPTION_HEARTBEAT, "heartbeat", NULL)                             \
    X(SESSION_OPTION_BUFFER, "capture.buffer", NULL)                           \
    X(SESSION_OPTION_SNAPLEN, "capture.snaplen", NULL)                         \
    X(SESSION_OPTION_NO_PROMISCUOUS, "capture.promiscuous", "false")           \
    X(SESSION_OPTION_LOG_LEVEL, "log.level", NULL)                             \
    X(SESSION_OPTION_METRICS, "metrics.listen", NULL)                          \
    X(SESSION_OPTION_USER, "service.user", NULL)                               \
    X(SESSION_OPTION_NO_SANDBOX, "service.sandbox", "false")

static const struct short_form {
    int option;
    const char *key, *value;
} short_forms[] = {
#define SHORT_FORM(OPTION, KEY, VALUE) {(OPTION), (KEY), (VALUE)},
    SHORT_FORMS(SHORT_FORM)
#undef SHORT_FORM
};

static bool take(struct session_options *, const struct session_syntax *,
                 int option, char *value);
static const struct short_form *find_short_form(int option);
static bool add_set(struct session_options *, char *text);
static bool add(struct session_options *, const char *option, const char *key,
                const char *value);
static const char *long_name(const struct session_syntax *, int option);

enum session_parse
session_options_parse(struct session_options *options,
                      const struct session_syntax *syntax, int argc,
                      char *argv[])
{
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, syntax->short_options,
                                 syntax->long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(syntax->help, stdout);
            return SESSION_HELP;
        }
        if (option == '?') {
            fprintf(stderr, "see 'segmon %s --help'\n", syntax->command);
            return SESSION_USAGE;
        }
        if (!take(options, syntax, option, optarg)) {
            fprintf(stderr,
                    "segmon %s: '%s' is not a value --%s takes; see --help\n",
                    syntax->command, optarg, long_name(syntax, option));
            return SESSION_USAGE;
        }
        if (options->n_overrides > SESSION_MAX_OVERRIDES) {
            fprintf(stderr, "segmon %s: more than %d settings\n",
                    syntax->command, SESSION_MAX_OVERRIDES);
            return SESSION_USAGE;
        }
    }
    return SESSION_RUN;
}

/* False if the value is not good; that of a setting is looked at later. */
static bool
take(struct session_options *options, const struct session_syntax *syntax,
     int option, char *value)
{
    const struct short_form *form = find_short_form(option);

    if (form) {
        return add(options, long_name(syntax, option), form->key,
                   form->value ? form->value : value);
    }
    switch (option) {
    case 'q': options->quiet = true; return true;
    case SESSION_OPTION_SET: return add_set(options, value);
    default: return syntax->set(syntax->context, option, value);
    }
}

static const struct short_form *
find_short_form(int option)
{
    for (size_t i = 0; i < sizeof short_forms / sizeof short_forms[0]; i++) {
        if (short_forms[i].option == option) {
            return &short_forms[i];
        }
    }
    return NULL;
}

/* "key=value" */
static bool
add_set(struct session_options *options, char *text)
{
    char *equals = strchr(text, '=');

    if (!equals) {
        return false;
    }
    *equals = '\0';
    return add(options, "set", text, equals + 1);
}

static bool
add(struct session_options *options, const char *option, const char *key,
    const char *value)
{
    options->overrides[options->n_overrides++] =
        (struct settings_override){option, key, value};
    return true;
}

static const char *
long_name(const struct session_syntax *syntax, int option)
{
    const struct option *known = syntax->long_options;

    while (known->name && known->val != option) {
        known++;
    }
    return known->name;
}

bool
session_options_set(const struct session_options *options, const char *key)
{
    for (size_t i = 0; i < options->n_overrides; i++) {
        if (strcmp(options->overrides[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

bool
session_parse_count(const char *text, uint64_t max, uint64_t *count)
{
    char *end;

    errno = 0;
    *count = strtoull(text, &end, 10);
    return !errno && text[0] >= '0' && text[0] <= '9' && !*end && *count > 0 &&
           *count <= max;
}
